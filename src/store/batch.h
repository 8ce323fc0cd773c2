/* Changes that become durable together: puts and deletes of bytes, in order, all or none. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/blob.h"
#include "base/list.h"

#define KEY_MAX 40

/* A key by value: big-endian numbers behind a table letter, see store/keys.h. */
struct key {
    uint8_t len;
    uint8_t at[KEY_MAX - 1];
};

static inline struct text key_text(const struct key *key)
{
    return (struct text){.at = (const char *)key->at, .len = key->len};
}

struct batch_op {
    const struct key *key; /* borrowed: lives until the batch is freed */
    struct blob *value;    /* referenced; NULL deletes the key (absent is fine) */
    void *owner;           /* the caller's */
};

struct batch {
    uint64_t number; /* the caller's, increasing */
    struct batch_op *ops;
    size_t count;
    size_t room;
    size_t bytes;          /* keys and values */
    struct list hooks;     /* the caller's: what to run once it is durable */
    uint64_t retire_after; /* the caller's */
    struct list_node node; /* the store's while it has the batch, the caller's otherwise */
};

struct batch *batch_create(uint64_t number);
void batch_free(struct batch *batch); /* drops its references; NULL is fine; loop thread only */
/* Takes a reference to `value` (NULL to delete).  Returns the op's index. */
size_t batch_add(struct batch *batch, const struct key *key, struct blob *value, void *owner);
/* Replaces the value of an op that has been added. */
void batch_replace(struct batch *batch, size_t index, struct blob *value);

#endif
