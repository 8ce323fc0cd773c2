/* CloudEvents 1.0 over HTTP (cloudevents.io: spec.md, formats/json-format.md,
 * bindings/http-protocol-binding.md).  Message attributes named as an attribute of an event
 * (type, source, subject, dataschema) set it; others whose names CloudEvents allows become
 * extensions. */
#include "base/json.h"
#include "base/timestamp.h"
#include "formats/internal.h"

#define DEFAULT_TYPE  "com.amazon.sns.notification"
#define EXTENSIONS    20   /* at most, of the message's attributes */
#define EXTENSION_MAX 1024 /* bytes; longer ones would not pass as headers */
#define NAME_MAX_LEN  20
#define EVENT_ROOM    (EXTENSIONS + 9)

struct event_attribute {
    struct text name;
    struct text value;
};

struct event {
    struct event_attribute attributes[EVENT_ROOM];
    size_t count;
};

static void event_add(struct event *event, struct text name, struct text value)
{
    if (value.len > 0) {
        event->attributes[event->count++] = (struct event_attribute){name, value};
    }
}

static bool event_has(const struct event *event, struct text name)
{
    for (size_t i = 0; i < event->count; i++) {
        if (text_equal(event->attributes[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* --- What a message says. */

/* Of the message's attributes, else the default. */
static struct text chosen(const struct rendering *rendering, struct text name,
                          struct text otherwise)
{
    struct text own = attribute_text(rendering->input->message, name);

    return own.len > 0 && own.len <= EXTENSION_MAX ? own : otherwise;
}

/* A URI-reference has no blanks and nothing that is not ASCII. */
static struct text chosen_uri(const struct rendering *rendering, struct text name,
                              struct text otherwise)
{
    struct text own = chosen(rendering, name, otherwise);

    for (size_t i = 0; i < own.len; i++) {
        if (own.at[i] <= ' ' || own.at[i] > '~' || own.at[i] == '"') {
            return otherwise;
        }
    }
    return own;
}

static bool is_extension_name(struct text name)
{
    static const struct text taken[] = {
        TEXT("specversion"), TEXT("id"),         TEXT("source"),
        TEXT("type"),        TEXT("subject"),    TEXT("time"),
        TEXT("data"),        TEXT("dataschema"), TEXT("datacontenttype"),
    };

    for (size_t i = 0; i < countof(taken); i++) {
        if (text_equal(name, taken[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < name.len; i++) {
        bool is_letter = name.at[i] >= 'a' && name.at[i] <= 'z';

        if (!is_letter && (name.at[i] < '0' || name.at[i] > '9')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static struct text extension_value(struct arena *arena,
                                   const struct message_attribute *attribute)
{
    struct buffer encoded;

    if (attribute->value.len > EXTENSION_MAX
        || !text_starts_with(attribute->type, T("Binary"))) {
        return attribute->value;
    }
    buffer_init(&encoded, (size_t)EXTENSION_MAX * 2);
    base64_encode(&encoded, attribute->value);
    struct text value = arena_copy(arena, buffer_text(&encoded));

    buffer_free(&encoded);
    return value;
}

static void add_extensions(const struct rendering *rendering, struct event *event)
{
    const struct message *message = rendering->input->message;
    size_t left = EXTENSIONS;

    for (size_t i = 0; i < message->attribute_count && left > 0; i++) {
        const struct message_attribute *attribute = &message->attributes[i];
        struct text value = extension_value(rendering->arena, attribute);

        if (is_extension_name(attribute->name) && !event_has(event, attribute->name)
            && value.len <= EXTENSION_MAX) {
            event_add(event, attribute->name, value);
            left--;
        }
    }
}

static void event_read(const struct rendering *rendering, struct event *event)
{
    const struct message *message = rendering->input->message;
    struct arena *arena = rendering->arena;
    char id[UUID_SIZE];
    char time[TIMESTAMP_SIZE];

    uuid_format(message->id, id);
    timestamp_format(message->time_ms, time);
    event_add(event, T("specversion"), T("1.0"));
    event_add(event, T("id"), arena_copy(arena, text_from(id)));
    event_add(event, T("source"), chosen_uri(rendering, T("source"), message->topic_arn));
    event_add(event, T("type"), chosen(rendering, T("type"), T(DEFAULT_TYPE)));
    event_add(event, T("subject"), chosen(rendering, T("subject"), message->subject));
    event_add(event, T("time"), arena_copy(arena, text_from(time)));
    event_add(event, T("dataschema"), chosen_uri(rendering, T("dataschema"), T("")));
    /* The documented extensions "sequence" and "partitioning". */
    event_add(event, T("sequence"), message->sequence_number);
    event_add(event, T("partitionkey"), message->group_id);
    add_extensions(rendering, event);
}

static const char *data_type(bool is_json)
{
    return is_json ? "application/json" : "text/plain; charset=UTF-8";
}

/* --- Structured. */

bool cloudevents_structured(struct rendering *rendering)
{
    struct buffer *to = rendering->to;
    bool is_json = is_json_document(rendering->body);
    struct event event = {.count = 0};

    event_read(rendering, &event);
    buffer_add_byte(to, '{');
    for (size_t i = 0; i < event.count; i++) {
        buffer_printf(to, "%s\"%.*s\":", i == 0 ? "" : ",",
                      TEXT_PRINTF(event.attributes[i].name));
        json_write_string(to, event.attributes[i].value);
    }
    buffer_printf(to, ",\"datacontenttype\":\"%s\",\"data\":", data_type(is_json));
    if (is_json) {
        buffer_add(to, rendering->body);
    } else {
        json_write_string(to, rendering->body);
    }
    buffer_add_byte(to, '}');
    return true;
}

/* --- Binary. */

/* Percent-encoded are blanks, quotes, percent signs and what is not printable ASCII (HTTP
 * binding, 3.1.3.2). */
static const char *header_value(struct arena *arena, struct text value)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = arena_take(arena, value.len * 3 + 1);
    char *at = encoded;

    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];

        if (byte > ' ' && byte <= '~' && byte != '"' && byte != '%') {
            *at++ = (char)byte;
            continue;
        }
        *at++ = '%';
        *at++ = hex[byte >> 4U];
        *at++ = hex[byte & 0xfU];
    }
    *at = '\0';
    return encoded;
}

bool cloudevents_binary(struct rendering *rendering)
{
    struct formatted *formatted = rendering->formatted;
    struct arena *arena = rendering->arena;
    struct event event = {.count = 0};

    _Static_assert(EVENT_ROOM <= FORMAT_HEADERS_MAX, "an event's attributes are headers");
    event_read(rendering, &event);
    for (size_t i = 0; i < event.count; i++) {
        formatted->headers[formatted->header_count++] = (struct format_header){
            .name = arena_printf(arena, "ce-%.*s", TEXT_PRINTF(event.attributes[i].name)).at,
            .value = header_value(arena, event.attributes[i].value)};
    }
    formatted->content_type = data_type(is_json_document(rendering->body));
    formatted->body = rendering->body;
    return true;
}
