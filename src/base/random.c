/* Chance from the kernel, drawn in blocks, or from a seed. */
#include "base/random.h"

#include "base/memory.h"

#include <sys/random.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SIZE = 1024
};

struct system_random {
    struct random random;
    size_t left; /* unused bytes, at the end of the block */
    uint8_t block[BLOCK_SIZE];
};

struct seeded_random {
    struct random random;
    uint64_t state;
};

static void kernel_fill(uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno != EINTR) {
            abort(); /* without chance there are no keys and no ids */
        }
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

static void system_fill(struct random *random, void *at, size_t len)
{
    struct system_random *self = container_of(random, struct system_random, random);
    uint8_t *to = at;

    while (len > 0) {
        if (self->left == 0) {
            kernel_fill(self->block, sizeof(self->block));
            self->left = sizeof(self->block);
        }
        size_t part = len < self->left ? len : self->left;
        uint8_t *from = self->block + sizeof(self->block) - self->left;

        memcpy(to, from, part);
        memset(from, 0, part); /* what was handed out is kept nowhere */
        self->left -= part;
        to += part;
        len -= part;
    }
}

/* The SplitMix64 sequence: a counter, well mixed. */
static uint64_t seeded_next(struct seeded_random *self)
{
    uint64_t mixed = self->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static void seeded_fill(struct random *random, void *at, size_t len)
{
    struct seeded_random *self = container_of(random, struct seeded_random, random);
    uint8_t *to = at;
    uint64_t drawn = 0;

    for (size_t i = 0; i < len; i++) {
        drawn = i % sizeof(drawn) == 0 ? seeded_next(self) : drawn >> 8;
        to[i] = (uint8_t)drawn;
    }
}

uint64_t random_u64(struct random *random)
{
    uint8_t bytes[8];
    uint64_t value = 0;

    random->fill(random, bytes, sizeof(bytes));
    for (size_t i = sizeof(bytes); i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    uint64_t uneven = (UINT64_MAX % bound + 1) % bound; /* values that would favour the low */
    uint64_t value;

    do {
        value = random_u64(random);
    } while (value < uneven);
    return value % bound;
}

struct random *random_system(void)
{
    struct system_random *self = memory_zero(sizeof(*self));

    self->random.fill = system_fill;
    return &self->random;
}

struct random *random_seeded(uint64_t seed)
{
    struct seeded_random *self = memory_zero(sizeof(*self));

    self->random.fill = seeded_fill;
    self->state = seed;
    return &self->random;
}
