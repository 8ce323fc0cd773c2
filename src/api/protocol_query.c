/* The Query protocol: parameters with dotted names in, XML out. */
#include "api/internal.h"
#include "base/encoding.h"

/* The dotted name being built; longer ones than any schema has are cut and then not found. */
#define NAME_MAX_BYTES 1024
/* Elements of one list; AWS's own limits are far below. */
#define ITEMS_MAX 1024

static enum status decode_fields(struct request *request, const struct params *params,
                                 struct text prefix, const struct field *fields, void *owner);

static struct text join(struct request *request, struct text prefix, const char *name)
{
    return prefix.len == 0 ? text_from(name)
                           : arena_printf(request->arena, "%.*s.%s", TEXT_PRINTF(prefix), name);
}

static const char *wire_name(const struct field *field)
{
    return field->query != NULL ? field->query : field->name;
}

/* "Name.member" or "Name.entry" or "Name": what the numbers follow. */
static struct text base_name(struct request *request, const struct field *field,
                             struct text prefix, const char *kind)
{
    struct text name = join(request, prefix, wire_name(field));

    return field->shape == QUERY_FLAT ? name : join(request, name, kind);
}

static struct text item_name(struct request *request, struct text base, size_t number)
{
    return arena_printf(request->arena, "%.*s.%zu", TEXT_PRINTF(base), number);
}

static bool item_exists(struct request *request, const struct params *params, struct text item)
{
    struct text nested = arena_printf(request->arena, "%.*s.", TEXT_PRINTF(item));

    return params_find(params, item).at != NULL || params_have_prefix(params, nested);
}

/* How many numbered items there are: 1, 2, ... without gaps. */
static size_t count_items(struct request *request, const struct params *params,
                          struct text base)
{
    struct text dotted = arena_printf(request->arena, "%.*s.", TEXT_PRINTF(base));
    size_t count = 0;

    if (!params_have_prefix(params, dotted)) {
        return 0;
    }
    while (count < ITEMS_MAX
           && item_exists(request, params, item_name(request, base, count + 1))) {
        count++;
    }
    return count;
}

/* An empty list is sent as "Name=". */
static bool is_named(struct request *request, const struct params *params,
                     const struct field *field, struct text prefix)
{
    return params_find(params, join(request, prefix, wire_name(field))).at != NULL;
}

static enum status malformed(struct request *request, const char *what, struct text name)
{
    return request_fail(request, &error_malformed, "%s: %.*s", what, TEXT_PRINTF(name));
}

static enum status decode_blob(struct request *request, struct text name, struct text value,
                               struct text *ret)
{
    struct buffer buffer;

    buffer_init(&buffer, value.len + 1);
    bool is_good = base64_decode(&buffer, value);

    *ret = arena_copy(request->arena, buffer_text(&buffer));
    buffer_free(&buffer);
    return is_good ? STATUS_OK : malformed(request, "Invalid base64 value for parameter", name);
}

static enum status decode_scalar(struct request *request, const struct field *field,
                                 struct text name, struct text value, void *member)
{
    struct optional_integer *integer = member;
    struct optional_boolean *boolean = member;

    if (value.at == NULL) {
        return STATUS_OK;
    }
    switch ((int)field->type) {
    case FIELD_STRING: *(struct text *)member = value; return STATUS_OK;
    case FIELD_BLOB: return decode_blob(request, name, value, member);
    case FIELD_INTEGER:
        integer->is_set = text_to_int64(value, &integer->value);
        return integer->is_set
                   ? STATUS_OK
                   : malformed(request, "Invalid integer value for parameter", name);
    default: break;
    }
    boolean->value = text_equal_ignore_case(value, T("true"));
    boolean->is_set = boolean->value || text_equal_ignore_case(value, T("false"));
    return boolean->is_set ? STATUS_OK
                           : malformed(request, "Invalid boolean value for parameter", name);
}

static void decode_strings(struct request *request, const struct params *params,
                           const struct field *field, struct text prefix,
                           struct string_list *ret)
{
    struct text base = base_name(request, field, prefix, "member");

