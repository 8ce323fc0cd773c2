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

static bool is_control(const char *at)
{
    return (uint8_t)*at < 0x20 || *at == 0x7f;
}

/* The controls U+0080 to U+009f, which terminals obey as well; `at` is inside valid UTF-8. */
static bool is_wide_control(const char *at)
{
    return (uint8_t)at[0] == 0xc2 && (uint8_t)at[1] < 0xa0;
}

static char *hex_write(char *to, char byte)
{
    static const char hex_digits[] = "0123456789abcdef";

    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex_digits[(uint8_t)byte >> 4];
    *to++ = hex_digits[(uint8_t)byte & 0x0f];
    return to;
}

/* Gives the end of what was written.  In text that is not UTF-8 no byte above ASCII can be
 * trusted, so that all of them are written in hex. */
static char *detail_write(char *to, struct text detail)
{
    bool is_utf8 = text_is_utf8(detail);

    for (size_t i = 0; i < detail.len; i++) {
        const char *at = detail.at + i;
        bool is_wide = (uint8_t)*at >= 0x80;

        if (is_wide && is_utf8 && is_wide_control(at)) {
            to = hex_write(to, *at);
            to = hex_write(to, detail.at[++i]);
        } else if (is_control(at) || (is_wide && !is_utf8)) {
            to = hex_write(to, *at);
        } else {
            *to++ = *at;
        }
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
    end = detail_write(end, text_from(detail));
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
