/* When to try again.  Pure arithmetic: no clock, no store, no memory. */
#ifndef DELIVERY_RETRY_POLICY_H
#define DELIVERY_RETRY_POLICY_H

#include "base/text.h"

enum backoff {
    BACKOFF_LINEAR,
    BACKOFF_ARITHMETIC,
    BACKOFF_GEOMETRIC,
    BACKOFF_EXPONENTIAL
};

/* AWS's four phases (sns-delivery.md section 6); delays in milliseconds. */
struct retry_policy {
    uint32_t immediate;    /* numNoDelayRetries */
    uint32_t pre_backoff;  /* numMinDelayRetries, at min_delay_ms */
    uint32_t backoff;      /* from min_delay_ms to max_delay_ms */
    uint32_t post_backoff; /* numMaxDelayRetries, at max_delay_ms */
    int64_t min_delay_ms;
    int64_t max_delay_ms;
    enum backoff function;
    const int64_t *schedule; /* when not NULL: these delays instead of the phases */
    uint32_t schedule_count;
};

#define RETRY_NEVER (-1)

/* AWS's default for HTTP/S: three retries, 20 s apart. */
extern const struct retry_policy retry_policy_http;
/* For AWS-managed endpoints (SQS, Lambda, Firehose): 100,015 attempts over 23 days. */
extern const struct retry_policy retry_policy_managed;
/* For mail, SMS and mobile push: 50 attempts over 6 hours. */
extern const struct retry_policy retry_policy_messaging;

/* Delay in milliseconds before retry number `retry` (the first is 1), or RETRY_NEVER when the
 * policy is exhausted.  Without jitter. */
int64_t retry_delay(const struct retry_policy *policy, uint32_t retry);
/* `delay_ms` moved by up to a tenth either way; `chance` is 64 random bits. */
int64_t retry_jitter(int64_t delay_ms, uint64_t chance);

/* Reads a subscription's DeliveryPolicy (JSON; empty text: the default) into *ret_policy.
 * false with *ret_reason (static text) when it breaks AWS's rules. */
MUST_CHECK bool retry_policy_parse(struct text json, struct retry_policy *ret_policy,
                                   const char **ret_reason);

#endif
