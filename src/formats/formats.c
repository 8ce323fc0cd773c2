/* The formats' table, and those that SNS has itself. */
#include "base/json.h"
#include "formats/internal.h"

struct format {
    const char *name;
    bool (*render)(struct rendering *rendering);
    const char *content_type; /* NULL: the DeliveryPolicy's */
    bool is_signed;
    bool is_of_sns;
};

/* --- Of SNS. */

static bool envelope(struct rendering *rendering)
{
    const struct format_input *input = rendering->input;

    envelope_render(rendering->to, input->message, input->target, input->signature,
                    input->certificate_name);
    return true;
}

static bool lambda_event(struct rendering *rendering)
{
    const struct format_input *input = rendering->input;

    envelope_render_lambda(rendering->to, input->message, input->target, input->signature,
                           input->certificate_name);
    return true;
}

static bool as_published(struct rendering *rendering)
{
    rendering->formatted->body = rendering->body;
    return true;
}

#define JSON "application/json"

static const struct format formats[] = {
    {"sns", envelope, NULL, true, true},
    {"raw", as_published, NULL, false, true},
    {"cloudevents", cloudevents_structured, "application/cloudevents+json; charset=UTF-8",
     false, false},
    {"cloudevents-binary", cloudevents_binary, NULL, false, false},
    {"slack", slack_render, JSON, false, false},
    {"discord", discord_render, JSON, false, false},
    {"teams", teams_render, JSON, false, false},
    {"pagerduty", pagerduty_render, JSON, false, false},
    {"lambda", lambda_event, JSON, true, false},
};

const struct format *format_find(struct text name)
{
    for (size_t i = 0; i < countof(formats); i++) {
        if (text_equal(text_from(formats[i].name), name)) {
            return &formats[i];
        }
    }
    return NULL;
}

const char *format_name_at(size_t index)
{
    return index < countof(formats) ? formats[index].name : NULL;
}

const char *format_name(const struct format *format)
{
    return format->name;
}

bool format_is_signed(const struct format *format)
{
    return format->is_signed;
}

bool format_is_of_sns(const struct format *format)
{
    return format->is_of_sns;
}

bool format_render(const struct format *format, const struct format_input *input,
                   struct buffer *to, struct arena *arena, struct formatted *ret_formatted,
                   const char **ret_why)
{
    struct formatted formatted = {.content_type = format->content_type};
    struct rendering rendering = {
        .input = input,
        .body = message_body_for(input->message, input->target->protocol),
        .to = to,
        .arena = arena,
        .formatted = &formatted,
        .why = "",
    };

    if (!format->render(&rendering)) {
        *ret_why = rendering.why;
        return false;
    }
    if (formatted.body.at == NULL) {
        formatted.body = buffer_text(to);
    }
    *ret_formatted = formatted;
    return true;
}

/* --- What several need. */

/* The first byte that is no blank; 0: there is none. */
static char first_byte(struct text body)
{
    for (size_t i = 0; i < body.len; i++) {
        if (body.at[i] != ' ' && (body.at[i] < '\t' || body.at[i] > '\r')) {
            return body.at[i];
        }
    }
    return '\0';
}

bool is_json_object(struct text body)
{
    return first_byte(body) == '{' && json_is_valid(body);
}

bool is_json_document(struct text body)
{
    return is_json_object(body) || (first_byte(body) == '[' && json_is_valid(body));
}

struct text attribute_text(const struct message *message, struct text name)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        if (text_equal(attribute->name, name)
            && !text_starts_with(attribute->type, T("Binary"))) {
            return attribute->value;
        }
    }
    return (struct text){0};
}

struct text topic_name(struct text topic_arn)
{
    size_t start = topic_arn.len;

    while (start > 0 && topic_arn.at[start - 1] != ':') {
        start--;
    }
    return text_after(topic_arn, start);
}
