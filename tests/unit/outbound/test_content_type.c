/* The Content-Type that delivery policies ask for. */
#include "outbound/content_type.h"

#include <criterion/criterion.h>

#define DEFAULT_TYPE "text/plain; charset=UTF-8"

struct row {
    const char *subscription, *topic, *expected;
};

static const struct row rows[] = {
    {"", "", DEFAULT_TYPE},
    {"{\"requestPolicy\":{\"headerContentType\":\"application/json\"}}", "",
     "application/json"},
    {"{\"healthyRetryPolicy\":{\"numRetries\":3},\"requestPolicy\" : { \"headerContentType\" : "
     "\"text/css\" } }",
     "", "text/css"},
    {"", "{\"http\":{\"defaultRequestPolicy\":{\"headerContentType\":\"text/html\"}}}",
     "text/html"},
    {"{\"requestPolicy\":{\"headerContentType\":\"text/xml\"}}",
     "{\"http\":{\"defaultRequestPolicy\":{\"headerContentType\":\"text/html\"}}}", "text/xml"},
    {"{\"requestPolicy\":{\"headerContentType\":\"text/xml\"}}",
     "{\"http\":{\"disableSubscriptionOverrides\":true,\"defaultRequestPolicy\":"
     "{\"headerContentType\":\"text/html\"}}}",
     "text/html"},
    {"{\"requestPolicy\":{\"headerContentType\":\"text\\/x\\r\\nX-Evil: yes\"}}", "",
     DEFAULT_TYPE},
    {"{\"requestPolicy\":{\"headerContentType\":\"\"}}", "", DEFAULT_TYPE},
    {"{\"requestPolicy\":{\"headerContentType\":7}}", "", DEFAULT_TYPE},
    {"{\"requestPolicy\":null}", "", DEFAULT_TYPE},
    {"{\"requestPolicy\":[]}", "", DEFAULT_TYPE},
    {"not JSON", "{\"http\":", DEFAULT_TYPE},
};

Test(content_type, comes_from_the_nearest_policy_that_says_one)
{
    for (size_t i = 0; i < countof(rows); i++) {
        struct arena arena = {0};

        cr_expect_str_eq(
            content_type_for(text_from(rows[i].subscription), text_from(rows[i].topic), &arena),
            rows[i].expected, "row %zu", i);
        arena_free(&arena);
    }
}
