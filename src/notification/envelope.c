/* The JSON that an endpoint gets, and the lines of it that are signed.  Both are told by one
 * list of members each: what stands in an envelope, in which order, and when. */
#include "base/json.h"
#include "base/timestamp.h"
#include "notification/notification.h"

/* What a member may be made of. */
struct envelope_rendering {
    const struct message *message;
    const struct envelope_target *target;
    struct text signature;
    struct text certificate_name;
};

struct member {
    const char *name;
    /* The value, unescaped; false: this envelope has no such member. */
    bool (*value)(const struct envelope_rendering *rendering, struct buffer *to);
};

/* --- Values. */

static bool add_if_any(struct buffer *to, struct text text)
{
    buffer_add(to, text);
    return text.len > 0;
}

static bool value_type(const struct envelope_rendering *rendering, struct buffer *to)
{
    buffer_add_string(to, message_type_name(rendering->message->kind));
    return true;
}

static bool value_message_id(const struct envelope_rendering *rendering, struct buffer *to)
{
    char uuid[UUID_SIZE];

    uuid_format(rendering->message->id, uuid);
    buffer_add(to, text_make(uuid, UUID_SIZE - 1));
    return true;
}

static bool value_sequence_number(const struct envelope_rendering *rendering, struct buffer *to)
{
    return add_if_any(to, rendering->message->sequence_number);
}

static bool value_token(const struct envelope_rendering *rendering, struct buffer *to)
{
    buffer_add(to, rendering->message->token);
    return true;
}

static bool value_topic_arn(const struct envelope_rendering *rendering, struct buffer *to)
{
    buffer_add(to, rendering->message->topic_arn);
    return true;
}

static bool value_subject(const struct envelope_rendering *rendering, struct buffer *to)
{
    return add_if_any(to, rendering->message->subject);
}

static bool value_message(const struct envelope_rendering *rendering, struct buffer *to)
{
    buffer_add(to, message_body_for(rendering->message, rendering->target->protocol));
    return true;
}

static bool value_timestamp(const struct envelope_rendering *rendering, struct buffer *to)
{
    char timestamp[TIMESTAMP_SIZE];

    timestamp_format(rendering->message->time_ms, timestamp);
    buffer_add_string(to, timestamp);
    return true;
}

static bool value_signature_version(const struct envelope_rendering *rendering,
                                    struct buffer *to)
{
    buffer_add_byte(to, rendering->message->signature_version == 2 ? '2' : '1');
    return rendering->signature.len > 0;
}

static bool value_signature(const struct envelope_rendering *rendering, struct buffer *to)
{
    return add_if_any(to, rendering->signature);
}

static bool value_certificate_url(const struct envelope_rendering *rendering, struct buffer *to)
{
    buffer_add(to, rendering->target->base_url);
    buffer_add_byte(to, '/');
    buffer_add(to, rendering->certificate_name);
    return rendering->signature.len > 0;
}

static bool value_subscribe_url(const struct envelope_rendering *rendering, struct buffer *to)
{
    subscribe_url(to, rendering->target->base_url, rendering->message->topic_arn,
                  rendering->message->token);
    return true;
}

static bool value_unsubscribe_url(const struct envelope_rendering *rendering, struct buffer *to)
{
    buffer_add(to, rendering->target->base_url);
    buffer_add_string(to, "/?Action=Unsubscribe&SubscriptionArn=");
    buffer_add(to, rendering->target->subscription_arn);
    return true;
}

void subscribe_url(struct buffer *to, struct text base_url, struct text topic_arn,
                   struct text token)
{
    buffer_add(to, base_url);
    buffer_add_string(to, "/?Action=ConfirmSubscription&TopicArn=");
    buffer_add(to, topic_arn);
    buffer_add_string(to, "&Token=");
    buffer_add(to, token);
}

/* --- Who has which. */

#define MEMBERS_END \
    {               \
        NULL, NULL  \
    }

static const struct member notification_members[] = {
    {"Type", value_type},
    {"MessageId", value_message_id},
    {"SequenceNumber", value_sequence_number},
    {"TopicArn", value_topic_arn},
    {"Subject", value_subject},
    {"Message", value_message},
    {"Timestamp", value_timestamp},
    {"SignatureVersion", value_signature_version},
    {"Signature", value_signature},
    {"SigningCertURL", value_certificate_url},
    {"UnsubscribeURL", value_unsubscribe_url},
    MEMBERS_END,
};

static const struct member confirmation_members[] = {
    {"Type", value_type},
    {"MessageId", value_message_id},
    {"Token", value_token},
    {"TopicArn", value_topic_arn},
    {"Message", value_message},
    {"SubscribeURL", value_subscribe_url},
    {"Timestamp", value_timestamp},
    {"SignatureVersion", value_signature_version},
    {"Signature", value_signature},
    {"SigningCertURL", value_certificate_url},
    MEMBERS_END,
};

