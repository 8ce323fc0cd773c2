/* The JSON protocol: one pass over the body, straight into the operation's struct. */
#include "api/internal.h"
#include "base/json.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

static const struct error_kind error_serialization = {.type = "SerializationException",
                                                      .query = "SerializationException",
                                                      .http_status = 400,
                                                      .is_generic = true};

struct decoding {
    struct request *request;
    struct json_reader reader;
    size_t items; /* of all lists and maps so far, however they are nested */
};

static enum status decode_members(struct decoding *decoding, const struct field *fields,
                                  void *owner);

static enum status wrong_type(struct decoding *decoding, const char *name, const char *wanted)
{
    return request_fail(decoding->request, &error_serialization, "%s must be %s", name, wanted);
}

static enum status broken(struct decoding *decoding)
{
    const char *error = decoding->reader.error;

    return request_fail(decoding->request, &error_serialization,
                        "The request body is not valid JSON: %s",
                        error != NULL ? error : "unexpected token");
}

/* Before there is room for one more: an element is a few bytes of input and a structure here,
 * so a body within its limit could ask for a hundred times its size. */
static enum status count_item(struct decoding *decoding, const struct field *field,
                              size_t count)
{
    if (count >= ITEMS_MAX) {
        return request_fail(decoding->request, &error_serialization,
                            "%s must have at most %d items", field->name, ITEMS_MAX);
    }
    if (++decoding->items > PARAMS_MAX) {
        return request_fail(decoding->request, &error_serialization,
                            "The request body has too many items");
    }
    return STATUS_OK;
}

static enum status repeated(struct decoding *decoding, struct text name)
{
    return request_fail(decoding->request, &error_serialization, "%.*s is given twice",
                        TEXT_PRINTF(name));
}

static int compare_names(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

/* Sorts `names`: comparing each with each would let long names that begin alike cost seconds.
 */
static enum status check_names(struct decoding *decoding, struct text *names, size_t count)
{
    if (count > 0) {
        qsort(names, count, sizeof *names, compare_names);
    }
    for (size_t i = 1; i < count; i++) {
        if (text_equal(names[i - 1], names[i])) {
            return repeated(decoding, names[i]);
        }
    }
    return STATUS_OK;
}

/* Room for one more: arrays double inside the arena. */
static void *grow(struct arena *arena, void *items, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0) {
        return items;
    }
    void *fresh = arena_array(arena, count == 0 ? 1 : count * 2, size);

    return count == 0 ? fresh : memcpy(fresh, items, count * size);
}

static enum status decode_scalar(struct decoding *decoding, const struct field *field,
                                 enum json_token token, void *member)
{
    struct text value = decoding->reader.value;
    struct optional_integer *integer = member;
    struct optional_boolean *boolean = member;

    switch ((int)field->type) {
    case FIELD_STRING:
        if (token != JSON_STRING) {
            return wrong_type(decoding, field->name, "a string");
        }
        *(struct text *)member = value.at == NULL ? T("") : value;
        return STATUS_OK;
    case FIELD_BLOB:
        return token == JSON_STRING && blob_decode(decoding->request->arena, value, member)
                   ? STATUS_OK
                   : wrong_type(decoding, field->name, "a string of base64");
    case FIELD_INTEGER:
        integer->is_set = token == JSON_NUMBER && text_to_int64(value, &integer->value);
        return integer->is_set ? STATUS_OK : wrong_type(decoding, field->name, "an integer");
    default: break;
    }
    boolean->is_set = token == JSON_TRUE || token == JSON_FALSE;
    boolean->value = token == JSON_TRUE;
    return boolean->is_set ? STATUS_OK : wrong_type(decoding, field->name, "a boolean");
}

static enum status decode_strings(struct decoding *decoding, const struct field *field,
                                  struct string_list *ret)
{
    enum json_token token;

