/* The door of the index: policies in and out by id. */
#include "index/index.h"

#include "hash.h"
#include "policy.h"

#include <stdlib.h>

struct filter_index *filter_index_create(void)
{
    struct filter_index *index = calloc(1, sizeof *index);

    if (index == NULL) {
        return NULL;
    }
    index->account.bytes = sizeof *index;
    index->seed = hash_mix((uintptr_t)index, (uintptr_t)&index->seed);
    pool_init(&index->pool, &index->account);
    table_init(&index->predicates, &index->pool);
    table_init(&index->rules, &index->pool);
    table_init(&index->memberships, &index->pool);
    table_init(&index->ids, &index->pool);
    event_init(&index->event, &index->account);
    arena_init(&index->work, &index->account);
    if (!paths_init(&index->paths, &index->account, index->seed)) {
        filter_index_free(index);
        return NULL;
    }
    return index;
}

static void numbers_free(struct filter_index *index, struct numbers *numbers)
{
    account_free(&index->account, numbers->list, numbers->room * sizeof *numbers->list);
}

static void fields_free(struct filter_index *index)
{
    for (uint32_t i = 0; i < index->field_room; i++) {
        struct field *field = index->fields[i];

        for (uint32_t j = 0; field != NULL && j < LENGTHS_KINDS; j++) {
            free(field->lengths[j].list);
        }
        free(field);
    }
    free(index->fields);
}

void filter_index_free(struct filter_index *index)
{
    if (index == NULL) {
        return;
    }
    predicates_free_large(index);
    fields_free(index);
    numbers_free(index, &index->buckets);
    numbers_free(index, &index->fired);
    numbers_free(index, &index->postings);
    numbers_free(index, &index->candidates);
    numbers_free(index, &index->matched);
    numbers_free(index, &index->sorted);
    free(index->probes.list);
    event_free(&index->event);
    arena_free(&index->work);
    paths_free(&index->paths);
    table_free(&index->predicates);
    table_free(&index->rules);
    table_free(&index->memberships);
    table_free(&index->ids);
    pool_free(&index->pool);
    free(index);
}

bool numbers_grow(struct filter_index *index, struct numbers *numbers)
{
    uint32_t *list = account_grow(&index->account, numbers->list, &numbers->room, sizeof *list,
                                  numbers->count + 1);

    if (list == NULL) {
        return false;
    }
    numbers->list = list;
    return true;
}

static uint32_t id_hash(const struct filter_index *index, uint32_t id)
{
    return (uint32_t)hash_mix(index->seed, id);
}

static uint32_t place_hash(const void *context, uint32_t entry)
{
    const struct filter_index *index = context;

    return id_hash(index, pool_at(&index->pool, entry)[0] - 1);
}

/* Where the id stands, or 0. */
static uint32_t id_find(const struct filter_index *index, uint32_t id)
{
    struct table_probe probe;

    for (uint32_t at = table_first(&index->ids, id_hash(index, id), &probe); at != 0;
         at = table_next(&index->ids, &probe)) {
        if (pool_at(&index->pool, at)[0] == id + 1) {
            return at;
        }
    }
    return 0;
}

static void id_moved(void *context, uint32_t value, uint32_t from, uint32_t to)
{
    struct filter_index *index = context;

    table_replace(&index->ids, id_hash(index, value - 1), from, to);
}

enum filter_status filter_index_add(struct filter_index *index, uint32_t id,
                                    const struct filter_policy *policy)
{
    struct chain chain = {&index->pool, id_moved, index, 1};
    uint32_t rule;
    uint32_t place;

    if (id == UINT32_MAX) {
        return FILTER_INVALID;
    }
    if (id_find(index, id) != 0) {
        return FILTER_EXISTS;
    }
    if (!table_reserve(&index->ids, place_hash, index)) {
        return FILTER_NO_MEMORY;
    }
    rule = rule_use(index, policy);
    if (rule == 0) {
        return FILTER_NO_MEMORY;
    }
    place = chain_add(&chain, rule + RULE_IDS, id + 1, 0);
    if (place == 0) {
        rule_drop_unused(index, rule);
        return FILTER_NO_MEMORY;
    }
    table_put(&index->ids, id_hash(index, id), place);
    rule_review(index);
    return FILTER_OK;
}

/* The rule whose list of ids a place belongs to. */
static uint32_t rule_of(const struct filter_index *index, uint32_t place)
{
    uint32_t base = pool_base(&index->pool, place);

    /* A block keeps its values further behind than a rule its first id. */
    return place == base + RULE_IDS ? base : chain_owner_of(&index->pool, place) - RULE_IDS;
}

enum filter_status filter_index_remove(struct filter_index *index, uint32_t id)
{
    struct chain chain = {&index->pool, id_moved, index, 1};
    uint32_t place = id_find(index, id);
    uint32_t rule;

    if (place == 0) {
        return FILTER_NOT_FOUND;
    }
    rule = rule_of(index, place);
    table_drop(&index->ids, id_hash(index, id), place);
    chain_remove(&chain, rule + RULE_IDS, place);
    rule_drop_unused(index, rule);
    table_shrink(&index->ids, place_hash, index);
    return FILTER_OK;
}

size_t filter_index_count(const struct filter_index *index)
{
    return index->ids.count;
}

size_t filter_index_bytes(const struct filter_index *index)
{
    return index->account.bytes - pool_untouched(&index->pool);
}
