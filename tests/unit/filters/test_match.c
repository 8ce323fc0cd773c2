#include <criterion/criterion.h>
#include <fanfare/filter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *policy;
    const char *body;
    bool matches;
};

static bool body_matches_len(const char *text, const char *body, size_t body_len)
{
    struct filter_message message = {.body = body, .body_len = body_len};
    struct filter_index *index = filter_index_create();
    struct filter_policy *policy = NULL;
    const uint32_t *ids;
    size_t count = 0;
    bool alone = false;

    cr_assert_eq(filter_policy_compile(text, strlen(text), FILTER_SCOPE_BODY,
                                       FILTER_PROFILE_FANFARE, &policy, NULL),
                 FILTER_OK, "%s", text);
    cr_assert_eq(filter_policy_matches(policy, &message, &alone), FILTER_OK);
    cr_assert_eq(filter_index_add(index, 1, policy), FILTER_OK);
    cr_assert_eq(filter_index_match(index, &message, &ids, &count), FILTER_OK);
    cr_expect_eq(count, (size_t)alone, "index and policy differ: %s %.200s", text, body);
    filter_policy_free(policy);
    filter_index_free(index);
    return alone;
}

static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(body_matches_len(rows[i].policy, rows[i].body, strlen(rows[i].body)),
                     rows[i].matches, "%s %s", rows[i].policy, rows[i].body);
    }
}

#define ROWS_CHECK(rows) rows_check(rows, sizeof(rows) / sizeof(rows)[0])

Test(match, escapes_compare_as_characters)
{
    static const struct row rows[] = {
        {"{\"k\":[\"\\u00e9\"]}", "{\"k\":\"\xc3\xa9\"}", true},
        {"{\"k\":[\"\xf0\x9f\x98\x80\"]}", "{\"k\":\"\\uD83D\\uDE00\"}", true},
        {"{\"k\":[\"\\ud83d\\ude00\"]}", "{\"k\":\"\xf0\x9f\x98\x80\"}", true},
        {"{\"k\":[{\"prefix\":\"a/\"}]}", "{\"k\":\"a\\/b\"}", true},
        {"{\"\\u006b\":[\"v\"]}", "{\"k\":\"v\"}", true},
        {"{\"k\":[\"v\"]}", "{\"\\u006b\":\"\\u0076\"}", true},
        {"{\"k\":[\"\\u0000\"]}", "{\"k\":\"\\u0000\"}", true},
        {"{\"k\":[\"\\u0000\"]}", "{\"k\":\"\"}", false},
        {"{\"k\":[\"\\ud83d\"]}", "{\"k\":\"\\ud83d\"}", true}, /* half a pair is itself */
        {"{\"a.b\":[\"v\"]}", "{\"a\\u002eb\":\"v\"}", true},
    };

    ROWS_CHECK(rows);
}

Test(match, a_key_given_twice_has_both_values)
{
    static const struct row rows[] = {
        {"{\"k\":[\"x\"]}", "{\"k\":\"x\",\"k\":\"y\"}", true},
        {"{\"k\":[\"y\"]}", "{\"k\":\"x\",\"k\":\"y\"}", true},
        {"{\"k\":[{\"exists\":false}]}", "{\"k\":\"x\",\"k\":[]}", false},
    };

    ROWS_CHECK(rows);
}

Test(match, numbers_are_exact_decimals)
{
    static const struct row rows[] = {
        {"{\"n\":[9007199254740993]}", "{\"n\":9007199254740992}", false},
        {"{\"n\":[9007199254740993]}", "{\"n\":9007199254740993.000}", true},
        {"{\"n\":[0.1]}", "{\"n\":1e-1}", true},
        {"{\"n\":[0.1]}", "{\"n\":0.1000000000000000000000000001}", false},
        {"{\"n\":[{\"numeric\":[\">\",0.1]}]}", "{\"n\":0.1000000000000000000000000001}", true},
        {"{\"n\":[{\"numeric\":[\"<\",1e400]}]}", "{\"n\":1e399}", true},
        {"{\"n\":[{\"numeric\":[\"<\",1e400]}]}", "{\"n\":10e400}", false},
        {"{\"n\":[{\"numeric\":[\">\",0]}]}", "{\"n\":1e-99999}", true},
        {"{\"n\":[{\"numeric\":[\"<\",0]}]}", "{\"n\":-1e-99999}", true},
        {"{\"n\":[{\"numeric\":[\"=\",0]}]}", "{\"n\":-0.000e99}", true},
        {"{\"n\":[{\"numeric\":[\">=\",-5,\"<=\",-4.5]}]}", "{\"n\":-4.50}", true},
        {"{\"n\":[{\"numeric\":[\">=\",-5,\"<\",-4.5]}]}", "{\"n\":-4.50}", false},
        {"{\"n\":[1e999999999999999999999]}", "{\"n\":1e999999999999999999998}", true},
    };

    ROWS_CHECK(rows);
}

