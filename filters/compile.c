/* Policy text to a compiled policy, with AWS's checks in AWS's order: size, JSON, keys, the
 * structure and the operators, complexity, scope. */
#include "clauses.h"
#include "compiler.h"

#include "operators/regex.h"

#include <stdlib.h>

#define COMBINATIONS_MAX 4096

void filter_error_clear(struct filter_error *error)
{
    free(error->text);
    *error = (struct filter_error){.text = NULL};
}

void filter_limits_default(struct filter_limits *ret_limits)
{
    *ret_limits = (struct filter_limits){.policy_bytes = (size_t)256 * 1024,
                                         .keys = 5,
                                         .combinations = 150,
                                         .wildcard_stars = 3,
                                         .wildcard_points = 100};
}

static bool too_complex(struct compiler *compiler)
{
    return compiler_fails_bare(compiler, 0, "Filter policy is too complex");
}

static bool tokens_check(struct compiler *compiler)
{
    struct token_error error;
    enum token_result result =
        tokens_read(&compiler->tokens, compiler->arena->account, compiler->text, &error);

    if (result == TOKENS_NO_MEMORY) {
        return compiler_starves(compiler);
    }
    if (result == TOKENS_INVALID) {
        return compiler_fails_hidden(compiler, error.offset, "failed to parse JSON. %s",
                                     error.text);
    }
    if (compiler_token(compiler, 0)->type != TOKEN_OBJECT) {
        return compiler_fails(compiler, compiler_behind(compiler, 0),
                              "Filter is not an object");
    }
    if (token_count_values(&compiler->tokens, 0) > compiler->limits.keys) {
        return compiler_fails_bare(compiler, 0, "Filter policy can not have more than %u keys",
                                   compiler->limits.keys);
    }
    return true;
}

static bool scope_check(struct compiler *compiler)
{
    if (compiler->scope == FILTER_SCOPE_BODY || !compiler->nested) {
        return true;
    }
    (void)compiler_fails_bare(
        compiler, 0,
        "Filter policy scope MessageAttributes does not support nested filter policy");
    if (compiler->error != NULL) {
        compiler->error->names_policy = false;
    }
    return false;
}

static bool complexity_check(struct compiler *compiler, const struct clause_list *clauses)
{
    const struct filter_limits *limits = &compiler->limits;
    uint32_t most =
        limits->combinations < COMBINATIONS_MAX ? limits->combinations : COMBINATIONS_MAX;

    return clauses_combinations(clauses) <= most
                   && compiler->wildcard_stars_max <= limits->wildcard_stars
                   && clauses_wildcard_points(clauses) <= limits->wildcard_points
               ? true
               : too_complex(compiler);
}

static void needs_note(struct filter_policy *policy, const struct condition *condition)
{
    struct path_node *node = &policy->paths.nodes[condition->node];

    for (uint32_t i = 0; i < condition->test_count; i++) {
        const struct test *test = &condition->tests[i];

        node->needs |= test_needs(test->operand.kind);
        for (uint32_t j = 0; j < test->inner_count; j++) {
            node->needs |= test_needs(test->inner[j].operand.kind);
        }
    }
}

static bool paths_fill(struct compiler *compiler, struct filter_policy *policy)
{
    if (!paths_init(&policy->paths, &policy->account, 0)) {
        return compiler_starves(compiler);
    }
    for (uint32_t i = 0; i < policy->condition_count; i++) {
        struct condition *condition = &policy->conditions[i];

        condition->node = paths_use(&policy->paths, policy_root(policy), condition->path);
        if (condition->node == PATH_NONE) {
            return compiler_starves(compiler);
        }
        needs_note(policy, condition);
    }
    return true;
}

static bool policy_read(struct compiler *compiler, struct filter_policy *policy)
{
    struct clause_list clauses;

    if (!tokens_check(compiler)) {
        return false;
    }
    if (compiler_token(compiler, 0)->next == 1) {
        return paths_fill(compiler, policy); /* {}: no filtering */
    }
    return clauses_read(compiler, 0, &clauses) && complexity_check(compiler, &clauses)
           && scope_check(compiler) && clauses_expand(compiler, &clauses, policy)
           && paths_fill(compiler, policy);
}

static bool text_keep(struct compiler *compiler, struct slice text)
{
    compiler->text = text;
    if (text.len > compiler->limits.policy_bytes || text.len >= UINT32_MAX) {
        return too_complex(compiler);
    }
    return compiler_copy(compiler, text, &compiler->text);
}

static enum filter_status policy_compile(struct filter_policy *policy, struct slice text,
                                         const struct filter_options *options,
                                         struct filter_error *error)
{
    struct compiler compiler = {.arena = &policy->arena,
                                .tokens = {.account = &policy->account},
                                .scope = options->scope,
                                .profile = options->profile,
                                .limits = options->limits,
                                .error = error,
                                .status = FILTER_OK,
                                .trouble = &policy->trouble};
    bool fine = text_keep(&compiler, text) && policy_read(&compiler, policy);

    tokens_free(&compiler.tokens);
    policy->regexes = compiler.regexes;
    return fine ? FILTER_OK : compiler.status;
}

enum filter_status filter_policy_compile_with(const char *text, size_t len,
                                              const struct filter_options *options,
                                              struct filter_policy **ret_policy,
                                              struct filter_error *error)
{
    struct filter_policy *policy = calloc(1, sizeof *policy);
    enum filter_status status;

    if (policy == NULL) {
        return FILTER_NO_MEMORY;
    }
    policy->scope = options->scope;
    policy->profile = options->profile;
    policy->paths.account = &policy->account;
    arena_init(&policy->arena, &policy->account);
    status = policy_compile(policy, slice_make(text, len), options, error);
    if (status != FILTER_OK) {
        filter_policy_free(policy);
        return status;
    }
    *ret_policy = policy;
    return FILTER_OK;
}

enum filter_status filter_policy_compile(const char *text, size_t len, enum filter_scope scope,
                                         enum filter_profile profile,
                                         struct filter_policy **ret_policy,
                                         struct filter_error *error)
{
    struct filter_options options = {.scope = scope, .profile = profile};

    filter_limits_default(&options.limits);
    return filter_policy_compile_with(text, len, &options, ret_policy, error);
}

void filter_policy_free(struct filter_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    regex_free_all(policy->regexes);
    paths_free(&policy->paths);
    arena_free(&policy->arena);
    free(policy);
}
