/* The index from inside.  Three kinds of records in a pool, each stored once and shared:
 *
 *   predicate    one test on one field, or a set of tests of which one must hold
 *   conjunction  predicates that must all hold; filed under one of them, its access predicate
 *   union        conjunctions of which one must hold (policies with $or)
 *
 * Conjunctions and unions carry the ids of the policies that are exactly them.  A message is
 * matched by looking its values up: that finds the access predicates that hold, these the
 * candidate conjunctions, and only those are checked. */
#ifndef FILTERS_INDEX_INDEX_H
#define FILTERS_INDEX_INDEX_H

#include "event.h"
#include "policy.h"

#include "index/chain.h"
#include "index/pool.h"
#include "index/table.h"
#include "operators/operators.h"
#include "operators/regex.h"

/* Predicates that are not one operator's test. */
enum predicate_kind {
    PREDICATE_ANY_OF = TEST_KINDS, /* one of several; members are predicates */
    PREDICATE_ONE_OF,              /* the same where all are strings or numbers */
    PREDICATE_NONE_OF,             /* anything-but where all are strings or numbers */
    PREDICATE_CONTAINS,            /* internal: the field has these few bytes somewhere */
    PREDICATE_KINDS
};

/* A posting is a conjunction and another of its members (or 0) that is checked first. */
#define POSTING_UNITS 2u

/* Units of a predicate's record.  What matching reads stands together at the end. */
enum predicate_unit {
    PREDICATE_POSTINGS, /* list of conjunctions filed here; see POSTING_UNITS */
    /* List of predicates to try when it holds. */
    PREDICATE_UPWARD = PREDICATE_POSTINGS + CHAIN_UNITS(POSTING_UNITS),
    PREDICATE_USERS = PREDICATE_UPWARD + CHAIN_UNITS(1), /* conjunctions, sets, anchors */
    PREDICATE_EXTRA,                                     /* its place in a list of attempts */
    PREDICATE_HASH,
    PREDICATE_STAMP, /* what the present message says of it: see enum stamp */
    PREDICATE_HEAD,  /* field << 8 | kind */
    PREDICATE_LEN,   /* bytes of the operand, or number of members */
    PREDICATE_DATA   /* operand bytes, members, or the number of large memory */
};

/* Longer operands and member lists are in large memory. */
#define PREDICATE_INLINE ((size_t)(POOL_UNITS_MAX - PREDICATE_DATA) * sizeof(uint32_t))

/* What is known in the present message, below the epoch in a stamp. */
enum stamp {
    STAMP_KNOWN = 1,
    STAMP_HOLDS = 2,
    STAMP_FIRED = 4, /* its lists are being worked on */
    STAMP_BITS = 3
};

/* Units of a conjunction or union. */
enum rule_unit {
    RULE_HEAD,  /* flags << 24 | access predicate's position << 16 | members */
    RULE_PLACE, /* conjunction: where it is filed; union: epoch it was last found in */
    RULE_IDS,   /* list of ids + 1 */
    RULE_MEMBERS = RULE_IDS + CHAIN_UNITS(1)
};

enum rule_flag {
    RULE_IS_UNION = 1,
    RULE_HAS_UNIONS = 2 /* it is a member of some union: see the table of memberships */
};

#define RULE_MEMBERS_MAX (POOL_UNITS_MAX - RULE_MEMBERS)

/* Units of a membership: which unions a conjunction is in. */
enum membership_unit {
    MEMBERSHIP_RULE,
    MEMBERSHIP_UNIONS, /* list of unions */
    MEMBERSHIP_UNITS = MEMBERSHIP_UNIONS + CHAIN_UNITS(1)
};

/* A length (or number of mask bits) of access predicates, and how many have it. */
struct length {
    uint32_t length;
    uint32_t predicates;
};

/* Of one kind, on one field; ascending. */
struct lengths {
    struct length *list;
    uint32_t count;
    uint32_t room;
};

enum length_kind {
    LENGTHS_PREFIX,
    LENGTHS_SUFFIX,
    LENGTHS_PREFIX_IGNORE_CASE,
    LENGTHS_SUFFIX_IGNORE_CASE,
    LENGTHS_CIDR4,
    LENGTHS_CIDR6,
    LENGTHS_CONTAINS,
    LENGTHS_KINDS
};

