/* CreateKey, DescribeKey, ListKeys, states, deletion, policies. */
#include "base/json.h"
#include "services/kms/internal.h"

#define DAY_MS             (INT64_C(24) * 3600 * 1000)
#define PENDING_DAYS_LEAST 7
#define PENDING_DAYS_MOST  30
#define POLICY_MAX         32768
#define DESCRIPTION_MAX    8192
#define PAGE_MAX           1000
#define PAGE_DEFAULT       100

/* --- KeyMetadata. */

struct metadata {
    struct text account, id, arn, description, usage, state, origin, manager, customer_spec,
        spec;
    struct optional_integer created_s, deletes_s;
    struct optional_boolean is_enabled, is_multi_region;
    struct string_list algorithms;
};

static const struct field metadata_fields[] = {
    {.name = "AWSAccountId", .type = FIELD_STRING, AT(struct metadata, account)},
    {.name = "KeyId", .type = FIELD_STRING, AT(struct metadata, id)},
    {.name = "Arn", .type = FIELD_STRING, AT(struct metadata, arn)},
    {.name = "CreationDate", .type = FIELD_INTEGER, AT(struct metadata, created_s)},
    {.name = "Enabled", .type = FIELD_BOOLEAN, AT(struct metadata, is_enabled)},
    {.name = "Description", .type = FIELD_STRING, AT(struct metadata, description)},
    {.name = "KeyUsage", .type = FIELD_STRING, AT(struct metadata, usage)},
    {.name = "KeyState", .type = FIELD_STRING, AT(struct metadata, state)},
    {.name = "DeletionDate", .type = FIELD_INTEGER, AT(struct metadata, deletes_s)},
    {.name = "Origin", .type = FIELD_STRING, AT(struct metadata, origin)},
    {.name = "KeyManager", .type = FIELD_STRING, AT(struct metadata, manager)},
    {.name = "CustomerMasterKeySpec", .type = FIELD_STRING, AT(struct metadata, customer_spec)},
    {.name = "KeySpec", .type = FIELD_STRING, AT(struct metadata, spec)},
    {.name = "EncryptionAlgorithms",
     .type = FIELD_STRING_LIST,
     AT(struct metadata, algorithms)},
    {.name = "MultiRegion", .type = FIELD_BOOLEAN, AT(struct metadata, is_multi_region)},
    FIELDS_END,
};

static const char *const states[] = {
    [KMS_ENABLED] = "Enabled",
    [KMS_DISABLED] = "Disabled",
    [KMS_PENDING_DELETION] = "PendingDeletion",
};

static void metadata_fill(struct request *request, const struct kms_key *key,
                          struct metadata *ret)
{
    struct text *algorithm = arena_array(request->arena, 1, sizeof *algorithm);

    *algorithm = T("SYMMETRIC_DEFAULT");
    *ret = (struct metadata){
        .account = arena_copy(request->arena, key->account),
        .id = arena_copy(request->arena, text_from(key->name)),
        .arn = arena_copy(request->arena, key->arn),
        .created_s = {true, key->created_ms / 1000},
        .is_enabled = {true, key->state == KMS_ENABLED},
        .description = arena_copy(request->arena, key->description),
        .usage = T("ENCRYPT_DECRYPT"),
        .state = text_from(states[key->state]),
        .deletes_s = {key->state == KMS_PENDING_DELETION, key->deletes_ms / 1000},
        .origin = T("AWS_KMS"),
        .manager = key->is_managed ? T("AWS") : T("CUSTOMER"),
        .customer_spec = T("SYMMETRIC_DEFAULT"),
        .spec = T("SYMMETRIC_DEFAULT"),
        .algorithms = {algorithm, 1, true},
        .is_multi_region = {true, false},
    };
}

struct metadata_output {
    struct metadata metadata;
};

static const struct field metadata_output_fields[] = {
    {.name = "KeyMetadata",
     .type = FIELD_STRUCT,
     AT(struct metadata_output, metadata),
     .of = metadata_fields},
    FIELDS_END,
};

