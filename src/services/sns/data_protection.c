/* GetDataProtectionPolicy and PutDataProtectionPolicy: kept with the topic. */
#include "base/json.h"
#include "services/sns/internal.h"

struct data_protection {
    struct text arn;
    struct text policy;
};

static const struct field get_input_fields[] = {
    {.name = "ResourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct data_protection, arn)},
    FIELDS_END,
};

static const struct field put_input_fields[] = {
    {.name = "ResourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct data_protection, arn)},
    {.name = "DataProtectionPolicy",
     .type = FIELD_STRING,
     .required = true,
     AT(struct data_protection, policy)},
    FIELDS_END,
};

static const struct field get_output_fields[] = {
    {.name = "DataProtectionPolicy", .type = FIELD_STRING, AT(struct data_protection, policy)},
    FIELDS_END,
};

static enum status get_data_protection_policy(struct request *request, struct step *step,
                                              const void *input, void *output)
{
    const struct data_protection *in = input;
    struct data_protection *out = output;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->arn, "ResourceArn", &topic);

    if (status == STATUS_OK) {
        out->policy = topic_attribute(topic, T(DATA_PROTECTION));
    }
    return status;
}

static enum status put_data_protection_policy(struct request *request, struct step *step,
                                              const void *input, void *output)
{
    const struct data_protection *in = input;
    struct topic *topic = NULL;
    struct attribute_set set;
    enum status status = sns_topic(request, step, in->arn, "ResourceArn", &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    if (in->policy.len > POLICY_MAX || (in->policy.len > 0 && !json_is_valid(in->policy))) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: DataProtectionPolicy Reason: must be JSON of "
                            "at most %d characters",
                            POLICY_MAX);
    }
    topic_set_open(request, topic, &set);
    if (in->policy.len > 0) {
        attribute_set_put(&set, T(DATA_PROTECTION), in->policy);
    } else {
        attribute_set_remove(&set, T(DATA_PROTECTION));
    }
    topic_set_store(step, topic, &set);
    return STATUS_OK;
}

const struct operation sns_data_protection_operations[] = {
    {.name = "GetDataProtectionPolicy",
     .permission = "sns:GetDataProtectionPolicy",
     .only_reads = true,
     .handle = get_data_protection_policy,
     .input = get_input_fields,
     .input_size = sizeof(struct data_protection),
     .output = get_output_fields,
     .output_size = sizeof(struct data_protection)},
    {.name = "PutDataProtectionPolicy",
     .permission = "sns:PutDataProtectionPolicy",
     .handle = put_data_protection_policy,
     .input = put_input_fields,
     .input_size = sizeof(struct data_protection)},
    OPERATIONS_END,
};
