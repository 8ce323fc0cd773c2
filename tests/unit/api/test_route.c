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
     "Action=Echo&Version=2002-02-02", NULL, NULL, "InvalidAction"},
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
