/* One engine in one directory, and short ways to fill and read it. */
#ifndef TESTS_CONFORMANCE_TRIAL_H
#define TESTS_CONFORMANCE_TRIAL_H

#include "store/engine.h"

/* Ends the program with a message when `claim` does not hold. */
#define CHECK(claim) ((claim) ? (void)0 : trial_fail(__FILE__, __LINE__, __func__, #claim))

/* A small store: the log engine then has 1 MiB segments, and uses them all. */

#define SMALL_BYTES ((uint64_t)16 << 20)

struct trial {
    const struct engine *engine;
    const char *location;
    uint64_t map_bytes;
    void *self;
    bool survives; /* what was committed is there after a restart */
};

_Noreturn void trial_fail(const char *file, int line, const char *function, const char *claim);
void trial_open(struct trial *trial);
void trial_close(struct trial *trial);
void trial_reopen(struct trial *trial); /* nothing when it does not survive */

/* A batch whose keys live in `keys`. */
struct filling {
    struct batch *batch;
    struct key keys[512];
};

void filling_begin(struct filling *filling);
void filling_put(struct filling *filling, struct text key, struct text value);
void filling_delete(struct filling *filling, struct text key);
/* Commits and frees it; must succeed. */
void filling_commit(struct filling *filling, struct trial *trial);
enum status filling_try(struct filling *filling, struct trial *trial, bool *ret_fatal);

void trial_put(struct trial *trial, const char *key, const char *value);
/* "key=value key=value " of the range, in the order of the scan. */
const char *trial_list(struct trial *trial, const char *from, const char *to, bool reverse);
/* The value of one key into `ret_value`; false when there is none. */
bool trial_get(struct trial *trial, struct text key, struct text *ret_value, char *room,
               size_t size);

#endif
