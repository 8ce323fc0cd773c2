/* Who may come in. */
#include "access/access.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct text allowed[] = {TEXT("fanfare"), TEXT("*.example.net")};
static const struct door named = {.public_url = TEXT("https://Events.example.org:8443/base"),
                                  .allowed_hosts = allowed,
                                  .allowed_host_count = countof(allowed)};
static const struct text any[] = {TEXT("*")};
static const struct door lax = {.allowed_hosts = any, .allowed_host_count = 1};
static const struct door plain;

struct knock {
    const char *method, *host, *origin, *site, *message_type;
    bool is_open;
};

static int status_of(const struct door *door, const struct knock *knock)
{
    const struct {
        const char *name, *value;
    } given[] = {{"origin", knock->origin},
                 {"sec-fetch-site", knock->site},
                 {"X-Amz-Sns-Message-Type", knock->message_type}};
    struct http_header headers[countof(given)];
    struct arena arena = {0};
    struct http_request request = {
        .method = text_from(knock->method == NULL ? "GET" : knock->method),
        .host = text_from(knock->host == NULL ? "127.0.0.1:4566" : knock->host),
        .headers = headers,
        .arena = &arena};
    struct door_refusal refusal = {.status = 0};

    for (size_t i = 0; i < countof(given); i++) {
        if (given[i].value != NULL) {
            headers[request.header_count++] =
                (struct http_header){text_from(given[i].name), text_from(given[i].value)};
        }
    }
    int status = door_admits(door, &request, knock->is_open, &refusal) ? 200 : refusal.status;

    cr_expect(status == 200 || refusal.reason.len > 0);
    arena_free(&arena);
    return status;
}

Test(door, knows_three_methods)
{
    static const struct {
        const char *method;
        int status;
    } rows[] = {
        {"GET", 200},   {"POST", 200},   {"HEAD", 200},    {"OPTIONS", 405},
        {"PUT", 405},   {"DELETE", 405}, {"CONNECT", 405}, {"TRACE", 405},
        {"PATCH", 405}, {"get", 405},    {"GETX", 405},    {"", 405},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(status_of(&plain, &(struct knock){.method = rows[i].method}),
                     rows[i].status, "%s", rows[i].method);
    }
}

Test(door, asks_for_the_host_by_grammar_and_by_name)
{
    static const struct {
        const struct door *door;
        const char *host;
        int status;
    } rows[] = {
        {&plain, "127.0.0.1:4566", 200},
        {&plain, "192.0.2.7", 200},
        {&plain, "[::1]:4566", 200},
        {&plain, "[2001:db8::1]", 200},
        {&plain, "localhost", 200},
        {&plain, "LocalHost:80", 200},
        {&plain, "sqs.localhost:4566", 200},
        {&plain, "", 200},
        {&plain, "rebind.evil.example", 421},
        {&plain, "rebind.evil.example:4566", 421},
        {&plain, "localhost.evil.example", 421},
        {&plain, "notlocalhost", 421},
        {&plain, "127.0.0.1.evil.example", 421},
        {&plain, "fanfare", 421},
        {&plain, "a b", 400},
        {&plain, "evil.example/phish?x=", 400},
        {&plain, "x@localhost", 400},
        {&plain, "localhost#", 400},
        {&plain, "localhost\"><script>", 400},
        {&plain, "loc\xe9\xff", 400},
        {&plain, "localhost:99999", 400},
        {&plain, "localhost:-1", 400},
        {&plain, "localhost:", 400},
        {&plain, "localhost:80:80", 400},
        {&plain, ":80", 400},
        {&plain, "::1", 400},
        {&plain, "[::1", 400},
        {&plain, "[::1]x", 400},
        {&plain, "[localhost]", 400},
        {&plain, "-a", 400},
        {&named, "fanfare:4566", 200},
        {&named, "FANFARE", 200},
        {&named, "a.example.net", 200},
        {&named, "a.b.EXAMPLE.net", 200},
        {&named, "example.net", 421},
        {&named, "evilexample.net", 421},
        {&named, "events.example.org", 200},
        {&named, "events.example.org:8443", 200},
        {&named, "other.example.org", 421},
        {&lax, "whatever.example", 200},
        {&lax, "what ever", 400},
    };

    char longest[300];

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(status_of(rows[i].door, &(struct knock){.host = rows[i].host}),
                     rows[i].status, "row %zu: %s", i, rows[i].host);
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_expect_eq(status_of(&lax, &(struct knock){.host = longest}), 400);
}

Test(door, is_shut_to_browsers_from_elsewhere)
{
    static const struct {
        const struct door *door;
        struct knock knock;
        int status;
    } rows[] = {
        {&plain, {.origin = "https://evil.example"}, 403},
        {&plain, {.origin = "null"}, 403},
        {&plain, {.origin = "http://localhost:3000"}, 403},
        {&plain, {.origin = "http://127.0.0.1:4566"}, 200},
        {&plain, {.origin = "http://127.0.0.1"}, 403},
        {&plain, {.origin = "http://127.0.0.1:4566.evil.example"}, 403},
        {&plain, {.origin = "http://LOCALHOST:1", .host = "localhost:1"}, 200},
        {&named, {.origin = "https://events.example.org:8443"}, 200},
        {&named, {.origin = "https://events.example.org"}, 403},
        {&plain, {.site = "cross-site"}, 403},
        {&plain, {.site = "same-site"}, 403},
        {&plain, {.site = "same-origin"}, 200},
        {&plain, {.site = "none"}, 200},
        {&plain, {.site = "nonsense"}, 403},
        {&plain, {.origin = "http://127.0.0.1:4566", .site = "cross-site"}, 403},
        {&plain, {.origin = "https://evil.example", .site = "same-origin"}, 403},
        {&lax, {.origin = "https://evil.example"}, 403},
        {&plain, {.origin = "https://evil.example", .is_open = true}, 200},
        {&plain, {.site = "cross-site", .is_open = true}, 200},
        {&plain, {.host = "rebind.evil.example", .is_open = true}, 421},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(status_of(rows[i].door, &rows[i].knock), rows[i].status, "row %zu", i);
    }
}

Test(door, takes_no_delivery_for_a_request)
{
    cr_expect_eq(status_of(&plain, &(struct knock){.message_type = "Notification"}), 403);
    cr_expect_eq(status_of(&plain, &(struct knock){.message_type = "SubscriptionConfirmation",
                                                   .method = "POST"}),
                 403);
}
