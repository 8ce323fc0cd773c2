/* Predicates, each stored once: found by (kind, field, operand). */
#include "decimal.h"
#include "hash.h"

#include "index/index.h"
#include "operators/range.h"
#include "operators/regex.h"

#include <math.h>

#define FIELD_MAX ((1u << 24) - 1)

static bool is_suffix(enum predicate_kind kind)
{
    return kind == (enum predicate_kind)TEST_SUFFIX
           || kind == (enum predicate_kind)TEST_SUFFIX_IGNORE_CASE;
}

static uint64_t predicate_seed(const struct filter_index *index, enum predicate_kind kind,
                               uint32_t field)
{
    return hash_mix(index->seed, (uint64_t)field << 8 | (uint64_t)kind);
}

uint32_t predicate_hash(const struct filter_index *index, const struct predicate_key *key)
{
    uint64_t seed = predicate_seed(index, key->kind, key->field);

    return (uint32_t)(is_suffix(key->kind)
                          ? hash_bytes_backward(seed, key->bytes.at, key->bytes.len)
                          : hash_bytes(seed, key->bytes.at, key->bytes.len));
}

uint32_t predicate_stored_hash(const void *context, uint32_t entry)
{
    const struct filter_index *index = context;

    return pool_at(&index->pool, entry)[PREDICATE_HASH];
}

/* A regular expression has its compiled form in front of the pattern, in large memory. */
static size_t data_front(enum predicate_kind kind)
{
    return kind == (enum predicate_kind)TEST_REGEX ? sizeof(struct regex *) : 0;
}

const void *predicate_large_data(const struct filter_index *index, const uint32_t *units)
{
    return (const char *)pool_large_at(&index->pool, units[PREDICATE_DATA])
           + data_front(predicate_kind(units));
}

static struct regex **regex_place(const struct filter_index *index, const uint32_t *units)
{
    return pool_large_at(&index->pool, units[PREDICATE_DATA]);
}

struct operand predicate_operand(const struct filter_index *index, uint32_t predicate)
{
    const uint32_t *units = pool_at(&index->pool, predicate);
    struct operand operand = {
        .kind = (enum test_kind)predicate_kind(units),
        .bytes = slice_make(predicate_data(index, units), predicate_data_size(units))};

    if (operand.kind == TEST_REGEX) {
        operand.regex = *regex_place(index, units);
    }
    return operand;
}

uint32_t predicate_find(const struct filter_index *index, const struct predicate_key *key,
                        uint32_t hash)
{
    struct table_probe probe;
    uint32_t head = key->field << 8 | (uint32_t)key->kind;

    for (uint32_t at = table_first(&index->predicates, hash, &probe); at != 0;
         at = table_next(&index->predicates, &probe)) {
        const uint32_t *units = pool_at(&index->pool, at);

        if (units[PREDICATE_HASH] == hash && units[PREDICATE_HEAD] == head
            && slice_equal(slice_make(predicate_data(index, units), predicate_data_size(units)),
                           key->bytes)) {
            return at;
        }
    }
    return 0;
}

static bool fields_reserve(struct filter_index *index, uint32_t field)
{
    uint32_t old_room = index->field_room;
    struct field **fields = account_grow(&index->account, index->fields, &index->field_room,
                                         sizeof(struct field *), field + 1);

    if (fields == NULL) {
        return false;
    }
    index->fields = fields;
    for (uint32_t i = old_room; i < index->field_room; i++) {
        fields[i] = NULL;
    }
    return true;
}

/* The field's record, made if need be; NULL when out of memory. */
static struct field *field_use(struct filter_index *index, uint32_t number)
{
    if (number > FIELD_MAX || !fields_reserve(index, number)) {
        return NULL;
    }
    if (index->fields[number] == NULL) {
        index->fields[number] = account_zero(&index->account, sizeof(struct field));
    }
    return index->fields[number];
}

static void field_free_unused(struct filter_index *index, uint32_t number)
{
    struct field *field = index->fields[number];

    for (uint32_t i = 0; i < PREDICATE_KINDS; i++) {
        if (field->predicates[i] > 0) {
            return;
        }
    }
    for (uint32_t i = 0; i < LENGTHS_KINDS; i++) {
        account_free(&index->account, field->lengths[i].list,
                     field->lengths[i].room * sizeof(struct length));
    }
    account_free(&index->account, field, sizeof *field);
    index->fields[number] = NULL;
}

/* Puts the operand where it belongs; false when out of memory. */
static bool data_put(struct filter_index *index, uint32_t *units, struct slice bytes)
{
    enum predicate_kind kind = predicate_kind(units);
    size_t front = data_front(kind);
    char *to = (char *)(units + PREDICATE_DATA);

    if (!predicate_data_is_inline(kind, bytes.len)) {
        units[PREDICATE_DATA] = pool_large_take(&index->pool, front + bytes.len);
        if (units[PREDICATE_DATA] == 0) {
            return false;
        }
        to = (char *)pool_large_at(&index->pool, units[PREDICATE_DATA]) + front;
    }
    if (bytes.len > 0) {
        memcpy(to, bytes.at, bytes.len);
    }
    return true;
}

static void data_drop(struct filter_index *index, const uint32_t *units)
{
    enum predicate_kind kind = predicate_kind(units);

    if (!predicate_data_is_inline(kind, predicate_data_size(units))) {
        pool_large_give(&index->pool, units[PREDICATE_DATA],
                        data_front(kind) + predicate_data_size(units));
    }
}

