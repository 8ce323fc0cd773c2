/* Deliveries that end in a queue of this daemon: sqs subscriptions and dead letters. */
#include "base/characters.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mutants.h"
#include "router/internal.h"

#include <string.h>

/* SQS takes so many message attributes; a raw message with more is a client's error (AWS). */
#define RAW_ATTRIBUTES_MAX 10

static struct queue *target_queue(struct step *step, struct sqs_target *target)
{
    struct queues *queues = queues_of(step);
    struct queue *queue = target->queue == 0 ? NULL : queue_find_number(queues, target->queue);

    if (queue == NULL) {
        queue = queue_find_arn(queues, text_from(target->arn));
        target->queue = queue == NULL ? 0 : queue->number;
    }
    return queue;
}

static enum status reference_send(struct step *step, struct queue *queue,
                                  struct queue_reference *reference,
                                  const struct message *message, uint32_t *ret_references)
{
    /* To standard queues a standard topic forwards the group (fair queues), a FIFO topic
     * nothing; to FIFO ones both. */
    bool is_fifo_topic = message->sequence_number.len > 0;

    if (queue->settings.is_fifo) {
        reference->group_id = message->group_id;
        reference->deduplication_id = message->deduplication_id;
    } else if (!is_fifo_topic) {
        reference->group_id = message->group_id;
    }
    reference->trace_header = message->trace_header;
    enum status status = queue_send_reference(step, queue, reference, step->now_ms);

    *ret_references = status == STATUS_OK;
    /* A FIFO queue that had it before keeps nothing of it, and that is a delivery. */
    return status == STATUS_EXISTS ? STATUS_OK : status;
}

static struct text reference_body(const struct queue_reference *reference,
                                  const struct message *message)
{
    return message_body_for(message,
                            text_from(protocol_name((enum protocol)reference->protocol)));
}

/* What AWS counts of the body as a receiver of the queue gets it; of an envelope what is in it
 * at least. */
static enum status queue_may_take(const struct queue *queue, const struct message *message,
                                  const struct queue_reference *reference, struct why *why)
{
    struct text body = reference_body(reference, message);
    size_t size = body.len;

    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        size += attribute->name.len + attribute->type.len + attribute->value.len;
    }
    if (!reference->raw) {
        /* JSON escapes what a body may not have. */
        return queue_takes(queue, (struct text){0}, size + message->subject.len, why);
    }
    if (message->attribute_count > RAW_ATTRIBUTES_MAX) {
        return fail(why, STATUS_INVALID,
                    "%zu message attributes: a raw message for SQS may have %d",
                    message->attribute_count, RAW_ATTRIBUTES_MAX);
    }
    return queue_takes(queue, body, size, why);
}

bool slot_wants_sealing(struct step *step, const struct slot *slot)
{
    const struct queue *queue = slot->target == NULL ? NULL : target_queue(step, slot->target);

    return queue != NULL && queue_wants_sealing(queue);
}

enum status queue_deliver(struct step *step, const struct slot *slot,
                          const struct queue_letter *letter, uint32_t *ret_references,
                          struct why *why)
{
    const struct message *message = letter->message;
    struct queue *queue = target_queue(step, slot->target);
    struct queue_reference reference = {
        .message = letter->number,
        .raw = slot->is_raw,
        .is_again = letter->is_again && !mutant("router.again-is-a-duplicate"),
        .protocol = slot->protocol,
    };

    if (queue == NULL) {
        return fail(why, STATUS_INVALID, "the queue %.200s does not exist", slot->target->arn);
    }
    enum status status = queue_may_take(queue, message, &reference, why);

    if (status != STATUS_OK) {
        return status;
    }
    memcpy(reference.subscription_id, slot->id, sizeof reference.subscription_id);
    return reference_send(step, queue, &reference, message, ret_references);
}

/* --- For delivery/, given to it by core/. */

static void message_set_aside(struct step *step, uint64_t message_number)
{
    struct key key = key_u64(TABLE_BODY, message_number);
    struct blob *value = NULL;
    bool is_there = record_peek(step, &key, &value) == STATUS_OK;

    record_set_aside(step, &key, is_there ? value : NULL, "the message of a delivery");
}

static void subscription_set_aside(struct step *step, struct lane_id lane)
{
    struct key key = key_u32_u32(TABLE_SUBSCRIPTION, lane.topic, lane.subscription);
    struct blob *value = NULL;
    bool is_there = record_peek(step, &key, &value) == STATUS_OK;

    record_set_aside(step, &key, is_there ? value : NULL, "a subscription");
}

static enum status message_put(struct step *step, const struct slot *slot,
                               const struct delivery_here *here, struct why *why)
{
    struct arena arena = {0};
    struct message message;
    struct queue_letter letter = {
        .number = here->message, .message = &message, .is_again = here->is_again};
    uint32_t references = 0;
    enum status status = STATUS_STORAGE;

    if (message_decode(here->message_record, &arena, &message)) {
        status = queue_deliver(step, slot, &letter, &references, why);
    } else {
        message_set_aside(step, here->message);
    }
    if (status == STATUS_OK && references > 0 && !mutant("router.reference-uncounted")) {
        status = body_add_references(step, here->message, 1);
    }
    arena_free(&arena);
    return status;
}

