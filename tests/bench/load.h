/* A client that keeps an HTTP/1.1 server busy over loopback: connections that are kept alive,
 * one request of each under way, one thread, epoll.  What is asked is the caller's. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include "base/buffer.h"

#define LOAD_KINDS_MAX 8
#define LOAD_OVER      (-1)

struct load_answer {
    int status; /* of HTTP */
    struct text body;
};

/* A connection does one round after the other; a round is one request or several, each made
 * of the answer to the one before. */
struct load {
    uint16_t port;
    uint32_t connections;
    double rounds_per_s; /* begun at this pace; 0: as soon as the last one is over */
    uint64_t rounds_max; /* 0: only the time counts */
    double seconds;      /* in which rounds begin */
    /* Writes the connection's next request into the (empty) buffer and says of which kind it
     * is, below LOAD_KINDS_MAX; LOAD_OVER ends the round.  `answer` is NULL at a round's begin,
     * and then LOAD_OVER means that there is nothing left to do at all. */
    int (*next)(void *context, uint32_t connection, int kind, const struct load_answer *answer,
                struct buffer *request);
    void *context;
};

/* Microseconds from when a request was due (the first of a round, when there is a pace) or
 * sent to the last byte of its answer. */
struct load_latencies {
    uint32_t *at_us; /* sorted */
    size_t count, room;
};

struct load_result {
    uint64_t rounds;
    double seconds; /* from the first request to the last answer */
    struct load_latencies kinds[LOAD_KINDS_MAX];
};

/* Ends the program when the server is not there or does not speak HTTP. */
void load_run(const struct load *load, struct load_result *ret_result);
void load_result_free(struct load_result *result);
/* 0 when there are none; `share` from 0 to 1. */
double load_percentile_ms(const struct load_latencies *latencies, double share);

#endif
