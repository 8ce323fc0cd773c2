/* Dates as AWS writes them. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include "base/text.h"

#define TIMESTAMP_SIZE 25 /* "2012-05-02T00:54:06.655Z" and NUL */

/* UTC with milliseconds; years beyond 0000 to 9999 become the nearest of those. */
void timestamp_format(int64_t time_ms, char ret_text[TIMESTAMP_SIZE]);
/* Accepts what timestamp_format writes, without or with 1-3 fraction digits. */
MUST_CHECK bool timestamp_parse(struct text text, int64_t *ret_time_ms);

#endif
