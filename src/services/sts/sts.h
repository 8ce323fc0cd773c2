/* STS, as much as SDK tools ask of it: who am I. */
#ifndef SERVICES_STS_STS_H
#define SERVICES_STS_STS_H

#include "api/api.h"

extern const struct service sts_service;

#endif
