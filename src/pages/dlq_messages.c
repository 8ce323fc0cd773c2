/* GET /_fanfare/dlq/messages?queue=Q[&max=N][&after=SEQUENCE]: what is in a queue, without
 * receiving it.  Q is an ARN, or a name in the daemon's own account and region. */
#include "base/encoding.h"
#include "pages/dlq.h"

#include <string.h>

#define SHOWN_MAX     1000
#define SHOWN_DEFAULT 10
#define EXCERPT       ((size_t)1024)

/* A topic's message behind an entry. */
struct behind {
    bool is_known;
    uint8_t id[16];
    struct text topic_arn, subscription_arn, subject, excerpt;
    size_t size;
};

struct messages_call {
    struct page_call page;
    struct text queue_name; /* as asked */
    int64_t max, after;
    struct queue_peek peek;
    struct behind *behind; /* as many as peek.max */
    uint32_t behind_count;
};

static enum status subscription_name(struct messages_call *this, struct step *step,
                                     const struct queue_peeked *peeked, struct text *ret_arn)
{
    struct subscription subscription;
    enum status status =
        subscription_find(step, peeked->subscription_id, &this->page.arena, &subscription);
    const struct topic *topic =
        status == STATUS_OK ? topic_find_number(router_of(step), subscription.topic) : NULL;

    *ret_arn = topic == NULL ? (struct text){0}
                             : subscription_arn(&this->page.arena, topic, subscription.id);
    return status == STATUS_WAIT ? status : STATUS_OK;
}

static enum status behind_read(struct messages_call *this, struct step *step,
                               const struct queue_peeked *peeked, struct behind *ret_behind)
{
    struct key key = key_u64(TABLE_BODY, peeked->message);
    struct arena arena = {0};
    struct blob *record = NULL;
    struct message message;
    enum status status = STATUS_OK;

    *ret_behind = (struct behind){0};
    if (peeked->message == 0) {
        return STATUS_OK;
    }
    status = subscription_name(this, step, peeked, &ret_behind->subscription_arn);
    status = status != STATUS_OK ? status : record_get(step, &key, &record);
    if (status == STATUS_OK && message_decode(blob_text(record), &arena, &message)) {
        struct text body =
            message_body_for(&message, text_from(protocol_name(peeked->protocol)));

        ret_behind->is_known = true;
        memcpy(ret_behind->id, message.id, sizeof message.id);
        ret_behind->topic_arn = arena_copy(&this->page.arena, message.topic_arn);
        ret_behind->subject = arena_copy(&this->page.arena, message.subject);
        ret_behind->excerpt = arena_copy(&this->page.arena, text_first(body, EXCERPT));
        ret_behind->size = body.len;
    }
    arena_free(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status run(struct page_call *call, struct step *step)
{
    struct messages_call *this = container_of(call, struct messages_call, page);
    struct queue *queue = dlq_queue(call, step, this->queue_name);

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    enum status status =
        this->peek.count < this->peek.max ? queue_peek(step, queue, &this->peek) : STATUS_OK;

    while (status == STATUS_OK && this->behind_count < this->peek.count) {
        status = behind_read(this, step, &this->peek.list[this->behind_count],
                             &this->behind[this->behind_count]);
        this->behind_count += status == STATUS_OK;
    }
    return status;
}

static void write_peeked(struct buffer *to, const struct queue_peeked *peeked,
                         const struct behind *behind)
{
    char id[UUID_SIZE];

    json_comma(to);
    buffer_add_byte(to, '{');
    uuid_format(peeked->id, id);
    json_text(to, "message_id", text_from(id));
    json_time(to, "sent", peeked->sent_ms);
    json_number(to, "receive_count", peeked->receive_count);
    json_boolean(to, "in_flight", peeked->is_in_flight);
    if (peeked->group_id.len > 0) {
        json_text(to, "message_group_id", peeked->group_id);
    }
    if (peeked->source_arn.len > 0) {
        json_text(to, "source_queue_arn", peeked->source_arn);
    }
    if (peeked->message != 0) {
        uuid_format(behind->id, id);
        json_text(to, "published_message_id", behind->is_known ? text_from(id) : T(""));
        json_text(to, "topic_arn", behind->topic_arn);
        json_text(to, "subscription_arn", behind->subscription_arn);
        json_text(to, "subject", behind->subject);
    }
    json_number(to, "size", (int64_t)(peeked->message != 0 ? behind->size : peeked->text_size));
    json_text(to, "body", peeked->message != 0 ? behind->excerpt : peeked->text);
    buffer_add_byte(to, '}');
}

static void tell(struct page_call *call, struct buffer *to)
{
    const struct messages_call *this = container_of(call, struct messages_call, page);

    json_name(to, "messages");
    buffer_add_byte(to, '[');
    for (uint32_t i = 0; i < this->peek.count; i++) {
        write_peeked(to, &this->peek.list[i], &this->behind[i]);
    }
    buffer_add_byte(to, ']');
    json_number(to, "after", (int64_t)this->peek.after);
}

static bool begin(struct page_call *call)
{
    struct messages_call *this = container_of(call, struct messages_call, page);
    size_t max = (size_t)this->max;

    this->peek = (struct queue_peek){
        .after = (uint64_t)this->after,
        .max = (uint32_t)max,
        .arena = &call->arena,
        .list = arena_array(&call->arena, max, sizeof *this->peek.list),
    };
    this->behind = arena_array(&call->arena, max, sizeof *this->behind);
    return true;
}

static void end(struct page_call *call)
{
    queue_peek_end(&container_of(call, struct messages_call, page)->peek);
}

static const struct page_parameter parameters[] = {
    DLQ_QUEUE(struct messages_call, queue_name),
    {"max", PARAMETER_NUMBER, offsetof(struct messages_call, max), .least = 1,
     .most = SHOWN_MAX, .otherwise = SHOWN_DEFAULT, .form = "a whole number from 1 to 1000"},
    {"after", PARAMETER_NUMBER, offsetof(struct messages_call, after), .most = INT64_MAX,
     .form = "a sequence, as an earlier answer gave it"},
    PARAMETERS_END,
};

const struct page page_dlq_messages = {
    .path = "/_fanfare/dlq/messages",
    .method = "GET",
    .is_for_admins = true,
    .permission = "fanfare:ReadDeadLetters",
    .call_size = sizeof(struct messages_call),
    .parameters = parameters,
    .begin = begin,
    .run = run,
    .only_reads = true,
    .write = tell,
    .end = end,
};
