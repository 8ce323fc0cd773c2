/* Amazon SQS as a table of operations. */
#ifndef SERVICES_SQS_SQS_H
#define SERVICES_SQS_SQS_H

#include "api/api.h"

extern const struct service sqs_service;

#endif
