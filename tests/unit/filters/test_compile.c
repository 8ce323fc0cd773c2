#include <criterion/criterion.h>
#include <fanfare/filter.h>

#include <stdio.h>
#include <string.h>

struct refusal {
    const char *policy;
    const char *text; /* up to the position */
    int column;       /* 0: the text has no position */
};

/* What AWS answered to the same policies, column for column. */
static const struct refusal aws_refusals[] = {
    {"{\"key\":[[\"value\"]]}", "Match value must be String, number, true, false, or null", 10},
    {"{\"key\":[{\"wrong-operator\":true}]}", "Unrecognized match type wrong-operator", 31},
    {"{\"key\":[{\"suffix\":\"value\",\"prefix\":\"value2\"}]}",
     "Only one key allowed in match expression", 37},
    {"{\"key\":[{\"suffix\":100}]}", "suffix match pattern must be a string", 22},
    {"{\"key\":[{\"suffix\":null}]}", "suffix match pattern must be a string", 23},
    {"{\"key\":{\"suffix\":\"value\"}}", "\"suffix\" must be an object or an array", 19},
    {"{\"key\":[{\"suffix\":[]}]}", "suffix match pattern must be a string", 20},
    {"{\"key\":[{\"numeric\":[]}]}", "Invalid member in numeric match: ]", 22},
    {"{\"key\":[{\"numeric\":[\"operator\"]}]}",
     "Unrecognized numeric range operator: operator", 32},
    {"{\"key\":[{\"numeric\":[1,\"<=\"]}]}", "Invalid member in numeric match: 1", 22},
    {"{\"key\":[{\"numeric\":[\"=\",\"000\"]}]}", "Value of equals must be numeric", 26},
    {"{\"key\":[{\"numeric\":[\">=\"]}]}", "Value of >= must be numeric", 26},
    {"{\"key\":[{\"numeric\":[\"<\",100,\">\",10]}]}",
     "Too many elements in numeric expression", 30},
    {"{\"key\":[{\"numeric\":[\">=\",1,\">\",2]}]}", "Bad numeric range operator: >", 31},
    {"{\"key\":[{\"numeric\":[\">\",3,\"<\",1]}]}", "Bottom must be less than top", 33},
    {"{\"key\":[{\"numeric\":[\">\",20,\"<=\"]}]}", "Value of <= must be numeric", 33},
    {"{\"key\":[{\"numeric\":[\">\",20,30]}]}", "Bad value in numeric range: 30", 30},
    {"{\"key\":[{\"numeric\":[\">\",20,\"<\",30,\"<\",50]}]}",
     "Too many terms in numeric range expression", 36},
    {"{\"key\":[{\"exists\":null}]}", "exists match pattern must be either true or false.", 23},
    {"{\"key\":[{\"exists\":\"no\"}]}", "exists match pattern must be either true or false.",
     20},
    {"{\"key_a\":\"value_one\"}", "\"key_a\" must be an object or an array", 11},
};

static const struct refusal other_refusals[] = {
    {"{\"k\":[{}]}", "Match expression name not found", 9},
    {"{\"k\":[{\"cidr\":5}]}", "prefix match pattern must be a string", 16},
    {"{\"k\":[{\"cidr\":\"10.0.0.0\"}]}", "Malformed CIDR, one '/' required", 0},
    {"{\"k\":[{\"cidr\":\"10.0.0.0/\"}]}", "Malformed CIDR, one '/' required", 0},
    {"{\"k\":[{\"cidr\":\"10.0.0.0/-1\"}]}", "Malformed CIDR, mask bits must not be negative",
     0},
    {"{\"k\":[{\"cidr\":\"10.0.0.256/8\"}]}", "Invalid IP address: 10.0.0.256", 0},
    {"{\"k\":[{\"cidr\":\"x/8\"}]}", "Nonstandard IP address: x", 0},
    {"{\"k\":[{\"cidr\":\"::/128\"}]}", "IPv6 mask bits must be < 128", 0},
    {"{\"k\":[{\"wildcard\":\"a**\"}]}", "Consecutive wildcard characters at pos 2", 24},
    {"{\"k\":[{\"wildcard\":\"a\\\\b\"}]}", "Invalid escape character at pos 2", 25},
    {"{\"k\":[{\"anything-but\":{\"suffix\":\"\"}}]}", "Null prefix/suffix not allowed", 35},
    {"{\"k\":[{\"anything-but\":{}}]}", "Anything-But expression name not found", 25},
    {"{\"k\":[{\"regex\":\"a\"}]}", "Unrecognized match type regex", 17},
    {"{\"k\":[{\"prefix\":{\"equals-ignore-case\":\"a\"}}]}",
     "prefix match pattern must be a string", 18},
    {"{\"k\":[\"v\"],\n\"\xc3\xbc\":5}", "\"\xc3\xbc\" must be an object or an array", 6},
};

