/* Open addressing by buckets; a count per bucket of what went past it makes removal exact. */
#include "index/table.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

#define LINE 64u

/* How far ahead of the work entries are announced to the memory when a table grows. */
#define AHEAD 16u

static uint8_t tag_of(uint32_t hash)
{
    uint8_t tag = (uint8_t)hash;

    return tag == 0 ? 1 : tag;
}

/* Bits of the slots whose tag is `tag`. */
static inline uint32_t tags_equal(const struct table_bucket *bucket, uint8_t tag)
{
#ifdef __SSE2__
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket->tags);
    __m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));

    return (uint32_t)_mm_movemask_epi8(equal) & ((1u << TABLE_SLOTS) - 1);
#else
    uint32_t bits = 0;

    for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
        bits |= (uint32_t)(bucket->tags[i] == tag) << i;
    }
    return bits;
#endif
}

void table_init(struct table *table, const struct pool *pool)
{
    *table = (struct table){.account = pool->account, .pool = pool};
}

static size_t memory_size(uint32_t bucket_count)
{
    return (size_t)bucket_count * sizeof(struct table_bucket) + LINE;
}

void table_free(struct table *table)
{
    account_free(table->account, table->memory, memory_size(table->bucket_count));
    table_init(table, table->pool);
}

static inline uint32_t bucket_after(const struct table *table, uint32_t bucket)
{
    return bucket + 1 == table->bucket_count ? 0 : bucket + 1;
}

uint32_t table_next(const struct table *table, struct table_probe *probe)
{
    for (;;) {
        const struct table_bucket *bucket = &table->buckets[probe->bucket];

        if (probe->found != 0) {
            uint32_t slot = (uint32_t)__builtin_ctz(probe->found);

            probe->found &= probe->found - 1;
            return bucket->entries[slot];
        }
        /* In a small table every bucket may have been passed: once around is all. */
        if (bucket->passed == 0 || probe->left == 0) {
            return 0;
        }
        probe->left--;
        probe->bucket = bucket_after(table, probe->bucket);
        probe->found = tags_equal(&table->buckets[probe->bucket], probe->tag);
    }
}

uint32_t table_first(const struct table *table, uint32_t hash, struct table_probe *probe)
{
    *probe = (struct table_probe){.bucket = 0};
    if (table->bucket_count == 0) {
        return 0;
    }
    probe->bucket = table_home(table, hash);
    probe->left = table->bucket_count - 1;
    probe->tag = tag_of(hash);
    probe->found = tags_equal(&table->buckets[probe->bucket], probe->tag);
    return table_next(table, probe);
}

void table_put(struct table *table, uint32_t hash, uint32_t entry)
{
    uint32_t at = table_home(table, hash);

    for (;;) {
        struct table_bucket *bucket = &table->buckets[at];
        uint32_t empty = tags_equal(bucket, 0);

        if (empty != 0) {
            uint32_t slot = (uint32_t)__builtin_ctz(empty);

            bucket->tags[slot] = tag_of(hash);
            bucket->entries[slot] = entry;
            table->count++;
            return;
        }
        bucket->passed++;
        at = bucket_after(table, at);
    }
}

/* The bucket and slot of an entry that is there. */
static struct table_bucket *entry_find(const struct table *table, uint32_t hash, uint32_t entry,
                                       uint32_t *ret_slot)
{
    struct table_probe probe;
    uint32_t found = table_first(table, hash, &probe);

    while (found != entry) {
        found = table_next(table, &probe);
    }
    for (uint32_t slot = 0;; slot++) {
        struct table_bucket *bucket = &table->buckets[probe.bucket];

        if (bucket->tags[slot] == probe.tag && bucket->entries[slot] == entry) {
            *ret_slot = slot;
            return bucket;
        }
    }
}

void table_drop(struct table *table, uint32_t hash, uint32_t entry)
{
    uint32_t slot;
    struct table_bucket *bucket = entry_find(table, hash, entry, &slot);
    uint32_t at = table_home(table, hash);

    bucket->tags[slot] = 0;
    while (&table->buckets[at] != bucket) {
        table->buckets[at].passed--;
        at = bucket_after(table, at);
    }
    table->count--;
}

void table_replace(struct table *table, uint32_t hash, uint32_t entry, uint32_t with)
{
    uint32_t slot;

    entry_find(table, hash, entry, &slot)->entries[slot] = with;
}

static bool table_resize(struct table *table, uint32_t bucket_count, table_hasher *hasher,
                         const void *context)
{
    struct table old = *table;
    void *memory = account_zero(table->account, memory_size(bucket_count));

    if (memory == NULL) {
        return false;
    }
    account_advise(memory, memory_size(bucket_count));
    table->memory = memory;
    table->buckets =
        (struct table_bucket *)(void *)((char *)memory + (LINE - (uintptr_t)memory % LINE));
    table->bucket_count = bucket_count;
    table->count = 0;
    for (uint32_t i = 0; i < table_slots(&old); i++) {
        uint32_t ahead = i + AHEAD < table_slots(&old) ? table_slot(&old, i + AHEAD) : 0;
        uint32_t entry = table_slot(&old, i);

        if (ahead != 0) {
            pool_prefetch(table->pool, ahead);
        }
        if (entry != 0) {
            table_put(table, hasher(context, entry), entry);
        }
    }
    table_free(&old);
    return true;
}

bool table_reserve(struct table *table, table_hasher *hasher, const void *context)
{
    uint64_t slots = (uint64_t)table->bucket_count * TABLE_SLOTS;
    uint64_t grown = (uint64_t)table->bucket_count + table->bucket_count / 2 + 1;

    if ((uint64_t)table->count * 8 < slots * 7) {
        return true;
    }
    if (grown * TABLE_SLOTS > UINT32_MAX) {
        return false;
    }
    return table_resize(table, (uint32_t)grown, hasher, context);
}

void table_shrink(struct table *table, table_hasher *hasher, const void *context)
{
    uint32_t wanted = table->count / 6; /* half full */

    if (table->count == 0) {
        table_free(table);
    } else if (wanted < table->bucket_count / 4) {
        (void)table_resize(table, wanted + 1, hasher, context);
    }
}