/* --- CreateKey. */

struct create_key_input {
    struct text policy, description, usage, customer_spec, spec, origin;
    struct optional_boolean is_multi_region;
};

static const struct field create_key_input_fields[] = {
    {.name = "Policy", .type = FIELD_STRING, AT(struct create_key_input, policy)},
    {.name = "Description", .type = FIELD_STRING, AT(struct create_key_input, description)},
    {.name = "KeyUsage", .type = FIELD_STRING, AT(struct create_key_input, usage)},
    {.name = "CustomerMasterKeySpec",
     .type = FIELD_STRING,
     AT(struct create_key_input, customer_spec)},
    {.name = "KeySpec", .type = FIELD_STRING, AT(struct create_key_input, spec)},
    {.name = "Origin", .type = FIELD_STRING, AT(struct create_key_input, origin)},
    {.name = "MultiRegion",
     .type = FIELD_BOOLEAN,
     AT(struct create_key_input, is_multi_region)},
    FIELDS_END,
};

/* Symmetric keys of ours are all there is. */
static enum status kind_check(struct request *request, const struct create_key_input *in)
{
    const struct {
        struct text given, served;
    } members[] = {
        {in->usage, T("ENCRYPT_DECRYPT")},
        {in->spec, T("SYMMETRIC_DEFAULT")},
        {in->customer_spec, T("SYMMETRIC_DEFAULT")},
        {in->origin, T("AWS_KMS")},
    };

    for (size_t i = 0; i < countof(members); i++) {
        if (members[i].given.len > 0 && !text_equal(members[i].given, members[i].served)) {
            return request_fail(request, &kms_unsupported,
                                "%.*s is not served by this server (yet), only %.*s.",
                                TEXT_PRINTF(members[i].given), TEXT_PRINTF(members[i].served));
        }
    }
    return in->is_multi_region.value
               ? request_fail(request, &kms_unsupported, "There are no multi-Region keys here.")
               : STATUS_OK;
}

static enum status policy_check(struct request *request, struct text policy)
{
    return policy.len > 0 && policy.len <= POLICY_MAX && json_is_valid(policy)
                   && policy.at[0] != '['
               ? STATUS_OK
               : request_fail(request, &kms_malformed_policy,
                              "The policy is not a JSON document of at most %d bytes.",
                              POLICY_MAX);
}

static enum status description_check(struct request *request, struct text description)
{
    return description.len <= DESCRIPTION_MAX
               ? STATUS_OK
               : request_fail(request, &kms_validation,
                              "1 validation error detected: Value at 'description' failed to "
                              "satisfy constraint: Member must have length less than or equal "
                              "to %d",
                              DESCRIPTION_MAX);
}

static enum status create_key(struct request *request, struct step *step, const void *input,
                              void *output)
{
    const struct create_key_input *in = input;
    struct metadata_output *out = output;
    const struct kms_scope scope = kms_scope_of(request);
    const struct kms_wish wish = {
        .description = in->description,
        .policy = in->policy.at != NULL ? in->policy : kms_default_policy(request),
    };
    struct kms_key *key = NULL;
    struct why why = {""};
    enum status status = kind_check(request, in);

    status = status != STATUS_OK ? status : policy_check(request, wish.policy);
    status = status != STATUS_OK ? status : description_check(request, in->description);
    if (status != STATUS_OK) {
        return status;
    }
    status = kms_key_create(step, &scope, &wish, &key, &why);
    if (status == STATUS_OK) {
        metadata_fill(request, key, &out->metadata);
    }
    return kms_fail_status(request, NULL, status, &why);
}

/* --- What takes a key's name. */

struct key_input {
    struct text id;
    struct text policy, policy_name, description;
    struct optional_integer days;
};

#define KEY_ID                                                                            \
    {                                                                                     \
        .name = "KeyId", .type = FIELD_STRING, .required = true, AT(struct key_input, id) \
    }

static const struct field key_input_fields[] = {KEY_ID, FIELDS_END};

