/* {"anything-but": ...}: some leaf exists that passes none of the inner tests. */
#include "text.h"

/* What may stand inside {"anything-but": {"<name>": ...}}. */
struct inner_operator {
    const char *name;
    enum test_kind kind;
    bool allows_empty;
};

static const struct inner_operator inner_operators[] = {
    {"prefix", TEST_PREFIX, false},
    {"suffix", TEST_SUFFIX, false},
    {"equals-ignore-case", TEST_EQUALS_IGNORE_CASE, true},
    {"wildcard", TEST_WILDCARD, true},
};

static const struct inner_operator *inner_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(inner_operators); i++) {
        if (slice_is(name, inner_operators[i].name)) {
            return &inner_operators[i];
        }
    }
    return NULL;
}

static struct test *tests_take(struct compiler *compiler, uint32_t count)
{
    struct test *tests = arena_take(compiler->arena, count * sizeof *tests);

    if (tests == NULL) {
        (void)compiler_starves(compiler);
    }
    return tests;
}

/* One value of a list (or the only one) under an inner operator. */
static bool inner_value_parse(struct compiler *compiler, uint32_t value,
                              const struct inner_operator *op, struct test *ret_test)
{
    struct slice text = {"", 0};

    if (compiler_token(compiler, value)->type != TOKEN_STRING) {
        return compiler_fails(
            compiler, compiler_behind(compiler, value),
            "Inside anything-but/%s list, number|start|null|boolean is not supported.",
            op->name);
    }
    if (!compiler_text(compiler, value, &text)) {
        return false;
    }
    if (text.len == 0 && !op->allows_empty) {
        return compiler_fails(compiler, compiler_token(compiler, value)->end,
                              "Null prefix/suffix not allowed");
    }
    if (op->kind == TEST_WILDCARD) {
        return wildcard_test(compiler, value, text, ret_test);
    }
    return text_test(compiler, op->kind, text, ret_test);
}

static bool inner_list_parse(struct compiler *compiler, uint32_t list,
                             const struct inner_operator *op, struct test *ret_test)
{
    uint32_t count = token_count_values(&compiler->tokens, list);
    uint32_t value = list + 1;

    if (count == 0) {
        return compiler_fails(compiler, compiler_token(compiler, list)->end,
                              "Empty arrays are not allowed");
    }
    ret_test->inner = tests_take(compiler, count);
    ret_test->inner_count = count;
    for (uint32_t i = 0; ret_test->inner != NULL && i < count; i++) {
        if (!inner_value_parse(compiler, value, op, &ret_test->inner[i])) {
            return false;
        }
        value = compiler_token(compiler, value)->next;
    }
    return ret_test->inner != NULL;
}

/* {"anything-but": {"prefix": ...}} */
static bool inner_parse(struct compiler *compiler, uint32_t object, struct test *ret_test)
{
    const struct inner_operator *op;
    struct slice name = {"", 0};
    uint32_t value = object + 2;

    if (compiler_token(compiler, object)->next == object + 1) {
        return compiler_fails(compiler, compiler_token(compiler, object)->end,
                              "Anything-But expression name not found");
    }
    if (!compiler_text(compiler, object + 1, &name)) {
        return false;
    }
    op = inner_find(name);
    if (op == NULL) {
        return compiler_fails(compiler, compiler_behind(compiler, object + 1),
                              "Unsupported anything-but pattern: %.*s", (int)name.len, name.at);
    }
    if (compiler_token(compiler, value)->type == TOKEN_ARRAY) {
        if (!inner_list_parse(compiler, value, op, ret_test)) {
            return false;
        }
    } else {
        ret_test->inner = tests_take(compiler, 1);
        ret_test->inner_count = 1;
        if (ret_test->inner == NULL
            || !inner_value_parse(compiler, value, op, ret_test->inner)) {
            return false;
        }
    }
    value = compiler_token(compiler, value)->next;
    return value == compiler_token(compiler, object)->next
           || compiler_fails(compiler, compiler_behind(compiler, value),
                             "Only one key allowed in match expression");
}

/* A string or number compared exactly; addresses are not special here. */
static bool plain_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    if (compiler_token(compiler, value)->type == TOKEN_STRING) {
        *ret_test = (struct test){.operand = {.kind = TEST_STRING}};
        return compiler_text(compiler, value, &ret_test->operand.bytes);
    }
    *ret_test = (struct test){.operand = {.kind = TEST_NUMBER}};
    return compiler_number(compiler, value, &ret_test->operand.bytes);
}

static bool is_plain(struct compiler *compiler, uint32_t value)
{
    enum token_type type = compiler_token(compiler, value)->type;

    return type == TOKEN_STRING || type == TOKEN_NUMBER;
}

static bool plain_list_parse(struct compiler *compiler, uint32_t list, struct test *ret_test)
{
    uint32_t count = token_count_values(&compiler->tokens, list);
    uint32_t value = list + 1;
    uint32_t strings = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!is_plain(compiler, value)) {
            return compiler_fails(compiler, compiler_behind(compiler, value),
                                  "Inside anything but list, start|null|boolean is not "
                                  "supported.");
        }
        strings += compiler_token(compiler, value)->type == TOKEN_STRING;
        value = compiler_token(compiler, value)->next;
    }
    if (count == 0 || (strings != 0 && strings != count)) {
        return compiler_fails(compiler, compiler_token(compiler, list)->end,
                              "Inside anything but list, either all values are number or "
                              "string, mixed type is not supported");
    }
    ret_test->inner = tests_take(compiler, count);
    ret_test->inner_count = count;
    value = list + 1;
    for (uint32_t i = 0; ret_test->inner != NULL && i < count; i++) {
        if (!plain_parse(compiler, value, &ret_test->inner[i])) {
            return false;
        }
        value = compiler_token(compiler, value)->next;
    }
    return ret_test->inner != NULL;
}

bool anything_but_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    enum token_type type = compiler_token(compiler, value)->type;

    *ret_test = (struct test){.operand = {.kind = TEST_ANYTHING_BUT, .bytes = {"", 0}}};
    if (type == TOKEN_OBJECT) {
        return inner_parse(compiler, value, ret_test);
    }
    if (type == TOKEN_ARRAY) {
        return plain_list_parse(compiler, value, ret_test);
    }
    if (!is_plain(compiler, value)) {
        return compiler_fails(
            compiler, compiler_behind(compiler, value),
            "Value of anything-but must be an array or single string/number value.");
    }
    ret_test->inner = tests_take(compiler, 1);
    ret_test->inner_count = 1;
    return ret_test->inner != NULL && plain_parse(compiler, value, ret_test->inner);
}
