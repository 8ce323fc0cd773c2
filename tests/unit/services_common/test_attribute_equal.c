/* Attributes that mean the same. */
#include "services/common/attribute_equal.h"

#include <criterion/criterion.h>

Test(attribute_equal, compares_what_is_meant)
{
    static const struct {
        struct text name, a, b;
        bool is_equal;
    } rows[] = {
        {TEXT("DisplayName"), TEXT("a"), TEXT("a"), true},
        {TEXT("DisplayName"), TEXT("x"), TEXT("y"), false},
        {TEXT("DisplayName"), TEXT(""), TEXT("{}"), false},
        {TEXT("Policy"), TEXT(""), TEXT(""), true},
        {TEXT("Policy"), TEXT("{\"a\": [1, 2], \"b\": 1}"), TEXT("{\"b\":1,\"a\":[1,2]}"),
         true},
        {TEXT("Policy"), TEXT("{\"a\":[1,2]}"), TEXT("{\"a\":[1,2,3]}"), false},
        {TEXT("Policy"), TEXT("{\"a\":1,\"b\":1}"), TEXT("{\"a\":1}"), false},
        {TEXT("Policy"), TEXT("{\"a\":1}"), TEXT("{\"a\":2}"), false},
        {TEXT("Policy"), TEXT("{\"a\":1}"), TEXT("{\"b\":1}"), false},
        {TEXT("Policy"), TEXT("{\"a\":true}"), TEXT("{\"a\":\"true\"}"), true},
        {TEXT("Policy"), TEXT("{\"a\":null}"), TEXT("{\"a\":\"null\"}"), false},
        {TEXT("Policy"), TEXT("{\"a\":[]}"), TEXT("{\"a\":{}}"), false},
        {TEXT("RedrivePolicy"), TEXT("{\"maxReceiveCount\":1}"),
         TEXT("{\"maxReceiveCount\":\"1\"}"), true},
        {TEXT("RedrivePolicy"), TEXT("{\"maxReceiveCount\":1}"),
         TEXT("{\"maxReceiveCount\":\"2\"}"), false},
        {TEXT("RedrivePolicy"), TEXT("{\"maxReceiveCount\":1}"), TEXT("{\"maxReceiveCount\""),
         false},
        /* A filter's number and its text match different messages. */
        {TEXT("FilterPolicy"), TEXT("{\"a\":[1]}"), TEXT("{\"a\":[\"1\"]}"), false},
        {TEXT("FilterPolicy"), TEXT("{\"a\":[1],\"b\":[2]}"), TEXT("{\"b\":[2],\"a\":[1]}"),
         true},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(attribute_values_equal(rows[i].name, rows[i].a, rows[i].b),
                     rows[i].is_equal, "row %zu", i);
        cr_expect_eq(attribute_values_equal(rows[i].name, rows[i].b, rows[i].a),
                     rows[i].is_equal, "row %zu, the other way round", i);
    }
}
