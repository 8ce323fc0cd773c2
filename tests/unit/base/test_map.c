/* The hash map. */
#include "base/digest.h"
#include "base/map.h"
#include "base/memory.h"

#include <criterion/criterion.h>

#include <stdio.h>

enum {
    MANY = 5000
};

struct item {
    struct map_node node;
    char key[16];
    bool seen;
};

static struct text item_key(struct item *item, size_t number)
{
    return text_make(item->key,
                     (size_t)snprintf(item->key, sizeof(item->key), "key-%zu", number));
}

static struct item *item_of(struct map_node *node)
{
    return container_of(node, struct item, node);
}

static struct item *items_insert(struct map *map)
{
    struct item *items = memory_array(MANY, sizeof(*items));

    for (size_t i = 0; i < MANY; i++) {
        map_insert(map, &items[i].node, item_key(&items[i], i));
    }
    return items;
}

Test(map, an_empty_one_finds_nothing)
{
    struct map map = {0};

    cr_expect_null(map_find(&map, T("x")));
    cr_expect_null(map_next(&map, NULL));
    map_free(&map);
}

Test(map, finds_each_of_many_and_nothing_else)
{
    struct map map = {0};
    struct item *items = items_insert(&map);
    struct item probe;

    cr_expect_eq(map.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_eq(map_find(&map, item_key(&probe, i)), &items[i].node);
    }
    cr_expect_null(map_find(&map, item_key(&probe, MANY)));
    cr_expect_null(map_find(&map, T("")));
    cr_expect_leq(map.bucket_count, (size_t)MANY * 2);
    map_free(&map);
    memory_free(items);
}

Test(map, removed_nodes_are_gone_and_the_others_stay)
{
    struct map map = {0};
    struct item *items = items_insert(&map);
    struct item probe;

    for (size_t i = 0; i < MANY; i += 2) {
        map_remove(&map, &items[i].node);
    }
    cr_expect_eq(map.count, MANY / 2);
    for (size_t i = 0; i < MANY; i++) {
        struct map_node *expected = i % 2 == 0 ? NULL : &items[i].node;

        cr_assert_eq(map_find(&map, item_key(&probe, i)), expected);
    }
    map_free(&map);
    memory_free(items);
}

Test(map, a_walk_meets_everyone_once)
{
    struct map map = {0};
    struct item *items = items_insert(&map);
    size_t met = 0;

    for (struct map_node *node = map_next(&map, NULL); node != NULL;
         node = map_next(&map, node)) {
        cr_assert_not(item_of(node)->seen);
        item_of(node)->seen = true;
        met++;
    }
    cr_expect_eq(met, MANY);
    map_free(&map);
    memory_free(items);
}

Test(map, keys_may_be_empty_or_hold_any_byte)
{
    struct map map = {0};
    struct item empty = {0};
    struct item zero = {0};

    map_insert(&map, &empty.node, (struct text){0});
    map_insert(&map, &zero.node, T("a\0b"));
    cr_expect_eq(map_find(&map, T("")), &empty.node);
    cr_expect_eq(map_find(&map, T("a\0b")), &zero.node);
    cr_expect_null(map_find(&map, T("a\0c")));
    map_free(&map);
}

Test(map, can_be_emptied_by_nodes_that_take_themselves_out)
{
    struct map map = {0};
    struct item *items = items_insert(&map);
    struct map_node *node = NULL;
    size_t count = 0;

    while ((node = map_any(&map)) != NULL) {
        cr_expect_eq(map_any(&map), node, "asking takes nothing out");
        map_remove(&map, node);
        count++;
    }
    cr_expect_eq(count, MANY);
    cr_expect_eq(map.count, 0);
    map_insert(&map, &items[7].node, items[7].node.key);
    cr_expect_eq(map_any(&map), &items[7].node);
    map_free(&map);
    memory_free(items);
}

Test(map, can_be_emptied_by_popping_and_filled_again)
{
    struct map map = {0};
    struct item *items = items_insert(&map);
    struct map_node *node = NULL;
    size_t count = 0;

    while ((node = map_pop(&map)) != NULL) {
        struct item *item = item_of(node);

        cr_expect_not(item->seen, "popped twice: %s", item->key);
        item->seen = true;
        count++;
        if (count == MANY / 2) { /* one that comes back meanwhile is popped as well */
            item->seen = false;
            map_insert(&map, node, node->key);
        }
    }
    cr_expect_eq(count, MANY + 1);
    cr_expect_eq(map.count, 0);
    map_insert(&map, &items[7].node, items[7].node.key);
    cr_expect_eq(map_find(&map, items[7].node.key), &items[7].node);
    cr_expect_eq(map_pop(&map), &items[7].node);
    cr_expect_null(map_pop(&map));
    map_free(&map);
    memory_free(items);
}

/* Whoever can choose names and knows the code finds names that fall together; not once there is
 * a secret. */
Test(map, keys_that_fall_together_for_everybody_do_not_with_a_secret)
{
    static const uint8_t secret[DIGEST_SECRET_SIZE] = {7};
    char names[64][16];
    uint32_t found = 0;
    uint32_t together = 0;

    for (uint32_t i = 0; found < 64; i++) {
        (void)snprintf(names[found], sizeof names[found], "%u", i);
        found += (digest_fast(text_from(names[found])) & 1023) == 0;
    }
    digest_set_secret(secret);
    struct map map = {0};
    struct map_node nodes[64];

    for (uint32_t i = 0; i < 64; i++) {
        map_insert(&map, &nodes[i], text_from(names[i]));
        together += (nodes[i].hash & 1023) == 0;
    }
    cr_expect_lt(together, 8);
    for (uint32_t i = 0; i < 64; i++) {
        cr_expect_eq(map_find(&map, text_from(names[i])), &nodes[i]);
    }
    map_free(&map);
}
