/* Settable attributes and tags as sorted pairs. */
#include "services/common/attribute_set.h"

#include <string.h>

#define TAG_PREFIX    "tag:"
#define TAG_KEY_MAX   128 /* characters */
#define TAG_VALUE_MAX 256

void attribute_set_init(struct attribute_set *set, struct arena *arena,
                        const struct string_pair *pairs, size_t count)
{
    set->arena = arena;
    set->count = count;
    set->room = count + 16;
    set->items = arena_array(arena, set->room, sizeof *set->items);
    if (count > 0) {
        memcpy(set->items, pairs, count * sizeof *pairs);
    }
}

/* The place of the first that is not before `name`. */
static size_t place_of(const struct attribute_set *set, struct text name)
{
    size_t from = 0;
    size_t to = set->count;

    while (from < to) {
        size_t middle = (from + to) / 2;

        if (text_compare(set->items[middle].name, name) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool is_at(const struct attribute_set *set, size_t place, struct text name)
{
    return place < set->count && text_equal(set->items[place].name, name);
}

bool attribute_set_has(const struct attribute_set *set, struct text name)
{
    return is_at(set, place_of(set, name), name);
}

struct text attribute_set_get(const struct attribute_set *set, struct text name)
{
    size_t place = place_of(set, name);

    return is_at(set, place, name) ? set->items[place].value : (struct text){0};
}

static void grow(struct attribute_set *set)
{
    struct string_pair *items = arena_array(set->arena, set->room * 2, sizeof *items);

    memcpy(items, set->items, set->count * sizeof *items);
    set->items = items;
    set->room *= 2;
}

void attribute_set_put(struct attribute_set *set, struct text name, struct text value)
{
    size_t place = place_of(set, name);

    if (is_at(set, place, name)) {
        set->items[place].value = value;
        return;
    }
    if (set->count == set->room) {
        grow(set);
    }
    memmove(&set->items[place + 1], &set->items[place],
            (set->count - place) * sizeof *set->items);
    set->items[place] = (struct string_pair){name, value};
    set->count++;
}

void attribute_set_remove(struct attribute_set *set, struct text name)
{
    size_t place = place_of(set, name);

    if (!is_at(set, place, name)) {
        return;
    }
    set->count--;
    memmove(&set->items[place], &set->items[place + 1],
            (set->count - place) * sizeof *set->items);
}

/* --- Tags. */

static struct text tag_name(const struct attribute_set *set, struct text key)
{
    return arena_printf(set->arena, TAG_PREFIX "%.*s", TEXT_PRINTF(key));
}

void tag_put(struct attribute_set *set, struct text key, struct text value)
{
    attribute_set_put(set, tag_name(set, key), value);
}

void tag_remove(struct attribute_set *set, struct text key)
{
    attribute_set_remove(set, tag_name(set, key));
}

struct text tag_key_of(struct text name)
{
    struct text prefix = T(TAG_PREFIX);

    return text_starts_with(name, prefix) ? text_after(name, prefix.len) : (struct text){0};
}

size_t tag_count(const struct attribute_set *set)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        count += tag_key_of(set->items[i].name).at != NULL;
    }
    return count;
}

struct string_pair *tags_list(const struct attribute_set *set, size_t *ret_count)
{
    struct string_pair *tags = arena_array(set->arena, set->count, sizeof *tags);
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct text key = tag_key_of(set->items[i].name);

        if (key.at != NULL) {
            tags[count++] = (struct string_pair){key, set->items[i].value};
        }
    }
    *ret_count = count;
    return tags;
}

/* Of UTF-8: bytes that do not go on with a character. */
static size_t character_count(struct text text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    }
    return count;
}

bool tag_is_valid(struct text key, struct text value)
{
    return key.len > 0 && character_count(key) <= TAG_KEY_MAX
           && character_count(value) <= TAG_VALUE_MAX && !text_starts_with(key, T("aws:"));
}
