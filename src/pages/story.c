/* GET /_fanfare/messages/MESSAGE-ID[?subscription=ARN]: what became of a message, as JSON. */
#include "story/story.h"

#include "base/encoding.h"
#include "base/url.h"
#include "pages/internal.h"

#include <string.h>

#define PATH "/_fanfare/messages/"

struct story_call {
    struct page_call page;
    struct page_id only; /* the subscription asked for */
    struct story story;
};

/* --- The message. */

static void write_attributes(struct buffer *to, const struct message *message)
{
    json_name(to, "attributes");
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];
        bool is_binary = text_starts_with(attribute->type, T("Binary"));

        json_comma(to);
        buffer_add_byte(to, '{');
        json_text(to, "name", attribute->name);
        json_text(to, "type", attribute->type);
        if (is_binary) {
            json_number(to, "size", (int64_t)attribute->value.len);
        } else {
            json_text(to, "value", attribute->value);
        }
        buffer_add_byte(to, '}');
    }
    buffer_add_byte(to, ']');
}

static void write_message(struct buffer *to, const struct story *story)
{
    const struct message *message = &story->message;
    char id[UUID_SIZE];

    uuid_format(story->id, id);
    json_name(to, "message");
    buffer_add_byte(to, '{');
    json_text(to, "message_id", text_from(id));
    json_boolean(to, "is_kept", story->has_body);
    if (story->has_body) {
        json_text(to, "type", text_from(message_type_name(message->kind)));
        json_text(to, "topic_arn", message->topic_arn);
        json_time(to, "published", message->time_ms);
        json_number(to, "size", (int64_t)message->body.len);
        json_text(to, "subject", message->subject);
        write_attributes(to, message);
        json_number(to, "still_needed_by", story->references);
    } else if (story->topic != NULL) {
        json_text(to, "topic_arn", story->topic->arn);
    }
    buffer_add_byte(to, '}');
}

/* --- One subscription. */

static void write_times(struct buffer *to, const struct attempt_detail *detail)
{
    json_name(to, "durations_us");
    buffer_add_byte(to, '{');
    json_number(to, "dns", detail->dns_us);
    json_number(to, "connect", detail->connect_us);
    json_number(to, "tls", detail->tls_us);
    json_number(to, "first_byte", detail->first_byte_us);
    json_number(to, "total", detail->total_us);
    buffer_add_byte(to, '}');
}

static struct text fate_word(enum attempt_fate fate)
{
    static const struct text words[] = {
        [FATE_DELIVERED] = TEXT("delivered"),         [FATE_RETRY] = TEXT("failed"),
        [FATE_DEAD_LETTERED] = TEXT("dead_lettered"), [FATE_LOST] = TEXT("lost"),
        [FATE_PARKED] = TEXT("probe_failed"),
    };

    return words[fate];
}

static void write_attempt(struct buffer *to, const struct attempt_record *record)
{
    json_comma(to);
    buffer_add_byte(to, '{');
    json_number(to, "attempt", record->attempt);
    json_time(to, "ended", record->ended_ms);
    json_text(to, "verdict", fate_word(record->fate));
    json_number(to, "status", record->detail.status_code);
    json_text(to, "reason", record->reason);
    json_text(to, "peer", record->detail.peer);
    write_times(to, &record->detail);
    json_text(to, "answer", record->detail.answer);
    json_time(to, "next", record->next_ms);
    if (record->target.len > 0) {
        json_text(to, "dead_letter_queue", record->target);
    }
    buffer_add_byte(to, '}');
}

static void write_explanation(struct buffer *to, const struct match_explanation *explanation)
{
    json_boolean(to, "matches", explanation->matches);
    json_boolean(to, "has_filter_policy", explanation->has_policy);
    json_text(to, "reason", explanation->reason);
    json_name(to, "conditions");
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < explanation->finding_count; i++) {
        const struct match_finding *finding = &explanation->findings[i];

        json_comma(to);
        buffer_add_byte(to, '{');
        json_number(to, "alternative", finding->alternative);
        json_text(to, "path", finding->path);
        json_text(to, "condition", finding->condition);
        json_boolean(to, "holds", finding->holds);
        json_name(to, "seen");
        if (finding->seen.len > 0) {
            buffer_add(to, finding->seen); /* JSON already */
        } else {
            buffer_add_string(to, "null");
        }
        buffer_add_byte(to, '}');
    }
    buffer_add_byte(to, ']');
}

