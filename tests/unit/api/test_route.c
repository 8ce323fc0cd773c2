/* Which service and operation a request means. */
#include "sample.h"

#include <criterion/criterion.h>

#define SIGNED(key, service)                                          \
    "AWS4-HMAC-SHA256 Credential=" key "/20250101/eu-west-3/" service \
    "/aws4_request, SignedHeaders=host, Signature=0"

struct arrival {
    const char *name;
    const char *target;
    const char *authorization;
    const char *path;
    const char *query;
    const char *body;
    const struct service *service; /* found; NULL: none */
    const char *operation;         /* found, or NULL and then: */
    const char *error;             /* Query code */
};

static const struct arrival rows[] = {
    {"scope", NULL, SIGNED("AKID", "beta"), "/", "", "Action=Echo", &sample_beta, "Echo", NULL},
    {"scope before version", NULL, SIGNED("AKID", "alpha"), "/", "",
     "Action=Echo&Version=2002-02-02", &sample_alpha, "Echo", NULL},
    {"version", NULL, NULL, "/", "", "Action=Echo&Version=2002-02-02", &sample_beta, "Echo",
     NULL},
    {"version in the query", NULL, NULL, "/", "Action=Echo&Version=2001-01-01", "",
     &sample_alpha, "Echo", NULL},
    {"target", "Beta.Echo", NULL, "/", "", "{}", &sample_beta, "Echo", NULL},
    {"action of one", NULL, NULL, "/", "Action=OnlyBeta", "", &sample_beta, "OnlyBeta", NULL},
    {"action of two", NULL, NULL, "/", "Action=Echo", "", NULL, NULL, "InvalidAction"},
    {"path", NULL, NULL, "/beta/q", "Action=Echo", "", &sample_beta, "Echo", NULL},
    {"presigned", NULL, NULL, "/",
     "Action=Echo&X-Amz-Credential=AKID%2F20250101%2Feu-west-3%2Falpha%2Faws4_request", "",
     &sample_alpha, "Echo", NULL},
    {"stranger", NULL, SIGNED("AKID", "s3"), "/bucket", "", "", NULL, NULL, "InvalidAction"},
    {"stranger with our version", NULL, SIGNED("AKID", "s3"), "/", "",
     "Action=Echo&Version=2002-02-02", &sample_beta, "Echo", NULL},
    {"stranger with an action of one", NULL, SIGNED("AKID", "127"), "/", "", "Action=OnlyBeta",
     &sample_beta, "OnlyBeta", NULL},
    {"stranger with another version", NULL, SIGNED("AKID", "monitoring"), "/", "",
     "Action=OnlyBeta&Version=2010-08-01", NULL, NULL, "InvalidAction"},
    {"an old version", NULL, NULL, "/", "", "Action=OnlyBeta&Version=1999-01-01", &sample_beta,
     "OnlyBeta", NULL},
    {"no place of anybody's", NULL, SIGNED("AKID", "beta"), "/else", "", "Action=Echo",
     &sample_beta, NULL, "InvalidAddress"},
    {"below the root", NULL, NULL, "//", "", "Action=OnlyBeta", &sample_beta, NULL,
     "InvalidAddress"},
    {"target at no place of anybody's", "Beta.Echo", NULL, "/else", "", "{}", &sample_beta,
     NULL, "InvalidAddress"},
    {"strange target", "Gamma.Echo", NULL, "/", "", "{}", NULL, NULL, "InvalidAction"},
    {"target at a service without JSON", "Alpha.Echo", SIGNED("AKID", "alpha"), "/", "", "{}",
     &sample_alpha, NULL, "InvalidAction"},
    {"no action", NULL, SIGNED("AKID", "alpha"), "/", "", "", &sample_alpha, NULL,
     "MissingAction"},
    {"nothing at all", NULL, NULL, "/", "", "", NULL, NULL, "MissingAction"},
    {"unknown", NULL, SIGNED("AKID", "alpha"), "/", "", "Action=echo", &sample_alpha, NULL,
     "InvalidAction"},
    {"unserved", NULL, SIGNED("AKID", "alpha"), "/", "", "Action=Later", &sample_alpha, NULL,
     "InvalidAction"},
    {"broken form", NULL, SIGNED("AKID", "alpha"), "/", "", "Action=%4", &sample_alpha, NULL,
     "MalformedInput"},
    {"garbled authorization", NULL, "AWS4-HMAC-SHA256 Credential=a/b", "/", "",
     "Action=Echo&Version=2001-01-01", &sample_alpha, "Echo", NULL},
};

