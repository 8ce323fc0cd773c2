/* Access policies as JSON documents, edited as trees: far off the hot path. */
#include "services/common/policy.h"

#include <jansson.h>

#include <stdlib.h>

static json_t *load(struct text policy)
{
    return json_loadb(policy.at, policy.len, JSON_REJECT_DUPLICATES, NULL);
}

static bool is_statement_list(const json_t *statements)
{
    size_t i;
    json_t *statement;

    if (json_is_object(statements)) {
        return true;
    }
    json_array_foreach(statements, i, statement)
    {
        if (!json_is_object(statement)) {
            return false;
        }
    }
    return json_is_array(statements);
}

bool policy_is_valid(struct text policy)
{
    if (policy.len == 0) {
        return true;
    }
    json_t *root = load(policy);
    bool is_valid =
        json_is_object(root) && is_statement_list(json_object_get(root, "Statement"));

    json_decref(root);
    return is_valid;
}

/* Its statements as a list, whatever it was written as; borrowed. */
static json_t *statements_of(json_t *root)
{
    json_t *statements = json_object_get(root, "Statement");

    if (!json_is_array(statements)) {
        json_t *list = json_array();

        if (statements != NULL) {
            (void)json_array_append(list, statements);
        }
        (void)json_object_set_new(root, "Statement", list);
    }
    return json_object_get(root, "Statement");
}

static size_t statement_find(const json_t *statements, struct text label)
{
    size_t i;
    json_t *statement;

    json_array_foreach(statements, i, statement)
    {
        if (text_equal(text_from(json_string_value(json_object_get(statement, "Sid"))),
                       label)) {
            break;
        }
    }
    return i;
}

static json_t *text_json(struct text text)
{
    return json_stringn(text.at, text.len);
}

/* AWS writes a single value without its list. */
static json_t *one_or_list(json_t *take_list)
{
    if (json_array_size(take_list) != 1) {
        return take_list;
    }
    json_t *one = json_incref(json_array_get(take_list, 0));

    json_decref(take_list);
    return one;
}

static json_t *statement_make(const struct permission *permission)
{
    json_t *principals = json_array();
    json_t *actions = json_array();

    for (size_t i = 0; i < permission->account_count; i++) {
        (void)json_array_append_new(
            principals,
            json_sprintf("arn:aws:iam::%.*s:root", TEXT_PRINTF(permission->accounts[i])));
    }
    for (size_t i = 0; i < permission->action_count; i++) {
        (void)json_array_append_new(actions, text_json(permission->actions[i]));
    }
    return json_pack("{s:o, s:s, s:{s:o}, s:o, s:o}", "Sid", text_json(permission->label),
                     "Effect", "Allow", "Principal", "AWS", one_or_list(principals), "Action",
                     one_or_list(actions), "Resource", text_json(permission->resource));
}

static struct text dump(struct arena *arena, const json_t *root)
{
    char *dumped = json_dumps(root, JSON_COMPACT);
    struct text text = arena_copy(arena, text_from(dumped));

    free(dumped);
    return text;
}

enum status policy_add(struct arena *arena, struct text policy,
                       const struct permission *permission, struct text *ret_policy)
{
    json_t *root = load(policy);
    json_t *statements = statements_of(root);
    enum status status = STATUS_EXISTS;

    if (statement_find(statements, permission->label) == json_array_size(statements)) {
        (void)json_array_append_new(statements, statement_make(permission));
        *ret_policy = dump(arena, root);
        status = STATUS_OK;
    }
    json_decref(root);
    return status;
}

enum status policy_remove(struct arena *arena, struct text policy, struct text label,
                          struct text *ret_policy)
{
    json_t *root = policy.len == 0 ? NULL : load(policy);
    json_t *statements = root == NULL ? NULL : statements_of(root);
    size_t place = statement_find(statements, label);
    enum status status = STATUS_NOT_FOUND;

    if (place < json_array_size(statements)) {
        (void)json_array_remove(statements, place);
        *ret_policy = dump(arena, root);
        status = STATUS_OK;
    }
    json_decref(root);
    return status;
}

size_t policy_statement_count(struct text policy)
{
    json_t *root = policy.len == 0 ? NULL : load(policy);
    size_t count = root == NULL ? 0 : json_array_size(statements_of(root));

    json_decref(root);
    return count;
}