static enum status describe_key(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct key_input *in = input;
    struct metadata_output *out = output;
    struct kms_key *key = NULL;
    enum status status = kms_find(request, step, in->id, &key);

    if (status == STATUS_OK) {
        metadata_fill(request, key, &out->metadata);
    }
    return status;
}

/* Keys that the server keeps for its services are as they are. */
static enum status find_own(struct request *request, struct step *step, struct text id,
                            struct kms_key **ret_key)
{
    enum status status = kms_find_key(request, step, id, ret_key);

    if (status == STATUS_OK && (*ret_key)->is_managed) {
        return request_fail(request, &kms_unsupported,
                            "%.*s is managed by the server: it cannot be changed.",
                            TEXT_PRINTF((*ret_key)->arn));
    }
    return status;
}

static enum status not_pending(struct request *request, const struct kms_key *key)
{
    return key->state != KMS_PENDING_DELETION
               ? STATUS_OK
               : request_fail(request, &kms_invalid_state, "%.*s is pending deletion.",
                              TEXT_PRINTF(key->arn));
}

static enum status state_set(struct request *request, struct step *step, struct text id,
                             enum kms_state state)
{
    struct kms_key *key = NULL;
    enum status status = find_own(request, step, id, &key);

    status = status != STATUS_OK ? status : not_pending(request, key);
    if (status == STATUS_OK) {
        kms_key_set_state(step, key, state, 0);
    }
    return status;
}

static enum status enable_key(struct request *request, struct step *step, const void *input,
                              void *output)
{
    (void)output;
    return state_set(request, step, ((const struct key_input *)input)->id, KMS_ENABLED);
}

static enum status disable_key(struct request *request, struct step *step, const void *input,
                               void *output)
{
    (void)output;
    return state_set(request, step, ((const struct key_input *)input)->id, KMS_DISABLED);
}

/* --- Deletion. */

static const struct field schedule_input_fields[] = {
    KEY_ID,
    {.name = "PendingWindowInDays", .type = FIELD_INTEGER, AT(struct key_input, days)},
    FIELDS_END,
};

struct deletion_output {
    struct text id, state;
    struct optional_integer deletes_s, days;
};

static const struct field deletion_output_fields[] = {
    {.name = "KeyId", .type = FIELD_STRING, AT(struct deletion_output, id)},
    {.name = "DeletionDate", .type = FIELD_INTEGER, AT(struct deletion_output, deletes_s)},
    {.name = "KeyState", .type = FIELD_STRING, AT(struct deletion_output, state)},
    {.name = "PendingWindowInDays", .type = FIELD_INTEGER, AT(struct deletion_output, days)},
    FIELDS_END,
};

static enum status schedule_key_deletion(struct request *request, struct step *step,
                                         const void *input, void *output)
{
    const struct key_input *in = input;
    struct deletion_output *out = output;
    int64_t days = in->days.is_set ? in->days.value : PENDING_DAYS_MOST;
    struct kms_key *key = NULL;
    enum status status = find_own(request, step, in->id, &key);

    status = status != STATUS_OK ? status : not_pending(request, key);
    if (status == STATUS_OK && (days < PENDING_DAYS_LEAST || days > PENDING_DAYS_MOST)) {
        status = request_fail(request, &kms_validation,
                              "PendingWindowInDays must be between %d and %d.",
                              PENDING_DAYS_LEAST, PENDING_DAYS_MOST);
    }
    if (status == STATUS_OK) {
        kms_key_set_state(step, key, KMS_PENDING_DELETION, step->now_ms + days * DAY_MS);
        *out = (struct deletion_output){
            .id = arena_copy(request->arena, key->arn),
            .state = text_from(states[KMS_PENDING_DELETION]),
            .deletes_s = {true, key->deletes_ms / 1000},
            .days = {true, days},
        };
    }
    return status;
}

