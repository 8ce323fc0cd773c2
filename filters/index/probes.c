/* A message's values to the predicates that hold: every value is hashed once per way to find
 * it, all look-ups are announced to the memory first, and then made. */
#include "decimal.h"
#include "hash.h"

#include "index/index.h"

/* One value in front of one field. */
struct look {
    struct filter_index *index;
    const struct field *field;
    struct leaf *leaf;
    uint32_t number; /* of the leaf */
};

/* The predicate holds: what is filed under it is to be worked on, once. */
bool probes_fire(struct filter_index *index, uint32_t predicate)
{
    uint32_t *units = pool_at(&index->pool, predicate);
    uint32_t fired = STAMP_KNOWN | STAMP_HOLDS | STAMP_FIRED;

    if (units[PREDICATE_STAMP] == (index->epoch << STAMP_BITS | fired)) {
        return true;
    }
    units[PREDICATE_STAMP] = index->epoch << STAMP_BITS | fired;
    if (!predicate_is_active(units)) {
        return true;
    }
    chain_prefetch(&index->pool, predicate + PREDICATE_POSTINGS, POSTING_UNITS);
    return numbers_add(index, &index->fired, predicate);
}

static uint64_t seed_of(const struct look *look, enum predicate_kind kind)
{
    return hash_mix(look->index->seed, (uint64_t)look->leaf->field << 8 | (uint64_t)kind);
}

static bool probes_grow(struct filter_index *index)
{
    struct probe *list = account_grow(&index->account, index->probes.list, &index->probes.room,
                                      sizeof *list, index->probes.count + 1);

    if (list == NULL) {
        return false;
    }
    index->probes.list = list;
    return true;
}

static bool probe_add(const struct look *look, enum predicate_kind kind, struct slice bytes,
                      uint64_t hash)
{
    struct filter_index *index = look->index;
    struct probes *probes = &index->probes;

    if (probes->count == probes->room && !probes_grow(index)) {
        return false;
    }
    probes->list[probes->count++] = (struct probe){
        .bytes = bytes, .hash = (uint32_t)hash, .leaf = look->number, .kind = kind};
    table_prefetch(&index->predicates, (uint32_t)hash);
    return true;
}

/* Equality with the whole bytes, where the field has such predicates. */
static bool probe_whole(const struct look *look, enum test_kind test, struct slice bytes)
{
    enum predicate_kind kind = (enum predicate_kind)test;

    return look->field->predicates[kind] == 0
           || probe_add(look, kind, bytes,
                        hash_bytes(seed_of(look, kind), bytes.at, bytes.len));
}

/* Every prefix of a length that the field has predicates of; one walk over the bytes. */
static bool probe_prefixes(const struct look *look, enum test_kind test,
                           enum length_kind lengths_kind, struct slice bytes)
{
    const struct lengths *lengths = &look->field->lengths[lengths_kind];
    uint64_t state = seed_of(look, (enum predicate_kind)test);
    size_t done = 0;

    for (uint32_t i = 0; i < lengths->count && lengths->list[i].length <= bytes.len; i++) {
        size_t len = lengths->list[i].length;

        for (; len - done >= HASH_BLOCK; done += HASH_BLOCK) {
            state = hash_block(state, hash_load(bytes.at + done));
        }
        if (!probe_add(look, (enum predicate_kind)test, slice_make(bytes.at, len),
                       hash_end(state, hash_load_tail(bytes.at + done, len - done), len))) {
            return false;
        }
    }
    return true;
}

static bool probe_suffixes(const struct look *look, enum test_kind test,
                           enum length_kind lengths_kind, struct slice bytes)
{
    const struct lengths *lengths = &look->field->lengths[lengths_kind];
    uint64_t state = seed_of(look, (enum predicate_kind)test);
    const char *end;
    size_t done = 0;

    if (lengths->count == 0) {
        return true;
    }
    end = bytes.at + bytes.len;
    for (uint32_t i = 0; i < lengths->count && lengths->list[i].length <= bytes.len; i++) {
        size_t len = lengths->list[i].length;

        for (; len - done >= HASH_BLOCK; done += HASH_BLOCK) {
            state = hash_block(state, hash_load(end - done - HASH_BLOCK));
        }
        if (!probe_add(look, (enum predicate_kind)test, slice_make(end - len, len),
                       hash_end(state, hash_load_tail(end - len, len - done), len))) {
            return false;
        }
    }
    return true;
}

