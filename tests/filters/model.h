/* Policies and messages as plain structures: made at random, written as JSON, and matched by a
 * matcher that is slow and obvious.  It shares no code with the library. */
#ifndef TESTS_FILTERS_MODEL_H
#define TESTS_FILTERS_MODEL_H

#include <fanfare/filter.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chance, repeatable by its seed. */
struct chance {
    uint64_t state;
};

uint32_t chance_below(struct chance *chance, uint32_t limit); /* 0 <= result < limit */
bool chance_one_in(struct chance *chance, uint32_t n);

/* Values come from small tables that say by hand what the matcher must know about them. */
struct string_sample {
    const char *text;
    const char *folded;
    int family; /* 4, 6, or 0: not an address */
    unsigned char address[16];
};

struct number_sample {
    const char *text;
    int rank; /* equal numbers have equal ranks, smaller ones smaller */
};

extern const struct string_sample string_samples[];
extern const size_t string_sample_count;
extern const struct number_sample number_samples[];
extern const size_t number_sample_count;

enum value_type {
    VALUE_STRING,
    VALUE_NUMBER,
    VALUE_TRUE,
    VALUE_FALSE,
    VALUE_NULL
};

struct value {
    enum value_type type;
    size_t sample; /* in the table of its type */
};

/* A message body, or the elements of a String.Array. */
enum node_kind {
    NODE_LEAF,
    NODE_OBJECT,
    NODE_ARRAY
};

#define NODE_CHILDREN 4

struct node {
    enum node_kind kind;
    struct value value;
    const char *names[NODE_CHILDREN]; /* of an object's members */
    struct node *children[NODE_CHILDREN];
    size_t child_count;
};

struct attribute {
    const char *name;
    enum filter_attribute_type type;
    struct value value; /* of a String or Number */
    struct node *array; /* of a String.Array */
};

#define ATTRIBUTES_MAX 4

struct message {
    struct node *body; /* NULL: the body is not JSON */
    struct attribute attributes[ATTRIBUTES_MAX];
    size_t attribute_count;
};

enum op_kind {
    OP_VALUE,
    OP_PREFIX,
    OP_SUFFIX,
    OP_EQUALS_IGNORE_CASE,
    OP_PREFIX_IGNORE_CASE,
    OP_SUFFIX_IGNORE_CASE,
    OP_WILDCARD,
    OP_RANGE,
    OP_CIDR,
    OP_REGEX,
    OP_EXISTS,
    OP_ABSENT,
    OP_ANYTHING_BUT,
    OP_KINDS
};

#define OP_INNER 3

struct op {
    enum op_kind kind;
    struct value value;  /* OP_VALUE, or the text of an operator on strings */
    const char *pattern; /* OP_WILDCARD, OP_REGEX */
    size_t low;          /* OP_RANGE: samples; `sides` says which count */
    size_t high;
    unsigned sides;    /* 1 low, 2 high, 4 low inclusive, 8 high inclusive */
    const char *block; /* OP_CIDR: as written, and as bytes */
    int family;
    unsigned bits;
    unsigned char address[16];
    struct op *inner[OP_INNER]; /* OP_ANYTHING_BUT: all of one kind */
    size_t inner_count;
};

#define LIST_MAX   3
#define MEMBER_MAX 4

/* A policy object: keys with lists, nested objects, and $or. */
struct member {
    const char *name; /* NULL: $or */
    struct op *ops[LIST_MAX];
    size_t op_count;
    struct object *object;
    struct object *arms[LIST_MAX];
    size_t arm_count;
};

struct object {
    struct member members[MEMBER_MAX];
    size_t count;
};

struct policy {
    enum filter_scope scope;
    struct object *object; /* no members: everything matches */
};

/* Memory of a round: taken in order, dropped at once. */
struct memory {
    char *bytes;
    size_t used;
    size_t size;
};

void *memory_zero(struct memory *memory, size_t size); /* aborts when there is no more */

/* make.c */
struct policy *policy_make(struct chance *chance, struct memory *memory);
struct message *message_make(struct chance *chance, struct memory *memory);
/* JSON text, NUL-terminated; strings are escaped here and there. */
char *policy_write(struct chance *chance, struct memory *memory, const struct policy *policy);
char *body_write(struct chance *chance, struct memory *memory, const struct message *message);
/* The attributes as the library wants them. */
size_t attributes_write(struct chance *chance, struct memory *memory,
                        const struct message *message, struct filter_attribute *to);

/* naive.c: policies and messages taken apart once, then tried on each other. */
struct naive_policy;
struct naive_message;

/* NULL: its alternatives are too many for the naive matcher. */
struct naive_policy *naive_policy_create(const struct policy *policy);
void naive_policy_free(struct naive_policy *naive); /* NULL is fine */
struct naive_message *naive_message_create(const struct message *message,
                                           enum filter_scope scope);
void naive_message_free(struct naive_message *naive);
/* `messages` are the same message seen by each scope. */
bool naive_matches(const struct naive_policy *policy, struct naive_message *const messages[2]);

#endif
