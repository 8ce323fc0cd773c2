/* Settable attributes of a topic or a queue, tags among them, while a call changes them:
 * pairs sorted by name, in the request's arena. */
#ifndef SERVICES_COMMON_ATTRIBUTE_SET_H
#define SERVICES_COMMON_ATTRIBUTE_SET_H

#include "api/api.h"

struct attribute_set {
    struct arena *arena;
    struct string_pair *items;
    size_t count;
    size_t room;
};

/* Copies the pairs (not their texts) of `pairs`, which are sorted. */
void attribute_set_init(struct attribute_set *set, struct arena *arena,
                        const struct string_pair *pairs, size_t count);
/* Or empty text. */
struct text attribute_set_get(const struct attribute_set *set, struct text name);
bool attribute_set_has(const struct attribute_set *set, struct text name);
/* Texts are borrowed. */
void attribute_set_put(struct attribute_set *set, struct text name, struct text value);
void attribute_set_remove(struct attribute_set *set, struct text name); /* or nothing */

/* Tags are attributes named "tag:<key>". */
#define TAGS_MAX 50

void tag_put(struct attribute_set *set, struct text key, struct text value);
void tag_remove(struct attribute_set *set, struct text key);
size_t tag_count(const struct attribute_set *set);
/* Keys and values, in the set's arena. */
struct string_pair *tags_list(const struct attribute_set *set, size_t *ret_count);
/* The key of an attribute that is a tag; at == NULL: it is none. */
struct text tag_key_of(struct text name);
/* Key 1-128 and value 0-256 characters, not beginning with "aws:". */
bool tag_is_valid(struct text key, struct text value);

#endif