    ret->is_set = true;
    while ((token = json_next(&decoding->reader)) == JSON_STRING) {
        enum status status = count_item(decoding, field, ret->count);

        if (status != STATUS_OK) {
            return status;
        }
        ret->items = grow(decoding->request->arena, ret->items, ret->count, sizeof *ret->items);
        ret->items[ret->count++] = decoding->reader.value;
    }
    if (token == JSON_ERROR) {
        return broken(decoding);
    }
    return token == JSON_ARRAY_END ? STATUS_OK
                                   : wrong_type(decoding, field->name, "a list of strings");
}

static enum status check_pairs(struct decoding *decoding, const struct string_map *map)
{
    struct text *names = arena_array(decoding->request->arena, map->count, sizeof *names);

    for (size_t i = 0; i < map->count; i++) {
        names[i] = map->items[i].name;
    }
    return check_names(decoding, names, map->count);
}

static enum status decode_string_map(struct decoding *decoding, const struct field *field,
                                     struct string_map *ret)
{
    enum json_token token;

    ret->is_set = true;
    while ((token = json_next(&decoding->reader)) == JSON_NAME) {
        struct text name = decoding->reader.value;
        enum status status = count_item(decoding, field, ret->count);

        if (status != STATUS_OK) {
            return status;
        }
        token = json_next(&decoding->reader);
        if (token == JSON_NULL) {
            continue;
        }
        if (token != JSON_STRING) {
            return token == JSON_ERROR ? broken(decoding)
                                       : wrong_type(decoding, field->name, "a map of strings");
        }
        ret->items = grow(decoding->request->arena, ret->items, ret->count, sizeof *ret->items);
        ret->items[ret->count++] = (struct string_pair){name, decoding->reader.value};
    }
    return token == JSON_OBJECT_END ? check_pairs(decoding, ret) : broken(decoding);
}

static void *item_at(void *items, const struct field *field, size_t i)
{
    return (char *)items + i * field->of_size;
}

static enum status decode_structs(struct decoding *decoding, const struct field *field,
                                  struct struct_list *ret)
{
    enum json_token token;

    ret->is_set = true;
    while ((token = json_next(&decoding->reader)) == JSON_OBJECT) {
        enum status status = count_item(decoding, field, ret->count);

        if (status != STATUS_OK) {
            return status;
        }
        ret->items = grow(decoding->request->arena, ret->items, ret->count, field->of_size);
        status = decode_members(decoding, field->of, item_at(ret->items, field, ret->count));
        if (status != STATUS_OK) {
            return status;
        }
        ret->count++;
    }
    if (token == JSON_ERROR) {
        return broken(decoding);
    }
    return token == JSON_ARRAY_END ? STATUS_OK
                                   : wrong_type(decoding, field->name, "a list of structures");
}

/* One of a map of structures, whose name was just read. */
static enum status decode_named_struct(struct decoding *decoding, const struct field *field,
                                       struct struct_map *ret)
{
    struct arena *arena = decoding->request->arena;
    enum status status = count_item(decoding, field, ret->count);

    if (status != STATUS_OK) {
        return status;
    }
    ret->names = grow(arena, ret->names, ret->count, sizeof *ret->names);
    ret->items = grow(arena, ret->items, ret->count, field->of_size);
    ret->names[ret->count] = decoding->reader.value;
    enum json_token token = json_next(&decoding->reader);

    if (token != JSON_OBJECT) {
        return token == JSON_ERROR ? broken(decoding)
                                   : wrong_type(decoding, field->name, "a map of structures");
    }
    status = decode_members(decoding, field->of, item_at(ret->items, field, ret->count));
    ret->count += status == STATUS_OK ? 1 : 0;
    return status;
}

static enum status decode_struct_map(struct decoding *decoding, const struct field *field,
                                     struct struct_map *ret)
{
    enum json_token token;