/* The index's own compiled form, which policies may outlive. */
static bool regex_put(struct filter_index *index, const uint32_t *units)
{
    struct regex_error error;

    if (predicate_kind(units) != (enum predicate_kind)TEST_REGEX) {
        return true;
    }
    return regex_create(&index->account,
                        slice_make(predicate_data(index, units), predicate_data_size(units)),
                        &index->trouble, regex_place(index, units), &error)
           == REGEX_FINE;
}

/* A record that nothing knows yet. */
static uint32_t record_create(struct filter_index *index, const struct predicate_key *key,
                              uint32_t hash)
{
    size_t size = predicate_data_is_inline(key->kind, key->bytes.len) ? key->bytes.len : 4;
    uint32_t record = pool_take(&index->pool, PREDICATE_DATA + (uint32_t)((size + 3) / 4));
    uint32_t *units;

    if (record == 0) {
        return 0;
    }
    units = pool_at(&index->pool, record);
    memset(units, 0, PREDICATE_DATA * sizeof *units);
    units[PREDICATE_HEAD] = key->field << 8 | (uint32_t)key->kind;
    units[PREDICATE_HASH] = hash;
    units[PREDICATE_LEN] =
        (uint32_t)(predicate_is_set(key->kind) ? key->bytes.len / sizeof(uint32_t)
                                               : key->bytes.len);
    if (!data_put(index, units, key->bytes)) {
        pool_give(&index->pool, record);
        return 0;
    }
    if (!regex_put(index, units)) {
        data_drop(index, units);
        pool_give(&index->pool, record);
        return 0;
    }
    return record;
}

/* For estimates: how far the ranges of a field reach. */
static void field_reach(struct field *field, const struct predicate_key *key)
{
    struct range range;
    double bound;

    if (key->kind != (enum predicate_kind)TEST_RANGE) {
        return;
    }
    range = range_decode(key->bytes);
    for (unsigned i = 0; i < 2; i++) {
        if ((range.flags & (i == 0 ? RANGE_HAS_LOW : RANGE_HAS_HIGH)) == 0) {
            continue;
        }
        bound = decimal_approximate(i == 0 ? range.low : range.high);
        if (field->predicates[TEST_RANGE] == 0 && field->least >= field->most) {
            field->least = bound;
            field->most = bound;
        }
        field->least = fmin(field->least, bound);
        field->most = fmax(field->most, bound);
    }
}

static void predicate_enter(struct filter_index *index, const struct predicate_key *key,
                            uint32_t predicate)
{
    struct field *field = index->fields[key->field];
    struct path_node *node = &index->paths.nodes[key->field];

    field_reach(field, key);
    field->predicates[key->kind]++;
    node->uses++;
    node->needs |= key->kind < (enum predicate_kind)TEST_KINDS
                       ? test_needs((enum test_kind)key->kind)
                       : (uint32_t)PATH_NEEDS_VALUE;
    table_put(&index->predicates, pool_at(&index->pool, predicate)[PREDICATE_HASH], predicate);
    if (predicate_is_set(key->kind)) {
        uint32_t count;
        const uint32_t *members = predicate_members(index, predicate, &count);

        for (uint32_t i = 0; i < count; i++) {
            pool_at(&index->pool, members[i])[PREDICATE_USERS]++;
        }
    }
}

uint32_t predicate_use(struct filter_index *index, const struct predicate_key *key)
{
    uint32_t hash = predicate_hash(index, key);
    uint32_t found = predicate_find(index, key, hash);

    if (found == 0) {
        if (field_use(index, key->field) == NULL) {
            return 0;
        }
        if (table_reserve(&index->predicates, predicate_stored_hash, index)) {
            found = record_create(index, key, hash);
        }
        if (found == 0) {
            field_free_unused(index, key->field);
            return 0;
        }
        predicate_enter(index, key, found);
    }
    pool_at(&index->pool, found)[PREDICATE_USERS]++;
    return found;
}

static void members_release(struct filter_index *index, uint32_t predicate)
{
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count; i++) {
        predicate_release(index, members[i]);
    }
}

void predicate_release(struct filter_index *index, uint32_t predicate)
{
    uint32_t *units = pool_at(&index->pool, predicate);
    enum predicate_kind kind = predicate_kind(units);
    uint32_t field = predicate_field(units);

    if (--units[PREDICATE_USERS] > 0) {
        return;
    }
    table_drop(&index->predicates, units[PREDICATE_HASH], predicate);
    table_shrink(&index->predicates, predicate_stored_hash, index);
    if (predicate_is_set(kind)) {
        members_release(index, predicate);
    }
    if (kind == (enum predicate_kind)TEST_REGEX) {
        regex_free(*regex_place(index, units));
    }
    data_drop(index, units);
    pool_give(&index->pool, predicate);
    index->fields[field]->predicates[kind]--;
    field_free_unused(index, field);
    paths_release(&index->paths, field);
}

void predicates_free_large(struct filter_index *index)
{
    for (uint32_t i = 0; i < table_slots(&index->predicates); i++) {
        uint32_t predicate = table_slot(&index->predicates, i);
        const uint32_t *units = predicate == 0 ? NULL : pool_at(&index->pool, predicate);

        if (units != NULL && predicate_kind(units) == (enum predicate_kind)TEST_REGEX) {
            regex_free(*regex_place(index, units));
        }
        if (units != NULL) {
            data_drop(index, units);
        }
    }
}
