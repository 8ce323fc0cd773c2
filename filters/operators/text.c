/* Operators whose operand is a piece of text: prefix, suffix, equals-ignore-case. */
#include "text.h"

#include "fold.h"
#include "mutants.h"

bool text_operand(struct compiler *compiler, uint32_t value, const char *name,
                  struct slice *ret_text)
{
    if (compiler_token(compiler, value)->type != TOKEN_STRING) {
        return compiler_fails(compiler, compiler_behind(compiler, value),
                              "%s match pattern must be a string", name);
    }
    return compiler_text(compiler, value, ret_text);
}

static bool is_folded(enum test_kind kind)
{
    return kind == TEST_EQUALS_IGNORE_CASE || kind == TEST_PREFIX_IGNORE_CASE
           || kind == TEST_SUFFIX_IGNORE_CASE;
}

bool text_test(struct compiler *compiler, enum test_kind kind, struct slice text,
               struct test *ret_test)
{
    char *folded;

    *ret_test = (struct test){.operand = {.kind = kind, .bytes = text}};
    if (!is_folded(kind)) {
        return true;
    }
    folded = arena_take(compiler->arena, FOLD_ROOM(text.len));
    if (folded == NULL) {
        return compiler_starves(compiler);
    }
    ret_test->operand.bytes = slice_make(folded, fold_case(text, folded));
    return true;
}

bool equals_ignore_case_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    struct slice text = {"", 0};

    return text_operand(compiler, value, "equals-ignore-case", &text)
           && text_test(compiler, TEST_EQUALS_IGNORE_CASE, text, ret_test);
}

/* {"prefix": {"equals-ignore-case": "..."}}, profile fanfare only. */
static bool nested_ignore_case(struct compiler *compiler, uint32_t value, const char *name,
                               struct slice *ret_text)
{
    uint32_t key = value + 1;
    struct slice op = {"", 0};

    if (key < compiler_token(compiler, value)->next && !compiler_text(compiler, key, &op)) {
        return false;
    }
    if (!slice_is(op, "equals-ignore-case")) {
        return compiler_fails(compiler, compiler_behind(compiler, value),
                              "%s match pattern must be a string", name);
    }
    if (!text_operand(compiler, key + 1, "equals-ignore-case", ret_text)) {
        return false;
    }
    if (compiler_token(compiler, key)->next != compiler_token(compiler, value)->next) {
        return compiler_fails(compiler, compiler_token(compiler, key + 1)->end,
                              "Only one key allowed in match expression");
    }
    return true;
}

static bool affix_parse(struct compiler *compiler, uint32_t value, const char *name,
                        const enum test_kind kinds[2], struct test *ret_test)
{
    struct slice text = {"", 0};

    if (compiler->profile == FILTER_PROFILE_FANFARE
        && compiler_token(compiler, value)->type == TOKEN_OBJECT) {
        return nested_ignore_case(compiler, value, name, &text)
               && text_test(compiler, kinds[1], text, ret_test);
    }
    return text_operand(compiler, value, name, &text)
           && text_test(compiler, kinds[0], text, ret_test);
}

bool prefix_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    static const enum test_kind kinds[2] = {TEST_PREFIX, TEST_PREFIX_IGNORE_CASE};

    return affix_parse(compiler, value, "prefix", kinds, ret_test);
}

bool suffix_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    static const enum test_kind kinds[2] = {TEST_SUFFIX, TEST_SUFFIX_IGNORE_CASE};

    return affix_parse(compiler, value, "suffix", kinds, ret_test);
}

/* What of a string leaf the operand is compared with. */
static struct slice compared(const struct operand *operand, const struct leaf *leaf)
{
    return is_folded(operand->kind) ? leaf->canonical : leaf->text;
}

bool equals_ignore_case_matches(const struct operand *operand, const struct leaf *leaf)
{
    return leaf->type == LEAF_STRING && slice_equal(leaf->canonical, operand->bytes);
}

bool prefix_matches(const struct operand *operand, const struct leaf *leaf)
{
    return leaf->type == LEAF_STRING
           && slice_starts_with(compared(operand, leaf), operand->bytes);
}

bool suffix_matches(const struct operand *operand, const struct leaf *leaf)
{
    if (mutant("filters.suffix-is-prefix")) {
        return leaf->type == LEAF_STRING
               && slice_starts_with(compared(operand, leaf), operand->bytes);
    }
    return leaf->type == LEAF_STRING
           && slice_ends_with(compared(operand, leaf), operand->bytes);
}
