/* The slow and obvious matcher. */
#include "tests/filters/model.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_LEN 64
#define LEAVES_MAX   256
#define DEPTH_MAX    16
#define RULES_MAX    128
#define ITEMS_MAX    16

/* One value of the message: where it is, and in which element of which arrays. */
struct seen {
    char path[PATH_MAX_LEN];
    struct value value;
    int arrays[DEPTH_MAX];
    int elements[DEPTH_MAX];
    int depth;
    bool named; /* the path has a step; a path of one empty step is empty too */
};

struct naive_message {
    struct seen list[LEAVES_MAX];
    size_t count;
    int arrays; /* numbers arrays */
    bool readable;
};

/* One list of a policy with its whole path. */
struct item {
    char path[PATH_MAX_LEN];
    const struct member *member;
};

struct rule {
    struct item items[ITEMS_MAX];
    size_t count;
};

struct rule_list {
    struct rule *list;
    size_t count;
    bool overflows; /* more rules than there is room for */
};

struct naive_policy {
    enum filter_scope scope;
    bool is_empty;
    struct rule_list rules;
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "the model is too small: %s\n", what);
        abort();
    }
}

/* Operators. */

static bool star_matches(const char *pattern, const char *text)
{
    if (*pattern == '*') {
        return star_matches(pattern + 1, text)
               || (*text != '\0' && star_matches(pattern, text + 1));
    }
    if (*pattern == '\\') {
        pattern++;
    }
    return *pattern == *text && (*pattern == '\0' || star_matches(pattern + 1, text + 1));
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *text, const char *suffix)
{
    size_t len = strlen(text);

    return len >= strlen(suffix) && strcmp(text + len - strlen(suffix), suffix) == 0;
}

static bool searches(const char *pattern, const char *text)
{
    regex_t compiled;
    bool found;

    require(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0, pattern);
    found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++) {
        unsigned shift = 7 - i % 8;

        if ((a[i / 8] >> shift & 1) != (b[i / 8] >> shift & 1)) {
            return false;
        }
    }
    return true;
}

static bool in_range(const struct op *op, int rank)
{
    int low = number_samples[op->low].rank;
    int high = number_samples[op->high].rank;

    if ((op->sides & 1) != 0 && (rank < low || (rank == low && (op->sides & 4) == 0))) {
        return false;
    }
    return (op->sides & 2) == 0 || rank < high || (rank == high && (op->sides & 8) != 0);
}

/* A plain value of a list; `addresses` says whether equal addresses are equal strings. */
static bool same_value(const struct value *wanted, const struct value *value, bool addresses)
{
    const struct string_sample *a;
    const struct string_sample *b;

    if (wanted->type != value->type) {
        return false;
    }
    if (wanted->type == VALUE_NUMBER) {
        return number_samples[wanted->sample].rank == number_samples[value->sample].rank;
    }
    if (wanted->type != VALUE_STRING) {
        return true;
    }
    a = &string_samples[wanted->sample];
    b = &string_samples[value->sample];
    if (addresses && a->family != 0) {
        return a->family == b->family
               && memcmp(a->address, b->address, a->family == 4 ? 4 : 16) == 0;
    }
    return strcmp(a->text, b->text) == 0;
}

static bool string_passes(const struct op *op, const struct string_sample *value)
{
    const struct string_sample *wanted = &string_samples[op->value.sample];

    switch (op->kind) {
    case OP_PREFIX: return starts(value->text, wanted->text);
    case OP_SUFFIX: return ends(value->text, wanted->text);
    case OP_EQUALS_IGNORE_CASE: return strcmp(value->folded, wanted->folded) == 0;
    case OP_PREFIX_IGNORE_CASE: return starts(value->folded, wanted->folded);
    case OP_SUFFIX_IGNORE_CASE: return ends(value->folded, wanted->folded);
    case OP_WILDCARD: return star_matches(op->pattern, value->text);
    case OP_REGEX: return searches(op->pattern, value->text);
    case OP_CIDR:
        return value->family == op->family && same_bits(value->address, op->address, op->bits);
    case OP_VALUE:
    case OP_RANGE:
    case OP_EXISTS:
    case OP_ABSENT:
    case OP_ANYTHING_BUT:
    case OP_KINDS: break;
    }
    return false;
}