static enum status route(struct sample_request *sample, const struct arrival *row)
{
    struct params params = {0};

    sample->request.service = NULL;
    sample->request.operation = NULL;
    if (row->target != NULL) {
        sample_header(sample, "x-amz-target", row->target);
    }
    if (row->authorization != NULL) {
        sample_header(sample, "authorization", row->authorization);
    }
    sample->http.path = text_from(row->path);
    sample->http.query = text_from(row->query);
    sample->http.body = text_from(row->body);
    return request_route(&sample->request, &params);
}

Test(route, finds_service_and_operation)
{
    for (size_t i = 0; i < countof(rows); i++) {
        const struct arrival *row = &rows[i];
        struct sample_request sample;

        sample_open(&sample);
        enum status status = route(&sample, row);

        cr_expect_eq(sample.request.service, row->service, "%s", row->name);
        if (row->operation != NULL) {
            cr_expect_eq(status, STATUS_OK, "%s", row->name);
            cr_expect_str_eq(sample.request.operation->name, row->operation, "%s", row->name);
        } else {
            cr_expect_eq(status, STATUS_INVALID, "%s", row->name);
            cr_expect_str_eq(sample.request.error->query, row->error, "%s", row->name);
        }
        sample_close(&sample);
    }
}

/* What the body is says which protocol is spoken, and whether the query may name an action. */
Test(route, goes_by_what_the_body_is)
{
    static const struct {
        const char *method;
        const char *type; /* NULL: not said */
        const char *target;
        const char *query;
        const char *body;
        const char *error; /* Query code; NULL: found */
        enum wire_protocol wire;
    } rows_of_bodies[] = {
        {"POST", "application/x-www-form-urlencoded; charset=utf-8", "BetaV2.Echo", "",
         "Action=Echo&Version=2002-02-02", NULL, WIRE_QUERY},
        {"POST", "Application/X-WWW-Form-urlencoded", "Beta.OnlyBeta", "",
         "Action=Echo&Version=2002-02-02", NULL, WIRE_QUERY},
        {"POST", "application/x-amz-json-1.0", "Beta.Echo", "", "{}", NULL, WIRE_JSON},
        {"POST", "text/plain", "Beta.Echo", "", "{}", NULL, WIRE_JSON},
        {"POST", NULL, "Beta.Echo", "", "{}", NULL, WIRE_JSON},
        {"POST", NULL, NULL, "Action=Echo&Version=2002-02-02", "", NULL, WIRE_QUERY},
        {"POST", "text/plain", NULL, "Action=Echo&Version=2002-02-02", "", "MissingAction",
         WIRE_QUERY},
        {"POST", "multipart/form-data; boundary=x", NULL, "Action=OnlyBeta", "x",
         "MissingAction", WIRE_QUERY},
        {"POST", "application/json", NULL, "Action=OnlyBeta", "{}", "MissingAction",
         WIRE_QUERY},
        {"GET", "text/plain", NULL, "Action=Echo&Version=2002-02-02", "", NULL, WIRE_QUERY},
    };

    for (size_t i = 0; i < countof(rows_of_bodies); i++) {
        const struct arrival row = {.target = rows_of_bodies[i].target,
                                    .path = "/",
                                    .query = rows_of_bodies[i].query,
                                    .body = rows_of_bodies[i].body};
        struct sample_request sample;

        sample_open(&sample);
        sample.http.method = text_from(rows_of_bodies[i].method);
        if (rows_of_bodies[i].type != NULL) {
            sample_header(&sample, "content-type", rows_of_bodies[i].type);
        }
        enum status status = route(&sample, &row);

        cr_expect_eq(status, rows_of_bodies[i].error == NULL ? STATUS_OK : STATUS_INVALID,
                     "row %zu", i);
        cr_expect_eq(sample.request.wire, rows_of_bodies[i].wire, "row %zu", i);
        if (status != STATUS_OK && rows_of_bodies[i].error != NULL) {
            cr_expect_str_eq(sample.request.error->query, rows_of_bodies[i].error, "row %zu",
                             i);
        }
        sample_close(&sample);
    }
}

