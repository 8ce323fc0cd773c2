/* application/x-www-form-urlencoded: a request's parameters. */
#include "api/internal.h"
#include "base/form.h"

#include <stdlib.h>

static int pair_order(const void *a, const void *b)
{
    const struct string_pair *left = a;
    const struct string_pair *right = b;

    return text_compare(left->name, right->name);
}

void params_sort(struct params *params)
{
    if (params->count > 1) {
        qsort(params->items, params->count, sizeof *params->items, pair_order);
    }
}

bool params_parse(struct arena *arena, struct text form, struct params *params,
                  const char **ret_reason)
{
    size_t most = params->count + (form.len > 0) + text_count(form, '&');
    const char *reason = NULL;

    if (most > PARAMS_MAX) {
        *ret_reason = "it has too many parameters";
        return false;
    }
    struct string_pair *items = arena_array(arena, most + 1, sizeof *items);

    for (size_t i = 0; i < params->count; i++) {
        items[i] = params->items[i];
    }
    params->items = items;
    while (form_next(arena, &form, &items[params->count].name, &items[params->count].value,
                     &reason)) {
        params->count++;
    }
    if (reason != NULL) {
        *ret_reason = reason;
    }
    return reason == NULL;
}

/* The first place whose name is not before `name`. */
static size_t params_place(const struct params *params, struct text name)
{
    size_t from = 0;
    size_t to = params->count;

    while (from < to) {
        size_t middle = (from + to) / 2;

        if (text_compare(params->items[middle].name, name) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

struct text params_find(const struct params *params, struct text name)
{
    size_t place = params_place(params, name);

    return place < params->count && text_equal(params->items[place].name, name)
               ? params->items[place].value
               : (struct text){0};
}

bool params_have_prefix(const struct params *params, struct text prefix)
{
    size_t place = params_place(params, prefix);

    return place < params->count && text_starts_with(params->items[place].name, prefix);
}
