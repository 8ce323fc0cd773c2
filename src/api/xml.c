/* Answers of the Query protocol: XML by schema. */
#include "api/internal.h"
#include "base/encoding.h"

/* XML 1.0 has no way at all to write most controls, U+FFFE and U+FFFF: they become U+FFFD, so
 * that the rest can be read. */
#define REPLACEMENT "\xef\xbf\xbd"

/* NULL: the byte stands for itself. */
static const char *escape_of(uint8_t byte)
{
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\r': return "&#xD;";
    case '\t':
    case '\n': return NULL;
    case 0xef: return REPLACEMENT; /* perhaps: see escape_len */
    default: return byte < 0x20 ? REPLACEMENT : NULL;
    }
}

/* How many bytes at `at` its escape stands for; 0: it is fine after all. */
static size_t escape_len(const char *at, size_t left)
{
    if ((uint8_t)*at != 0xef) {
        return 1;
    }
    return left >= 3 && (uint8_t)at[1] == 0xbf && (uint8_t)at[2] >= 0xbe ? 3 : 0;
}

/* Most bytes need no closer look. */
static inline bool is_plain(uint8_t byte)
{
    return (byte > '>' && byte != 0xef) || (byte >= '\'' && byte < '<') || byte == ' ';
}

void xml_add_text(struct buffer *to, struct text text)
{
    size_t from = 0;
    size_t i = 0;

    for (;;) {
        while (i < text.len && is_plain((uint8_t)text.at[i])) {
            i++;
        }
        if (i == text.len) {
            break;
        }
        const char *escape = escape_of((uint8_t)text.at[i]);
        size_t len = escape == NULL ? 0 : escape_len(text.at + i, text.len - i);

        if (len > 0) {
            buffer_add(to, text_make(text.at + from, i - from));
            buffer_add_string(to, escape);
            from = i + len;
        }
        i += len > 0 ? len : 1;
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

/* Around a whole list or map: <Topics/> when it is empty; flat ones have nothing around them.
 */
static void add_items_open(struct buffer *to, const struct field *field, size_t count)
{
    if (field->shape == QUERY_FLAT) {
        return;
    }
    buffer_add_byte(to, '<');
    buffer_add_string(to, field->name);
    buffer_add(to, count > 0 ? T(">") : T("/>"));
}

static void add_items_close(struct buffer *to, const struct field *field, size_t count)
{
    if (field->shape != QUERY_FLAT && count > 0) {
        add_close(to, field->name);
    }
}

static const char *item_element(const struct field *field, const char *kind)
{
    return field->shape == QUERY_FLAT ? field_query_name(field) : kind;
}

static void add_strings(struct buffer *to, const struct field *field,
                        const struct string_list *list)
{
    add_items_open(to, field, list->count);
    for (size_t i = 0; i < list->count; i++) {
        add_element(to, item_element(field, "member"), list->items[i]);
    }
    add_items_close(to, field, list->count);
}

static void add_string_map(struct buffer *to, const struct field *field,
                           const struct string_map *map)
{
    const char *item = item_element(field, "entry");

    add_items_open(to, field, map->count);
    for (size_t i = 0; i < map->count; i++) {
        add_open(to, item);
        add_element(to, field_query_key(field), map->items[i].name);
        add_element(to, field_query_value(field), map->items[i].value);
        add_close(to, item);
    }
    add_items_close(to, field, map->count);
}

static void add_structs(struct buffer *to, const struct field *field,
                        const struct struct_list *list)
{
    const char *item = item_element(field, "member");

    add_items_open(to, field, list->count);
    for (size_t i = 0; i < list->count; i++) {
        add_open(to, item);
        add_fields(to, field->of, (const char *)list->items + i * field->of_size);
        add_close(to, item);
    }
    add_items_close(to, field, list->count);
}

static void add_struct_map(struct buffer *to, const struct field *field,
                           const struct struct_map *map)
{
    const char *item = item_element(field, "entry");

    add_items_open(to, field, map->count);
    for (size_t i = 0; i < map->count; i++) {
        add_open(to, item);
        add_element(to, field_query_key(field), map->names[i]);
        add_open(to, field_query_value(field));
        add_fields(to, field->of, (const char *)map->items + i * field->of_size);
        add_close(to, field_query_value(field));
        add_close(to, item);
    }
    add_items_close(to, field, map->count);
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
    const char *name = field_query_name(field);
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

static void add_three(struct buffer *to, const char *before, const char *name,
                      const char *after)
{
    buffer_add_string(to, before);
    buffer_add_string(to, name);
    buffer_add_string(to, after);
}

void query_render(const struct request *request, struct buffer *to)
{
    const char *name = request->operation->name;

    add_three(to, "<?xml version=\"1.0\"?>\n<", name, "Response xmlns=\"");
    add_three(to, request->service->xml_namespace, "\">", "");
    if (request->operation->output != NULL) {
        add_three(to, "<", name, "Result>");
        add_fields(to, request->operation->output, request->output);
        add_three(to, "</", name, "Result>");
    }
    buffer_add_string(to, "<ResponseMetadata><RequestId>");
    buffer_add(to, request->request_id);
    add_three(to, "</RequestId></ResponseMetadata></", name, "Response>\n");
}

void query_render_error(const struct request *request, struct buffer *to)
{
    const struct service *service = request->service;

    if (request->error->is_bare) {
        add_three(to, "<", request->error->type, "/>");
        return;
    }
    buffer_add_string(to, "<?xml version=\"1.0\"?>\n<ErrorResponse");
    if (service != NULL) {
        add_three(to, " xmlns=\"", service->xml_namespace, "\"");
    }
    add_three(to, "><Error><Type>", request->error->is_receiver ? "Receiver" : "Sender",
              "</Type><Code>");
    add_three(to, request->error->query, "</Code>", "<Message>");
    xml_add_text(to, request->message);
    buffer_add_string(to, "</Message>");
    if (service != NULL && service->error_has_detail) {
        buffer_add_string(to, "<Detail/>");
    }
    buffer_add_string(to, "</Error><RequestId>");
    buffer_add(to, request->request_id);
    buffer_add_string(to, "</RequestId></ErrorResponse>\n");
}
