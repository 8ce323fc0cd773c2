/* Filing: a predicate with something filed under it must be found by messages.  Most kinds are
 * found by hashing the value; the others are entered where probes.c looks for them. */
#include "index/index.h"
#include "operators/range.h"
#include "operators/regex.h"

/* Exact values of one set that are worth a posting each. */
#define SPREAD_MAX 8u

#define GRAM_MAX 4u
#define GRAM_MIN 3u /* of a regular expression's literal; less says too little */

static bool predicate_attach(struct filter_index *index, uint32_t below, uint32_t above);
static void predicate_detach(struct filter_index *index, uint32_t below, uint32_t above);

static struct field *field_of(const struct filter_index *index, uint32_t predicate)
{
    return index->fields[predicate_field(pool_at(&index->pool, predicate))];
}

/* Lengths: which prefixes and the like are worth a look-up. */

static uint32_t lengths_place(const struct lengths *lengths, uint32_t length)
{
    uint32_t low = 0;
    uint32_t high = lengths->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (lengths->list[middle].length < length) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool lengths_add(struct filter_index *index, struct lengths *lengths, uint32_t length)
{
    uint32_t at = lengths_place(lengths, length);
    struct length *list;

    if (at < lengths->count && lengths->list[at].length == length) {
        lengths->list[at].predicates++;
        return true;
    }
    list = account_grow(&index->account, lengths->list, &lengths->room, sizeof *list,
                        lengths->count + 1);
    if (list == NULL) {
        return false;
    }
    lengths->list = list;
    memmove(list + at + 1, list + at, (lengths->count - at) * sizeof *list);
    list[at] = (struct length){length, 1};
    lengths->count++;
    return true;
}

static void lengths_drop(struct lengths *lengths, uint32_t length)
{
    struct length *at = &lengths->list[lengths_place(lengths, length)];

    if (--at->predicates == 0) {
        lengths->count--;
        memmove(at, at + 1, (size_t)(lengths->list + lengths->count - at) * sizeof *at);
    }
}

/* Which lengths a kind of predicate is found by, and its length. */
static struct lengths *lengths_of(const struct filter_index *index, uint32_t predicate,
                                  uint32_t *ret_length)
{
    static const enum length_kind kinds[PREDICATE_KINDS] = {
        [TEST_PREFIX] = LENGTHS_PREFIX,
        [TEST_SUFFIX] = LENGTHS_SUFFIX,
        [TEST_PREFIX_IGNORE_CASE] = LENGTHS_PREFIX_IGNORE_CASE,
        [TEST_SUFFIX_IGNORE_CASE] = LENGTHS_SUFFIX_IGNORE_CASE,
        [TEST_CIDR] = LENGTHS_CIDR4,
        [PREDICATE_CONTAINS] = LENGTHS_CONTAINS,
    };
    enum predicate_kind kind = predicate_kind(pool_at(&index->pool, predicate));
    enum length_kind which = kinds[kind];
    struct slice bytes = predicate_bytes(index, predicate);

    *ret_length = (uint32_t)bytes.len;
    if (which == LENGTHS_CIDR4) {
        *ret_length = (unsigned char)bytes.at[0];
        which = bytes.len == 5 ? LENGTHS_CIDR4 : LENGTHS_CIDR6;
    }
    return &field_of(index, predicate)->lengths[which];
}

static bool length_enter(struct filter_index *index, uint32_t predicate)
{
    uint32_t length;
    struct lengths *lengths = lengths_of(index, predicate, &length);

    return lengths_add(index, lengths, length);
}

static void length_leave(struct filter_index *index, uint32_t predicate)
{
    uint32_t length;
    struct lengths *lengths = lengths_of(index, predicate, &length);

    lengths_drop(lengths, length);
}

/* Attempts: predicates that are simply tried. */

static void attempt_moved(void *context, uint32_t value, uint32_t from, uint32_t to)
{
    struct filter_index *index = context;

    (void)from;
    pool_at(&index->pool, value)[PREDICATE_EXTRA] = to;
}

static struct chain attempts_chain(struct filter_index *index)
{
    return (struct chain){&index->pool, attempt_moved, index, 1};
}

/* The list record of attempts at *list, made if need be. */
static bool attempt_add(struct filter_index *index, uint32_t *list, uint32_t predicate)
{
    struct chain chain = attempts_chain(index);
    uint32_t place;

    if (*list == 0) {
        *list = pool_take(&index->pool, 2);
        if (*list == 0) {
            return false;
        }
        memset(pool_at(&index->pool, *list), 0, 2 * sizeof(uint32_t));
    }
    place = chain_add(&chain, *list, predicate, 0);
    if (place == 0) {
        return false;
    }
    pool_at(&index->pool, predicate)[PREDICATE_EXTRA] = place;
    return true;
}

static void attempt_drop(struct filter_index *index, uint32_t *list, uint32_t predicate)
{
    struct chain chain = attempts_chain(index);

    chain_remove(&chain, *list, pool_at(&index->pool, predicate)[PREDICATE_EXTRA]);
    if (chain_is_empty(&index->pool, *list)) {
        pool_give(&index->pool, *list);
        *list = 0;
    }
}

static bool attempt_enter(struct filter_index *index, uint32_t predicate)
{
    return attempt_add(index, &field_of(index, predicate)->attempts, predicate);
}

static void attempt_leave(struct filter_index *index, uint32_t predicate)
{
    attempt_drop(index, &field_of(index, predicate)->attempts, predicate);
}

static bool absence_enter(struct filter_index *index, uint32_t predicate)
{
    return attempt_add(index, &index->absences, predicate);
}

static void absence_leave(struct filter_index *index, uint32_t predicate)
{
    attempt_drop(index, &index->absences, predicate);
}

/* Ranges. */

static bool range_enter(struct filter_index *index, uint32_t predicate)
{
    return ranges_insert(index, field_of(index, predicate), predicate);
}

static void range_leave(struct filter_index *index, uint32_t predicate)
{
    ranges_remove(index, field_of(index, predicate), predicate);
}

/* Anchors: a wildcard or regular expression is tried when a piece that it needs is there. */

/* The longest piece between two stars. */
static struct slice wildcard_middle(struct slice pattern, size_t head, size_t tail)
{
    struct slice best = {"", 0};
    const char *at = pattern.at + head + 1;
    const char *end = pattern.at + (pattern.len - tail);

    while (at < end) {
        const char *star = memchr(at, WILDCARD_STAR, (size_t)(end - at));

        if ((size_t)(star - at) > best.len) {
            best = slice_make(at, (size_t)(star - at));
        }
        at = star + 1;
    }
    return best;
}

static struct predicate_key anchor_contains(uint32_t field, struct slice piece)
{
    piece.len = piece.len < GRAM_MAX ? piece.len : GRAM_MAX;
    return (struct predicate_key){.kind = PREDICATE_CONTAINS, .field = field, .bytes = piece};
}

/* The head is the best anchor unless it is much shorter than the others. */
static struct predicate_key wildcard_anchor(uint32_t field, struct slice pattern)
{
    const char *first = memchr(pattern.at, WILDCARD_STAR, pattern.len);
    const char *last = first == NULL ? NULL : memrchr(pattern.at, WILDCARD_STAR, pattern.len);
    struct slice head = slice_make(pattern.at, pattern.len);
    struct slice tail;
    struct slice middle;

    if (first == NULL) {
        return (struct predicate_key){
            .kind = (enum predicate_kind)TEST_STRING, .field = field, .bytes = head};
    }
    head.len = (size_t)(first - pattern.at);
    tail = slice_make(last + 1, pattern.len - (size_t)(last - pattern.at) - 1);
    middle = wildcard_middle(pattern, head.len, tail.len);
    if (middle.len > 2 * head.len && middle.len > 2 * tail.len) {
        return anchor_contains(field, middle);
    }
    if (tail.len > head.len) {
        return (struct predicate_key){
            .kind = (enum predicate_kind)TEST_SUFFIX, .field = field, .bytes = tail};
    }
    return (struct predicate_key){
        .kind = (enum predicate_kind)TEST_PREFIX, .field = field, .bytes = head};
}

/* The anchor of a predicate; false when it has none. */
static bool anchor_of(const struct filter_index *index, uint32_t predicate,
                      struct predicate_key *ret_key)
{
    const uint32_t *units = pool_at(&index->pool, predicate);
    struct slice bytes = predicate_bytes(index, predicate);
    struct slice literal;

    if (predicate_kind(units) == (enum predicate_kind)TEST_WILDCARD) {
        *ret_key = wildcard_anchor(predicate_field(units), bytes);
        return true;
    }
    literal = regex_literal(bytes);
    *ret_key = anchor_contains(predicate_field(units), literal);
    return literal.len >= GRAM_MIN;
}

static bool anchor_enter(struct filter_index *index, uint32_t predicate)
{
    struct predicate_key key;
    uint32_t anchor;

    if (!anchor_of(index, predicate, &key)) {
        return attempt_enter(index, predicate);
    }
    anchor = predicate_use(index, &key);
    if (anchor == 0) {
        return false;
    }
    if (!predicate_attach(index, anchor, predicate)) {
        predicate_release(index, anchor);
        return false;
    }
    return true;
}

static void anchor_leave(struct filter_index *index, uint32_t predicate)
{
    struct predicate_key key;
    uint32_t anchor;

    if (!anchor_of(index, predicate, &key)) {
        attempt_leave(index, predicate);
        return;
    }
    anchor = predicate_find(index, &key, predicate_hash(index, &key));
    predicate_detach(index, anchor, predicate);
    predicate_release(index, anchor);
}

/* Sets are found through their members. */

static void members_leave(struct filter_index *index, uint32_t predicate, uint32_t count)
{
    uint32_t all;
    const uint32_t *members = predicate_members(index, predicate, &all);

    for (uint32_t i = 0; i < count; i++) {
        predicate_detach(index, members[i], predicate);
    }
}

static bool members_enter(struct filter_index *index, uint32_t predicate)
{
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (!predicate_attach(index, members[i], predicate)) {
            members_leave(index, predicate, i);
            return false;
        }
    }
    return true;
}

