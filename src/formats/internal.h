/* Inside formats/. */
#ifndef FORMATS_INTERNAL_H
#define FORMATS_INTERNAL_H

#include "formats/formats.h"

/* One rendering under way. */
struct rendering {
    const struct format_input *input;
    struct text body; /* of the message, for this protocol */
    struct buffer *to;
    struct arena *arena;
    struct formatted *formatted;
    const char *why; /* of a refusal */
};

/* false with rendering->why. */
bool cloudevents_structured(struct rendering *rendering);
bool cloudevents_binary(struct rendering *rendering);
bool slack_render(struct rendering *rendering);
bool discord_render(struct rendering *rendering);
bool teams_render(struct rendering *rendering);
bool pagerduty_render(struct rendering *rendering);

/* An object or an array: what is worth being passed on as JSON. */
bool is_json_document(struct text body);
bool is_json_object(struct text body);
/* Empty: the message has no such attribute, or it is Binary. */
struct text attribute_text(const struct message *message, struct text name);
/* "orders" of "arn:aws:sns:us-east-1:000000000000:orders". */
struct text topic_name(struct text topic_arn);

/* --- cut.c: texts cut at a character, the last of what is left being "…". */

/* At most so many characters. */
struct text cut_characters(struct arena *arena, struct text text, size_t max);
/* At most so many bytes once it is escaped for JSON. */
struct text cut_escaped(struct arena *arena, struct text text, size_t max);
/* "name":"value", with a comma in front unless it begins the object. */
void add_member(struct buffer *to, const char *name, struct text value);

/* --- alert.c: what people want to know. */

enum alert_status {
    ALERT_UNKNOWN,
    ALERT_FIRING,
    ALERT_ACKNOWLEDGED,
    ALERT_RESOLVED
};

enum alert_severity {
    SEVERITY_UNKNOWN,
    SEVERITY_CRITICAL,
    SEVERITY_ERROR,
    SEVERITY_WARNING,
    SEVERITY_INFO
};

/* How it should look. */
enum alert_mood {
    MOOD_PLAIN,
    MOOD_BAD,
    MOOD_WARNING,
    MOOD_INFO,
    MOOD_GOOD
};

struct alert {
    struct text title; /* or empty, as all but `text` */
    struct text text;
    struct text url; /* http or https, printable ASCII */
    struct text dedup_key, source, component, group, class;
    enum alert_status status;
    enum alert_severity severity;
};

struct alert alert_read(const struct rendering *rendering);
enum alert_mood alert_mood(const struct alert *alert);

#endif
