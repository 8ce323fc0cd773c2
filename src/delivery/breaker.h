/* A circuit breaker: when an endpoint fails at nearly everything, its deliveries wait and one
 * at a time asks whether it is back.  Pure: time and chance come in. */
#ifndef DELIVERY_BREAKER_H
#define DELIVERY_BREAKER_H

#include "base/text.h"

enum breaker_state {
    BREAKER_CLOSED,
    BREAKER_TRIAL,  /* closed a moment ago: few failures open it again */
    BREAKER_OPEN,   /* nothing starts before probe_ms */
    BREAKER_PROBING /* one delivery is under way to find out */
};

/* Zeroed: closed. */
struct breaker {
    enum breaker_state state;
    uint32_t attempts[2];  /* in this half of the window, and in the one before */
    uint32_t failures[2];  /* of these */
    uint64_t different[2]; /* a bit, by its number, for each message that failed */
    int64_t half_ms;       /* when this half began */
    int64_t opened_ms;
    int64_t probe_ms;    /* open: when the next probe may start */
    uint32_t probes;     /* that failed, since it worked for some time */
    uint32_t min_before; /* attempts before which it stays closed; 0: it never opens */
};

/* How an attempt ended. */
struct breaker_outcome {
    int64_t now_ms;
    uint64_t message;
    bool has_failed; /* in a way that says something of the endpoint: not a 4xx */
    bool was_probe;
    int64_t retry_after_ms; /* what the endpoint asked for */
    uint64_t chance;        /* 64 random bits */
};

enum breaker_change {
    BREAKER_STAYS,
    BREAKER_OPENED,
    BREAKER_CLOSED_AGAIN
};

/* Opens when 7 of 10 attempts of the last minutes failed, provided that they were at least
 * min_before, of several messages: a few messages are tried as their policy says, whatever
 * becomes of them.  Open, it stays so until a probe works; probes come after 5 s, 10 s, ... 5
 * minutes, a quarter more or less, so that endpoints that heal together are not asked together.
 */
enum breaker_change breaker_count(struct breaker *breaker,
                                  const struct breaker_outcome *outcome);
/* When an attempt may start: 0 (now), a time, or INT64_MAX (not before the probe has ended). */
int64_t breaker_next_ms(const struct breaker *breaker);
/* An attempt starts; true: it is the probe. */
bool breaker_start(struct breaker *breaker);
/* The probe ended without having asked the endpoint. */
void breaker_unasked(struct breaker *breaker);
bool breaker_is_open(const struct breaker *breaker);
/* How long a delivery that was due at `due_ms` has been waiting for it; 0: it is closed. */
int64_t breaker_parked_ms(const struct breaker *breaker, int64_t due_ms, int64_t now_ms);
/* It knows nothing that a new one would not: it may be forgotten. */
bool breaker_is_rested(const struct breaker *breaker, int64_t now_ms);
/* Attempts that failed, and all of them, of the window. */
void breaker_figures(const struct breaker *breaker, uint32_t *ret_failures,
                     uint32_t *ret_attempts);

#endif
