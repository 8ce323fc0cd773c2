/* Answers of the JSON protocol, by schema: what is not set is not there. */
#include "api/internal.h"
#include "base/encoding.h"
#include "base/json.h"

static void add_members(struct buffer *to, const struct field *fields, const void *owner);

static void add_strings(struct buffer *to, const struct string_list *list)
{
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            buffer_add_byte(to, ',');
        }
        json_write_string(to, list->items[i]);
    }
    buffer_add_byte(to, ']');
}

static void add_string_map(struct buffer *to, const struct string_map *map)
{
    buffer_add_byte(to, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i > 0) {
            buffer_add_byte(to, ',');
        }
        json_write_string(to, map->items[i].name);
        buffer_add_byte(to, ':');
        json_write_string(to, map->items[i].value);
    }
    buffer_add_byte(to, '}');
}

static void add_structs(struct buffer *to, const struct field *field,
                        const struct struct_list *list)
{
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            buffer_add_byte(to, ',');
        }
        add_members(to, field->of, (const char *)list->items + i * field->of_size);
    }
    buffer_add_byte(to, ']');
}

static void add_struct_map(struct buffer *to, const struct field *field,
                           const struct struct_map *map)
{
    buffer_add_byte(to, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i > 0) {
            buffer_add_byte(to, ',');
        }
        json_write_string(to, map->names[i]);
        buffer_add_byte(to, ':');
        add_members(to, field->of, (const char *)map->items + i * field->of_size);
    }
    buffer_add_byte(to, '}');
}

static void add_value(struct buffer *to, const struct field *field, const void *member)
{
    switch (field->type) {
    case FIELD_STRING: json_write_string(to, *(const struct text *)member); break;
    case FIELD_BLOB:
        buffer_add_byte(to, '"');
        base64_encode(to, *(const struct text *)member);
        buffer_add_byte(to, '"');
        break;
    case FIELD_INTEGER:
        buffer_add_int64(to, ((const struct optional_integer *)member)->value);
        break;
    case FIELD_BOOLEAN:
        buffer_add(to,
                   ((const struct optional_boolean *)member)->value ? T("true") : T("false"));
        break;
    case FIELD_STRING_LIST: add_strings(to, member); break;
    case FIELD_STRING_MAP: add_string_map(to, member); break;
    case FIELD_STRUCT: add_members(to, field->of, member); break;
    case FIELD_STRUCT_LIST: add_structs(to, field, member); break;
    case FIELD_STRUCT_MAP: add_struct_map(to, field, member); break;
    }
}

static void add_members(struct buffer *to, const struct field *fields, const void *owner)
{
    bool is_first = true;

    buffer_add_byte(to, '{');
    for (const struct field *field = fields; field->name != NULL; field++) {
        if (!field_is_present(field, owner)) {
            continue;
        }
        buffer_add_string(to, is_first ? "\"" : ",\"");
        buffer_add_string(to, field->name);
        buffer_add_string(to, "\":");
        add_value(to, field, field_of(field, owner));
        is_first = false;
    }
    buffer_add_byte(to, '}');
}

void json_render(const struct request *request, struct buffer *to)
{
    if (request->operation->output != NULL) {
        add_members(to, request->operation->output, request->output);
    }
}

void json_render_error(const struct request *request, struct buffer *to)
{
    const struct service *service = request->service;
    bool is_generic =
        request->error->is_generic || service == NULL || service->json_type_prefix == NULL;

    buffer_printf(to, "{\"__type\":\"%s%s\",\"message\":",
                  is_generic ? "com.amazon.coral.service#" : service->json_type_prefix,
                  request->error->type);
    json_write_string(to, request->message);
    buffer_add_byte(to, '}');
}
