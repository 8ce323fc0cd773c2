/* So many a second, on average: a bucket of a tenth of a second's worth, at least one.  Pure.
 */
#ifndef DELIVERY_RATE_H
#define DELIVERY_RATE_H

#include "base/text.h"

/* Zeroed: full. */
struct rate {
    int64_t paid_ns; /* what was started is paid for until then */
};

/* How many may start at `now_ms`; per_second > 0. */
uint32_t rate_room(const struct rate *rate, uint32_t per_second, int64_t now_ms);
/* When the next may start; not after `now_ms` when there is room. */
int64_t rate_next_ms(const struct rate *rate, uint32_t per_second, int64_t now_ms);
/* One starts, whether there was room or not. */
void rate_take(struct rate *rate, uint32_t per_second, int64_t now_ms);
bool rate_is_rested(const struct rate *rate, int64_t now_ms);

#endif