static enum filter_status compile(const char *text, enum filter_scope scope,
                                  enum filter_profile profile, struct filter_error *error)
{
    struct filter_policy *policy = NULL;
    enum filter_status status =
        filter_policy_compile(text, strlen(text), scope, profile, &policy, error);

    filter_policy_free(policy);
    return status;
}

static void refusals_check(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct filter_error error = {.text = NULL};
        char column[32] = "";

        cr_assert_eq(compile(rows[i].policy, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, &error),
                     FILTER_INVALID, "%s", rows[i].policy);
        cr_expect(strncmp(error.text, rows[i].text, strlen(rows[i].text)) == 0, "%s: %s",
                  rows[i].policy, error.text);
        if (rows[i].column > 0) {
            (void)snprintf(column, sizeof column, "column: %d]", rows[i].column);
            cr_expect(strstr(error.text, column) != NULL, "%s: %s", rows[i].policy, error.text);
            cr_expect(strstr(error.text, "\n at [Source: (String)\"{") != NULL);
        } else {
            cr_expect_str_eq(error.text, rows[i].text);
        }
        cr_expect_eq(error.len, strlen(error.text));
        cr_expect(error.names_policy);
        filter_error_clear(&error);
    }
}

Test(compile, refuses_in_the_words_and_columns_of_aws)
{
    refusals_check(aws_refusals, sizeof aws_refusals / sizeof aws_refusals[0]);
}

Test(compile, refuses_what_else_is_wrong)
{
    refusals_check(other_refusals, sizeof other_refusals / sizeof other_refusals[0]);
}

