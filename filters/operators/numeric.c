/* {"numeric": [">=", 1, "<", 5]}: equality, or a range open or closed at either end. */
#include "compiler.h"
#include "range.h"

/* The comparison operators; equality is a test of its own. */
struct bound {
    const char *name;
    bool is_low;
    bool inclusive;
};

static const struct bound bounds[] = {
    {">", true, false}, {">=", true, true}, {"<", false, false}, {"<=", false, true}};

static const struct bound *bound_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        if (slice_is(name, bounds[i].name)) {
            return &bounds[i];
        }
    }
    return NULL;
}

bool range_encode(struct compiler *compiler, const struct range *range, struct slice *ret_bytes)
{
    uint32_t low_len = (uint32_t)range->low.len;
    size_t len = RANGE_HEADER + range->low.len + range->high.len;
    char *to = arena_take(compiler->arena, len);

    if (to == NULL) {
        return compiler_starves(compiler);
    }
    to[0] = (char)range->flags;
    memcpy(to + 1, &low_len, sizeof low_len);
    if (range->low.len > 0) {
        memcpy(to + RANGE_HEADER, range->low.at, range->low.len);
    }
    if (range->high.len > 0) {
        memcpy(to + RANGE_HEADER + range->low.len, range->high.at, range->high.len);
    }
    *ret_bytes = slice_make(to, len);
    return true;
}

struct range range_decode(struct slice bytes)
{
    struct range range = {.flags = (unsigned char)bytes.at[0]};
    uint32_t low_len;

    memcpy(&low_len, bytes.at + 1, sizeof low_len);
    range.low = slice_make(bytes.at + RANGE_HEADER, low_len);
    range.high = slice_make(range.low.at + low_len, bytes.len - RANGE_HEADER - low_len);
    return range;
}

bool range_matches(const struct operand *operand, const struct leaf *leaf)
{
    struct range range = range_decode(operand->bytes);
    int order;

    if (leaf->type != LEAF_NUMBER) {
        return false;
    }
    if ((range.flags & RANGE_HAS_LOW) != 0) {
        order = slice_compare(leaf->canonical, range.low);
        if (order < 0 || (order == 0 && (range.flags & RANGE_LOW_INCLUSIVE) == 0)) {
            return false;
        }
    }
    if ((range.flags & RANGE_HAS_HIGH) != 0) {
        order = slice_compare(leaf->canonical, range.high);
        if (order > 0 || (order == 0 && (range.flags & RANGE_HIGH_INCLUSIVE) == 0)) {
            return false;
        }
    }
    return true;
}

static void range_bound(struct range *range, const struct bound *bound, struct slice number)
{
    if (bound->is_low) {
        range->low = number;
        range->flags |= RANGE_HAS_LOW | (bound->inclusive ? RANGE_LOW_INCLUSIVE : 0u);
    } else {
        range->high = number;
        range->flags |= RANGE_HAS_HIGH | (bound->inclusive ? RANGE_HIGH_INCLUSIVE : 0u);
    }
}

/* The members of the list [from, list.next), as AWS's parser meets them. */
struct members {
    struct compiler *compiler;
    uint32_t list;
    uint32_t at; /* the next member */
};

static bool members_done(const struct members *members)
{
    return members->at >= compiler_token(members->compiler, members->list)->next;
}

/* Where the parser stands behind the next member, or behind the closing bracket. */
static size_t members_behind(const struct members *members)
{
    return members_done(members) ? compiler_token(members->compiler, members->list)->end
                                 : compiler_behind(members->compiler, members->at);
}

static bool next_is(const struct members *members, enum token_type type)
{
    return !members_done(members)
           && compiler_token(members->compiler, members->at)->type == type;
}

/* The next member as written, or "]". */
static struct slice next_written(const struct members *members)
{
    struct slice written;

    if (members_done(members)) {
        return slice_of("]");
    }
    written = compiler_written(members->compiler, members->at);
    if (next_is(members, TOKEN_OBJECT) || next_is(members, TOKEN_ARRAY)) {
        written.len = 1;
    }
    return written;
}

