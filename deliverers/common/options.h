/* Options that more than one transport has, and what is logged of one that cannot be used. */
#ifndef DELIVERERS_COMMON_OPTIONS_H
#define DELIVERERS_COMMON_OPTIONS_H

#include "deliverers/deliverer.h"

/* Of host->log. */
#define LEVEL_ERROR 0
#define LEVEL_WARN  1
#define LEVEL_INFO  2

/* Logs what is wrong with the option.  Always false: return option_complain(...). */
bool option_complain(struct deliverer_host *host, const char *option, const char *why);
/* The first line of a file without its end, cut to `room` bytes with its NUL; false: it cannot
 * be read, or there is none, and `to` is "". */
bool option_first_line(const char *path, char *to, size_t room);
/* What the options "password" or, first, "password_file" give, cut to `room`; "" without them.
 * false: the file cannot be read, and that was logged. */
bool option_password(struct deliverer_host *host, char *to, size_t room);

#endif