    ret->count = count_items(request, params, base);
    ret->is_set = ret->count > 0 || is_named(request, params, field, prefix);
    ret->items = arena_array(request->arena, ret->count, sizeof *ret->items);
    for (size_t i = 0; i < ret->count; i++) {
        ret->items[i] = params_find(params, item_name(request, base, i + 1));
    }
}

static const char *key_name_of(const struct field *field)
{
    if (field->query_key != NULL) {
        return field->query_key;
    }
    return field->shape == QUERY_FLAT ? "Name" : "key";
}

static const char *value_name_of(const struct field *field)
{
    if (field->query_value != NULL) {
        return field->query_value;
    }
    return field->shape == QUERY_FLAT ? "Value" : "value";
}

static void decode_string_map(struct request *request, const struct params *params,
                              const struct field *field, struct text prefix,
                              struct string_map *ret)
{
    struct text base = base_name(request, field, prefix, "entry");

    ret->count = count_items(request, params, base);
    ret->is_set = ret->count > 0 || is_named(request, params, field, prefix);
    ret->items = arena_array(request->arena, ret->count, sizeof *ret->items);
    for (size_t i = 0; i < ret->count; i++) {
        struct text item = item_name(request, base, i + 1);

        ret->items[i].name = params_find(params, join(request, item, key_name_of(field)));
        ret->items[i].value = params_find(params, join(request, item, value_name_of(field)));
    }
}

static enum status decode_structs(struct request *request, const struct params *params,
                                  const struct field *field, struct text prefix,
                                  struct struct_list *ret)
{
    struct text base = base_name(request, field, prefix, "member");

    ret->count = count_items(request, params, base);
    ret->is_set = ret->count > 0 || is_named(request, params, field, prefix);
    ret->items = arena_array(request->arena, ret->count, field->of_size);
    for (size_t i = 0; i < ret->count; i++) {
        enum status status = decode_fields(request, params, item_name(request, base, i + 1),
                                           field->of, (char *)ret->items + i * field->of_size);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status decode_struct_map(struct request *request, const struct params *params,
                                     const struct field *field, struct text prefix,
                                     struct struct_map *ret)
{
    struct text base = base_name(request, field, prefix, "entry");

    ret->count = count_items(request, params, base);
    ret->is_set = ret->count > 0 || is_named(request, params, field, prefix);
    ret->names = arena_array(request->arena, ret->count, sizeof *ret->names);
    ret->items = arena_array(request->arena, ret->count, field->of_size);
    for (size_t i = 0; i < ret->count; i++) {
        struct text item = item_name(request, base, i + 1);

        ret->names[i] = params_find(params, join(request, item, key_name_of(field)));
        enum status status =
            decode_fields(request, params, join(request, item, value_name_of(field)), field->of,
                          (char *)ret->items + i * field->of_size);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status decode_field(struct request *request, const struct params *params,
                                struct text prefix, const struct field *field, void *member)
{
    struct text name = join(request, prefix, wire_name(field));

    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BLOB:
    case FIELD_INTEGER:
    case FIELD_BOOLEAN:
        return decode_scalar(request, field, name, params_find(params, name), member);
    case FIELD_STRING_LIST:
        decode_strings(request, params, field, prefix, member);
        return STATUS_OK;
    case FIELD_STRING_MAP:
        decode_string_map(request, params, field, prefix, member);
        return STATUS_OK;
    case FIELD_STRUCT: return decode_fields(request, params, name, field->of, member);
    case FIELD_STRUCT_LIST: return decode_structs(request, params, field, prefix, member);
    case FIELD_STRUCT_MAP: return decode_struct_map(request, params, field, prefix, member);
    }
    return STATUS_OK;
}

static enum status decode_fields(struct request *request, const struct params *params,
                                 struct text prefix, const struct field *fields, void *owner)
{
    if (prefix.len > NAME_MAX_BYTES) {
        return malformed(request, "Parameter name is too long", text_first(prefix, 64));
    }
    for (const struct field *field = fields; field != NULL && field->name != NULL; field++) {
        enum status status =
            decode_field(request, params, prefix, field, field_in(field, owner));

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status query_decode(struct request *request, const struct params *params,
                         const struct field *fields, void *ret_input)
{
    return decode_fields(request, params, (struct text){0}, fields, ret_input);
}
