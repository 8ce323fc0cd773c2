/* The service's description for the API. */
#include "services/kms/kms.h"

#include "services/kms/internal.h"

static const struct operation *const families[] = {
    kms_key_operations,
    kms_alias_operations,
    kms_cipher_operations,
    NULL,
};

static const char *const unserved[] = {
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "CreateGrant",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKeyRotation",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListResourceTags",
    "ListRetirableGrants",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "Sign",
    "UpdateCustomKeyStore",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
    NULL,
};

const struct service kms_service = {
    .name = "kms",
    .version = "2014-11-01",
    .xml_namespace = "https://trent.amazonaws.com/doc/2014-11-01/",
    .target_prefix = "TrentService",
    .json_type_prefix = "",
    .speaks_json_1_1 = true,
    .families = families,
    .unserved = unserved,
    .missing = kms_missing,
};
