/* One line per decision on standard error: `time level event key=value ...`, ids first. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/text.h"

enum log_level {
    LOG_ERROR, /* someone must act */
    LOG_WARN,  /* a capability is lost or at risk */
    LOG_INFO,  /* the state changed */
    LOG_DEBUG
};

void log_set_level(enum log_level level); /* default LOG_INFO */
bool log_wants(enum log_level level);
/* `event` is a snake_case word; the rest is "key=value key=\"quoted value\"" by printf.
 * Control bytes, and what is not UTF-8, are written as \xNN, so that nobody can forge a line;
 * more than 4 KiB are cut.  Thread-safe. */
PRINTF_LIKE(3, 4)
void log_line(enum log_level level, const char *event, const char *format, ...);
PRINTF_LIKE(2, 3) void log_error(const char *event, const char *format, ...);
PRINTF_LIKE(2, 3) void log_warn(const char *event, const char *format, ...);
PRINTF_LIKE(2, 3) void log_info(const char *event, const char *format, ...);
PRINTF_LIKE(2, 3) void log_debug(const char *event, const char *format, ...);

#endif
