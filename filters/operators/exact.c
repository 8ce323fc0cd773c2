/* Plain values in a list: strings, numbers, true, false, null. */
#include "address.h"
#include "compiler.h"

/* As in AWS's engine, a string that is an IP address compares as an address: "::1" matches
 * "0:0:0:0:0:0:0:1". */
static bool string_parse(struct compiler *compiler, uint32_t token, struct test *ret_test)
{
    struct slice text = {"", 0};
    unsigned char bytes[17];
    uint8_t len;

    if (!compiler_text(compiler, token, &text)) {
        return false;
    }
    len = address_parse(text, bytes + 1);
    if (len == 0) {
        *ret_test = (struct test){.operand = {.kind = TEST_STRING, .bytes = text}};
        return true;
    }
    bytes[0] = (unsigned char)(len * 8);
    *ret_test = (struct test){.operand = {.kind = TEST_CIDR}};
    return compiler_copy(compiler, slice_make(bytes, len + 1u), &ret_test->operand.bytes);
}

bool exact_parse(struct compiler *compiler, uint32_t token, struct test *ret_test)
{
    static const enum test_kind literals[] = {
        [TOKEN_TRUE] = TEST_TRUE, [TOKEN_FALSE] = TEST_FALSE, [TOKEN_NULL] = TEST_NULL};
    enum token_type type = compiler_token(compiler, token)->type;

    if (type == TOKEN_STRING) {
        return string_parse(compiler, token, ret_test);
    }
    if (type == TOKEN_NUMBER) {
        *ret_test = (struct test){.operand = {.kind = TEST_NUMBER}};
        return compiler_number(compiler, token, &ret_test->operand.bytes);
    }
    *ret_test = (struct test){.operand = {.kind = literals[type], .bytes = {"", 0}}};
    return true;
}

bool string_matches(const struct operand *operand, const struct leaf *leaf)
{
    return leaf->type == LEAF_STRING && slice_equal(leaf->text, operand->bytes);
}

bool number_matches(const struct operand *operand, const struct leaf *leaf)
{
    return leaf->type == LEAF_NUMBER && slice_equal(leaf->canonical, operand->bytes);
}

bool literal_matches(const struct operand *operand, const struct leaf *leaf)
{
    static const enum leaf_type types[] = {
        [TEST_TRUE] = LEAF_TRUE, [TEST_FALSE] = LEAF_FALSE, [TEST_NULL] = LEAF_NULL};

    return leaf->type == types[operand->kind];
}
