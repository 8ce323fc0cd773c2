/* AWS KMS, as much of it as encryption at rest needs. */
#ifndef SERVICES_KMS_KMS_H
#define SERVICES_KMS_KMS_H

#include "api/api.h"

extern const struct service kms_service;

#endif
