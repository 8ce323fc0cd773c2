/* Inside step/: the data keys of a cell. */
#ifndef STEP_SEALS_H
#define STEP_SEALS_H

#include "step/records.h"

/* Opened keys at a time: 32 KiB of locked memory. */
#define OPEN_KEYS 1024

/* One data key.  Row: u8 format, u8 kind, u32 owner, i64 made, the wrapped key. */
struct data_key {
    struct map_node map;    /* in seals.keys, by number */
    struct list_node node;  /* in its owner's keys, oldest first */
    struct list_node stale; /* in seals.stale: an older master wrapped it */
    struct seal_owner *owner;
    uint8_t name[4]; /* the number, as the map's key */
    uint32_t number;
    int64_t made_ms;
    uint64_t used; /* nonces; of the current key of its owner */
    uint64_t last; /* no row that it sealed has a higher number; UINT64_MAX: not known,
                      it is in use */
    bool may_go;   /* it was out of use before the pass under way began */
    uint8_t wrapped[WRAPPED_SIZE];
};

struct seal_owner {
    struct map_node map;   /* in seals.owners */
    struct list_node node; /* in seals.ordered */
    uint8_t name[5];       /* kind and number, as the map's key */
    enum content_kind kind;
    uint32_t number;
    struct list keys;
    struct data_key *current; /* or NULL */
    uint32_t reuse_s;         /* of the current one, as last said */
};

struct seals {
    const struct masters *masters;
    enum seal_mode mode;
    struct sealer *sealer;
    struct key_room *room; /* opened keys: number n lies at n modulo OPEN_KEYS */
    uint32_t opened[OPEN_KEYS];
    struct map keys;
    struct map owners;
    struct list ordered; /* owners; a pass takes the first and puts it behind the others */
    struct list stale;
    struct seals_counters counters;
    /* The pass that drops what nothing needs (seals_pass.c). */
    struct timer pass_timer, rewrap_timer;
    struct hook hook;
    bool is_passing;
    size_t left; /* owners that the pass under way has not looked at */
};

struct text data_key_context(const struct data_key *key, uint8_t at[16]);
void data_key_put(struct step *step, const struct data_key *key);
/* It is used no more. */
void data_key_retire(struct step *step, struct seal_owner *owner);
/* A pass comes in a while, if there is none to come. */
void seals_pass_arm(struct step *step);
/* Out of everything, its opened form wiped. */
void data_key_free(struct seals *seals, struct data_key *key);
void seal_owner_free(struct seals *seals, struct seal_owner *owner);
/* The highest number that a row sealed now may have. */
uint64_t seal_owner_last(const struct step *step, const struct seal_owner *owner);

#endif