/* After a start deliveries go on while subscriptions are still coming into memory: one that is
 * not there yet may be a queue's. */
static bool may_still_come(const struct router *router, struct lane_id lane)
{
    const struct topic *topic = topic_find_number(router, lane.topic);

    return topic != NULL && !topic->is_ready && !mutant("router.leaves-before-it-is-known");
}

enum status router_deliver_here(struct step *step, const struct delivery_here *here,
                                struct why *why)
{
    struct router *router = router_of(step);
    const struct slot *slot = slot_find(router, here->lane.subscription);

    if (slot == NULL && may_still_come(router, here->lane)) {
        task_wait(step, &router->loading_waiters);
        return STATUS_WAIT;
    }
    if (slot != NULL && slot->protocol == PROTOCOL_SMS) {
        return phone_refuses(step, here->lane, here->subscription_record, here->message_record,
                             why);
    }
    if (slot == NULL || slot->target == NULL) {
        return STATUS_NOT_FOUND;
    }
    enum status status = body_known(step, here->message);

    return status == STATUS_OK ? message_put(step, slot, here, why) : status;
}

bool router_is_ordered(struct step *step, struct lane_id lane)
{
    const struct topic *topic = topic_find_number(router_of(step), lane.topic);

    return topic != NULL && topic->is_fifo;
}

struct message_traits router_message_traits(struct text message_record)
{
    struct message_traits traits = {0};
    struct arena arena = {0};
    struct message message;

    /* What says nothing of itself is not told apart: it keeps everybody's order. */
    if (message_decode(message_record, &arena, &message)) {
        traits.is_control = message.kind != MESSAGE_NOTIFICATION;
        traits.group = message.group_id.len > 0 ? digest_fast(message.group_id) : 0;
    }
    arena_free(&arena);
    return traits;
}

static enum status letter_send(struct step *step, uint64_t message_number,
                               const struct subscription *subscription,
                               const struct message *message, uint32_t *ret_references,
                               struct why *why)
{
    struct arena arena = {0};
    struct text arn = subscription_dead_letter_arn(subscription, &arena);
    struct queue *queue = arn.len == 0 ? NULL : queue_find_arn(queues_of(step), arn);
    struct queue_reference reference = {
        .message = message_number,
        .raw = subscription_is_raw(subscription),
        .is_dead_letter = true,
        .protocol = (uint8_t)subscription->protocol,
    };
    enum status status = STATUS_NOT_FOUND;

    memcpy(reference.subscription_id, subscription->id, sizeof reference.subscription_id);
    if (queue != NULL) {
        /* What it could not hold raw it holds in an envelope: nothing is lost for its form. */
        reference.raw = reference.raw && message->attribute_count <= RAW_ATTRIBUTES_MAX
                        && text_is_xml(reference_body(&reference, message));
        status = reference_send(step, queue, &reference, message, ret_references);
        (void)fail(why, status, "%.*s", TEXT_PRINTF(arn));
    } else if (arn.len == 0) {
        status = fail(why, STATUS_NOT_FOUND, "no RedrivePolicy");
    } else {
        status = fail(why, STATUS_NOT_FOUND, "its dead-letter queue %.*s does not exist",
                      TEXT_PRINTF(arn));
    }
    arena_free(&arena);
    return status;
}

/* Whom a confirmation does not reach has no use for it in a queue, and a redrive would send a
 * token that has ended (AWS does not, either). */
static bool is_dead_letter(const struct message *message)
{
    return message->kind == MESSAGE_NOTIFICATION || mutant("router.control-dead-lettered");
}

/* NOLINTNEXTLINE(readability-function-size): the shape of struct delivery_hooks */
enum status router_dead_letter(struct step *step, struct lane_id lane, uint64_t message_number,
                               struct text subscription_record, struct text message_record,
                               uint32_t *ret_references, struct why *why)
{
    struct arena arena = {0};
    struct subscription subscription;
    struct message message;
    enum status status = STATUS_NOT_FOUND;

    if (!message_decode(message_record, &arena, &message)) {
        message_set_aside(step, message_number);
        status = fail(why, STATUS_NOT_FOUND, "its message in the data directory is damaged");
    } else if (!is_dead_letter(&message)) {
        status = fail(why, STATUS_NOT_FOUND, "a confirmation is not dead-lettered");
    } else if (!subscription_decode(subscription_record, &arena, &subscription)) {
        subscription_set_aside(step, lane);
        status =
            fail(why, STATUS_NOT_FOUND, "its subscription in the data directory is damaged");
    } else {
        status =
            letter_send(step, message_number, &subscription, &message, ret_references, why);
    }
    arena_free(&arena);
    return status;
}

enum status router_redeliver(struct step *step, const uint8_t subscription_id[16],
                             uint64_t message, int64_t due_ms)
{
    struct arena arena = {0};
    struct subscription subscription;
    enum status status = subscription_find(step, subscription_id, &arena, &subscription);

    if (status == STATUS_OK) {
        struct lane_id lane = {subscription.topic, subscription.number};

        status = delivery_again(step, lane, message, due_ms);
    }
    arena_free(&arena);
    return status;
}
