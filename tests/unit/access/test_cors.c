/* Which pages of other sites may call. */
#include "access/access.h"

#include <criterion/criterion.h>

static const struct text origins[] = {TEXT("https://console.example.com"),
                                      TEXT("http://localhost:3000")};
static const struct door sharing = {.cors_origins = origins,
                                    .cors_origin_count = countof(origins)};
static const struct door closed;

struct asked {
    struct arena arena;
    struct http_header headers[3];
    struct http_request request;
};

static struct http_request *ask(struct asked *asked, const char *method, const char *origin,
                                const char *wants, const char *names)
{
    *asked =
        (struct asked){.headers = {{T("Origin"), text_from(origin)},
                                   {T("Access-Control-Request-Method"), text_from(wants)},
                                   {T("Access-Control-Request-Headers"), text_from(names)}}};
    asked->request = (struct http_request){.method = text_from(method),
                                           .headers = asked->headers,
                                           .header_count = countof(asked->headers),
                                           .arena = &asked->arena};
    return &asked->request;
}

static struct text answered(const struct http_request *request, struct text name)
{
    for (size_t i = 0; i < request->answer_header_count; i++) {
        if (text_equal(request->answer_headers[i].name, name)) {
            return request->answer_headers[i].value;
        }
    }
    return (struct text){0};
}

Test(cors, admits_exact_origins_alone)
{
    static const struct {
        const char *origin;
        bool is_in;
    } rows[] = {
        {"https://console.example.com", true},
        {"http://localhost:3000", true},
        {"http://console.example.com", false},
        {"https://console.example.com:443", false},
        {"https://console.example.com.evil.example", false},
        {"https://evil.example", false},
        {"null", false},
        {"*", false},
        {"", false},
    };
    struct asked asked;

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(cors_admits(&sharing, ask(&asked, "POST", rows[i].origin, "", "")),
                     rows[i].is_in, "%s", rows[i].origin);
        cr_expect_not(cors_admits(&closed, ask(&asked, "POST", rows[i].origin, "", "")));
    }
}

Test(cors, answers_the_question_before_the_call)
{
    struct asked asked;
    struct http_request *request =
        ask(&asked, "OPTIONS", "http://localhost:3000", "POST", "authorization, x-amz-date");

    cr_assert(cors_is_preflight(&sharing, request));
    cr_expect_not(cors_is_preflight(&closed, request));
    cors_answer_headers(&sharing, request);
    cr_expect(text_equal(answered(request, T("access-control-allow-origin")),
                         T("http://localhost:3000")));
    cr_expect(text_equal(answered(request, T("access-control-allow-headers")),
                         T("authorization, x-amz-date")));
    cr_expect(text_equal(answered(request, T("vary")), T("Origin")));
    cr_expect_eq(answered(request, T("access-control-expose-headers")).len, 0);
    arena_free(&asked.arena);
    request = ask(&asked, "OPTIONS", "http://localhost:3000", "POST", "a\r\nset-cookie: x");
    cors_answer_headers(&sharing, request);
    cr_expect_eq(answered(request, T("access-control-allow-headers")).len, 0);
    arena_free(&asked.arena);
    cr_expect_not(
        cors_is_preflight(&sharing, ask(&asked, "OPTIONS", "http://localhost:3000", "", "")));
    cr_expect_not(
        cors_is_preflight(&sharing, ask(&asked, "POST", "http://localhost:3000", "POST", "")));
}
