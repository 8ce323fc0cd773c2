/* The virtual scheduling algorithm: one number, the time until which all is paid for. */
#include "delivery/rate.h"

#include "base/mutants.h"

#define NS_PER_MS     INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)

static int64_t price_ns(uint32_t per_second)
{
    int64_t price = NS_PER_SECOND / per_second;

    return price > 0 ? price : 1;
}

/* How far ahead of the clock the paid time may be before one more starts. */
static int64_t credit_ns(uint32_t per_second)
{
    uint32_t burst = per_second / 10;

    return burst > 1 ? (burst - 1) * price_ns(per_second) : 0;
}

uint32_t rate_room(const struct rate *rate, uint32_t per_second, int64_t now_ms)
{
    int64_t ahead_ns = rate->paid_ns - now_ms * NS_PER_MS;
    int64_t left_ns = credit_ns(per_second) - (ahead_ns > 0 ? ahead_ns : 0);

    if (mutant("delivery.rate-ignored")) {
        return UINT32_MAX;
    }
    return left_ns < 0 ? 0 : (uint32_t)(left_ns / price_ns(per_second)) + 1;
}

int64_t rate_next_ms(const struct rate *rate, uint32_t per_second, int64_t now_ms)
{
    if (rate_room(rate, per_second, now_ms) > 0) {
        return now_ms;
    }
    return (rate->paid_ns - credit_ns(per_second) + NS_PER_MS - 1) / NS_PER_MS;
}

void rate_take(struct rate *rate, uint32_t per_second, int64_t now_ms)
{
    int64_t now_ns = now_ms * NS_PER_MS;

    rate->paid_ns = (rate->paid_ns > now_ns ? rate->paid_ns : now_ns) + price_ns(per_second);
}

bool rate_is_rested(const struct rate *rate, int64_t now_ms)
{
    return rate->paid_ns <= now_ms * NS_PER_MS;
}