static bool number_take(struct members *members, const char *name, struct slice *ret_number)
{
    if (!next_is(members, TOKEN_NUMBER)) {
        return compiler_fails(members->compiler, members_behind(members),
                              "Value of %s must be numeric", name);
    }
    return compiler_number(members->compiler, members->at++, ret_number);
}

static bool range_finish(struct members *members, const struct range *range,
                         struct test *ret_test)
{
    *ret_test = (struct test){.operand = {.kind = TEST_RANGE}};
    return range_encode(members->compiler, range, &ret_test->operand.bytes);
}

/* What follows [">", 1: an upper bound. */
static bool upper_parse(struct members *members, struct range *range, struct test *ret_test)
{
    struct compiler *compiler = members->compiler;
    struct slice name = {"", 0};
    struct slice number = {"", 0};
    const struct bound *bound;

    if (!next_is(members, TOKEN_STRING)) {
        struct slice written = next_written(members);

        return compiler_fails(compiler, members_behind(members),
                              "Bad value in numeric range: %.*s", (int)written.len, written.at);
    }
    if (!compiler_text(compiler, members->at, &name)) {
        return false;
    }
    bound = bound_find(name);
    if (bound == NULL || bound->is_low) {
        return compiler_fails(compiler, compiler_token(compiler, members->at)->end,
                              "Bad numeric range operator: %.*s", (int)name.len, name.at);
    }
    members->at++;
    if (!number_take(members, bound->name, &number)) {
        return false;
    }
    if (!members_done(members)) {
        return compiler_fails(compiler, members_behind(members),
                              "Too many terms in numeric range expression");
    }
    range_bound(range, bound, number);
    if (slice_compare(range->low, range->high) >= 0) {
        return compiler_fails(compiler, compiler_token(compiler, members->list)->end,
                              "Bottom must be less than top");
    }
    return range_finish(members, range, ret_test);
}

static bool surplus_fails(struct members *members)
{
    return compiler_fails(members->compiler, members_behind(members),
                          "Too many elements in numeric expression");
}

static bool bound_parse(struct members *members, const struct bound *bound,
                        struct test *ret_test)
{
    struct range range = {.low = {"", 0}, .high = {"", 0}};
    struct slice number = {"", 0};

    if (!number_take(members, bound->name, &number)) {
        return false;
    }
    range_bound(&range, bound, number);
    if (members_done(members)) {
        return range_finish(members, &range, ret_test);
    }
    return bound->is_low ? upper_parse(members, &range, ret_test) : surplus_fails(members);
}

static bool equal_parse(struct members *members, struct test *ret_test)
{
    *ret_test = (struct test){.operand = {.kind = TEST_NUMBER}};
    return number_take(members, "equals", &ret_test->operand.bytes)
           && (members_done(members) || surplus_fails(members));
}

bool numeric_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    struct members members = {compiler, value, value + 1};
    struct slice name = {"", 0};
    const struct bound *bound;

    if (compiler_token(compiler, value)->type != TOKEN_ARRAY) {
        return compiler_fails(compiler, compiler_behind(compiler, value),
                              "Value of numeric must be an array.");
    }
    if (!next_is(&members, TOKEN_STRING)) {
        struct slice written = next_written(&members);

        return compiler_fails(compiler, members_behind(&members),
                              "Invalid member in numeric match: %.*s", (int)written.len,
                              written.at);
    }
    if (!compiler_text(compiler, members.at, &name)) {
        return false;
    }
    members.at++;
    if (slice_is(name, "=")) {
        return equal_parse(&members, ret_test);
    }
    bound = bound_find(name);
    if (bound == NULL) {
        return compiler_fails(compiler, members_behind(&members),
                              "Unrecognized numeric range operator: %.*s", (int)name.len,
                              name.at);
    }
    return bound_parse(&members, bound, ret_test);
}
