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
    NULL,
};

static const char *const unserved[] = {
    "CheckIfPhoneNumberIsOptedOut",
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "GetSMSAttributes",
    "GetSMSSandboxAccountStatus",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPhoneNumbersOptedOut",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "OptInPhoneNumber",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "SetSMSAttributes",
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
