/* CreateAlias, UpdateAlias, DeleteAlias, ListAliases. */
#include "services/kms/internal.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 256
#define PAGE_MAX       100
#define PAGE_DEFAULT   50

struct alias_input {
    struct text name, target, key, marker;
    struct optional_integer limit;
};

#define NEEDS(name_, member)                                     \
    {                                                            \
        .name = (name_), .type = FIELD_STRING, .required = true, \
        AT(struct alias_input, member)                           \
    }

static const struct field put_input_fields[] = {NEEDS("AliasName", name),
                                                NEEDS("TargetKeyId", target), FIELDS_END};
static const struct field delete_input_fields[] = {NEEDS("AliasName", name), FIELDS_END};

static bool has_alias_characters(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                       || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-';

        if (!is_fine) {
            return false;
        }
    }
    return name.len > 0;
}

static enum status name_check(struct request *request, struct text name)
{
    if (!text_starts_with(name, T("alias/"))) {
        return request_fail(request, &kms_validation,
                            "Alias must start with the prefix \"alias/\". Please see "
                            "https://docs.aws.amazon.com/kms/latest/developerguide/"
                            "kms-alias.html");
    }
    if (kms_alias_is_managed(name)) {
        return request_fail(request, &kms_invalid_alias,
                            "Alias names that begin with alias/aws/ are the server's own.");
    }
    return name.len <= NAME_MAX_BYTES && has_alias_characters(text_after(name, 6))
               ? STATUS_OK
               : request_fail(request, &kms_validation,
                              "1 validation error detected: Value '%.*s' at 'aliasName' failed "
                              "to satisfy constraint: Member must satisfy regular expression "
                              "pattern: ^[a-zA-Z0-9/_-]+$",
                              TEXT_PRINTF(text_first(name, NAME_MAX_BYTES)));
}

static enum status target_find(struct request *request, struct step *step, struct text id,
                               struct kms_key **ret_key)
{
    enum status status = kms_find_key(request, step, id, ret_key);

    if (status == STATUS_OK && (*ret_key)->state == KMS_PENDING_DELETION) {
        status = request_fail(request, &kms_invalid_state, "%.*s is pending deletion.",
                              TEXT_PRINTF((*ret_key)->arn));
    }
    return status;
}

static enum status point(struct request *request, struct step *step, struct kms_key *key,
                         struct text name)
{
    return kms_alias_put(step, key, name) == STATUS_OK
               ? STATUS_OK
               : request_fail(request, &kms_limit, "The key has %d aliases, the most it can.",
                              KMS_ALIASES_MAX);
}

static struct text alias_arn(struct request *request, struct text name)
{
    return arena_printf(request->arena, "arn:aws:kms:%.*s:%.*s:%.*s",
                        TEXT_PRINTF(request->region), TEXT_PRINTF(request->account),
                        TEXT_PRINTF(name));
}

static enum status create_alias(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct alias_input *in = input;
    const struct kms_scope scope = kms_scope_of(request);
    struct kms_key *key = NULL;
    enum status status = name_check(request, in->name);

    (void)output;
    status = status != STATUS_OK ? status : target_find(request, step, in->target, &key);
    if (status == STATUS_OK && kms_alias_find(kms_of(step), &scope, in->name) != NULL) {
        status =
            request_fail(request, &kms_exists, "An alias with the name %.*s already exists",
                         TEXT_PRINTF(alias_arn(request, in->name)));
    }
    return status != STATUS_OK ? status : point(request, step, key, in->name);
}

static enum status alias_find(struct request *request, struct step *step, struct text name,
                              struct kms_alias **ret_alias)
{
    const struct kms_scope scope = kms_scope_of(request);

    *ret_alias = kms_alias_find(kms_of(step), &scope, name);
    return *ret_alias != NULL
               ? STATUS_OK
               : request_fail(request, &kms_not_found, "Alias %.*s is not found.",
                              TEXT_PRINTF(alias_arn(request, name)));
}

static enum status update_alias(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct alias_input *in = input;
    struct kms_alias *alias = NULL;
    struct kms_key *key = NULL;
    enum status status = name_check(request, in->name);

    (void)output;
    status = status != STATUS_OK ? status : alias_find(request, step, in->name, &alias);
    status = status != STATUS_OK ? status : target_find(request, step, in->target, &key);
    return status != STATUS_OK ? status : point(request, step, key, in->name);
}

static enum status delete_alias(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct alias_input *in = input;
    struct kms_alias *alias = NULL;
    enum status status = name_check(request, in->name);

    (void)output;
    status = status != STATUS_OK ? status : alias_find(request, step, in->name, &alias);
    if (status == STATUS_OK) {
        kms_alias_remove(step, alias);
    }
    return status;
}

/* --- ListAliases: by name. */

static const struct field list_input_fields[] = {
    {.name = "KeyId", .type = FIELD_STRING, AT(struct alias_input, key)},
    {.name = "Limit", .type = FIELD_INTEGER, AT(struct alias_input, limit)},
    {.name = "Marker", .type = FIELD_STRING, AT(struct alias_input, marker)},
    FIELDS_END,
};

