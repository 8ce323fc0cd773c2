/* One line per decision on standard error. */
#include "base/log.h"

#include "base/clock.h"
#include "base/timestamp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    DETAIL_MAX = 4096,                   /* of what the caller says; longer is cut */
    LINE_MAX = 256 + DETAIL_MAX * 4 + 1, /* every byte may become \xNN */
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};
static const char cut_mark[] = "...";
static atomic_uint log_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
    return (unsigned)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* C0 and DEL; C1 controls are two bytes in UTF-8, 0xc2 and 0x80 to 0x9f. */
static bool is_control(const char *at)
{
    uint8_t byte = (uint8_t)at[0];

    return byte < 0x20 || byte == 0x7f || (byte == 0xc2 && ((uint8_t)at[1] & 0xe0) == 0x80);
}

/* `detail` ends with NUL; gives the end of what was written. */
static char *detail_write(char *to, const char *detail)
{
    static const char hex_digits[] = "0123456789abcdef";

    for (; *detail != '\0'; detail++) {
        if (!is_control(detail)) {
            *to++ = *detail;
            continue;
        }
        *to++ = '\\';
        *to++ = 'x';
        *to++ = hex_digits[(uint8_t)*detail >> 4];
        *to++ = hex_digits[(uint8_t)*detail & 0x0f];
    }
    return to;
}

/* In one write, so that lines of several threads do not mix. */
static void line_write(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t written = write(STDERR_FILENO, line, len);

        if (written < 0 && errno != EINTR) {
            return; /* there is no other place to say so */
        }
        if (written > 0) {
            line += written;
            len -= (size_t)written;
        }
    }
}

PRINTF_LIKE(3, 0)

static void log_arguments(enum log_level level, const char *event, const char *format,
                          va_list arguments)
{
    char time[TIMESTAMP_SIZE];
    char detail[DETAIL_MAX];
    char line[LINE_MAX];
    char *end = line;
    int saved_errno = errno;
    int len = vsnprintf(detail, sizeof(detail), format, arguments);

    if (len < 0) {
        detail[0] = '\0';
    } else if ((size_t)len >= sizeof(detail)) {
        memcpy(detail + sizeof(detail) - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
    }
    timestamp_format(clock_now_ms(), time);
    len = snprintf(line, 256, "%s %s %.128s ", time, level_names[level], event);
    end += len < 0 ? 0 : len;
    end = detail_write(end, detail);
    end -= end[-1] == ' ' ? 1 : 0;
    *end++ = '\n';
    line_write(line, (size_t)(end - line));
    errno = saved_errno;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    va_list arguments;

    if (log_wants(level)) {
        va_start(arguments, format);
        log_arguments(level, event, format, arguments);
        va_end(arguments);
    }
}

void log_error(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_arguments(LOG_ERROR, event, format, arguments);
    va_end(arguments);
}

void log_warn(const char *event, const char *format, ...)
{
    va_list arguments;

    if (log_wants(LOG_WARN)) {
        va_start(arguments, format);
        log_arguments(LOG_WARN, event, format, arguments);
        va_end(arguments);
    }
}

void log_info(const char *event, const char *format, ...)
{
    va_list arguments;

    if (log_wants(LOG_INFO)) {
        va_start(arguments, format);
        log_arguments(LOG_INFO, event, format, arguments);
        va_end(arguments);
    }
}

void log_debug(const char *event, const char *format, ...)
{
    va_list arguments;

    if (log_wants(LOG_DEBUG)) {
        va_start(arguments, format);
        log_arguments(LOG_DEBUG, event, format, arguments);
        va_end(arguments);
    }
}