static enum status cancel_key_deletion(struct request *request, struct step *step,
                                       const void *input, void *output)
{
    const struct key_input *in = input;
    struct deletion_output *out = output;
    struct kms_key *key = NULL;
    enum status status = find_own(request, step, in->id, &key);

    if (status == STATUS_OK && key->state != KMS_PENDING_DELETION) {
        status = request_fail(request, &kms_invalid_state, "%.*s is not pending deletion.",
                              TEXT_PRINTF(key->arn));
    }
    if (status == STATUS_OK) {
        kms_key_set_state(step, key, KMS_DISABLED, 0); /* as AWS leaves it */
        out->id = arena_copy(request->arena, key->arn);
    }
    return status;
}

/* --- Policies: each key has one, "default". */

static const struct field get_policy_input_fields[] = {
    KEY_ID,
    {.name = "PolicyName", .type = FIELD_STRING, AT(struct key_input, policy_name)},
    FIELDS_END,
};

static const struct field put_policy_input_fields[] = {
    KEY_ID,
    {.name = "PolicyName", .type = FIELD_STRING, AT(struct key_input, policy_name)},
    {.name = "Policy", .type = FIELD_STRING, .required = true, AT(struct key_input, policy)},
    FIELDS_END,
};

struct policy_output {
    struct text policy, name;
};

static const struct field policy_output_fields[] = {
    {.name = "Policy", .type = FIELD_STRING, AT(struct policy_output, policy)},
    {.name = "PolicyName", .type = FIELD_STRING, AT(struct policy_output, name)},
    FIELDS_END,
};

static enum status policy_name_check(struct request *request, struct text name)
{
    return name.at == NULL || text_equal(name, T("default"))
               ? STATUS_OK
               : request_fail(request, &kms_not_found, "No such policy exists");
}

static enum status get_key_policy(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct key_input *in = input;
    struct policy_output *out = output;
    struct kms_key *key = NULL;
    enum status status = kms_find_key(request, step, in->id, &key);

    status = status != STATUS_OK ? status : policy_name_check(request, in->policy_name);
    if (status == STATUS_OK) {
        out->policy = arena_copy(request->arena, key->policy);
        out->name = T("default");
    }
    return status;
}

static enum status put_key_policy(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct key_input *in = input;
    struct kms_key *key = NULL;
    enum status status = find_own(request, step, in->id, &key);

    (void)output;
    status = status != STATUS_OK ? status : policy_name_check(request, in->policy_name);
    status = status != STATUS_OK ? status : policy_check(request, in->policy);
    if (status == STATUS_OK) {
        kms_key_set_policy(step, key, in->policy);
    }
    return status;
}

static const struct field describe_input_fields[] = {
    KEY_ID,
    {.name = "Description",
     .type = FIELD_STRING,
     .required = true,
     AT(struct key_input, description)},
    FIELDS_END,
};

static enum status update_key_description(struct request *request, struct step *step,
                                          const void *input, void *output)
{
    const struct key_input *in = input;
    struct kms_key *key = NULL;
    enum status status = find_own(request, step, in->id, &key);

    (void)output;
    status = status != STATUS_OK ? status : not_pending(request, key);
    status = status != STATUS_OK ? status : description_check(request, in->description);
    if (status == STATUS_OK) {
        kms_key_set_description(step, key, in->description);
    }
    return status;
}

/* --- ListKeys. */

struct list_input {
    struct optional_integer limit;
    struct text marker;
};

static const struct field list_input_fields[] = {
    {.name = "Limit", .type = FIELD_INTEGER, AT(struct list_input, limit)},
    {.name = "Marker", .type = FIELD_STRING, AT(struct list_input, marker)},
    FIELDS_END,
};

struct list_item {
    struct text id, arn;
};

static const struct field list_item_fields[] = {
    {.name = "KeyId", .type = FIELD_STRING, AT(struct list_item, id)},
    {.name = "KeyArn", .type = FIELD_STRING, AT(struct list_item, arn)},
    FIELDS_END,
};

struct list_output {
    struct struct_list keys;
    struct text marker;
    struct optional_boolean is_truncated;
};