Test(match, a_body_must_be_one_json_object)
{
    static const struct row rows[] = {
        {"{\"k\":[\"v\"]}", " {\"k\":\"v\"} \r\n\t", true},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\"} x", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\"}{}", false},
        {"{\"k\":[\"v\"]}", "[{\"k\":\"v\"}]", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",}", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",\"other\":tru}", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",\"other\":\"\t\"}", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",\"other\":\"\\x\"}", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",\"other\":\"\\u12g4\"}", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",\"other\":1.}", false},
        {"{\"k\":[\"v\"]}", "{\"k\":\"v\",\"other\":[[],{}}", false},
        {"{}", "not json", true},
    };

    ROWS_CHECK(rows);
}

Test(match, nesting_ends_at_a_thousand)
{
    enum {
        DEPTH = 1000
    };

    char body[2 * DEPTH + 64];

    for (size_t arrays = DEPTH - 2; arrays <= DEPTH + 1; arrays++) {
        size_t len = (size_t)snprintf(body, sizeof body, "{\"k\":\"v\",\"deep\":");

        memset(body + len, '[', arrays);
        memset(body + len + arrays, ']', arrays);
        len += 2 * arrays;
        body[len++] = '}';
        cr_expect_eq(body_matches_len("{\"k\":[\"v\"]}", body, len), arrays < DEPTH, "%zu",
                     arrays);
    }
}

Test(match, addresses_compare_as_addresses)
{
    static const struct row rows[] = {
        {"{\"k\":[\"::1\"]}", "{\"k\":\"0:0:0:0:0:0:0:1\"}", true},
        {"{\"k\":[\"10.0.0.1\"]}", "{\"k\":\"10.0.0.1\"}", true},
        {"{\"k\":[\"10.0.0.1\"]}", "{\"k\":\"::ffff:a00:1\"}", true},
        {"{\"k\":[\"10.0.0.1\"]}", "{\"k\":\"10.0.0.10\"}", false},
        {"{\"k\":[{\"cidr\":\"fe80::/10\"}]}", "{\"k\":\"febf::1\"}", true},
        {"{\"k\":[{\"cidr\":\"fe80::/10\"}]}", "{\"k\":\"fec0::1\"}", false},
        {"{\"k\":[{\"cidr\":\"::/0\"}]}", "{\"k\":\"10.0.0.1\"}", false},
        {"{\"k\":[{\"cidr\":\"::/0\"}]}", "{\"k\":\"1::2::3\"}", false},
        {"{\"k\":[{\"cidr\":\"::/0\"}]}", "{\"k\":\":1\"}", false},
        {"{\"k\":[{\"cidr\":\"::/0\"}]}", "{\"k\":\"::\"}", true},
    };

    ROWS_CHECK(rows);
}

Test(match, case_is_ignored_character_by_character)
{
    static const struct row rows[] = {
        {"{\"k\":[{\"equals-ignore-case\":\"\xce\xa3\xcf\x83\"}]}",
         "{\"k\":\"\xcf\x83\xce\xa3\"}", true},
        {"{\"k\":[{\"equals-ignore-case\":\"stra\xc3\x9f"
         "e\"}]}",
         "{\"k\":\"STRASSE\"}", false},
        {"{\"k\":[{\"prefix\":{\"equals-ignore-case\":\"\xc3\x89t\"}}]}",
         "{\"k\":\"\xc3\xa9T\xc3\xa9\"}", true},
        {"{\"k\":[{\"suffix\":{\"equals-ignore-case\":\".PnG\"}}]}", "{\"k\":\"x.pNg\"}", true},
        {"{\"k\":[{\"suffix\":{\"equals-ignore-case\":\".PnG\"}}]}", "{\"k\":\"x.pNgs\"}",
         false},
    };

    ROWS_CHECK(rows);
}

Test(match, regular_expressions_search_and_give_up)
{
    static const struct row rows[] = {
        {"{\"k\":[{\"regex\":\"b.d\"}]}", "{\"k\":\"abcde\"}", true},
        {"{\"k\":[{\"regex\":\"^b\"}]}", "{\"k\":\"abc\"}", false},
        {"{\"k\":[{\"regex\":\"(?i)HELLO\"}]}", "{\"k\":\"say hello\"}", true},
        {"{\"k\":[{\"regex\":\"err(or)?-[0-9]{3}\"}]}", "{\"k\":\"an err-404\"}", true},
        {"{\"k\":[{\"regex\":\"colou?r\"}]}", "{\"k\":\"color\"}", true},
        {"{\"k\":[{\"regex\":\"1\"}]}", "{\"k\":1}", false},
        /* Would take longer than the universe lasts. */
        {"{\"k\":[{\"regex\":\"^(a+)+$\"}]}",
         "{\"k\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}",
         false},
    };

    ROWS_CHECK(rows);
}

