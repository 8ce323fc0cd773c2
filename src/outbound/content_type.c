/* The Content-Type that delivery policies ask for. */
#include "outbound/content_type.h"

#include "base/json.h"

#define DEFAULT_TYPE "text/plain; charset=UTF-8"

/* The value of a member of an object, as it was written; empty when there is none. */
static struct text json_member(struct text json, struct text name)
{
    struct json_reader reader;
    struct text value = {0};

    json_reader_init(&reader, json, NULL);
    if (json_next(&reader) != JSON_OBJECT) {
        return value;
    }
    while (json_next(&reader) == JSON_NAME) {
        bool is_it = text_equal(reader.value, name);

        if (!json_raw(&reader, &value)) {
            break;
        }
        if (is_it) {
            return value;
        }
    }
    return (struct text){0};
}

/* The same along a path of names. */
static struct text json_at(struct text json, const struct text *path, size_t depth)
{
    for (size_t i = 0; i < depth && json.len > 0; i++) {
        json = json_member(json, path[i]);
    }
    return json;
}

/* A header's value, or NULL: nothing that could end the line. */
static const char *header_value(struct text json, struct arena *arena)
{
    struct json_reader reader;

    json_reader_init(&reader, json, arena);
    if (json.len == 0 || json_next(&reader) != JSON_STRING || reader.value.len == 0) {
        return NULL;
    }
    for (size_t i = 0; i < reader.value.len; i++) {
        uint8_t byte = (uint8_t)reader.value.at[i];

        if (byte < ' ' || byte > '~') {
            return NULL;
        }
    }
    return arena_copy(arena, reader.value).at;
}

const char *content_type_for(struct text subscription_policy, struct text topic_policy,
                             struct arena *arena)
{
    static const struct text own[] = {TEXT("requestPolicy"), TEXT("headerContentType")};
    static const struct text topics[] = {TEXT("http"), TEXT("defaultRequestPolicy"),
                                         TEXT("headerContentType")};
    static const struct text no_own[] = {TEXT("http"), TEXT("disableSubscriptionOverrides")};
    bool is_overridden = text_equal(json_at(topic_policy, no_own, countof(no_own)), T("true"));
    const char *type = NULL;

    if (!is_overridden) {
        type = header_value(json_at(subscription_policy, own, countof(own)), arena);
    }
    if (type == NULL) {
        type = header_value(json_at(topic_policy, topics, countof(topics)), arena);
    }
    return type != NULL ? type : DEFAULT_TYPE;
}
