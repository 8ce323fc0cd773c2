/* The operators: what a policy may say about a value.  One operator is one file with a parse
 * function and one row in the tables of operators.c. */
#ifndef FILTERS_OPERATORS_OPERATORS_H
#define FILTERS_OPERATORS_OPERATORS_H

#include "event.h"

/* The kinds of tests that operators compile to.  TEST_ANYTHING_BUT holds other tests. */
enum test_kind {
    TEST_STRING,             /* operand: the string */
    TEST_NUMBER,             /* canonical decimal */
    TEST_NULL,               /* nothing */
    TEST_TRUE,               /* nothing */
    TEST_FALSE,              /* nothing */
    TEST_EQUALS_IGNORE_CASE, /* folded string */
    TEST_PREFIX,             /* string */
    TEST_SUFFIX,             /* string */
    TEST_PREFIX_IGNORE_CASE, /* folded string */
    TEST_SUFFIX_IGNORE_CASE, /* folded string */
    TEST_WILDCARD,           /* string with WILDCARD_STAR for each star */
    TEST_RANGE,              /* see range.h */
    TEST_CIDR,               /* bits, then the masked address of 4 or 16 bytes */
    TEST_REGEX,              /* the pattern */
    TEST_EXISTS,             /* nothing */
    TEST_ABSENT,             /* nothing */
    TEST_ANYTHING_BUT,       /* nothing; the inner tests */
    TEST_KINDS
};

/* Never a byte of UTF-8. */
#define WILDCARD_STAR ((char)-1)

struct regex;

/* One test of one value; the same form in a policy and in an index. */
struct operand {
    enum test_kind kind;
    struct slice bytes;
    struct regex *regex; /* of TEST_REGEX */
};

struct test {
    struct operand operand;
    struct test *inner; /* of TEST_ANYTHING_BUT */
    uint32_t inner_count;
};

/* Whether one leaf passes one test; TEST_ABSENT never passes on a leaf. */
bool operand_matches(const struct operand *operand, const struct leaf *leaf);
bool test_matches(const struct test *test, const struct leaf *leaf);
/* What the scanner must prepare for such a test: bits of enum path_need. */
uint32_t test_needs(enum test_kind kind);

/* Parsing.  `token` is the operator's value in the policy; see compiler.h. */
struct compiler;
bool operator_parse(struct compiler *compiler, uint32_t name, uint32_t value,
                    struct test *ret_test);
/* A scalar in a list of values. */
bool exact_parse(struct compiler *compiler, uint32_t token, struct test *ret_test);

bool prefix_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool suffix_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool equals_ignore_case_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool wildcard_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool numeric_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool cidr_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool exists_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool anything_but_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);
bool regex_parse(struct compiler *compiler, uint32_t value, struct test *ret_test);

bool string_matches(const struct operand *operand, const struct leaf *leaf);
bool number_matches(const struct operand *operand, const struct leaf *leaf);
bool literal_matches(const struct operand *operand, const struct leaf *leaf);
bool equals_ignore_case_matches(const struct operand *operand, const struct leaf *leaf);
bool prefix_matches(const struct operand *operand, const struct leaf *leaf);
bool suffix_matches(const struct operand *operand, const struct leaf *leaf);
bool wildcard_matches(const struct operand *operand, const struct leaf *leaf);
bool range_matches(const struct operand *operand, const struct leaf *leaf);
bool cidr_matches(const struct operand *operand, const struct leaf *leaf);
bool regex_matches(const struct operand *operand, const struct leaf *leaf);
bool exists_matches(const struct operand *operand, const struct leaf *leaf);
bool absent_matches(const struct operand *operand, const struct leaf *leaf);

#endif
