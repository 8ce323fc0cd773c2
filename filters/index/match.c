/* One message against all policies: probes, candidates, verification, ids. */
#include "index/index.h"

#define EPOCH_MAX (UINT32_MAX >> STAMP_BITS)

/* Forgets all stamps; once in half a thousand million messages. */
static void stamps_reset(struct filter_index *index)
{
    for (uint32_t i = 0; i < table_slots(&index->predicates); i++) {
        uint32_t predicate = table_slot(&index->predicates, i);

        if (predicate != 0) {
            pool_at(&index->pool, predicate)[PREDICATE_STAMP] = 0;
        }
    }
    for (uint32_t i = 0; i < table_slots(&index->rules); i++) {
        uint32_t rule = table_slot(&index->rules, i);

        if (rule != 0 && (rule_flags(pool_at(&index->pool, rule)) & RULE_IS_UNION) != 0) {
            pool_at(&index->pool, rule)[RULE_PLACE] = 0;
        }
    }
}

static void epoch_advance(struct filter_index *index)
{
    if (index->epoch == EPOCH_MAX) {
        stamps_reset(index);
        index->epoch = 0;
    }
    index->epoch++;
}

/* What is filed under a predicate; announces what is checked first. */
static bool postings_collect(struct filter_index *index, uint32_t predicate)
{
    struct chain_walk walk =
        chain_walk(&index->pool, predicate + PREDICATE_POSTINGS, POSTING_UNITS);
    uint32_t conjunction;

    while (chain_step(&walk, &conjunction)) {
        uint32_t check = chain_note(&walk);

        pool_prefetch(&index->pool, (check == 0 ? conjunction : check + PREDICATE_STAMP));
        if (!numbers_add(index, &index->postings, conjunction)
            || !numbers_add(index, &index->postings, check)) {
            return false;
        }
    }
    return true;
}

/* The conjunctions filed under what fired, less those whose second predicate fails. */
static bool candidates_collect(struct filter_index *index)
{
    const struct numbers *postings = &index->postings;

    index->postings.count = 0;
    for (uint32_t i = 0; i < index->fired.count; i++) {
        if (!postings_collect(index, index->fired.list[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < postings->count; i += POSTING_UNITS) {
        uint32_t conjunction = postings->list[i];
        uint32_t check = postings->list[i + 1];

        if (check != 0 && !predicate_holds(index, check)) {
            continue;
        }
        pool_prefetch(&index->pool, conjunction);
        if (!numbers_add(index, &index->candidates, conjunction)) {
            return false;
        }
    }
    return true;
}

static bool ids_take(struct filter_index *index, uint32_t rule)
{
    struct chain_walk walk = chain_walk(&index->pool, rule + RULE_IDS, 1);
    uint32_t value;

    while (chain_step(&walk, &value)) {
        if (!numbers_add(index, &index->matched, value - 1)) {
            return false;
        }
    }
    return true;
}

/* A union is found by each of its members that holds, and taken once. */
static bool union_take(struct filter_index *index, uint32_t rule)
{
    uint32_t *units = pool_at(&index->pool, rule);

    if (units[RULE_PLACE] == index->epoch) {
        return true;
    }
    units[RULE_PLACE] = index->epoch;
    return ids_take(index, rule);
}

static bool unions_take(struct filter_index *index, uint32_t conjunction)
{
    struct chain_walk walk = chain_walk(&index->pool, rule_unions(index, conjunction), 1);
    uint32_t rule;

    while (chain_step(&walk, &rule)) {
        if (!union_take(index, rule)) {
            return false;
        }
    }
    return true;
}

static bool candidate_try(struct filter_index *index, uint32_t conjunction)
{
    bool holds;

    if (!conjunction_verify(index, conjunction, &holds)) {
        return false;
    }
    if (!holds) {
        return true;
    }
    if ((rule_flags(pool_at(&index->pool, conjunction)) & RULE_HAS_UNIONS) != 0
        && !unions_take(index, conjunction)) {
        return false;
    }
    return ids_take(index, conjunction);
}

static bool candidates_try(struct filter_index *index)
{
    for (uint32_t i = 0; i < index->candidates.count; i++) {
        if (!candidate_try(index, index->candidates.list[i])) {
            return false;
        }
    }
    return true;
}

/* Few ids: by insertion. */
static void ids_insert(uint32_t *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t id = list[i];
        uint32_t at = i;

        for (; at > 0 && list[at - 1] > id; at--) {
            list[at] = list[at - 1];
        }
        list[at] = id;
    }
}

/* Many: by their bytes, from the lowest, between two arrays. */
static void ids_distribute(const uint32_t *from, uint32_t *to, uint32_t count, unsigned shift)
{
    uint32_t starts[257] = {0};

    for (uint32_t i = 0; i < count; i++) {
        starts[(from[i] >> shift & 0xff) + 1]++;
    }
    for (unsigned i = 0; i < 256; i++) {
        starts[i + 1] += starts[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        to[starts[from[i] >> shift & 0xff]++] = from[i];
    }
}

/* A conjunction with a posting under several values may have been found by more than one. */
static void ids_unique(struct numbers *matched)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < matched->count; i++) {
        if (kept == 0 || matched->list[kept - 1] != matched->list[i]) {
            matched->list[kept++] = matched->list[i];
        }
    }
    matched->count = kept;
}

static bool ids_sort(struct filter_index *index)
{
    struct numbers *matched = &index->matched;
    uint32_t *other;

    if (matched->count <= 48) {
        ids_insert(matched->list, matched->count);
        ids_unique(matched);
        return true;
    }
    other = account_grow(&index->account, index->sorted.list, &index->sorted.room,
                         sizeof *other, matched->count);
    if (other == NULL) {
        return false;
    }
    index->sorted.list = other;
    for (unsigned shift = 0; shift < 32; shift += 16) {
        ids_distribute(matched->list, other, matched->count, shift);
        ids_distribute(other, matched->list, matched->count, shift + 8);
    }
    ids_unique(matched);
    return true;
}

static bool index_match(struct filter_index *index)
{
    index->matched.count = 0;
    if (index->everything != 0 && !ids_take(index, index->everything)) {
        return false;
    }
    return probes_run(index) && candidates_collect(index) && candidates_try(index)
           && ids_sort(index) && !index->trouble.starved;
}

enum filter_status filter_index_match(struct filter_index *index,
                                      const struct filter_message *message,
                                      const uint32_t **ret_ids, size_t *ret_count)
{
    enum filter_status status =
        event_scan(&index->event, &index->paths, message, index->scope_counts[0] > 0,
                   index->scope_counts[1] > 0);

    if (status != FILTER_OK) {
        return status;
    }
    epoch_advance(index);
    index->trouble = (struct regex_trouble){.starved = false};
    bool is_done = index_match(index);

    index->regex_over += index->trouble.over;
    if (!is_done) {
        return FILTER_NO_MEMORY;
    }
    *ret_ids = index->matched.list;
    *ret_count = index->matched.count;
    return FILTER_OK;
}

uint64_t filter_index_regex_over(const struct filter_index *index)
{
    return index->regex_over;
}
