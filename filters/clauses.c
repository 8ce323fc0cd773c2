/* The policy's objects, lists and $or: tokens to clauses. */
#include "clauses.h"

#include "compiler.h"

#define OR_KEY "$or"

/* Where the reader is: the dotted path of the object, and how deep. */
struct scope {
    struct slice path;
    uint32_t depth; /* of its keys; 1 on the top level */
};

static bool object_read(struct compiler *compiler, uint32_t object, struct scope scope,
                        struct clause_list *clauses);

/* AWS's engine: with one of these as a key in an arm, $or is a key like any other. */
static bool is_reserved(struct slice name)
{
    static const char *const names[] = {"equals-ignore-case",
                                        "prefix",
                                        "suffix",
                                        "anything-but",
                                        "exists",
                                        "wildcard",
                                        "numeric",
                                        "cidr",
                                        "=",
                                        "<",
                                        "<=",
                                        ">",
                                        ">=",
                                        "regex",
                                        "not-wildcard",
                                        "not-equals-ignore-case",
                                        "date-after",
                                        "date-on-or-after",
                                        "date-before",
                                        "date-on-or-before",
                                        "in-date-range",
                                        "ip-address-in-range",
                                        "ip-address-not-in-range"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool arm_is_plain(struct compiler *compiler, uint32_t arm, bool *ret_plain)
{
    uint32_t end = compiler_token(compiler, arm)->next;

    *ret_plain = compiler_token(compiler, arm)->type == TOKEN_OBJECT;
    for (uint32_t name = arm + 1; *ret_plain && name < end;
         name = compiler_token(compiler, name)->next) {
        struct slice text = {"", 0};

        if (!compiler_text(compiler, name, &text)) {
            return false;
        }
        *ret_plain = !is_reserved(text);
    }
    return true;
}

/* Whether the value of a key "$or" makes it the operator: at least two objects, no reserved
 * names. */
static bool or_is_operator(struct compiler *compiler, uint32_t value, bool *ret_operator)
{
    uint32_t end = compiler_token(compiler, value)->next;
    uint32_t count = 0;
    bool plain = compiler_token(compiler, value)->type == TOKEN_ARRAY;

    for (uint32_t arm = value + 1; plain && arm < end;
         arm = compiler_token(compiler, arm)->next) {
        if (!arm_is_plain(compiler, arm, &plain)) {
            return false;
        }
        count++;
    }
    *ret_operator = plain && count >= 2;
    return true;
}

static struct clause *clause_add(struct compiler *compiler, struct clause_list *clauses)
{
    struct clause *clause = arena_take(compiler->arena, sizeof *clause);

    if (clause == NULL) {
        (void)compiler_starves(compiler);
        return NULL;
    }
    *clause = (struct clause){.next = NULL};
    if (clauses->first == NULL) {
        clauses->first = clause;
    } else {
        clauses->last->next = clause;
    }
    clauses->last = clause;
    return clause;
}

/* {"prefix": "x"} in a list. */
static bool expression_read(struct compiler *compiler, uint32_t object, struct test *ret_test)
{
    if (compiler_token(compiler, object)->next == object + 1) {
        return compiler_fails(compiler, compiler_token(compiler, object)->end,
                              "Match expression name not found");
    }
    return operator_parse(compiler, object + 1, object + 2, ret_test);
}

static bool test_read(struct compiler *compiler, uint32_t token, struct test *ret_test)
{
    enum token_type type = compiler_token(compiler, token)->type;

    if (type == TOKEN_OBJECT) {
        return expression_read(compiler, token, ret_test);
    }
    if (type == TOKEN_ARRAY) {
        return compiler_fails(compiler, compiler_behind(compiler, token),
                              "Match value must be String, number, true, false, or null");
    }
    return exact_parse(compiler, token, ret_test);
}

/* A key's list of values and match expressions. */
static bool list_read(struct compiler *compiler, uint32_t list, struct scope key,
                      struct clause_list *clauses)
{
    uint32_t count = token_count_values(&compiler->tokens, list);
    struct clause *clause = clause_add(compiler, clauses);
    uint32_t token = list + 1;
    struct test *tests;

    if (count == 0) {
        return compiler_fails(compiler, compiler_token(compiler, list)->end,
                              "Empty arrays are not allowed");
    }
    tests = arena_take(compiler->arena, count * sizeof *tests);
    if (clause == NULL || tests == NULL) {
        return compiler_starves(compiler);
    }
    compiler->wildcard_points = 0;
    compiler->wildcard_patterns = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!test_read(compiler, token, &tests[i])) {
            return false;
        }
        token = compiler_token(compiler, token)->next;
    }
    clause->depth = key.depth;
    clause->wildcard_points = compiler->wildcard_points * compiler->wildcard_patterns;
    clause->condition = (struct condition){.path = key.path,
                                           .source = compiler_written(compiler, list),
                                           .tests = tests,
                                           .test_count = count};
    return true;
}