static const struct field list_output_fields[] = {
    {.name = "Keys",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_output, keys),
     .of = list_item_fields,
     .of_size = sizeof(struct list_item)},
    {.name = "NextMarker", .type = FIELD_STRING, AT(struct list_output, marker)},
    {.name = "Truncated", .type = FIELD_BOOLEAN, AT(struct list_output, is_truncated)},
    FIELDS_END,
};

/* The marker is the last id of the page before. */
static enum status list_keys(struct request *request, struct step *step, const void *input,
                             void *output)
{
    const struct list_input *in = input;
    struct list_output *out = output;
    const struct kms_scope scope = kms_scope_of(request);
    int64_t limit = in->limit.is_set ? in->limit.value : PAGE_DEFAULT;
    uint8_t id[16];

    if (limit < 1 || limit > PAGE_MAX) {
        return request_fail(request, &kms_validation, "Limit must be between 1 and %d.",
                            PAGE_MAX);
    }
    if (in->marker.len > 0 && !uuid_parse(in->marker, id)) {
        return request_fail(request, &kms_invalid_marker, "The marker is not valid.");
    }
    struct list_item *items = arena_array(request->arena, (size_t)limit, sizeof *items);
    const struct kms_key *key = kms_key_after(kms_of(step), &scope, in->marker);
    size_t count = 0;

    for (; key != NULL && count < (size_t)limit;
         key = kms_key_after(kms_of(step), &scope, text_from(key->name))) {
        items[count++] = (struct list_item){arena_copy(request->arena, text_from(key->name)),
                                            arena_copy(request->arena, key->arn)};
    }
    out->keys = (struct struct_list){items, count, true};
    out->is_truncated = (struct optional_boolean){true, key != NULL};
    if (key != NULL) {
        out->marker = items[count - 1].id;
    }
    return STATUS_OK;
}

#define KEY_OPERATION(fields_, handle_) \
    .handle = (handle_), .input = (fields_), .input_size = sizeof(struct key_input)

const struct operation kms_key_operations[] = {
    {.name = "CreateKey",
     .permission = "kms:CreateKey",
     .handle = create_key,
     .input = create_key_input_fields,
     .input_size = sizeof(struct create_key_input),
     .output = metadata_output_fields,
     .output_size = sizeof(struct metadata_output)},
    {.name = "DescribeKey",
     .permission = "kms:DescribeKey",
     KEY_OPERATION(key_input_fields, describe_key),
     .output = metadata_output_fields,
     .output_size = sizeof(struct metadata_output)},
    {.name = "EnableKey",
     .permission = "kms:EnableKey",
     KEY_OPERATION(key_input_fields, enable_key)},
    {.name = "DisableKey",
     .permission = "kms:DisableKey",
     KEY_OPERATION(key_input_fields, disable_key)},
    {.name = "ScheduleKeyDeletion",
     .permission = "kms:ScheduleKeyDeletion",
     KEY_OPERATION(schedule_input_fields, schedule_key_deletion),
     .output = deletion_output_fields,
     .output_size = sizeof(struct deletion_output)},
    {.name = "CancelKeyDeletion",
     .permission = "kms:CancelKeyDeletion",
     KEY_OPERATION(key_input_fields, cancel_key_deletion),
     .output = deletion_output_fields,
     .output_size = sizeof(struct deletion_output)},
    {.name = "GetKeyPolicy",
     .permission = "kms:GetKeyPolicy",
     KEY_OPERATION(get_policy_input_fields, get_key_policy),
     .output = policy_output_fields,
     .output_size = sizeof(struct policy_output),
     .only_reads = true},
    {.name = "PutKeyPolicy",
     .permission = "kms:PutKeyPolicy",
     KEY_OPERATION(put_policy_input_fields, put_key_policy)},
    {.name = "UpdateKeyDescription",
     .permission = "kms:UpdateKeyDescription",
     KEY_OPERATION(describe_input_fields, update_key_description)},
    {.name = "ListKeys",
     .permission = "kms:ListKeys",
     .handle = list_keys,
     .input = list_input_fields,
     .input_size = sizeof(struct list_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output),
     .only_reads = true},
    OPERATIONS_END,
};