static bool op_passes(const struct op *op, const struct value *value, bool addresses)
{
    if (op->kind == OP_VALUE) {
        return same_value(&op->value, value, addresses);
    }
    if (op->kind == OP_EXISTS) {
        return value->type != VALUE_NULL
               && (value->type != VALUE_STRING
                   || string_samples[value->sample].text[0] != '\0');
    }
    if (op->kind == OP_RANGE) {
        return value->type == VALUE_NUMBER && in_range(op, number_samples[value->sample].rank);
    }
    if (op->kind == OP_ANYTHING_BUT) {
        for (size_t i = 0; i < op->inner_count; i++) {
            if (op_passes(op->inner[i], value, false)) {
                return false;
            }
        }
        return true;
    }
    return value->type == VALUE_STRING && string_passes(op, &string_samples[value->sample]);
}

static bool list_passes(const struct member *member, const struct value *value)
{
    for (size_t i = 0; i < member->op_count; i++) {
        if (op_passes(member->ops[i], value, true)) {
            return true;
        }
    }
    return false;
}

/* Messages to values. */

static void node_see(const struct node *node, const struct seen *where,
                     struct naive_message *seen)
{
    int array = node->kind == NODE_ARRAY ? seen->arrays++ : 0;

    if (node->kind == NODE_LEAF) {
        require(seen->count < LEAVES_MAX, "leaves");
        seen->list[seen->count] = *where;
        seen->list[seen->count++].value = node->value;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        const struct node *child = node->children[i];
        struct seen below = *where;

        if (node->kind == NODE_OBJECT) {
            int len = snprintf(below.path, sizeof below.path, "%s%s%s", where->path,
                               where->named ? "." : "", node->names[i]);

            require(len >= 0 && (size_t)len < sizeof below.path, "path");
            below.named = true;
        } else if (child->kind != NODE_LEAF) {
            /* Scalars belong to what is around their array. */
            require(below.depth < DEPTH_MAX, "depth");
            below.arrays[below.depth] = array;
            below.elements[below.depth++] = (int)i;
        }
        node_see(child, &below, seen);
    }
}

static void attributes_see(const struct message *message, struct naive_message *seen)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct attribute *attribute = &message->attributes[i];
        struct node leaf = {.kind = NODE_LEAF, .value = attribute->value};
        struct seen where = {.depth = 0};

        (void)snprintf(where.path, sizeof where.path, "%s", attribute->name);
        if (attribute->type == FILTER_ATTRIBUTE_STRING_ARRAY) {
            node_see(attribute->array, &where, seen);
        } else if (attribute->type != FILTER_ATTRIBUTE_BINARY) {
            node_see(&leaf, &where, seen);
        }
    }
}

/* Policies to rules. */

/* `path` is NULL on the top level. */
static void object_expand(const struct object *object, const char *path,
                          struct rule_list *rules);

static void rule_put(struct rule *rule, const char *path, const struct member *member)
{
    size_t at = 0;

    while (at < rule->count && strcmp(rule->items[at].path, path) != 0) {
        at++;
    }
    require(at < ITEMS_MAX, "items");
    (void)snprintf(rule->items[at].path, PATH_MAX_LEN, "%s", path);
    rule->items[at].member = member;
    rule->count += at == rule->count;
}

static void or_expand(const struct member *member, const char *path, struct rule_list *rules)
{
    struct rule_list all = {.list = calloc(RULES_MAX, sizeof *all.list)};

    for (size_t i = 0; i < member->arm_count; i++) {
        struct rule_list arm = {.list = calloc(RULES_MAX, sizeof *arm.list)};

        memcpy(arm.list, rules->list, rules->count * sizeof *arm.list);
        arm.count = rules->count;
        object_expand(member->arms[i], path, &arm);
        rules->overflows =
            rules->overflows || arm.overflows || all.count + arm.count > RULES_MAX;
        if (!rules->overflows) {
            memcpy(all.list + all.count, arm.list, arm.count * sizeof *arm.list);
            all.count += arm.count;
        }
        free(arm.list);
    }
    memcpy(rules->list, all.list, all.count * sizeof *all.list);
    rules->count = all.count;
    free(all.list);
}