/* What the index knows of a field. */
struct field {
    uint32_t predicates[PREDICATE_KINDS]; /* how many of each kind */
    struct lengths lengths[LENGTHS_KINDS];
    uint32_t ranges;   /* root of the tree of ranges, or 0 */
    uint32_t attempts; /* list record: predicates to try on every value; or 0 */
    double least;      /* bounds that its ranges have named, for estimates */
    double most;
};

/* Growing arrays of the work of one match. */
struct numbers {
    uint32_t *list;
    uint32_t count;
    uint32_t room;
};

struct probe {
    struct slice bytes;
    uint32_t hash;
    uint32_t leaf;
    enum predicate_kind kind;
    bool promising; /* something with this hash is there */
};

struct probes {
    struct probe *list;
    uint32_t count;
    uint32_t room;
};

struct filter_index {
    struct account account;
    struct pool pool;
    struct paths paths;
    struct field **fields; /* by path node; NULL where there are no predicates */
    uint32_t field_room;
    struct table predicates;
    struct table rules;       /* conjunctions and unions by their members */
    struct table memberships; /* by conjunction */
    struct table ids;         /* places of ids */
    struct arena work;        /* of the policy being added */
    uint64_t seed;
    uint32_t everything;      /* the conjunction of no predicates, or 0 */
    uint32_t absences;        /* list record: TEST_ABSENT predicates to try on every message */
    uint32_t scope_counts[2]; /* conjunctions by root: attributes, body */
    uint32_t cursor;          /* slot of the rules table to look at next: see rule_review */
    uint32_t epoch;           /* of predicate stamps */
    struct regex_trouble trouble; /* of this match */
    uint64_t regex_over;          /* of all matches: see filter_index_regex_over */
    struct event event;
    struct probes probes;
    struct numbers buckets; /* of ranges to look into */
    struct numbers fired;
    struct numbers postings; /* conjunction and check, in turn */
    struct numbers candidates;
    struct numbers matched;
    struct numbers sorted; /* second half of the sort */
};

/* predicates.c: intern and release. */
struct predicate_key {
    enum predicate_kind kind;
    uint32_t field;
    struct slice bytes; /* the operand, or the members' numbers as bytes */
};

/* One use of the predicate, made if need be; 0 when out of memory. */
uint32_t predicate_use(struct filter_index *index, const struct predicate_key *key);
void predicate_release(struct filter_index *index, uint32_t predicate);
/* The predicate if it is there, or 0. */
uint32_t predicate_find(const struct filter_index *index, const struct predicate_key *key,
                        uint32_t hash);
uint32_t predicate_hash(const struct filter_index *index, const struct predicate_key *key);
struct operand predicate_operand(const struct filter_index *index, uint32_t predicate);
/* The operand of a predicate whose data is not in its record. */
const void *predicate_large_data(const struct filter_index *index, const uint32_t *units);
table_hasher predicate_stored_hash;
/* Frees what predicates hold outside the pool; only before the whole index is freed. */
void predicates_free_large(struct filter_index *index);

static inline enum predicate_kind predicate_kind(const uint32_t *units)
{
    return (enum predicate_kind)(units[PREDICATE_HEAD] & 0xff);
}

static inline uint32_t predicate_field(const uint32_t *units)
{
    return units[PREDICATE_HEAD] >> 8;
}

static inline bool predicate_is_set(enum predicate_kind kind)
{
    return kind == PREDICATE_ANY_OF || kind == PREDICATE_ONE_OF || kind == PREDICATE_NONE_OF
           || kind == (enum predicate_kind)TEST_ANYTHING_BUT;
}

/* Size of the operand or the members in bytes. */
static inline size_t predicate_data_size(const uint32_t *units)
{
    size_t len = units[PREDICATE_LEN];

    return predicate_is_set(predicate_kind(units)) ? len * sizeof(uint32_t) : len;
}

static inline bool predicate_data_is_inline(enum predicate_kind kind, size_t size)
{
    return size <= PREDICATE_INLINE && kind != (enum predicate_kind)TEST_REGEX;
}

static inline const void *predicate_data(const struct filter_index *index,
                                         const uint32_t *units)
{
    return predicate_data_is_inline(predicate_kind(units), predicate_data_size(units))
               ? units + PREDICATE_DATA
               : predicate_large_data(index, units);
}