Test(compile, says_where_a_text_is_no_json)
{
    static const char *const texts[][2] = {
        {"{invalid}",
         "failed to parse JSON. Unexpected character ('i' (code 105)): was expecting "
         "double-quote to start field name\n at [Source: REDACTED "},
        {"{\"k\": invalid}",
         "failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, "
         "Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED "},
        {"{\"k\":[1,]}", "failed to parse JSON. Unexpected character (']' (code 93)): "},
        {"", "failed to parse JSON. Unexpected end-of-input"},
        {"{\"k\":[\"\xff\"]}", "failed to parse JSON. Invalid UTF-8"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct filter_error error = {.text = NULL};

        cr_expect_eq(compile(texts[i][0], FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, &error),
                     FILTER_INVALID);
        cr_expect(strncmp(error.text, texts[i][1], strlen(texts[i][1])) == 0, "%s", error.text);
        filter_error_clear(&error);
    }
}

Test(compile, shows_only_the_start_of_a_long_policy)
{
    char policy[1024];
    struct filter_error error = {.text = NULL};

    memset(policy, ' ', sizeof policy);
    memcpy(policy, "{\"k\":5", 6);
    policy[sizeof policy - 2] = '}';
    policy[sizeof policy - 1] = '\0';
    cr_assert_eq(compile(policy, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, &error),
                 FILTER_INVALID);
    cr_expect(strstr(error.text, "\"[truncated 523 chars]; line: 1, column: 7]") != NULL, "%s",
              error.text);
    filter_error_clear(&error);
}

Test(compile, nesting_in_attributes_is_an_error_without_the_prefix)
{
    struct filter_error error = {.text = NULL};

    cr_assert_eq(
        compile("{\"a\":{\"b\":[1]}}", FILTER_SCOPE_ATTRIBUTES, FILTER_PROFILE_SNS, &error),
        FILTER_INVALID);
    cr_expect_not(error.names_policy);
    cr_expect_str_eq(
        error.text,
        "Filter policy scope MessageAttributes does not support nested filter policy");
    filter_error_clear(&error);
}

Test(compile, an_error_may_be_ignored)
{
    cr_expect_eq(compile("{\"a\":5}", FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, NULL),
                 FILTER_INVALID);
    cr_expect_eq(
        compile("{\"a\":{\"b\":[1]}}", FILTER_SCOPE_ATTRIBUTES, FILTER_PROFILE_SNS, NULL),
        FILTER_INVALID);
}

Test(compile, the_fanfare_profile_knows_more)
{
    struct filter_error error = {.text = NULL};

    cr_expect_eq(compile("{\"k\":[{\"regex\":\"^a(b|c)+$\"}]}", FILTER_SCOPE_BODY,
                         FILTER_PROFILE_FANFARE, NULL),
                 FILTER_OK);
    cr_expect_eq(compile("{\"k\":[{\"suffix\":{\"equals-ignore-case\":\".PNG\"}}]}",
                         FILTER_SCOPE_BODY, FILTER_PROFILE_FANFARE, NULL),
                 FILTER_OK);
    cr_expect_eq(compile("{\"k\":[{\"regex\":\"a(b\"}]}", FILTER_SCOPE_BODY,
                         FILTER_PROFILE_FANFARE, &error),
                 FILTER_INVALID);
    cr_expect(strncmp(error.text, "Invalid regex at pos 4: ", 24) == 0, "%s", error.text);
    filter_error_clear(&error);
}

Test(compile, alternatives_add_and_lists_multiply)
{
    /* From AWS's documentation and LocalStack's tests against AWS. */
    static const char fits[] = "{\"s\":[1,2,3],\"$or\":[{\"a\":[1,2],\"b\":[1,2,3]},"
                               "{\"c\":[1,2,3,4],\"d\":[1,2,3,4]},"
                               "{\"e\":[1,2,3,4],\"f\":[1,2,3,4,5,6,7]}]}"; /* 18 + 48 + 84 */
    static const char exceeds[] = "{\"s\":[1,2,3],\"$or\":[{\"a\":[1,2],\"b\":[1,2,3]},"
                                  "{\"c\":[1,2,3,4],\"d\":[1,2,3,4]},"
                                  "{\"e\":[1,2,3,4,5],\"f\":[1,2,3,4,5,6,7]}]}";
    struct filter_error error = {.text = NULL};

    cr_expect_eq(compile(fits, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, NULL), FILTER_OK);
    cr_expect_eq(compile(exceeds, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, &error),
                 FILTER_INVALID);
    cr_expect_str_eq(error.text, "Filter policy is too complex");
    filter_error_clear(&error);
}

Test(compile, a_caller_may_set_other_limits)
{
    static const char text[] = "{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],"
                               "\"f\":[{\"wildcard\":\"a*b*c*d*e\"}]}";
    struct filter_options options = {.scope = FILTER_SCOPE_BODY};
    struct filter_policy *policy = NULL;

    filter_limits_default(&options.limits);
    cr_expect_eq(options.limits.combinations, 150u);
    options.limits.keys = 6;
    cr_expect_eq(filter_policy_compile_with(text, sizeof text - 1, &options, &policy, NULL),
                 FILTER_INVALID);
    options.limits.wildcard_stars = 4;
    cr_expect_eq(filter_policy_compile_with(text, sizeof text - 1, &options, &policy, NULL),
                 FILTER_OK);
    filter_policy_free(policy);
}

Test(compile, explosive_policies_are_refused_quickly)
{
    char text[4096] = "{";
    size_t len = 1;

    for (int i = 0; i < 40; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof text - len,
                             "%s\"$or\":[{\"a%d\":[1]},{\"b%d\":[1]}]", i > 0 ? "," : "", i, i);
    }
    (void)snprintf(text + len, sizeof text - len, "}");
    cr_expect_eq(compile(text, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS, NULL), FILTER_INVALID);
}