static void all_members_leave(struct filter_index *index, uint32_t predicate)
{
    members_leave(index, predicate, pool_at(&index->pool, predicate)[PREDICATE_LEN]);
}

/* How each kind is entered where messages look; kinds without a row are found by their value.
 */
struct access_row {
    bool (*enter)(struct filter_index *index, uint32_t predicate);
    void (*leave)(struct filter_index *index, uint32_t predicate);
};

static const struct access_row access_rows[PREDICATE_KINDS] = {
    [TEST_PREFIX] = {length_enter, length_leave},
    [TEST_SUFFIX] = {length_enter, length_leave},
    [TEST_PREFIX_IGNORE_CASE] = {length_enter, length_leave},
    [TEST_SUFFIX_IGNORE_CASE] = {length_enter, length_leave},
    [TEST_CIDR] = {length_enter, length_leave},
    [PREDICATE_CONTAINS] = {length_enter, length_leave},
    [TEST_RANGE] = {range_enter, range_leave},
    [TEST_WILDCARD] = {anchor_enter, anchor_leave},
    [TEST_REGEX] = {anchor_enter, anchor_leave},
    [TEST_ANYTHING_BUT] = {attempt_enter, attempt_leave},
    [PREDICATE_NONE_OF] = {attempt_enter, attempt_leave},
    [TEST_ABSENT] = {absence_enter, absence_leave},
    [PREDICATE_ANY_OF] = {members_enter, all_members_leave},
    [PREDICATE_ONE_OF] = {members_enter, all_members_leave},
};

