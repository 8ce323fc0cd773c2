/* Chance, replaceable: the daemon draws from the kernel, the simulator from a seed. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/text.h"

struct random {
    void (*fill)(struct random *random, void *at, size_t len);
};

uint64_t random_u64(struct random *random);
/* 0 <= result < bound; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* The kernel's generator, buffered; not thread-safe: one per thread.  Free with memory_free. */
struct random *random_system(void);
/* Repeatable from `seed`; not for secrets.  Free with memory_free. */
struct random *random_seeded(uint64_t seed);

#endif
