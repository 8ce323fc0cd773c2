/* Answers in JSON, by schema.  There are two: the JSON protocol's, where what is not set is not
 * there, and the one that the Query protocol has given for longer to whoever accepts JSON:
 * every member is there, null when it is not set, flat maps are lists of names and values, and
 * all of it is wrapped as the XML is. */
#include "api/internal.h"
#include "base/encoding.h"
#include "base/json.h"

struct writing {
    struct buffer *to;
    bool is_query;
};

static void add_members(const struct writing *writing, const struct field *fields,
                        const void *owner);

static void add_strings(const struct writing *writing, const struct string_list *list)
{
    buffer_add_byte(writing->to, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            buffer_add_byte(writing->to, ',');
        }
        json_write_string(writing->to, list->items[i]);
    }
    buffer_add_byte(writing->to, ']');
}

/* --- Maps: objects, or lists of pairs. */

static bool is_list_of_pairs(const struct writing *writing, const struct field *field)
{
    return writing->is_query && field->shape == QUERY_FLAT;
}

static void add_map_begin(const struct writing *writing, const struct field *field)
{
    buffer_add_byte(writing->to, is_list_of_pairs(writing, field) ? '[' : '{');
}

static void add_map_end(const struct writing *writing, const struct field *field)
{
    buffer_add_byte(writing->to, is_list_of_pairs(writing, field) ? ']' : '}');
}

static void add_name_of_member(struct buffer *to, const char *name)
{
    buffer_add_byte(to, '"');
    buffer_add_string(to, name);
    buffer_add_string(to, "\":");
}

/* Up to where the value belongs. */
static void add_pair_begin(const struct writing *writing, const struct field *field, size_t i,
                           struct text name)
{
    struct buffer *to = writing->to;
    bool is_pair = is_list_of_pairs(writing, field);

    if (i > 0) {
        buffer_add_byte(to, ',');
    }
    if (is_pair) {
        buffer_add_byte(to, '{');
        add_name_of_member(to, field_query_key(field));
    }
    json_write_string(to, name);
    buffer_add_byte(to, is_pair ? ',' : ':');
    if (is_pair) {
        add_name_of_member(to, field_query_value(field));
    }
}

static void add_pair_end(const struct writing *writing, const struct field *field)
{
    if (is_list_of_pairs(writing, field)) {
        buffer_add_byte(writing->to, '}');
    }
}

static void add_string_map(const struct writing *writing, const struct field *field,
                           const struct string_map *map)
{
    add_map_begin(writing, field);
    for (size_t i = 0; i < map->count; i++) {
        add_pair_begin(writing, field, i, map->items[i].name);
        json_write_string(writing->to, map->items[i].value);
        add_pair_end(writing, field);
    }
    add_map_end(writing, field);
}

static void add_struct_map(const struct writing *writing, const struct field *field,
                           const struct struct_map *map)
{
    add_map_begin(writing, field);
    for (size_t i = 0; i < map->count; i++) {
        add_pair_begin(writing, field, i, map->names[i]);
        add_members(writing, field->of, (const char *)map->items + i * field->of_size);
        add_pair_end(writing, field);
    }
    add_map_end(writing, field);
}

/* --- Structs. */

static void add_structs(const struct writing *writing, const struct field *field,
                        const struct struct_list *list)
{
    buffer_add_byte(writing->to, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            buffer_add_byte(writing->to, ',');
        }
        add_members(writing, field->of, (const char *)list->items + i * field->of_size);
    }
    buffer_add_byte(writing->to, ']');
}

static void add_value(const struct writing *writing, const struct field *field,
                      const void *member)
{
    struct buffer *to = writing->to;

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
    case FIELD_STRING_LIST: add_strings(writing, member); break;
    case FIELD_STRING_MAP: add_string_map(writing, field, member); break;
    case FIELD_STRUCT: add_members(writing, field->of, member); break;
    case FIELD_STRUCT_LIST: add_structs(writing, field, member); break;
    case FIELD_STRUCT_MAP: add_struct_map(writing, field, member); break;
    }
}

static void add_members(const struct writing *writing, const struct field *fields,
                        const void *owner)
{
    bool is_first = true;

    buffer_add_byte(writing->to, '{');
    for (const struct field *field = fields; field->name != NULL; field++) {
        bool is_present = field_is_present(field, owner);

        if (!is_present && !writing->is_query) {
            continue;
        }
        if (!is_first) {
            buffer_add_byte(writing->to, ',');
        }
        is_first = false;
        add_name_of_member(writing->to, writing->is_query && field->query_json != NULL
                                            ? field->query_json
                                            : field->name);
        if (is_present) {
            add_value(writing, field, field_of(field, owner));
        } else {
            buffer_add_string(writing->to, "null");
        }
    }
    buffer_add_byte(writing->to, '}');
}

/* --- The JSON protocol. */

void json_render(const struct request *request, struct buffer *to)
{
    const struct writing writing = {.to = to};

    if (request->operation->output != NULL) {
        add_members(&writing, request->operation->output, request->output);
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

/* --- The Query protocol, answered in JSON. */

void query_json_render(const struct request *request, struct buffer *to)
{
    const struct writing writing = {.to = to, .is_query = true};
    const char *name = request->operation->name;

    buffer_printf(to, "{\"%sResponse\":{", name);
    if (request->operation->output != NULL) {
        buffer_printf(to, "\"%sResult\":", name);
        add_members(&writing, request->operation->output, request->output);
        buffer_add_byte(to, ',');
    }
    buffer_add_string(to, "\"ResponseMetadata\":{\"RequestId\":");
    json_write_string(to, request->request_id);
    buffer_add_string(to, "}}}");
}

void query_json_render_error(const struct request *request, struct buffer *to)
{
    buffer_printf(to, "{\"Error\":{\"Code\":\"%s\",\"Message\":", request->error->query);
    json_write_string(to, request->message);
    buffer_printf(to, ",\"Type\":\"%s\"},\"RequestId\":",
                  request->error->is_receiver ? "Receiver" : "Sender");
    json_write_string(to, request->request_id);
    buffer_add_byte(to, '}');
}
