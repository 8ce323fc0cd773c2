/* How often a predicate is expected to hold.  The guess: messages carry the values that
 * policies name, each as often as the others.  The more values policies name on a field, the
 * rarer each is, so that tenants come out as selective and countries as not, without seeing a
 * message. */
#include "decimal.h"

#include "index/index.h"
#include "operators/range.h"

/* Where there is nothing to go by. */
#define SHARE_EXISTS 0.5
#define SHARE_SOME   0.4
#define SHARE_ABSENT 0.7
#define SHARE_NEARLY 0.95

static double among(uint32_t alternatives)
{
    return 1.0 / (1.0 + alternatives);
}

/* The part of the span of all ranges of the field that this one covers. */
static double range_share(const struct field *field, struct slice bytes)
{
    struct range range = range_decode(bytes);
    double span = field->most - field->least;
    double low = field->least;
    double high = field->most;

    if (!(span > 0)) {
        return SHARE_SOME;
    }
    if ((range.flags & RANGE_HAS_LOW) != 0) {
        low = decimal_approximate(range.low);
    }
    if ((range.flags & RANGE_HAS_HIGH) != 0) {
        high = decimal_approximate(range.high);
    }
    return (high - low) / span + among(field->predicates[TEST_RANGE]);
}

static double members_share(const struct filter_index *index, uint32_t predicate)
{
    double share = 0;
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count && share < 1; i++) {
        share += predicate_share(index, members[i]);
    }
    return share < 1 ? share : 1;
}

double predicate_share(const struct filter_index *index, uint32_t predicate)
{
    const uint32_t *units = pool_at(&index->pool, predicate);
    const struct field *field = index->fields[predicate_field(units)];
    enum predicate_kind kind = predicate_kind(units);

    switch ((unsigned)kind) {
    case TEST_ANYTHING_BUT:
    case PREDICATE_NONE_OF: return SHARE_NEARLY;
    case TEST_ABSENT: return SHARE_ABSENT;
    case TEST_EXISTS:
    case TEST_TRUE:
    case TEST_FALSE:
    case TEST_NULL: return SHARE_EXISTS;
    case TEST_REGEX: return SHARE_SOME;
    case TEST_RANGE: return range_share(field, predicate_bytes(index, predicate));
    case PREDICATE_ANY_OF:
    case PREDICATE_ONE_OF: return members_share(index, predicate);
    default: return among(field->predicates[kind]);
    }
}
