/* fanfare-filter: SNS subscription filter policies, compiled, matched, indexed, explained.
 *
 * The library keeps no globals, does no I/O, and never aborts: out of memory is an error that
 * leaves everything as it was.  An index may be read by one thread at a time (matching uses
 * scratch memory of its own); different indexes are independent. */
#ifndef FANFARE_FILTER_H
#define FANFARE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum filter_scope {
    FILTER_SCOPE_ATTRIBUTES, /* MessageAttributes, AWS's default */
    FILTER_SCOPE_BODY        /* MessageBody */
};

enum filter_profile {
    FILTER_PROFILE_SNS,    /* exactly AWS */
    FILTER_PROFILE_FANFARE /* AWS and {"regex": "..."} */
};

enum filter_status {
    FILTER_OK = 0,
    FILTER_INVALID = -1, /* the policy is wrong: filter_error says how */
    FILTER_NO_MEMORY = -2,
    FILTER_NOT_FOUND = -3,
    FILTER_EXISTS = -4
};

/* Why a policy was refused.  `text` is AWS's text without any "Invalid parameter:" prefix
 * (position suffix included where AWS has one), NUL-terminated, owned by the error. */
struct filter_error {
    char *text;
    size_t len;
    size_t offset; /* of the offending byte in the policy */
    /* false only for the scope-nesting error, whose text carries no "FilterPolicy: " part. */
    bool names_policy;
};

/* Frees the text; a zeroed error is fine. */
void filter_error_clear(struct filter_error *error);

/* One message attribute, as published. */
enum filter_attribute_type {
    FILTER_ATTRIBUTE_STRING,
    FILTER_ATTRIBUTE_NUMBER,
    FILTER_ATTRIBUTE_STRING_ARRAY,
    FILTER_ATTRIBUTE_BINARY
};

struct filter_attribute {
    const char *name;
    size_t name_len;
    enum filter_attribute_type type;
    /* The text as published; ignored for BINARY.  When a NUMBER is no number, or a STRING_ARRAY
     * no JSON array, no policy with scope MessageAttributes matches the message. */
    const char *value;
    size_t value_len;
};

/* Everything is borrowed for the duration of the call. */
struct filter_message {
    const struct filter_attribute *attributes;
    size_t attribute_count;
    const char *body;
    size_t body_len;
};

/* What a policy may cost.  filter_limits_default gives AWS's; more is refused as too complex.
 */
struct filter_limits {
    size_t policy_bytes;      /* 262144 */
    uint32_t keys;            /* 5, on the top level */
    uint32_t combinations;    /* 150; at most 4096 */
    uint32_t wildcard_stars;  /* 3, in one pattern */
    uint32_t wildcard_points; /* 100, over the whole policy */
};

void filter_limits_default(struct filter_limits *ret_limits);

struct filter_policy; /* compiled, immutable, free with filter_policy_free */

/* Compiles `text` (UTF-8 JSON).  On FILTER_INVALID fills *error (may be NULL). An empty object
 * compiles to a policy that matches everything. */
enum filter_status filter_policy_compile(const char *text, size_t len, enum filter_scope scope,
                                         enum filter_profile profile,
                                         struct filter_policy **ret_policy,
                                         struct filter_error *error);

/* The same within limits of the caller's. */
struct filter_options {
    enum filter_scope scope;
    enum filter_profile profile;
    struct filter_limits limits;
};

enum filter_status filter_policy_compile_with(const char *text, size_t len,
                                              const struct filter_options *options,
                                              struct filter_policy **ret_policy,
                                              struct filter_error *error);
void filter_policy_free(struct filter_policy *policy); /* NULL is fine */

/* Whether one message matches one policy; FILTER_NO_MEMORY or FILTER_OK. */
enum filter_status filter_policy_matches(const struct filter_policy *policy,
                                         const struct filter_message *message,
                                         bool *ret_matches);

/* Why a policy matched a message, or not: one finding for each condition of each alternative (a
 * policy without $or has one alternative; an alternative matches when all its conditions hold,
 * in the same elements of the arrays they share). */
struct filter_finding {
    uint32_t alternative; /* from 0 */
    bool holds;
    const char *path;      /* dotted */
    const char *condition; /* the list of the policy, as written */
    const char *seen;      /* the values at the path, as JSON; NULL when there was none */
};

struct filter_explanation {
    bool matches;
    /* One sentence for people: what decided. */
    const char *reason;
    const struct filter_finding *findings;
    size_t finding_count;
    void *memory; /* private */
};

/* FILTER_NO_MEMORY or FILTER_OK; clear it afterwards. */
enum filter_status filter_explain(const struct filter_policy *policy,
                                  const struct filter_message *message,
                                  struct filter_explanation *ret_explanation);
void filter_explanation_clear(struct filter_explanation *explanation);

struct filter_index; /* many policies, both scopes, by caller-chosen ids */

struct filter_index *filter_index_create(void); /* NULL: out of memory */
void filter_index_free(struct filter_index *index);
/* The policy is copied into shared structures and may be freed afterwards.  FILTER_EXISTS when
 * the id is taken; FILTER_INVALID for the id UINT32_MAX, which is reserved. */
enum filter_status filter_index_add(struct filter_index *index, uint32_t id,
                                    const struct filter_policy *policy);
enum filter_status filter_index_remove(struct filter_index *index, uint32_t id);
size_t filter_index_count(const struct filter_index *index);
/* Bytes the index holds by its own count. */
size_t filter_index_bytes(const struct filter_index *index);

/* All ids whose policy matches, each once, ascending; *ret_ids is borrowed until the next call
 * on this index.  FILTER_NO_MEMORY or FILTER_OK. */
enum filter_status filter_index_match(struct filter_index *index,
                                      const struct filter_message *message,
                                      const uint32_t **ret_ids, size_t *ret_count);
/* How many matches of regular expressions were given up at a limit (64 KiB of text, 100,000
 * steps) since the index was made: each counted as no match. */
uint64_t filter_index_regex_over(const struct filter_index *index);

#ifdef __cplusplus
}
#endif

#endif