/* The dotted path of a key. */
static bool path_join(struct compiler *compiler, struct scope scope, struct slice name,
                      struct slice *ret_path)
{
    char *path;

    if (scope.depth == 1) {
        *ret_path = name;
        return true;
    }
    path = arena_take(compiler->arena, scope.path.len + 1 + name.len);
    if (path == NULL) {
        return compiler_starves(compiler);
    }
    if (scope.path.len > 0) {
        memcpy(path, scope.path.at, scope.path.len);
    }
    path[scope.path.len] = '.';
    if (name.len > 0) {
        memcpy(path + scope.path.len + 1, name.at, name.len);
    }
    *ret_path = slice_make(path, scope.path.len + 1 + name.len);
    return true;
}

static bool or_read(struct compiler *compiler, uint32_t value, struct scope scope,
                    struct clause_list *clauses)
{
    uint32_t count = token_count_values(&compiler->tokens, value);
    struct clause *clause = clause_add(compiler, clauses);
    uint32_t arm = value + 1;

    if (clause == NULL) {
        return false;
    }
    clause->arms = arena_take(compiler->arena, count * sizeof *clause->arms);
    if (clause->arms == NULL) {
        return compiler_starves(compiler);
    }
    clause->arm_count = count;
    for (uint32_t i = 0; i < count; i++) {
        clause->arms[i] = (struct clause_list){NULL, NULL};
        if (!object_read(compiler, arm, scope, &clause->arms[i])) {
            return false;
        }
        arm = compiler_token(compiler, arm)->next;
    }
    return true;
}

static bool member_read(struct compiler *compiler, uint32_t member, struct scope scope,
                        struct clause_list *clauses)
{
    enum token_type type = compiler_token(compiler, member + 1)->type;
    struct scope key = {.depth = scope.depth};
    struct slice name = {"", 0};
    bool alternatives = false;

    if (!compiler_text(compiler, member, &name)) {
        return false;
    }
    if (slice_is(name, OR_KEY) && !or_is_operator(compiler, member + 1, &alternatives)) {
        return false;
    }
    if (alternatives) {
        return or_read(compiler, member + 1, scope, clauses);
    }
    if (type != TOKEN_OBJECT && type != TOKEN_ARRAY) {
        return compiler_fails(compiler, compiler_behind(compiler, member),
                              "\"%.*s\" must be an object or an array", (int)name.len, name.at);
    }
    if (!path_join(compiler, scope, name, &key.path)) {
        return false;
    }
    if (type == TOKEN_ARRAY) {
        return list_read(compiler, member + 1, key, clauses);
    }
    key.depth++;
    compiler->nested = true;
    return object_read(compiler, member + 1, key, clauses);
}

static bool object_read(struct compiler *compiler, uint32_t object, struct scope scope,
                        struct clause_list *clauses)
{
    uint32_t end = compiler_token(compiler, object)->next;

    if (object + 1 == end) {
        return compiler_fails(compiler, compiler_token(compiler, object)->end,
                              "Empty objects are not allowed");
    }
    for (uint32_t member = object + 1; member < end;
         member = compiler_token(compiler, member)->next) {
        if (!member_read(compiler, member, scope, clauses)) {
            return false;
        }
    }
    return true;
}

bool clauses_read(struct compiler *compiler, uint32_t token, struct clause_list *ret_clauses)
{
    *ret_clauses = (struct clause_list){NULL, NULL};
    return object_read(compiler, token, (struct scope){{"", 0}, 1}, ret_clauses);
}