Test(match, conditions_under_an_array_hold_in_one_element)
{
    static const struct row rows[] = {
        {"{\"l\":{\"n\":[\"ann\"],\"a\":[9]}}",
         "{\"l\":[{\"n\":\"ann\",\"a\":7},{\"n\":\"bob\",\"a\":9}]}", false},
        {"{\"l\":{\"n\":[\"ann\"],\"a\":[9]}}",
         "{\"l\":[{\"n\":\"ann\",\"a\":7},{\"n\":\"ann\",\"a\":9}]}", true},
        {"{\"l\":{\"n\":[\"ann\"],\"t\":[\"x\"]}}",
         "{\"l\":[{\"n\":\"ann\",\"t\":[\"y\"]},{\"t\":[\"x\"]}]}", false},
        /* Different arrays are independent, also inside one element. */
        {"{\"l\":{\"p\":{\"n\":[1]},\"q\":{\"n\":[2]}}}",
         "{\"l\":[{\"p\":[{\"n\":0},{\"n\":1}],\"q\":[{\"n\":2}]}]}", true},
        {"{\"l\":{\"p\":{\"n\":[1]},\"q\":{\"n\":[2]}}}",
         "{\"l\":[{\"p\":[{\"n\":1}]},{\"q\":[{\"n\":2}]}]}", false},
        {"{\"l\":{\"n\":[1],\"a\":[2]},\"z\":[\"s\"]}",
         "{\"z\":\"s\",\"l\":[[{\"n\":1}],[{\"a\":2}]]}", false},
        {"{\"l\":{\"n\":[1],\"a\":[2]},\"z\":[\"s\"]}",
         "{\"z\":\"s\",\"l\":[[{\"n\":1,\"a\":2}]]}", true},
        {"{\"l\":{\"n\":[1],\"a\":[{\"exists\":false}]}}", "{\"l\":[{\"n\":1},{\"n\":2}]}",
         true},
    };

    ROWS_CHECK(rows);
}

Test(match, large_arrays_take_no_square_of_time)
{
    enum {
        ELEMENTS = 20000
    };

    size_t room = (size_t)ELEMENTS * 40 + 64;
    char *body = malloc(room);
    size_t len = (size_t)snprintf(body, room, "{\"l\":[");

    for (int i = 0; i < ELEMENTS; i++) {
        len +=
            (size_t)snprintf(body + len, room - len, "%s{\"n\":%d,\"a\":%d,\"b\":[{\"c\":1}]}",
                             i > 0 ? "," : "", i % 2, (i + 1) % 2);
    }
    len += (size_t)snprintf(body + len, room - len, "]}");
    cr_expect_not(
        body_matches_len("{\"l\":{\"n\":[1],\"a\":[1],\"b\":{\"c\":[1]}}}", body, len));
    cr_expect(body_matches_len("{\"l\":{\"n\":[1],\"a\":[0],\"b\":{\"c\":[1]}}}", body, len));
    free(body);
}

static bool attributes_match(const char *text, const struct filter_attribute *attributes,
                             size_t attribute_count)
{
    struct filter_message message = {.attributes = attributes,
                                     .attribute_count = attribute_count};
    struct filter_policy *policy = NULL;
    bool matches = false;

    cr_assert_eq(filter_policy_compile(text, strlen(text), FILTER_SCOPE_ATTRIBUTES,
                                       FILTER_PROFILE_SNS, &policy, NULL),
                 FILTER_OK, "%s", text);
    cr_assert_eq(filter_policy_matches(policy, &message, &matches), FILTER_OK);
    filter_policy_free(policy);
    return matches;
}

Test(match, malformed_attributes_match_nothing)
{
    static const struct filter_attribute attributes[] = {
        {"k", 1, FILTER_ATTRIBUTE_STRING, "v", 1},
        {"n", 1, FILTER_ATTRIBUTE_NUMBER, "12x", 3},
        {"l", 1, FILTER_ATTRIBUTE_STRING_ARRAY, "[\"a\"", 4},
    };

    cr_expect(attributes_match("{\"k\":[\"v\"]}", attributes, 1));
    cr_expect_not(attributes_match("{\"k\":[\"v\"]}", attributes, 2));
    cr_expect_not(attributes_match("{\"k\":[\"v\"]}", attributes + 2, 1));
    cr_expect_not(attributes_match("{\"m\":[{\"exists\":false}]}", attributes, 3));
    cr_expect(attributes_match("{}", attributes, 3));
}

Test(match, numbers_of_attributes_may_be_written_freely)
{
    static const char *const texts[] = {"7", "7.0", "+7", "007", "70e-1", "7."};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct filter_attribute attribute = {"n", 1, FILTER_ATTRIBUTE_NUMBER, texts[i],
                                             strlen(texts[i])};

        cr_expect(attributes_match("{\"n\":[7]}", &attribute, 1), "%s", texts[i]);
    }
}
