/* Sending: a message of its own, or a reference to a topic's. */
#include "base/buffer.h"
#include "base/characters.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/mutants.h"
#include "queues/arrivals.h"
#include "queues/delayed.h"
#include "queues/fifo.h"
#include "queues/rows.h"
#include "queues/state.h"

#include <string.h>

enum {
    DIGEST_TEXT = 2 * SHA256_SIZE
};

/* What AWS counts: body and the attributes' names, types and values. */
static size_t message_size(const struct queue_message *message)
{
    return message->body.len + queue_attributes_size(message->attributes);
}

enum status queue_takes(const struct queue *queue, struct text body, size_t size,
                        struct why *why)
{
    if (size > queue->settings.maximum_message_size && !mutant("queues.takes-any-size")) {
        return fail(why, STATUS_INVALID, "Message must be shorter than %u bytes.",
                    queue->settings.maximum_message_size);
    }
    if (!text_is_xml(body)) {
        return fail(why, STATUS_INVALID,
                    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
                    "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF");
    }
    return STATUS_OK;
}

static enum status message_check(const struct queue *queue, const struct queue_message *message,
                                 struct why *why)
{
    enum status status = queue_takes(queue, message->body, message_size(message), why);

    if (status != STATUS_OK) {
        return status;
    }
    if (queue->settings.is_fifo && message->group_id.len == 0) {
        return fail(why, STATUS_INVALID,
                    "The request must contain the parameter MessageGroupId.");
    }
    return STATUS_OK;
}

/* The body's SHA-256 in `at` when the message has no id of its own and the queue makes one. */
static struct text deduplication_id(const struct queue *queue, struct text id, struct text body,
                                    char at[DIGEST_TEXT])
{
    uint8_t digest[SHA256_SIZE];
    struct buffer hex = buffer_over(at, DIGEST_TEXT);

    if (id.len > 0 || !queue->settings.is_fifo
        || !queue->settings.content_based_deduplication) {
        return id;
    }
    digest_sha256(body, digest);
    hex_encode(&hex, text_make(digest, sizeof digest));
    return buffer_text(&hex);
}

/* Numbers and stores it, and remembers it where it must not come twice. */
static void entry_send(struct step *step, struct queue_state *state, struct entry *entry,
                       int64_t delay_ms, struct sent_before *ret_sent)
{
    const struct queue_settings *settings = &state->queue->settings;

    if (delay_ms < 0) {
        delay_ms = (int64_t)settings->delay_s * 1000;
    }
    entry->visible_ms = delayed_until(state, step->now_ms, delay_ms);
    step->random->fill(step->random, entry->id, sizeof entry->id);
    memcpy(ret_sent->id, entry->id, sizeof entry->id);
    ret_sent->sequence = entry_store(step, state, entry, NULL);
    if (state->fifo != NULL && entry->deduplication_id.len > 0) {
        fifo_remember(step, state, fifo_scope(state->queue, entry->group_id),
                      entry->deduplication_id, ret_sent);
    }
}

static void sent_answer(const struct sent_before *sent, struct queue_sent *ret_sent)
{
    memcpy(ret_sent->id, sent->id, sizeof sent->id);
    ret_sent->sequence = sent->sequence;
}

enum status queue_send(struct step *step, struct queue *queue,
                       const struct queue_message *message, struct queue_sent *ret_sent,
                       struct why *why)
{
    struct queue_state *state = queue->state;
    char digest[DIGEST_TEXT];
    struct sent_before sent;
    enum status status = message_check(queue, message, why);

    if (status == STATUS_OK) {
        status = step_may_grow(step, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if ((state->unloaded & LOAD_ROWS) != 0) {
        return wait_in(step, &state->loaders);
    }
    struct entry entry = {
        .sent_ms = step->now_ms,
        .group_id = message->group_id,
        .deduplication_id =
            deduplication_id(queue, message->deduplication_id, message->body, digest),
        .sender_id = message->sender_id,
        .trace_header = message->trace_header,
        .attributes = message->attributes,
        .body = message->body,
    };

    if (queue->settings.is_fifo && entry.deduplication_id.len == 0) {
        return fail(why, STATUS_INVALID,
                    "The queue should either have ContentBasedDeduplication enabled or "
                    "MessageDeduplicationId provided explicitly");
    }
    status = STATUS_NOT_FOUND;
    if (state->fifo != NULL) {
        status = fifo_recall(step, state, fifo_scope(queue, entry.group_id),
                             entry.deduplication_id, &sent);
    }
    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        entry_send(step, state, &entry, message->delay_ms, &sent);
    }
    sent_answer(&sent, ret_sent);
    return STATUS_OK;
}

static uint8_t reference_flags(const struct queue_reference *reference)
{
    return (uint8_t)(ENTRY_REFERENCE | (reference->raw ? ENTRY_RAW : 0)
                     | (reference->is_dead_letter ? ENTRY_DEAD_LETTER : 0));
}

enum status queue_send_reference(struct step *step, struct queue *queue,
                                 const struct queue_reference *reference, int64_t sent_ms)
{
    struct queue_state *state = queue->state;
    struct sent_before sent;
    struct entry entry = {
        .flags = reference_flags(reference),
        .protocol = reference->protocol,
        .sent_ms = sent_ms,
        .message = reference->message,
        .group_id = reference->group_id,
        .deduplication_id = reference->deduplication_id,
        .trace_header = reference->trace_header,
    };

    if ((state->unloaded & LOAD_ROWS) != 0) {
        return wait_in(step, &state->loaders);
    }
    if (mutant("queues.reference-without-group")) {
        entry.group_id = (struct text){0};
    }
    if (state->fifo != NULL && entry.deduplication_id.len > 0 && !reference->is_again
        && !mutant("queues.reference-always-new")
        && fifo_knows(state, step->now_ms, fifo_scope(queue, entry.group_id),
                      entry.deduplication_id)) {
        return STATUS_EXISTS;
    }
    memcpy(entry.subscription_id, reference->subscription_id, sizeof entry.subscription_id);
    entry_send(step, state, &entry, -1, &sent);
    return STATUS_OK;
}