/* Every block of a size that the field has predicates of; operands are masked addresses. */
static bool probe_blocks(const struct look *look)
{
    const struct leaf *leaf = look->leaf;
    const struct lengths *lengths =
        &look->field->lengths[leaf->address_len == 4 ? LENGTHS_CIDR4 : LENGTHS_CIDR6];

    for (uint32_t i = 0; leaf->address_len > 0 && i < lengths->count; i++) {
        uint32_t bits = lengths->list[i].length;
        char *operand = arena_take(&look->index->event.arena, 17);

        if (operand == NULL) {
            return false;
        }
        memset(operand, 0, 17);
        operand[0] = (char)bits;
        memcpy(operand + 1, leaf->address, (bits + 7) / 8);
        if (bits % 8 != 0) {
            operand[1 + bits / 8] = (char)(operand[1 + bits / 8] & (char)(0xff00 >> bits % 8));
        }
        if (!probe_add(look, (enum predicate_kind)TEST_CIDR,
                       slice_make(operand, leaf->address_len + 1u),
                       hash_bytes(seed_of(look, (enum predicate_kind)TEST_CIDR), operand,
                                  leaf->address_len + 1u))) {
            return false;
        }
    }
    return true;
}

/* The few bytes at every position; these look-ups are made at once, being many. */
static bool fire_contained(const struct look *look, uint32_t len)
{
    struct filter_index *index = look->index;
    struct slice text = look->leaf->text;
    struct predicate_key key = {.kind = PREDICATE_CONTAINS, .field = look->leaf->field};
    uint64_t seed = seed_of(look, PREDICATE_CONTAINS);

    for (size_t at = 0; at + len <= text.len; at++) {
        uint32_t found;

        key.bytes = slice_make(text.at + at, len);
        found = predicate_find(index, &key,
                               (uint32_t)hash_bytes(seed, key.bytes.at, key.bytes.len));
        if (found != 0 && !probes_fire(index, found)) {
            return false;
        }
    }
    return true;
}

static bool probe_string(const struct look *look)
{
    const struct leaf *leaf = look->leaf;
    const struct lengths *contains = &look->field->lengths[LENGTHS_CONTAINS];

    for (uint32_t i = 0; i < contains->count; i++) {
        if (!fire_contained(look, contains->list[i].length)) {
            return false;
        }
    }
    return probe_whole(look, TEST_STRING, leaf->text)
           && probe_whole(look, TEST_EQUALS_IGNORE_CASE, leaf->canonical)
           && probe_prefixes(look, TEST_PREFIX, LENGTHS_PREFIX, leaf->text)
           && probe_suffixes(look, TEST_SUFFIX, LENGTHS_SUFFIX, leaf->text)
           && probe_prefixes(look, TEST_PREFIX_IGNORE_CASE, LENGTHS_PREFIX_IGNORE_CASE,
                             leaf->canonical)
           && probe_suffixes(look, TEST_SUFFIX_IGNORE_CASE, LENGTHS_SUFFIX_IGNORE_CASE,
                             leaf->canonical)
           && probe_blocks(look);
}

/* Fires the predicates among the candidates, which are then empty again. */
static bool found_fire(struct filter_index *index)
{
    struct numbers *found = &index->candidates;

    for (uint32_t i = 0; i < found->count; i++) {
        if (predicate_holds(index, found->list[i]) && !probes_fire(index, found->list[i])) {
            return false;
        }
    }
    found->count = 0;
    return true;
}

/* Ranges are known to hold by where they were found. */
static bool found_fire_ranges(struct filter_index *index)
{
    struct numbers *found = &index->candidates;

    for (uint32_t i = 0; i < found->count; i++) {
        if (!probes_fire(index, found->list[i])) {
            return false;
        }
    }
    found->count = 0;
    return true;
}

static bool fire_attempts(const struct look *look)
{
    struct filter_index *index = look->index;
    struct chain_walk walk;
    uint32_t predicate;

    if (look->field->attempts == 0) {
        return true;
    }
    walk = chain_walk(&index->pool, look->field->attempts, 1);
    while (chain_step(&walk, &predicate)) {
        if (predicate_holds(index, predicate) && !probes_fire(index, predicate)) {
            return false;
        }
    }
    return true;
}