static inline struct slice predicate_bytes(const struct filter_index *index, uint32_t predicate)
{
    const uint32_t *units = pool_at(&index->pool, predicate);

    return slice_make(predicate_data(index, units), predicate_data_size(units));
}

static inline const uint32_t *predicate_members(const struct filter_index *index,
                                                uint32_t predicate, uint32_t *ret_count)
{
    const uint32_t *units = pool_at(&index->pool, predicate);

    *ret_count = units[PREDICATE_LEN];
    return predicate_data(index, units);
}

/* Announces a predicate to the memory; it often lies on two cache lines. */
static inline void predicate_prefetch(const struct filter_index *index, uint32_t predicate)
{
    const uint32_t *units = pool_at(&index->pool, predicate);

    __builtin_prefetch(units);
    __builtin_prefetch(units + PREDICATE_DATA);
}

static inline bool predicate_is_active(const uint32_t *units)
{
    return units[PREDICATE_POSTINGS] != 0 || units[PREDICATE_UPWARD] != 0;
}

/* access.c: how messages find the predicates that have something filed under them. */
/* Files a conjunction under a predicate, with another one to check first (or 0); its place is
 * noted in it.  False: out of memory. */
bool access_file(struct filter_index *index, uint32_t predicate, uint32_t conjunction,
                 uint32_t check);
void access_unfile(struct filter_index *index, uint32_t predicate, uint32_t conjunction);

/* ranges.c: the access ranges of a field, as a tree. */
bool ranges_insert(struct filter_index *index, struct field *field, uint32_t predicate);
void ranges_remove(struct filter_index *index, struct field *field, uint32_t predicate);
/* Adds to `candidates` the predicates whose ranges contain the leaf's number. */
bool ranges_stab(struct filter_index *index, const struct field *field,
                 const struct leaf *leaf);

/* estimate.c: the share of messages a predicate is expected to hold for, 0 to 1. */
double predicate_share(const struct filter_index *index, uint32_t predicate);

/* rules.c: conjunctions and unions. */
/* The rule of a policy, made if need be; 0 when out of memory. */
uint32_t rule_use(struct filter_index *index, const struct filter_policy *policy);
/* Removes the rule if nothing refers to it any more. */
void rule_drop_unused(struct filter_index *index, uint32_t rule);
/* Looks at a few older conjunctions again: a better access predicate may be known by now. */
void rule_review(struct filter_index *index);
table_hasher rule_hash;
table_hasher membership_hash;

static inline uint32_t rule_flags(const uint32_t *units)
{
    return units[RULE_HEAD] >> 24;
}

static inline uint32_t rule_count(const uint32_t *units)
{
    return units[RULE_HEAD] & 0xffff;
}

static inline uint32_t rule_access(const uint32_t *units)
{
    return units[RULE_HEAD] >> 16 & 0xff;
}

/* The unions of a conjunction: its list, or 0. */
uint32_t rule_unions(const struct filter_index *index, uint32_t rule);

/* probes.c: a message's values to the predicates that hold. */
bool probes_run(struct filter_index *index);
bool probes_fire(struct filter_index *index, uint32_t predicate);

/* verify.c: whether a predicate holds in the present message. */
/* Decides what is not yet known. */
bool predicate_decide(struct filter_index *index, uint32_t predicate);

static inline bool predicate_holds(struct filter_index *index, uint32_t predicate)
{
    uint32_t stamp = pool_at(&index->pool, predicate)[PREDICATE_STAMP];

    return stamp >> STAMP_BITS == index->epoch ? (stamp & STAMP_HOLDS) != 0
                                               : predicate_decide(index, predicate);
}

/* Whether one leaf alone satisfies it. */
bool predicate_accepts(const struct filter_index *index, uint32_t predicate,
                       const struct leaf *leaf);
bool conjunction_verify(struct filter_index *index, uint32_t conjunction, bool *ret_holds);

/* Room for one more number; false when out of memory. */
bool numbers_grow(struct filter_index *index, struct numbers *numbers);

static inline bool numbers_add(struct filter_index *index, struct numbers *numbers,
                               uint32_t number)
{
    if (numbers->count == numbers->room && !numbers_grow(index, numbers)) {
        return false;
    }
    numbers->list[numbers->count++] = number;
    return true;
}

#endif
