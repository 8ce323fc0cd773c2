/* Amazon SNS as a table of operations. */
#include "services/sns/sns.h"

#include "services/sns/internal.h"

static const struct operation *const families[] = {
    sns_publish_operations,
    sns_topic_operations,
    sns_topic_attribute_operations,
    sns_subscribe_operations,
    sns_confirm_operations,
    sns_subscription_attribute_operations,
    sns_subscription_list_operations,
    sns_permission_operations,
    sns_tag_operations,
    sns_data_protection_operations,
    sns_sms_operations,
    NULL,
};

static const char *const unserved[] = {
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "VerifySMSSandboxPhoneNumber",
    NULL,
};

const struct service sns_service = {
    .name = "sns",
    .version = "2010-03-31",
    .xml_namespace = "http://sns.amazonaws.com/doc/2010-03-31/",
    .families = families,
    .unserved = unserved,
    .missing = sns_missing,
};