static bool probe_leaf(const struct look *look)
{
    static const enum test_kind literals[] = {
        [LEAF_TRUE] = TEST_TRUE, [LEAF_FALSE] = TEST_FALSE, [LEAF_NULL] = TEST_NULL};
    static const struct operand exists = {.kind = TEST_EXISTS};
    const struct leaf *leaf = look->leaf;
    struct slice nothing = {"", 0};

    if (operand_matches(&exists, leaf) && !probe_whole(look, TEST_EXISTS, nothing)) {
        return false;
    }
    switch (leaf->type) {
    case LEAF_STRING: return probe_string(look);
    case LEAF_NUMBER:
        return probe_whole(look, TEST_NUMBER, leaf->canonical)
               && ranges_stab(look->index, look->field, leaf);
    case LEAF_TRUE:
    case LEAF_FALSE:
    case LEAF_NULL: return probe_whole(look, literals[leaf->type], nothing);
    }
    return true;
}

/* Finds what a probe asks for, and notes the predicate that equals the value. */
static bool probe_resolve(struct filter_index *index, const struct probe *probe)
{
    struct leaf *leaf = &index->event.leaves[probe->leaf];
    struct predicate_key key = {
        .kind = probe->kind, .field = leaf->field, .bytes = probe->bytes};
    uint32_t found = predicate_find(index, &key, probe->hash);

    if (found == 0) {
        return true;
    }
    if (probe->kind == (enum predicate_kind)TEST_STRING
        || probe->kind == (enum predicate_kind)TEST_NUMBER) {
        leaf->exact = found;
    }
    return probes_fire(index, found);
}

static bool absences_fire(struct filter_index *index)
{
    struct chain_walk walk;
    uint32_t predicate;

    if (index->absences == 0) {
        return true;
    }
    walk = chain_walk(&index->pool, index->absences, 1);
    while (chain_step(&walk, &predicate)) {
        if (predicate_holds(index, predicate) && !probes_fire(index, predicate)) {
            return false;
        }
    }
    return true;
}

/* Lists and announces what is above one predicate. */
static bool above_find(struct filter_index *index, uint32_t predicate)
{
    struct chain_walk walk = chain_walk(&index->pool, predicate + PREDICATE_UPWARD, 1);
    uint32_t above;

    while (chain_step(&walk, &above)) {
        predicate_prefetch(index, above);
        if (!numbers_add(index, &index->candidates, above)) {
            return false;
        }
    }
    return true;
}

/* Sets and wildcards above the predicates that fired, from `from` on: looked for, announced,
 * then tried.  What fires by this is behind the others. */
static bool upward_fire(struct filter_index *index, uint32_t from)
{
    uint32_t count = index->fired.count;

    for (uint32_t i = from; i < count; i++) {
        chain_prefetch(&index->pool, index->fired.list[i] + PREDICATE_UPWARD, 1);
    }
    for (uint32_t i = from; i < count; i++) {
        if (!above_find(index, index->fired.list[i])) {
            return false;
        }
    }
    return found_fire(index);
}

static bool probes_resolve(struct filter_index *index)
{
    struct table_probe ignored;

    for (uint32_t i = 0; i < index->probes.count; i++) {
        struct probe *probe = &index->probes.list[i];
        uint32_t first = table_first(&index->predicates, probe->hash, &ignored);

        probe->promising = first != 0;
        if (first != 0) {
            predicate_prefetch(index, first);
        }
    }
    for (uint32_t i = 0; i < index->probes.count; i++) {
        const struct probe *probe = &index->probes.list[i];

        if (probe->promising && !probe_resolve(index, probe)) {
            return false;
        }
    }
    return true;
}

static struct look look_at(struct filter_index *index, uint32_t number)
{
    struct leaf *leaf = &index->event.leaves[number];

    return (struct look){index, index->fields[leaf->field], leaf, number};
}

bool probes_run(struct filter_index *index)
{
    index->probes.count = 0;
    index->fired.count = 0;
    index->candidates.count = 0;
    for (uint32_t i = 0; i < index->event.leaf_count; i++) {
        struct look look = look_at(index, i);

        if (look.field != NULL && !probe_leaf(&look)) {
            return false;
        }
    }
    if (!found_fire_ranges(index) || !probes_resolve(index)) {
        return false;
    }
    /* What is tried value by value may ask for exact values, which are known only now. */
    for (uint32_t i = 0; i < index->event.leaf_count; i++) {
        struct look look = look_at(index, i);

        if (look.field != NULL && !fire_attempts(&look)) {
            return false;
        }
    }
    if (!absences_fire(index)) {
        return false;
    }
    for (uint32_t from = 0; from < index->fired.count;) {
        uint32_t next = index->fired.count;

        if (!upward_fire(index, from)) {
            return false;
        }
        from = next;
    }
    return true;
}
