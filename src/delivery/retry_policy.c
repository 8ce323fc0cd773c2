/* When to try again: AWS's four phases as arithmetic. */
#include "delivery/retry_policy.h"

#include "base/must.h"
#include "base/mutants.h"

#include <math.h>

const struct retry_policy retry_policy_http = {
    .backoff = 3,
    .min_delay_ms = 20000,
    .max_delay_ms = 20000,
    .function = BACKOFF_LINEAR,
};

const struct retry_policy retry_policy_managed = {
    .immediate = 3,
    .pre_backoff = 2,
    .backoff = 10,
    .post_backoff = 100000,
    .min_delay_ms = 1000,
    .max_delay_ms = 20000,
    .function = BACKOFF_EXPONENTIAL,
};

const struct retry_policy retry_policy_messaging = {
    .pre_backoff = 2,
    .backoff = 10,
    .post_backoff = 38,
    .min_delay_ms = 10000,
    .max_delay_ms = 600000,
    .function = BACKOFF_EXPONENTIAL,
};

/* How far from min (0) to max (1) step i of n is; AWS publishes only a graph, so the formulas
 * are ours and only the ends and the order of the curves are AWS's. */
static double backoff_share(const struct retry_policy *policy, uint32_t i, uint32_t n)
{
    double position = (double)i / (double)(n - 1);
    double ratio = (double)policy->max_delay_ms / (double)policy->min_delay_ms;

    switch (policy->function) {
    case BACKOFF_LINEAR: return position;
    case BACKOFF_ARITHMETIC: return (double)i * (i + 1.0) / ((n - 1.0) * n);
    case BACKOFF_GEOMETRIC:
        return ratio <= 1.0 ? position : (pow(ratio, position) - 1.0) / (ratio - 1.0);
    case BACKOFF_EXPONENTIAL: break;
    }
    return (exp2(i) - 1.0) / (exp2(n - 1.0) - 1.0);
}

static int64_t backoff_delay(const struct retry_policy *policy, uint32_t i)
{
    int64_t range = policy->max_delay_ms - policy->min_delay_ms;

    if (range == 0 || policy->backoff == 1) {
        return policy->min_delay_ms;
    }
    return policy->min_delay_ms
           + (int64_t)llround((double)range * backoff_share(policy, i, policy->backoff));
}

int64_t retry_delay(const struct retry_policy *policy, uint32_t retry)
{
    must(retry > 0);
    if (policy->schedule_count > 0) {
        return retry <= policy->schedule_count ? policy->schedule[retry - 1] : RETRY_NEVER;
    }
    if (retry <= policy->immediate) {
        return 0;
    }
    retry -= policy->immediate;
    if (retry + mutant("delivery.pre-backoff-short") <= policy->pre_backoff) {
        return policy->min_delay_ms;
    }
    retry -= policy->pre_backoff;
    if (retry <= policy->backoff) {
        return backoff_delay(policy, retry - 1);
    }
    retry -= policy->backoff;
    return retry <= policy->post_backoff + mutant("delivery.one-retry-more")
               ? policy->max_delay_ms
               : RETRY_NEVER;
}

int64_t retry_jitter(int64_t delay_ms, uint64_t chance)
{
    int64_t tenth = delay_ms / 10;

    if (tenth <= 0) {
        return delay_ms;
    }
    return delay_ms - tenth + (int64_t)(chance % (uint64_t)(2 * tenth + 1));
}
