/* A hash table of pool numbers: buckets of one cache line with a byte of the hash per entry, so
 * that a look-up touches one line and then, nearly always, only what it looks for. */
#ifndef FILTERS_INDEX_TABLE_H
#define FILTERS_INDEX_TABLE_H

#include "index/pool.h"

#define TABLE_SLOTS 12u

struct table_bucket {
    uint8_t tags[TABLE_SLOTS]; /* 0: no entry */
    uint32_t passed;           /* entries that belong here but had to go on to the next */
    uint32_t entries[TABLE_SLOTS];
};

struct table {
    struct account *account;
    const struct pool *pool; /* what the entries are numbers of */
    void *memory;
    struct table_bucket *buckets; /* in the memory, on a cache line */
    uint32_t bucket_count;
    uint32_t count;
};

/* The hash of an entry, for growing. */
typedef uint32_t table_hasher(const void *context, uint32_t entry);

/* Where a look-up stands. */
struct table_probe {
    uint32_t bucket;
    uint32_t left;  /* buckets yet to come */
    uint32_t found; /* bits of slots yet to be looked at */
    uint8_t tag;
};

void table_init(struct table *table, const struct pool *pool);
void table_free(struct table *table);
/* Room for one more entry; false when out of memory. */
bool table_reserve(struct table *table, table_hasher *hasher, const void *context);
/* After table_reserve. */
void table_put(struct table *table, uint32_t hash, uint32_t entry);
/* The entry must be there. */
void table_drop(struct table *table, uint32_t hash, uint32_t entry);
void table_replace(struct table *table, uint32_t hash, uint32_t entry, uint32_t with);
/* Gives memory back when few entries are left; does nothing when that needs memory there is
 * none of. */
void table_shrink(struct table *table, table_hasher *hasher, const void *context);
/* Candidates with this hash: the first and the next, 0 when there are no more. */
uint32_t table_first(const struct table *table, uint32_t hash, struct table_probe *probe);
uint32_t table_next(const struct table *table, struct table_probe *probe);

static inline uint32_t table_home(const struct table *table, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * table->bucket_count >> 32);
}

static inline void table_prefetch(const struct table *table, uint32_t hash)
{
    if (table->bucket_count > 0) {
        __builtin_prefetch(&table->buckets[table_home(table, hash)]);
    }
}

/* All entries: slots from 0 up to table_slots, some of them 0. */
static inline uint32_t table_slots(const struct table *table)
{
    return table->bucket_count * TABLE_SLOTS;
}

static inline uint32_t table_slot(const struct table *table, uint32_t slot)
{
    const struct table_bucket *bucket = &table->buckets[slot / TABLE_SLOTS];

    return bucket->tags[slot % TABLE_SLOTS] == 0 ? 0 : bucket->entries[slot % TABLE_SLOTS];
}

#endif