struct alias_item {
    struct text name, arn, key;
    struct optional_integer created_s, updated_s;
};

static const struct field item_fields[] = {
    {.name = "AliasName", .type = FIELD_STRING, AT(struct alias_item, name)},
    {.name = "AliasArn", .type = FIELD_STRING, AT(struct alias_item, arn)},
    {.name = "TargetKeyId", .type = FIELD_STRING, AT(struct alias_item, key)},
    {.name = "CreationDate", .type = FIELD_INTEGER, AT(struct alias_item, created_s)},
    {.name = "LastUpdatedDate", .type = FIELD_INTEGER, AT(struct alias_item, updated_s)},
    FIELDS_END,
};

struct list_output {
    struct struct_list aliases;
    struct text marker;
    struct optional_boolean is_truncated;
};

static const struct field list_output_fields[] = {
    {.name = "Aliases",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_output, aliases),
     .of = item_fields,
     .of_size = sizeof(struct alias_item)},
    {.name = "NextMarker", .type = FIELD_STRING, AT(struct list_output, marker)},
    {.name = "Truncated", .type = FIELD_BOOLEAN, AT(struct list_output, is_truncated)},
    FIELDS_END,
};

static int alias_order(const void *a, const void *b)
{
    return text_compare((*(const struct kms_alias *const *)a)->name,
                        (*(const struct kms_alias *const *)b)->name);
}

struct collection {
    const struct kms_key *only; /* or NULL */
    struct text after;
    const struct kms_alias **found; /* NULL: they are only counted */
    size_t count;
};

static void collect_of(struct collection *collection, const struct kms_key *key)
{
    if (collection->only != NULL && collection->only != key) {
        return;
    }
    list_each (node, &key->aliases) {
        const struct kms_alias *alias = container_of(node, struct kms_alias, node);

        if (text_compare(alias->name, collection->after) <= 0) {
            continue;
        }
        if (collection->found != NULL) {
            collection->found[collection->count] = alias;
        }
        collection->count++;
    }
}

static void collect_all(struct request *request, struct step *step,
                        struct collection *collection)
{
    const struct kms_scope scope = kms_scope_of(request);
    const struct kms_key *key = kms_key_after(kms_of(step), &scope, (struct text){0});

    collection->count = 0;
    for (; key != NULL; key = kms_key_after(kms_of(step), &scope, text_from(key->name))) {
        collect_of(collection, key);
    }
}

/* All of the account and region, or of one key, that come after the marker; sorted. */
static void collect(struct request *request, struct step *step, struct collection *collection)
{
    collect_all(request, step, collection);
    collection->found = arena_array(request->arena, collection->count + 1, sizeof(void *));
    collect_all(request, step, collection);
    qsort(collection->found, collection->count, sizeof(void *), alias_order);
}

static enum status list_aliases(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct alias_input *in = input;
    struct list_output *out = output;
    int64_t limit = in->limit.is_set ? in->limit.value : PAGE_DEFAULT;
    struct kms_key *only = NULL;

    if (limit < 1 || limit > PAGE_MAX) {
        return request_fail(request, &kms_validation, "Limit must be between 1 and %d.",
                            PAGE_MAX);
    }
    if (in->key.len > 0 && kms_find_key(request, step, in->key, &only) != STATUS_OK) {
        return STATUS_INVALID;
    }
    struct collection all = {.only = only, .after = in->marker};

    collect(request, step, &all);
    bool is_truncated = all.count > (size_t)limit;
    size_t count = is_truncated ? (size_t)limit : all.count;
    struct alias_item *items = arena_array(request->arena, count + 1, sizeof *items);

    for (size_t i = 0; i < count; i++) {
        items[i] = (struct alias_item){
            .name = arena_copy(request->arena, all.found[i]->name),
            .arn = alias_arn(request, all.found[i]->name),
            .key = arena_copy(request->arena, text_from(all.found[i]->key->name)),
            .created_s = {true, all.found[i]->created_ms / 1000},
            .updated_s = {true, all.found[i]->created_ms / 1000},
        };
    }
    out->aliases = (struct struct_list){items, count, true};
    out->is_truncated = (struct optional_boolean){true, is_truncated};
    if (is_truncated) {
        out->marker = items[count - 1].name;
    }
    return STATUS_OK;
}

const struct operation kms_alias_operations[] = {
    {.name = "CreateAlias",
     .permission = "kms:CreateAlias",
     .handle = create_alias,
     .input = put_input_fields,
     .input_size = sizeof(struct alias_input)},
    {.name = "UpdateAlias",
     .permission = "kms:UpdateAlias",
     .handle = update_alias,
     .input = put_input_fields,
     .input_size = sizeof(struct alias_input)},
    {.name = "DeleteAlias",
     .permission = "kms:DeleteAlias",
     .handle = delete_alias,
     .input = delete_input_fields,
     .input_size = sizeof(struct alias_input)},
    {.name = "ListAliases",
     .permission = "kms:ListAliases",
     .handle = list_aliases,
     .input = list_input_fields,
     .input_size = sizeof(struct alias_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output),
     .only_reads = true},
    OPERATIONS_END,
};
