/* Names of the ways a call may end, and writing the reason. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {
    [STATUS_OK] = "ok",         [STATUS_WAIT] = "wait",       [STATUS_NOT_FOUND] = "not_found",
    [STATUS_EXISTS] = "exists", [STATUS_INVALID] = "invalid", [STATUS_DENIED] = "denied",
    [STATUS_BUSY] = "busy",     [STATUS_FULL] = "full",       [STATUS_STORAGE] = "storage",
    [STATUS_FENCED] = "fenced",
};

const char *status_name(enum status status)
{
    return (size_t)status < countof(names) ? names[status] : "unknown";
}

enum status fail(struct why *why, enum status status, const char *format, ...)
{
    va_list arguments;

    if (why == NULL) {
        return status;
    }
    va_start(arguments, format);
    if (vsnprintf(why->text, sizeof(why->text), format, arguments) < 0) {
        why->text[0] = '\0';
    }
    va_end(arguments);
    return status;
}
