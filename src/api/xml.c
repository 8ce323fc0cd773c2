/* Answers of the Query protocol: XML by schema. */
#include "api/internal.h"
#include "base/encoding.h"

static const char *escape_of(char byte)
{
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\r': return "&#xD;";
    default: return NULL;
    }
}

void xml_add_text(struct buffer *to, struct text text)
{
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escape_of(text.at[i]);

        if (escape != NULL) {
            buffer_add(to, text_make(text.at + from, i - from));
            buffer_add_string(to, escape);
            from = i + 1;
        }
    }
    buffer_add(to, text_after(text, from));
}

static void add_open(struct buffer *to, const char *name)
{
    buffer_add_byte(to, '<');
    buffer_add_string(to, name);
    buffer_add_byte(to, '>');
}

static void add_close(struct buffer *to, const char *name)
{
    buffer_add_string(to, "</");
    buffer_add_string(to, name);
    buffer_add_byte(to, '>');
}

static void add_element(struct buffer *to, const char *name, struct text text)
{
    add_open(to, name);
    xml_add_text(to, text);
    add_close(to, name);
}

static void add_fields(struct buffer *to, const struct field *fields, const void *owner);

static const char *element_name(const struct field *field)
{
    return field->query != NULL ? field->query : field->name;
}

static const char *key_element(const struct field *field)
{
    if (field->query_key != NULL) {
        return field->query_key;
    }
    return field->shape == QUERY_FLAT ? "Name" : "key";
}

static const char *value_element(const struct field *field)
{
    if (field->query_value != NULL) {
        return field->query_value;
    }
    return field->shape == QUERY_FLAT ? "Value" : "value";
}

/* Around a whole list or map: flat ones have nothing around them. */
static void around(struct buffer *to, const struct field *field, bool is_open)
{
    if (field->shape == QUERY_FLAT) {
        return;
    }
    if (is_open) {
        add_open(to, field->name);
    } else {
        add_close(to, field->name);
    }
}

static const char *item_element(const struct field *field, const char *kind)
{
    return field->shape == QUERY_FLAT ? element_name(field) : kind;
}

static void add_strings(struct buffer *to, const struct field *field,
                        const struct string_list *list)
{
    around(to, field, true);
    for (size_t i = 0; i < list->count; i++) {
        add_element(to, item_element(field, "member"), list->items[i]);
    }
    around(to, field, false);
}

static void add_string_map(struct buffer *to, const struct field *field,
                           const struct string_map *map)
{
    const char *item = item_element(field, "entry");

    around(to, field, true);
    for (size_t i = 0; i < map->count; i++) {
        add_open(to, item);
        add_element(to, key_element(field), map->items[i].name);
        add_element(to, value_element(field), map->items[i].value);
        add_close(to, item);
    }
    around(to, field, false);
}

static void add_structs(struct buffer *to, const struct field *field,
                        const struct struct_list *list)
{
    const char *item = item_element(field, "member");

    around(to, field, true);
    for (size_t i = 0; i < list->count; i++) {
        add_open(to, item);
        add_fields(to, field->of, (const char *)list->items + i * field->of_size);
        add_close(to, item);
    }
    around(to, field, false);
}

static void add_struct_map(struct buffer *to, const struct field *field,
                           const struct struct_map *map)
{
    const char *item = item_element(field, "entry");

    around(to, field, true);
    for (size_t i = 0; i < map->count; i++) {
        add_open(to, item);
        add_element(to, key_element(field), map->names[i]);
        add_open(to, value_element(field));
        add_fields(to, field->of, (const char *)map->items + i * field->of_size);
        add_close(to, value_element(field));
        add_close(to, item);
    }
    around(to, field, false);
}

static void add_number(struct buffer *to, const char *name, int64_t value)
{
    add_open(to, name);
    buffer_add_int64(to, value);
    add_close(to, name);
}

static void add_blob(struct buffer *to, const char *name, struct text bytes)
{
    add_open(to, name);
    base64_encode(to, bytes);
    add_close(to, name);
}

static void add_field(struct buffer *to, const struct field *field, const void *member)
{
    const char *name = element_name(field);
    const struct optional_boolean *boolean = member;

    switch (field->type) {
    case FIELD_STRING: add_element(to, name, *(const struct text *)member); break;
    case FIELD_BLOB: add_blob(to, name, *(const struct text *)member); break;
    case FIELD_INTEGER:
        add_number(to, name, ((const struct optional_integer *)member)->value);
        break;
    case FIELD_BOOLEAN: add_element(to, name, boolean->value ? T("true") : T("false")); break;
    case FIELD_STRING_LIST: add_strings(to, field, member); break;
    case FIELD_STRING_MAP: add_string_map(to, field, member); break;
    case FIELD_STRUCT:
        add_open(to, name);
        add_fields(to, field->of, member);
        add_close(to, name);
        break;
    case FIELD_STRUCT_LIST: add_structs(to, field, member); break;
    case FIELD_STRUCT_MAP: add_struct_map(to, field, member); break;
    }
}

static void add_fields(struct buffer *to, const struct field *fields, const void *owner)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        if (field_is_present(field, owner)) {
            add_field(to, field, field_of(field, owner));
        }
    }
}

void query_render(const struct request *request, struct buffer *to)
{
    const char *name = request->operation->name;

    buffer_printf(to, "<?xml version=\"1.0\"?>\n<%sResponse xmlns=\"%s\">", name,
                  request->service->xml_namespace);
    if (request->operation->output != NULL) {
        buffer_printf(to, "<%sResult>", name);
        add_fields(to, request->operation->output, request->output);
        buffer_printf(to, "</%sResult>", name);
    }
    buffer_printf(to,
                  "<ResponseMetadata><RequestId>%.*s</RequestId></ResponseMetadata>"
                  "</%sResponse>\n",
                  TEXT_PRINTF(request->request_id), name);
}

void query_render_error(const struct request *request, struct buffer *to)
{
    const struct service *service = request->service;

    buffer_add_string(to, "<?xml version=\"1.0\"?>\n<ErrorResponse");
    if (service != NULL) {
        buffer_printf(to, " xmlns=\"%s\"", service->xml_namespace);
    }
    buffer_printf(to, "><Error><Type>%s</Type><Code>%s</Code><Message>",
                  request->error->is_receiver ? "Receiver" : "Sender", request->error->query);
    xml_add_text(to, request->message);
    buffer_add_string(to, "</Message>");
    if (service != NULL && service->error_has_detail) {
        buffer_add_string(to, "<Detail/>");
    }
    buffer_printf(to, "</Error><RequestId>%.*s</RequestId></ErrorResponse>\n",
                  TEXT_PRINTF(request->request_id));
}
