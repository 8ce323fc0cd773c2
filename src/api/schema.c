/* What both protocols ask of a schema. */
#include "api/internal.h"
#include "base/encoding.h"

#include <string.h>

const void *field_of(const struct field *field, const void *owner)
{
    return (const char *)owner + field->offset;
}

void *field_in(const struct field *field, void *owner)
{
    return (char *)owner + field->offset;
}

/* Without the blanks that MIME and Ruby's encode64 put into it, and padded. */
static struct text base64_tidy(struct arena *arena, struct text base64)
{
    static const struct text blanks = TEXT(" \t\r\n");
    char *tidy = arena_take(arena, base64.len + 2);
    size_t len = 0;

    for (size_t i = 0; i < base64.len; i++) {
        if (text_find(blanks, base64.at[i]) == blanks.len) {
            tidy[len++] = base64.at[i];
        }
    }
    for (size_t missing = len % 4 >= 2 ? 4 - len % 4 : 0; missing > 0; missing--) {
        tidy[len++] = '=';
    }
    return text_make(tidy, len);
}

bool blob_decode(struct arena *arena, struct text base64, struct text *ret_bytes)
{
    /* Decoded it is shorter, so this never grows out of the arena's bytes. */
    struct buffer buffer = buffer_over(arena_take(arena, base64.len), base64.len);
    bool is_good =
        base64_decode(&buffer, base64) || base64_decode(&buffer, base64_tidy(arena, base64));

    *ret_bytes = buffer_text(&buffer);
    return is_good;
}

const char *field_query_name(const struct field *field)
{
    return field->query != NULL ? field->query : field->name;
}

const char *field_query_key(const struct field *field)
{
    if (field->query_key != NULL) {
        return field->query_key;
    }
    return field->shape == QUERY_FLAT ? "Name" : "key";
}

const char *field_query_value(const struct field *field)
{
    if (field->query_value != NULL) {
        return field->query_value;
    }
    return field->shape == QUERY_FLAT ? "Value" : "value";
}

bool field_is_present(const struct field *field, const void *owner)
{
    const void *member = field_of(field, owner);

    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BLOB: return ((const struct text *)member)->at != NULL;
    case FIELD_INTEGER: return ((const struct optional_integer *)member)->is_set;
    case FIELD_BOOLEAN: return ((const struct optional_boolean *)member)->is_set;
    case FIELD_STRING_LIST: return ((const struct string_list *)member)->is_set;
    case FIELD_STRING_MAP: return ((const struct string_map *)member)->is_set;
    case FIELD_STRUCT_LIST: return ((const struct struct_list *)member)->is_set;
    case FIELD_STRUCT_MAP: return ((const struct struct_map *)member)->is_set;
    case FIELD_STRUCT: break;
    }
    return true;
}

static enum status check_items(struct request *request, const struct field *field,
                               const void *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum status status =
            schema_check(request, field->of, (const char *)items + i * field->of_size);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status check_nested(struct request *request, const struct field *field,
                                const void *owner)
{
    const void *member = field_of(field, owner);
    const struct struct_list *list = member;
    const struct struct_map *map = member;

    switch ((int)field->type) {
    case FIELD_STRUCT: return schema_check(request, field->of, member);
    case FIELD_STRUCT_LIST: return check_items(request, field, list->items, list->count);
    case FIELD_STRUCT_MAP: return check_items(request, field, map->items, map->count);
    default: return STATUS_OK;
    }
}

enum status schema_check(struct request *request, const struct field *fields, const void *input)
{
    for (const struct field *field = fields; field != NULL && field->name != NULL; field++) {
        enum status status = STATUS_OK;

        if (field->required && !field_is_present(field, input)) {
            status =
                request->service->missing(request, request->operation, text_from(field->name));
        } else {
            status = check_nested(request, field, input);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}
