/* The AWS services that are served: a folder each, found by CMake. */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include "api/api.h"

extern const struct service *const services_builtin[]; /* by name, NULL-terminated */

#endif