static void object_expand(const struct object *object, const char *path,
                          struct rule_list *rules)
{
    for (size_t i = 0; i < object->count; i++) {
        const struct member *member = &object->members[i];
        char below[PATH_MAX_LEN];

        if (member->name == NULL) {
            or_expand(member, path, rules);
            continue;
        }
        (void)snprintf(below, sizeof below, "%s%s%s", path == NULL ? "" : path,
                       path == NULL ? "" : ".", member->name);
        if (member->object != NULL) {
            object_expand(member->object, below, rules);
            continue;
        }
        for (size_t j = 0; j < rules->count; j++) {
            rule_put(&rules->list[j], below, member);
        }
    }
}

/* Rules against values. */

static bool agree(const struct seen *a, const struct seen *b)
{
    for (int i = 0; i < a->depth; i++) {
        for (int j = 0; j < b->depth; j++) {
            if (a->arrays[i] == b->arrays[j] && a->elements[i] != b->elements[j]) {
                return false;
            }
        }
    }
    return true;
}

static bool absence_holds(const struct item *item, const struct naive_message *seen)
{
    bool allowed = false;

    for (size_t i = 0; i < item->member->op_count; i++) {
        allowed = allowed || item->member->ops[i]->kind == OP_ABSENT;
    }
    for (size_t i = 0; i < seen->count; i++) {
        allowed = allowed && strcmp(seen->list[i].path, item->path) != 0;
    }
    return allowed && seen->readable;
}

/* Chooses a value for every item from `at` on, each agreeing with those chosen before. */
static bool items_hold(const struct rule *rule, size_t at, const struct naive_message *seen,
                       const struct seen **chosen, size_t chosen_count)
{
    const struct item *item = &rule->items[at];

    if (at == rule->count) {
        return true;
    }
    if (absence_holds(item, seen) && items_hold(rule, at + 1, seen, chosen, chosen_count)) {
        return true;
    }
    for (size_t i = 0; i < seen->count; i++) {
        bool fits = strcmp(seen->list[i].path, item->path) == 0
                    && list_passes(item->member, &seen->list[i].value);

        for (size_t j = 0; fits && j < chosen_count; j++) {
            fits = agree(chosen[j], &seen->list[i]);
        }
        chosen[chosen_count] = &seen->list[i];
        if (fits && items_hold(rule, at + 1, seen, chosen, chosen_count + 1)) {
            return true;
        }
    }
    return false;
}

struct naive_policy *naive_policy_create(const struct policy *policy)
{
    struct naive_policy *naive = calloc(1, sizeof *naive);

    naive->scope = policy->scope;
    naive->is_empty = policy->object->count == 0;
    naive->rules.list = calloc(RULES_MAX, sizeof *naive->rules.list);
    naive->rules.count = 1;
    object_expand(policy->object, NULL, &naive->rules);
    if (naive->rules.overflows) {
        naive_policy_free(naive);
        return NULL;
    }
    return naive;
}

void naive_policy_free(struct naive_policy *naive)
{
    if (naive != NULL) {
        free(naive->rules.list);
        free(naive);
    }
}

struct naive_message *naive_message_create(const struct message *message,
                                           enum filter_scope scope)
{
    struct naive_message *seen = calloc(1, sizeof *seen);
    struct seen root = {.depth = 0};

    if (scope == FILTER_SCOPE_ATTRIBUTES) {
        seen->readable = message->attribute_count > 0;
        attributes_see(message, seen);
    } else if (message->body != NULL) {
        seen->readable = true;
        node_see(message->body, &root, seen);
    }
    return seen;
}

void naive_message_free(struct naive_message *naive)
{
    free(naive);
}

bool naive_matches(const struct naive_policy *policy, struct naive_message *const messages[2])
{
    const struct seen *chosen[ITEMS_MAX];

    for (size_t i = 0; !policy->is_empty && i < policy->rules.count; i++) {
        if (items_hold(&policy->rules.list[i], 0, messages[policy->scope], chosen, 0)) {
            return true;
        }
    }
    return policy->is_empty;
}