static void write_subscription(struct buffer *to, struct story *story,
                               const struct story_part *part)
{
    const struct subscription *subscription = &part->subscription;

    if (part->is_known && story->topic != NULL) {
        json_text(to, "subscription_arn",
                  subscription_arn(story->arena, story->topic, subscription->id));
        json_text(to, "protocol", text_from(protocol_name(subscription->protocol)));
        json_text(to, "endpoint", url_without_password(story->arena, subscription->endpoint));
        json_time(to, "subscribed", subscription->created_ms);
    } else {
        json_name(to, "subscription_arn");
        buffer_add_string(to, "null");
    }
}

static void write_part(struct buffer *to, struct story *story, const struct story_part *part)
{
    json_comma(to);
    buffer_add_byte(to, '{');
    write_subscription(to, story, part);
    json_text(to, "state", text_from(story_end_word(part->end)));
    json_time(to, "next_attempt", part->next_ms);
    json_text(to, "note", text_from(part->note));
    if (part->is_explained) {
        write_explanation(to, &part->explanation);
    }
    json_name(to, "attempts");
    buffer_add_byte(to, '[');
    list_each (node, &part->attempts) {
        write_attempt(to, &container_of(node, struct story_attempt, node)->record);
    }
    buffer_add_string(to, "]}");
}

/* --- All of it. */

static void write_notes(struct buffer *to, const struct story *story)
{
    json_boolean(to, "successes_are_recorded", story->records_successes);
    json_boolean(to, "filters_are_todays", true);
    json_boolean(to, "index_is_ready", story->is_topic_ready);
    json_boolean(to, "more_matching", story->is_cut_matched);
    json_boolean(to, "more_not_matching", story->is_cut_others);
    json_boolean(to, "more_attempts", story->is_cut_attempts);
}

static void tell(struct page_call *call, struct buffer *to)
{
    struct story *story = &container_of(call, struct story_call, page)->story;

    write_message(to, story);
    json_number(to, "subscriptions_confirmed", (int64_t)story->confirmed);
    json_number(to, "subscriptions_matching", (int64_t)story->matched);
    write_notes(to, story);
    json_name(to, "subscriptions");
    buffer_add_byte(to, '[');
    list_each (node, &story->parts) {
        write_part(to, story, container_of(node, struct story_part, node));
    }
    buffer_add_byte(to, ']');
}

static enum status run(struct page_call *call, struct step *step)
{
    enum status status = story_read(step, &container_of(call, struct story_call, page)->story);

    return status != STATUS_NOT_FOUND
               ? status
               : fail(&call->why, status,
                      "no message of a topic here has this id (messages sent straight to a "
                      "queue have no story)");
}

static bool begin(struct page_call *call)
{
    struct story_call *this = container_of(call, struct story_call, page);
    struct text id = text_after(call->request->path, sizeof PATH - 1);

    this->story.arena = &call->arena;
    this->story.has_only = this->only.is_given;
    memcpy(this->story.only, this->only.id, sizeof this->only.id);
    if (!uuid_parse(id, this->story.id)) {
        (void)fail(&call->why, STATUS_INVALID,
                   "a message's id is a UUID, as Publish answers it");
        return false;
    }
    return true;
}

static void end(struct page_call *call)
{
    story_end(&container_of(call, struct story_call, page)->story, NULL);
}

static const struct page_parameter parameters[] = {
    {"subscription", PARAMETER_SUBSCRIPTION, offsetof(struct story_call, only),
     .form = "not the ARN of a subscription"},
    PARAMETERS_END,
};

const struct page page_story = {
    .path = PATH,
    .method = "GET",
    .is_prefix = true,
    .is_for_admins = true,
    .permission = "fanfare:ReadStories",
    .call_size = sizeof(struct story_call),
    .parameters = parameters,
    .begin = begin,
    .run = run,
    .only_reads = true,
    .write = tell,
    .end = end,
};