/* Names in byte order. */
static const struct member notification_signed[] = {
    {"Message", value_message},
    {"MessageId", value_message_id},
    {"Subject", value_subject},
    {"Timestamp", value_timestamp},
    {"TopicArn", value_topic_arn},
    {"Type", value_type},
    MEMBERS_END,
};

static const struct member confirmation_signed[] = {
    {"Message", value_message},
    {"MessageId", value_message_id},
    {"SubscribeURL", value_subscribe_url},
    {"Timestamp", value_timestamp},
    {"Token", value_token},
    {"TopicArn", value_topic_arn},
    {"Type", value_type},
    MEMBERS_END,
};

void envelope_string_to_sign(struct buffer *to, const struct message *message,
                             const struct envelope_target *target)
{
    struct envelope_rendering rendering = {.message = message, .target = target};
    const struct member *member =
        message->kind == MESSAGE_NOTIFICATION ? notification_signed : confirmation_signed;

    for (; member->name != NULL; member++) {
        size_t before = to->len;

        buffer_add_string(to, member->name);
        buffer_add_byte(to, '\n');
        if (!member->value(&rendering, to)) {
            to->len = before;
            continue;
        }
        buffer_add_byte(to, '\n');
    }
}

/* --- JSON. */

static void render_attributes(struct buffer *to, const struct message *message)
{
    buffer_add_string(to, ",\n  \"MessageAttributes\" : {\n");
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        buffer_add_string(to, i == 0 ? "    " : ",\n    ");
        json_write_string(to, attribute->name);
        buffer_add_string(to, " : {\"Type\":");
        json_write_string(to, attribute->type);
        buffer_add_string(to, ",\"Value\":");
        if (text_starts_with(attribute->type, T("Binary"))) {
            buffer_add_byte(to, '"');
            base64_encode(to, attribute->value);
            buffer_add_byte(to, '"');
        } else {
            json_write_string(to, attribute->value);
        }
        buffer_add_byte(to, '}');
    }
    buffer_add_string(to, "\n  }");
}

/* The values that may be long are written without a copy in between. */
static void render_message(struct buffer *to, const struct envelope_rendering *rendering)
{
    json_write_string(to, message_body_for(rendering->message, rendering->target->protocol));
}

static void render_members(struct buffer *to, const struct envelope_rendering *rendering,
                           const struct member *member)
{
    struct buffer value;
    const char *separator = "{\n  \"";

    buffer_init(&value, to->max);
    for (; member->name != NULL; member++) {
        bool is_message = member->value == value_message;

        buffer_clear(&value);
        if (!is_message && !member->value(rendering, &value)) {
            continue;
        }
        buffer_add_string(to, separator);
        buffer_add_string(to, member->name);
        buffer_add_string(to, "\" : ");
        if (is_message) {
            render_message(to, rendering);
        } else {
            json_write_string(to, buffer_text(&value));
        }
        separator = ",\n  \"";
    }
    buffer_free(&value);
}

void envelope_render(struct buffer *to, const struct message *message,
                     const struct envelope_target *target, struct text signature,
                     struct text certificate_name)
{
    bool is_unsigned = target->is_fifo_topic && text_equal(target->protocol, T("sqs"));
    struct envelope_rendering rendering = {.message = message,
                                           .target = target,
                                           .signature =
                                               is_unsigned ? (struct text){0} : signature,
                                           .certificate_name = certificate_name};

    bool is_notification = message->kind == MESSAGE_NOTIFICATION;

    render_members(to, &rendering,
                   is_notification ? notification_members : confirmation_members);
    if (is_notification && message->attribute_count > 0) {
        render_attributes(to, message);
    }
    buffer_add_string(to, "\n}");
}

/* --- The event of AWS Lambda: other names, and members that are null or empty, not left out.
 */

static const struct member lambda_members[] = {
    {"Type", value_type},
    {"MessageId", value_message_id},
    {"SequenceNumber", value_sequence_number},
    {"TopicArn", value_topic_arn},
    {"Message", value_message},
    {"Timestamp", value_timestamp},
    {"SignatureVersion", value_signature_version},
    {"Signature", value_signature},
    {"SigningCertUrl", value_certificate_url},
    {"UnsubscribeUrl", value_unsubscribe_url},
    MEMBERS_END,
};

void envelope_render_lambda(struct buffer *to, const struct message *message,
                            const struct envelope_target *target, struct text signature,
                            struct text certificate_name)
{
    struct envelope_rendering rendering = {.message = message,
                                           .target = target,
                                           .signature = signature,
                                           .certificate_name = certificate_name};

    buffer_add_string(to, "{\"Records\":[{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\","
                          "\"EventSubscriptionArn\":");
    json_write_string(to, target->subscription_arn);
    buffer_add_string(to, ",\"Sns\":");
    render_members(to, &rendering, lambda_members);
    buffer_add_string(to, ",\n  \"Subject\" : ");
    if (message->subject.len > 0) {
        json_write_string(to, message->subject);
    } else {
        buffer_add_string(to, "null");
    }
    render_attributes(to, message);
    buffer_add_string(to, "\n}}]}");
}