static const struct access_row *row_of(const struct filter_index *index, uint32_t predicate)
{
    return &access_rows[predicate_kind(pool_at(&index->pool, predicate))];
}

/* The predicate is about to have something filed under it. */
static bool predicate_enter(struct filter_index *index, uint32_t predicate)
{
    const struct access_row *row = row_of(index, predicate);

    return predicate_is_active(pool_at(&index->pool, predicate)) || row->enter == NULL
           || row->enter(index, predicate);
}

/* Something was taken out from under it. */
static void predicate_leave(struct filter_index *index, uint32_t predicate)
{
    const struct access_row *row = row_of(index, predicate);

    if (!predicate_is_active(pool_at(&index->pool, predicate)) && row->leave != NULL) {
        row->leave(index, predicate);
    }
}

static bool predicate_attach(struct filter_index *index, uint32_t below, uint32_t above)
{
    struct chain chain = {&index->pool, NULL, NULL, 1};

    if (!predicate_enter(index, below)) {
        return false;
    }
    if (chain_add(&chain, below + PREDICATE_UPWARD, above, 0) == 0) {
        predicate_leave(index, below);
        return false;
    }
    return true;
}

static void predicate_detach(struct filter_index *index, uint32_t below, uint32_t above)
{
    struct chain chain = {&index->pool, NULL, NULL, 1};
    uint32_t list = below + PREDICATE_UPWARD;

    chain_remove(&chain, list, chain_find(&chain, list, above));
    predicate_leave(index, below);
}

