/* The key layout: a table letter, then big-endian numbers, so that byte order is number order.
 * To change a layout: raise STORE_FORMAT, keep reading the old form in upgrade, add the case.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "store/batch.h"

#define STORE_FORMAT 1

enum table {
    TABLE_META = 'm',            /* name -> value (format, counters, secrets) */
    TABLE_TOPIC = 't',           /* topic -> topic record */
    TABLE_SUBSCRIPTION = 's',    /* topic, subscription -> subscription record */
    TABLE_SUBSCRIPTION_ID = 'u', /* uuid (16 bytes) -> topic, subscription */
    TABLE_SUBSCRIPTION_ENDPOINT =
        'e',                /* topic, hash of protocol and endpoint -> subscription */
    TABLE_TOKEN = 'k',      /* token (16 bytes) -> topic, subscription, expiry, ... */
    TABLE_BODY = 'b',       /* message -> message record */
    TABLE_REFERENCES = 'r', /* message -> count; absent means one, 0 history only */
    TABLE_OWED = 'o',       /* message, chunk -> subscription numbers, delta-coded */
    TABLE_CURSOR = 'c',     /* message -> how far its owed list is settled */
    TABLE_LANE = 'l',       /* subscription, due, message -> retry record */
    TABLE_QUEUE = 'q',      /* queue -> queue record */
    TABLE_READY = 'd',      /* queue store, sequence, 0 -> entry; sequence, 1 -> its state */
    TABLE_DELAYED = 'y',    /* queue store, visible at, sequence -> nothing */
    TABLE_COUNTS = 'n',     /* queue store -> counters */
    TABLE_GARBAGE = 'g',    /* what is being reclaimed in bounded batches */
    TABLE_SIGNING = 'x',    /* name -> key and certificate */
    TABLE_EXPIRY = 'z',     /* queue store, sent at, sequence -> nothing: of moved messages */
    TABLE_DEDUPLICATION = 'f',   /* queue, sequence -> what a FIFO queue took from there on */
    TABLE_TOPIC_DUPLICATE = 'i', /* topic, hash of a deduplication id -> what it was answered */
    TABLE_QUEUE_MOVE = 'v',      /* queue, sequence -> message move task */
    TABLE_ATTEMPT = 'a',         /* number of the first -> attempts that one batch ended */
    TABLE_REPLAY = 'p',          /* number -> replay of the history to a subscription */
    TABLE_QUEUE_GARBAGE = 'w',   /* queue store -> queue, when it is gone too */
    TABLE_DATA_KEY = 'K',        /* number -> whose content it seals, and the wrapped key */
    TABLE_KMS_KEY = 'M',         /* id (16 bytes) -> a user's key, wrapped, and its aliases */
    TABLE_DAMAGED = 'D'          /* a key, or its digest -> what was set aside, when and why */
};

struct key key_name(enum table table, struct text name); /* name: at most 38 bytes */
struct key key_table(enum table table);                  /* the first possible key */
struct key key_u32(enum table table, uint32_t a);
struct key key_u64(enum table table, uint64_t a);
struct key key_u32_u32(enum table table, uint32_t a, uint32_t b);
struct key key_u32_u64(enum table table, uint32_t a, uint64_t b);
struct key key_u64_u32(enum table table, uint64_t a, uint32_t b);
struct key key_u32_u64_u8(enum table table, uint32_t a, uint64_t b, uint8_t c);
struct key key_u32_u64_u64(enum table table, uint32_t a, uint64_t b, uint64_t c);
/* The first key behind every key that starts with `prefix`'s bytes. */
struct key key_after_prefix(const struct key *prefix);
/* The first key behind that one. */
struct key key_next(const struct key *key);
/* Numbers back out of a key, from byte `at` (the table letter is byte 0). */
uint32_t key_get_u32(const struct key *key, size_t at);
uint64_t key_get_u64(const struct key *key, size_t at);

#endif
