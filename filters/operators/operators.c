/* The tables: name to parser, kind to matcher. */
#include "operators.h"

#include "compiler.h"

typedef bool operator_parser(struct compiler *compiler, uint32_t value, struct test *ret_test);
typedef bool operand_matcher(const struct operand *operand, const struct leaf *leaf);

struct operator_row {
    const char *name;
    operator_parser *parse;
    enum filter_profile profile; /* the least that knows it */
    const char *surplus;         /* what AWS says of a second key in the match expression */
};

#define SURPLUS_KEY     "Only one key allowed in match expression"
#define SURPLUS_ELEMENT "Too many elements in numeric expression"

static const struct operator_row operators[] = {
    {"prefix", prefix_parse, FILTER_PROFILE_SNS, SURPLUS_KEY},
    {"suffix", suffix_parse, FILTER_PROFILE_SNS, SURPLUS_KEY},
    {"equals-ignore-case", equals_ignore_case_parse, FILTER_PROFILE_SNS, SURPLUS_KEY},
    {"wildcard", wildcard_parse, FILTER_PROFILE_SNS, SURPLUS_KEY},
    {"numeric", numeric_parse, FILTER_PROFILE_SNS, SURPLUS_ELEMENT},
    {"anything-but", anything_but_parse, FILTER_PROFILE_SNS, SURPLUS_ELEMENT},
    {"exists", exists_parse, FILTER_PROFILE_SNS, SURPLUS_KEY},
    {"cidr", cidr_parse, FILTER_PROFILE_SNS, SURPLUS_KEY},
    {"regex", regex_parse, FILTER_PROFILE_FANFARE, SURPLUS_KEY},
};

struct matcher_row {
    operand_matcher *matches;
    uint32_t needs; /* beyond PATH_NEEDS_VALUE */
};

static const struct matcher_row matchers[TEST_KINDS] = {
    [TEST_STRING] = {string_matches, 0},
    [TEST_NUMBER] = {number_matches, 0},
    [TEST_NULL] = {literal_matches, 0},
    [TEST_TRUE] = {literal_matches, 0},
    [TEST_FALSE] = {literal_matches, 0},
    [TEST_EQUALS_IGNORE_CASE] = {equals_ignore_case_matches, PATH_NEEDS_FOLDED},
    [TEST_PREFIX] = {prefix_matches, 0},
    [TEST_SUFFIX] = {suffix_matches, 0},
    [TEST_PREFIX_IGNORE_CASE] = {prefix_matches, PATH_NEEDS_FOLDED},
    [TEST_SUFFIX_IGNORE_CASE] = {suffix_matches, PATH_NEEDS_FOLDED},
    [TEST_WILDCARD] = {wildcard_matches, 0},
    [TEST_RANGE] = {range_matches, 0},
    [TEST_CIDR] = {cidr_matches, PATH_NEEDS_ADDRESS},
    [TEST_REGEX] = {regex_matches, 0},
    [TEST_EXISTS] = {exists_matches, 0},
    [TEST_ABSENT] = {absent_matches, 0},
    [TEST_ANYTHING_BUT] = {absent_matches, 0}, /* has no operand: see test_matches */
};

uint32_t test_needs(enum test_kind kind)
{
    return PATH_NEEDS_VALUE | matchers[kind].needs;
}

bool operand_matches(const struct operand *operand, const struct leaf *leaf)
{
    return matchers[operand->kind].matches(operand, leaf);
}

bool test_matches(const struct test *test, const struct leaf *leaf)
{
    if (test->operand.kind != TEST_ANYTHING_BUT) {
        return operand_matches(&test->operand, leaf);
    }
    for (uint32_t i = 0; i < test->inner_count; i++) {
        if (operand_matches(&test->inner[i].operand, leaf)) {
            return false;
        }
    }
    return true;
}

static const struct operator_row *operator_find(const struct compiler *compiler,
                                                struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (compiler->profile >= operators[i].profile && slice_is(name, operators[i].name)) {
            return &operators[i];
        }
    }
    return NULL;
}

bool operator_parse(struct compiler *compiler, uint32_t name, uint32_t value,
                    struct test *ret_test)
{
    struct slice text = {"", 0};
    const struct operator_row *row;

    if (!compiler_text(compiler, name, &text)) {
        return false;
    }
    row = operator_find(compiler, text);
    if (row == NULL) {
        return compiler_fails(compiler, compiler_behind(compiler, name),
                              "Unrecognized match type %.*s", (int)text.len, text.at);
    }
    if (!row->parse(compiler, value, ret_test)) {
        return false;
    }
    /* A match expression is an object of one member; its token stands before the name. */
    value = compiler_token(compiler, value)->next;
    if (value != compiler_token(compiler, name - 1)->next) {
        return compiler_fails(compiler, compiler_behind(compiler, value), "%s", row->surplus);
    }
    return true;
}