/* Postings: conjunctions, each with a second predicate as a note that decides about most of
 * them without a look at the conjunction. */

static void posting_moved(void *context, uint32_t value, uint32_t from, uint32_t to)
{
    struct filter_index *index = context;

    (void)from;
    pool_at(&index->pool, value)[RULE_PLACE] = to;
}

static struct chain postings_chain(struct filter_index *index)
{
    return (struct chain){&index->pool, posting_moved, index, POSTING_UNITS};
}

/* Adds a posting and notes its place in the conjunction. */
static bool posting_add(struct filter_index *index, uint32_t predicate, uint32_t conjunction,
                        uint32_t check)
{
    struct chain chain = postings_chain(index);
    uint32_t place;

    if (!predicate_enter(index, predicate)) {
        return false;
    }
    place = chain_add(&chain, predicate + PREDICATE_POSTINGS, conjunction, check);
    if (place == 0) {
        predicate_leave(index, predicate);
        return false;
    }
    pool_at(&index->pool, conjunction)[RULE_PLACE] = place;
    return true;
}

static void posting_drop(struct filter_index *index, uint32_t predicate, uint32_t place)
{
    struct chain chain = postings_chain(index);

    chain_remove(&chain, predicate + PREDICATE_POSTINGS, place);
    predicate_leave(index, predicate);
}

/* A conjunction filed under a few exact values has a posting under each of them: shorter ways
 * for messages, and one place cannot tell them, so they are found by search. */
static bool is_spread(const struct filter_index *index, uint32_t predicate)
{
    const uint32_t *units = pool_at(&index->pool, predicate);

    return predicate_kind(units) == PREDICATE_ONE_OF && units[PREDICATE_LEN] <= SPREAD_MAX;
}

static void spread_drop(struct filter_index *index, uint32_t predicate, uint32_t conjunction,
                        uint32_t count)
{
    struct chain chain = postings_chain(index);
    uint32_t all;
    const uint32_t *members = predicate_members(index, predicate, &all);

    for (uint32_t i = 0; i < count; i++) {
        posting_drop(index, members[i],
                     chain_find(&chain, members[i] + PREDICATE_POSTINGS, conjunction));
    }
}

static bool spread_add(struct filter_index *index, uint32_t predicate, uint32_t conjunction,
                       uint32_t check)
{
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (!posting_add(index, members[i], conjunction, check)) {
            spread_drop(index, predicate, conjunction, i);
            return false;
        }
    }
    return true;
}

bool access_file(struct filter_index *index, uint32_t predicate, uint32_t conjunction,
                 uint32_t check)
{
    return is_spread(index, predicate) ? spread_add(index, predicate, conjunction, check)
                                       : posting_add(index, predicate, conjunction, check);
}

void access_unfile(struct filter_index *index, uint32_t predicate, uint32_t conjunction)
{
    if (is_spread(index, predicate)) {
        spread_drop(index, predicate, conjunction,
                    pool_at(&index->pool, predicate)[PREDICATE_LEN]);
        return;
    }
    posting_drop(index, predicate, pool_at(&index->pool, conjunction)[RULE_PLACE]);
}
