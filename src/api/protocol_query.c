/* The Query protocol, decoding: parameters with dotted names into an operation's struct. */
#include "api/internal.h"

#include <stdio.h>
#include <string.h>

struct reading {
    struct request *request;
    const struct params *params;
};

/* The parameters that belong to one list or map. */
struct items {
    struct text base; /* what the numbers follow: "Attributes.entry" */
    size_t count;
    bool is_set;
    bool is_bare; /* the only one, without a number: "AttributeName=All" */
};

static enum status decode_fields(const struct reading *reading, struct text prefix,
                                 const struct field *fields, void *owner);

/* "prefix.name"; "name" without a prefix. */
static struct text join(const struct reading *reading, struct text prefix, const char *name)
{
    struct text tail = text_from(name);

    if (prefix.len == 0) {
        return tail;
    }
    char *at = arena_take(reading->request->arena, prefix.len + 1 + tail.len);

    memcpy(at, prefix.at, prefix.len);
    at[prefix.len] = '.';
    memcpy(at + prefix.len + 1, tail.at, tail.len);
    return text_make(at, prefix.len + 1 + tail.len);
}

static struct text find(const struct reading *reading, struct text prefix, const char *name)
{
    return params_find(reading->params, join(reading, prefix, name));
}

/* "base.3."; without its dot when it is a name and not a prefix. */
static struct text item_prefix(const struct reading *reading, const struct items *items,
                               size_t i)
{
    char number[24];

    if (items->is_bare) {
        return join(reading, items->base, "");
    }
    (void)snprintf(number, sizeof number, "%zu.", i + 1);
    return join(reading, items->base, number);
}

static struct text item_name(const struct reading *reading, const struct items *items, size_t i)
{
    struct text prefix = item_prefix(reading, items, i);

    return text_first(prefix, prefix.len - 1);
}

/* How many numbered items there are: 1, 2, ... without gaps; one above ITEMS_MAX says enough.
 */
static size_t count_items(const struct reading *reading, const struct items *items)
{
    size_t count = 0;

    if (!params_have_prefix(reading->params, join(reading, items->base, ""))) {
        return 0;
    }
    while (count <= ITEMS_MAX) {
        struct text prefix = item_prefix(reading, items, count);
        struct text name = text_first(prefix, prefix.len - 1);

        if (params_find(reading->params, name).at == NULL
            && !params_have_prefix(reading->params, prefix)) {
            break;
        }
        count++;
    }
    return count;
}

static bool is_bare(const struct reading *reading, const struct field *field,
                    const struct items *items)
{
    if (field->shape != QUERY_FLAT) {
        return false;
    }
    if (field->type == FIELD_STRING_LIST) {
        return params_find(reading->params, items->base).len > 0;
    }
    return field->type == FIELD_STRING_MAP
           && find(reading, items->base, field_query_key(field)).at != NULL;
}

static struct items items_find(const struct reading *reading, struct text prefix,
                               const struct field *field)
{
    bool is_map = field->type == FIELD_STRING_MAP || field->type == FIELD_STRUCT_MAP;
    struct text name = join(reading, prefix, field_query_name(field));
    struct items items = {.base = name};

    if (!params_have_prefix(reading->params, name)) {
        return items;
    }
    if (field->shape != QUERY_FLAT) {
        items.base = join(reading, name, is_map ? "entry" : "member");
    }
    items.count = count_items(reading, &items);
    if (items.count == 0 && is_bare(reading, field, &items)) {
        items.count = 1;
        items.is_bare = true;
    }
    /* An empty list is sent as "Name=". */
    items.is_set = items.count > 0 || params_find(reading->params, name).at != NULL;
    return items;
}

static enum status malformed(const struct reading *reading, const char *what, struct text name)
{
    return request_fail(reading->request, &error_malformed, "%s: %.*s", what,
                        TEXT_PRINTF(name));
}

static enum status decode_scalar(const struct reading *reading, const struct field *field,
                                 struct text name, void *member)
{
    struct text value = params_find(reading->params, name);
    struct optional_integer *integer = member;
    struct optional_boolean *boolean = member;

