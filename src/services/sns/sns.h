/* Amazon SNS as a table of operations. */
#ifndef SERVICES_SNS_SNS_H
#define SERVICES_SNS_SNS_H

#include "api/api.h"

extern const struct service sns_service;

#endif
