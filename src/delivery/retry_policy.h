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

#define RETRY_SCHEDULE_MAX 50

/* AWS's four phases (sns-delivery.md section 6); delays in milliseconds. */
struct retry_policy {
    uint32_t immediate;    /* numNoDelayRetries */
    uint32_t pre_backoff;  /* numMinDelayRetries, at min_delay_ms */
    uint32_t backoff;      /* from min_delay_ms to max_delay_ms */
    uint32_t post_backoff; /* numMaxDelayRetries, at max_delay_ms */
    int64_t min_delay_ms;
    int64_t max_delay_ms;
    enum backoff function;
    uint32_t schedule_count; /* when not 0: the delays of `schedule` instead of the phases */
    int64_t schedule[RETRY_SCHEDULE_MAX];
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
/* What a topic's DeliveryPolicy and a subscription's own mean together (either may be empty):
 * the own one comes first unless the topic says disableSubscriptionOverrides; what cannot be
 * read says nothing. *ret_per_second: maxReceivesPerSecond, 0: none. */
void delivery_policy_join(struct text topic_json, struct text own_json,
                          struct retry_policy *ret_policy, uint32_t *ret_per_second);

/* Reads a retry schedule: "normal" (28 hours), "patient" (3 days), or delays like "5s,1m,2h"
 * (s, m, h, d; at most 50 of them, 30 days in all); "sns" or nothing leaves *io_policy as it
 * is. false with *ret_reason (static text) when it is none of these. */
MUST_CHECK bool retry_schedule_parse(struct text text, struct retry_policy *io_policy,
                                     const char **ret_reason);

#endif