    if (value.at == NULL) {
        return STATUS_OK;
    }
    switch ((int)field->type) {
    case FIELD_STRING: *(struct text *)member = value; return STATUS_OK;
    case FIELD_BLOB:
        return blob_decode(reading->request->arena, value, member)
                   ? STATUS_OK
                   : malformed(reading, "Invalid base64 value for parameter", name);
    case FIELD_INTEGER:
        integer->is_set = text_to_int64(value, &integer->value);
        return integer->is_set
                   ? STATUS_OK
                   : malformed(reading, "Invalid integer value for parameter", name);
    default: break;
    }
    boolean->value = text_equal_ignore_case(value, T("true"));
    boolean->is_set = boolean->value || text_equal_ignore_case(value, T("false"));
    return boolean->is_set ? STATUS_OK
                           : malformed(reading, "Invalid boolean value for parameter", name);
}

static void decode_strings(const struct reading *reading, const struct items *items,
                           struct string_list *ret)
{
    *ret = (struct string_list){
        .items = arena_array(reading->request->arena, items->count, sizeof *ret->items),
        .count = items->count,
        .is_set = items->is_set,
    };
    for (size_t i = 0; i < items->count; i++) {
        ret->items[i] = params_find(reading->params, item_name(reading, items, i));
    }
}

static void decode_string_map(const struct reading *reading, const struct field *field,
                              const struct items *items, struct string_map *ret)
{
    *ret = (struct string_map){
        .items = arena_array(reading->request->arena, items->count, sizeof *ret->items),
        .count = items->count,
        .is_set = items->is_set,
    };
    for (size_t i = 0; i < items->count; i++) {
        struct text item = item_name(reading, items, i);

        ret->items[i].name = find(reading, item, field_query_key(field));
        ret->items[i].value = find(reading, item, field_query_value(field));
    }
}

static enum status decode_structs(const struct reading *reading, const struct field *field,
                                  const struct items *items, struct struct_list *ret)
{
    *ret = (struct struct_list){
        .items = arena_array(reading->request->arena, items->count, field->of_size),
        .count = items->count,
        .is_set = items->is_set,
    };
    for (size_t i = 0; i < items->count; i++) {
        enum status status = decode_fields(reading, item_name(reading, items, i), field->of,
                                           (char *)ret->items + i * field->of_size);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status decode_struct_map(const struct reading *reading, const struct field *field,
                                     const struct items *items, struct struct_map *ret)
{
    struct arena *arena = reading->request->arena;

    *ret = (struct struct_map){
        .names = arena_array(arena, items->count, sizeof *ret->names),
        .items = arena_array(arena, items->count, field->of_size),
        .count = items->count,
        .is_set = items->is_set,
    };
    for (size_t i = 0; i < items->count; i++) {
        struct text item = item_name(reading, items, i);
        struct text value = join(reading, item, field_query_value(field));

        ret->names[i] = find(reading, item, field_query_key(field));
        enum status status =
            decode_fields(reading, value, field->of, (char *)ret->items + i * field->of_size);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status decode_items(const struct reading *reading, struct text prefix,
                                const struct field *field, void *member)
{
    struct items items = items_find(reading, prefix, field);

    if (!items.is_set) {
        return STATUS_OK;
    }
    if (items.count > ITEMS_MAX) {
        return malformed(reading, "Too many items in parameter", items.base);
    }
    switch ((int)field->type) {
    case FIELD_STRING_LIST: decode_strings(reading, &items, member); break;
    case FIELD_STRING_MAP: decode_string_map(reading, field, &items, member); break;
    case FIELD_STRUCT_LIST: return decode_structs(reading, field, &items, member);
    default: return decode_struct_map(reading, field, &items, member);
    }
    return STATUS_OK;
}

static enum status decode_field(const struct reading *reading, struct text prefix,
                                const struct field *field, void *member)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BLOB:
    case FIELD_INTEGER:
    case FIELD_BOOLEAN:
        return decode_scalar(reading, field, join(reading, prefix, field_query_name(field)),
                             member);
    case FIELD_STRUCT:
        return decode_fields(reading, join(reading, prefix, field_query_name(field)), field->of,
                             member);
    case FIELD_STRING_LIST:
    case FIELD_STRING_MAP:
    case FIELD_STRUCT_LIST:
    case FIELD_STRUCT_MAP: break;
    }
    return decode_items(reading, prefix, field, member);
}

/* As deep as the schema is, whatever the request says. */
static enum status decode_fields(const struct reading *reading, struct text prefix,
                                 const struct field *fields, void *owner)
{
    for (const struct field *field = fields; field != NULL && field->name != NULL; field++) {
        enum status status = decode_field(reading, prefix, field, field_in(field, owner));

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status query_decode(struct request *request, const struct params *params,
                         const struct field *fields, void *ret_input)
{
    const struct reading reading = {.request = request, .params = params};

    return decode_fields(&reading, (struct text){0}, fields, ret_input);
}
