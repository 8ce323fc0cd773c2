/* {"exists": true} and {"exists": false}. */
#include "compiler.h"
#include "mutants.h"

bool exists_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    enum token_type type = compiler_token(compiler, value)->type;

    if (type != TOKEN_TRUE && type != TOKEN_FALSE) {
        return compiler_fails(compiler, compiler_behind(compiler, value),
                              "exists match pattern must be either true or false.");
    }
    *ret_test = (struct test){
        .operand = {.kind = type == TOKEN_TRUE ? TEST_EXISTS : TEST_ABSENT, .bytes = {"", 0}}};
    return true;
}

/* AWS: "the key must have a non-null and non-empty value". */
bool exists_matches(const struct operand *operand, const struct leaf *leaf)
{
    (void)operand;
    return leaf->type != LEAF_NULL
           && (mutant("filters.empty-exists") || leaf->type != LEAF_STRING
               || leaf->text.len > 0);
}

/* Absence is not a property of a leaf. */
bool absent_matches(const struct operand *operand, const struct leaf *leaf)
{
    (void)operand;
    (void)leaf;
    return false;
}