    ret->is_set = true;
    while ((token = json_next(&decoding->reader)) == JSON_NAME) {
        enum status status = decode_named_struct(decoding, field, ret);

        if (status != STATUS_OK) {
            return status;
        }
    }
    if (token != JSON_OBJECT_END) {
        return broken(decoding);
    }
    struct text *names = arena_array(decoding->request->arena, ret->count, sizeof *names);

    if (ret->count > 0) {
        memcpy(names, ret->names, ret->count * sizeof *names);
    }
    return check_names(decoding, names, ret->count);
}

static enum status decode_value(struct decoding *decoding, const struct field *field,
                                void *member)
{
    enum json_token token = json_next(&decoding->reader);
    bool is_list = field->type == FIELD_STRING_LIST || field->type == FIELD_STRUCT_LIST;
    bool is_object = field->type == FIELD_STRING_MAP || field->type == FIELD_STRUCT
                     || field->type == FIELD_STRUCT_MAP;

    if (token == JSON_ERROR) {
        return broken(decoding);
    }
    if (token == JSON_NULL) {
        return STATUS_OK;
    }
    if (is_list && token != JSON_ARRAY) {
        return wrong_type(decoding, field->name, "a list");
    }
    if (is_object && token != JSON_OBJECT) {
        return wrong_type(decoding, field->name, "a structure");
    }
    switch ((int)field->type) {
    case FIELD_STRING_LIST: return decode_strings(decoding, field, member);
    case FIELD_STRUCT_LIST: return decode_structs(decoding, field, member);
    case FIELD_STRING_MAP: return decode_string_map(decoding, field, member);
    case FIELD_STRUCT_MAP: return decode_struct_map(decoding, field, member);
    case FIELD_STRUCT: return decode_members(decoding, field->of, member);
    default: return decode_scalar(decoding, field, token, member);
    }
}

static const struct field *field_named(const struct field *fields, struct text name)
{
    for (const struct field *field = fields; field != NULL && field->name != NULL; field++) {
        if (text_equal(text_from(field->name), name)) {
            return field;
        }
    }
    return NULL;
}

/* The member whose name was just read; one that no schema knows is left out.  `seen` has a bit
 * for each of the fields: two readers of a body that says a thing twice may take it for two
 * different requests. */
static enum status decode_member(struct decoding *decoding, const struct field *fields,
                                 void *owner, uint64_t *seen)
{
    const struct field *field = field_named(fields, decoding->reader.value);

    if (field != NULL) {
        must(field - fields < 64);
        uint64_t bit = (uint64_t)1 << (field - fields);

        if ((*seen & bit) != 0) {
            return repeated(decoding, decoding->reader.value);
        }
        *seen |= bit;
        return decode_value(decoding, field, field_in(field, owner));
    }
    return json_skip(&decoding->reader) ? STATUS_OK : broken(decoding);
}

/* Behind the opening brace, to the closing one. */
static enum status decode_members(struct decoding *decoding, const struct field *fields,
                                  void *owner)
{
    enum json_token token;
    uint64_t seen = 0;

    while ((token = json_next(&decoding->reader)) == JSON_NAME) {
        enum status status = decode_member(decoding, fields, owner, &seen);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return token == JSON_OBJECT_END ? STATUS_OK : broken(decoding);
}

enum status json_decode(struct request *request, struct text body, const struct field *fields,
                        void *ret_input)
{
    struct decoding decoding = {.request = request};

    if (body.len == 0) {
        return STATUS_OK; /* no parameters at all */
    }
    json_reader_init(&decoding.reader, body, request->arena);
    enum json_token token = json_next(&decoding.reader);

    if (token != JSON_OBJECT) {
        return token == JSON_ERROR ? broken(&decoding)
                                   : wrong_type(&decoding, "The request body", "an object");
    }
    enum status status = decode_members(&decoding, fields, ret_input);

    if (status == STATUS_OK && json_next(&decoding.reader) != JSON_END) {
        return broken(&decoding);
    }
    return status;
}