/* Nobody has verified them yet, and they go into names, metrics and logs. */
Test(route, refuses_claims_that_cannot_be_any)
{
    static const char longest[] = "abcdefghijabcdefghijabcdefghijabc"; /* 33 */

    static const struct {
        const char *key;
        const char *region;
        const char *error;
    } claims[] = {
        {"AKID", "eu\xff", "SignatureDoesNotMatch"},
        {"AKID", "a:b", "SignatureDoesNotMatch"},
        {"AKID", "a b", "SignatureDoesNotMatch"},
        {"AKID", "eu\tx", "SignatureDoesNotMatch"},
        {"AKID", "\xc3\xa4", "SignatureDoesNotMatch"},
        {"AKID", longest, "SignatureDoesNotMatch"},
        {"A\xffK", "eu-west-3", "InvalidClientTokenId"},
        {"A K", "eu-west-3", "InvalidClientTokenId"},
        {"A\x01K", "eu-west-3", "InvalidClientTokenId"},
        {"AKID", longest + 1, NULL},
        {"AKID", "US-EAST-1", NULL},
        {"someone@example.net", "eu-west-3", NULL},
    };

    for (size_t i = 0; i < countof(claims); i++) {
        struct arena arena = {0};
        struct text header = arena_printf(
            &arena, "AWS4-HMAC-SHA256 Credential=%s/20250101/%s/beta/aws4_request, Signature=0",
            claims[i].key, claims[i].region);
        const struct arrival row = {
            .authorization = header.at, .path = "/", .query = "", .body = "Action=Echo"};
        struct sample_request sample;

        sample_open(&sample);
        enum status status = route(&sample, &row);

        cr_expect_eq(status, claims[i].error == NULL ? STATUS_OK : STATUS_INVALID, "row %zu",
                     i);
        if (status != STATUS_OK && claims[i].error != NULL) {
            cr_expect_str_eq(sample.request.error->query, claims[i].error, "row %zu", i);
            cr_expect_eq(sample.request.error->http_status, 403);
            cr_expect(text_equal(sample.request.region, T("us-east-1")), "row %zu", i);
        }
        sample_close(&sample);
        arena_free(&arena);
    }
}

Test(route, leaves_out_trace_headers_that_are_none)
{
    static const struct {
        const char *header;
        bool is_taken;
    } headers[] = {
        {"Root=1-5f84c7a1-e7d1852db8c4fd35d88bf49a;Sampled=1", true},
        {"Root=\xff", false},
        {"Root=\x1b[31m", false},
        {"", false},
    };

    for (size_t i = 0; i < countof(headers); i++) {
        struct sample_request sample;

        sample_open(&sample);
        sample_header(&sample, "x-amzn-trace-id", headers[i].header);
        cr_expect_eq(trace_header_read(&sample.http).len > 0, headers[i].is_taken, "row %zu",
                     i);
        sample_close(&sample);
    }
}

Test(route, quotes_what_was_sent_as_utf8)
{
    const struct arrival row = {
        .target = "Beta.\xff\xfe", .path = "/", .query = "", .body = "{}"};
    struct sample_request sample;

    sample_open(&sample);
    cr_expect_eq(route(&sample, &row), STATUS_INVALID);
    cr_expect(text_is_utf8(sample.request.message));
    sample_close(&sample);
}

Test(route, takes_account_and_region_from_the_scope)
{
    static const struct {
        const char *authorization;
        const char *account;
        const char *region;
    } claims[] = {
        {SIGNED("123456789012", "beta"), "123456789012", "eu-west-3"},
        {SIGNED("AKIDEXAMPLE", "beta"), "000000000000", "eu-west-3"},
        {SIGNED("-23456789012", "beta"), "000000000000", "eu-west-3"},
        {SIGNED("1234567890123", "beta"), "000000000000", "eu-west-3"},
        {"Bearer x", "000000000000", "us-east-1"},
    };

    for (size_t i = 0; i < countof(claims); i++) {
        const struct arrival row = {.authorization = claims[i].authorization,
                                    .path = "/beta/q",
                                    .query = "Action=Echo",
                                    .body = ""};
        struct sample_request sample;

        sample_open(&sample);
        cr_assert_eq(route(&sample, &row), STATUS_OK);
        cr_expect(text_equal(sample.request.account, text_from(claims[i].account)));
        cr_expect(text_equal(sample.request.region, text_from(claims[i].region)));
        cr_expect(text_equal(sample.request.queue_url, T("/beta/q")));
        cr_expect_eq(sample.request.is_signed, i < 4);
        sample_close(&sample);
    }
}
