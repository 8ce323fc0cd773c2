/* The hash table of the index, from inside: what no policy set reaches on purpose. */
#include "index/table.h"

#include <criterion/criterion.h>

#define ENTRIES 64

static uint32_t hashes[ENTRIES]; /* of entries 1 on */

static uint32_t hash_of(const void *context, uint32_t entry)
{
    (void)context;
    return hashes[entry];
}

static void put(struct table *table, uint32_t entry, uint32_t hash)
{
    hashes[entry] = hash;
    cr_assert(table_reserve(table, hash_of, NULL));
    table_put(table, hash, entry);
}

/* With two buckets, the upper half of the hashes is at home in the second. */
#define UPPER 0x80000000u

Test(table, a_missing_entry_is_missing_even_when_every_bucket_was_passed)
{
    struct account account = {0};
    struct pool pool = {.account = &account};
    struct table_probe probe;
    struct table table;
    uint32_t entry = 1;

    table_init(&table, &pool);
    for (uint32_t i = 0; i < TABLE_SLOTS + 1; i++, entry++) {
        put(&table, entry, i + 1);
    }
    cr_assert_eq(table.bucket_count, 2);
    for (uint32_t i = 0; i < 5; i++) {
        table_drop(&table, i + 1, i + 1);
    }
    for (uint32_t i = 0; i < TABLE_SLOTS; i++, entry++) {
        put(&table, entry, UPPER | (i + 1));
    }
    cr_assert_eq(table.bucket_count, 2);
    cr_assert(table.buckets[0].passed > 0 && table.buckets[1].passed > 0);
    cr_expect_eq(table_first(&table, 200, &probe), 0);
    cr_expect_eq(table_first(&table, UPPER | 200, &probe), 0);
    for (uint32_t i = 6; i < entry; i++) {
        uint32_t found = table_first(&table, hashes[i], &probe);

        while (found != i && found != 0) {
            found = table_next(&table, &probe);
        }
        cr_expect_eq(found, i);
    }
    table_free(&table);
    cr_expect_eq(account.bytes, 0);
}
