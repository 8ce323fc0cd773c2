/* Errors that no service owns, and how one is recorded. */
#include "api/internal.h"

#include <stdarg.h>

const struct error_kind error_invalid_action = {.type = "UnknownOperationException",
                                                .query = "InvalidAction",
                                                .http_status = 400,
                                                .is_generic = true};
const struct error_kind error_missing_parameter = {.type = "MissingRequiredParameterException",
                                                   .query = "MissingParameter",
                                                   .http_status = 400,
                                                   .is_generic = true};
const struct error_kind error_malformed = {.type = "SerializationException",
                                           .query = "MalformedInput",
                                           .http_status = 400,
                                           .is_generic = true};
const struct error_kind error_internal = {.type = "InternalFailure",
                                          .query = "InternalError",
                                          .http_status = 500,
                                          .is_receiver = true,
                                          .is_generic = true};
const struct error_kind error_unavailable = {.type = "ServiceUnavailableException",
                                             .query = "ServiceUnavailable",
                                             .http_status = 503,
                                             .is_receiver = true,
                                             .is_generic = true};

/* Errors quote what was sent, headers too, which may be any bytes. */
static struct text message_clean(struct arena *arena, struct text message)
{
    if (text_is_utf8(message)) {
        return message;
    }
    char *clean = arena_take(arena, message.len + 1);

    for (size_t i = 0; i < message.len; i++) {
        bool is_ascii = (message.at[i] & 0x80) == 0;

        clean[i] = '?';
        if (is_ascii) {
            clean[i] = message.at[i];
        }
    }
    return text_make(clean, message.len);
}

enum status request_fail(struct request *request, const struct error_kind *kind,
                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    request->error = kind;
    request->message =
        message_clean(request->arena, arena_vprintf(request->arena, format, arguments));
    va_end(arguments);
    return STATUS_INVALID;
}
