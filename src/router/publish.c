/* Publish: match, store the body once, put it where it goes, owe the rest. */
#include "base/memory.h"
#include "base/mutants.h"
#include "router/internal.h"

#include <stdio.h>
#include <string.h>

/* While indexes are being built a publish waits so long after the start, then it is refused. */
#define LOADING_WAIT_MS 20000
/* Local queues that one publish serves inside its own batch; the rest is owed, in pages. */
#define LOCAL_MAX 512
/* Seconds that a topic uses one data key (AWS's five minutes). */
#define KEY_REUSE_S 300

/* --- Matching. */

static enum filter_attribute_type attribute_type(struct text type)
{
    if (text_equal(type, T("String.Array"))) {
        return FILTER_ATTRIBUTE_STRING_ARRAY;
    }
    if (text_starts_with(type, T("Number"))) {
        return FILTER_ATTRIBUTE_NUMBER;
    }
    return text_starts_with(type, T("Binary")) ? FILTER_ATTRIBUTE_BINARY
                                               : FILTER_ATTRIBUTE_STRING;
}

struct filter_message filter_view(struct router *router, const struct message *message)
{
    if (message->attribute_count > router->filter_attribute_room) {
        router->filter_attribute_room = message->attribute_count;
        router->filter_attributes =
            memory_resize(router->filter_attributes,
                          message->attribute_count * sizeof *router->filter_attributes);
    }
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        router->filter_attributes[i] = (struct filter_attribute){
            .name = attribute->name.at,
            .name_len = attribute->name.len,
            .type = attribute_type(attribute->type),
            .value = attribute->value.at,
            .value_len = attribute->value.len,
        };
    }
    return (struct filter_message){
        .attributes = router->filter_attributes,
        .attribute_count = message->attribute_count,
        .body = message->body.at,
        .body_len = message->body.len,
    };
}

/* Both lists are ascending and share no number. */
static void matched_merge(struct numbers *matched, const uint32_t *a, size_t a_count,
                          const struct numbers *b)
{
    size_t i = 0;
    size_t j = 0;

    matched->count = 0;
    while (i < a_count || j < b->count) {
        bool from_a = j == b->count || (i < a_count && a[i] < b->at[j]);

        numbers_append(matched, from_a ? a[i++] : b->at[j++]);
    }
}

/* In one piece, about 15 ns for each that matches: a publish is for whom it finds at one
 * moment, and between two pieces others could subscribe, leave or change their policies. */
static enum status match(struct router *router, const struct topic *topic,
                         const struct message *message)
{
    const uint32_t *ids = NULL;
    size_t count = 0;

    if (topic->state->index != NULL) {
        struct filter_message view = filter_view(router, message);
        uint64_t before = filter_index_regex_over(topic->state->index);

        if (filter_index_match(topic->state->index, &view, &ids, &count) != FILTER_OK) {
            return STATUS_BUSY;
        }
        router->counters.regex_over += filter_index_regex_over(topic->state->index) - before;
    }
    matched_merge(&router->matched, ids, count - (count > 0 && mutant("router.one-match-lost")),
                  &topic->state->unfiltered);
    return STATUS_OK;
}

enum status topic_match(struct step *step, const struct topic *topic,
                        const struct message *message, const uint32_t **ret_subscriptions,
                        size_t *ret_count)
{
    struct router *router = router_of(step);
    enum status status = topic->is_ready ? match(router, topic, message) : STATUS_BUSY;

    if (status == STATUS_OK) {
        *ret_subscriptions = router->matched.at;
        *ret_count = router->matched.count;
    }
    return status;
}

/* --- Fanning out. */

/* Everybody who gets it inside this batch has it afterwards; the others are in router->owed. */
static uint32_t serve_local(struct step *step, struct router *router, uint64_t number,
                            const struct message *message)
{
    const struct queue_letter letter = {.number = number, .message = message};
    /* Those of a FIFO topic all at once, or a message that only some of them get could come
     * before one that they still are owed. */
    uint32_t max = message->sequence_number.len > 0 ? UINT32_MAX : LOCAL_MAX;
    uint32_t served = 0;

    router->owed.count = 0;
    for (size_t i = 0; i < router->matched.count; i++) {
        uint32_t subscription = router->matched.at[i];
        const struct slot *slot = slot_find(router, subscription);
        bool is_local = slot != NULL && slot->target != NULL && served < max;
        uint32_t references = 0;

        if (slot == NULL) {
            continue;
        }
        if (is_local && queue_deliver(step, slot, &letter, &references, NULL) == STATUS_OK) {
            served += references;
        } else {
            numbers_append(&router->owed, subscription);
        }
    }
    return served;
}

/* A message lies here once: encrypted when its topic asks for it, or a queue that gets it. */
static void body_put(struct step *step, const struct topic *topic, uint64_t number,
                     const struct message *message)
{
    struct router *router = router_of(step);
    struct key key = key_u64(TABLE_BODY, number);
    struct content content = {
        .kind = CONTENT_TOPIC,
        .owner = topic->number,
        .reuse_s = KEY_REUSE_S,
        .head = MESSAGE_HEAD_SIZE,
    };

    if (step_seals(step)) {
        content.wants_sealing = topic_attribute(topic, T("KmsMasterKeyId")).len > 0;
    }
    for (size_t i = 0; i < router->matched.count && step_seals(step) && !content.wants_sealing;
         i++) {
        const struct slot *slot = slot_find(router, router->matched.at[i]);

        content.wants_sealing = slot != NULL && slot_wants_sealing(step, slot);
    }
    record_put_content(step, &key, message_encode(message), &content);
}

static void fan_out(struct step *step, struct topic *topic, uint64_t number,
                    const struct message *message)
{
    struct router *router = router_of(step);

    body_put(step, topic, number, message);
    uint32_t references = serve_local(step, router, number, message);

    router->counters.fanned_out += references + router->owed.count;
    references += router->owed.count > 0 && !mutant("router.owed-unreferenced");
    body_set_references(step, number, references);
    if (router->owed.count > 0) {
        deliveries_owe(step, topic->number, number, router->owed.at, router->owed.count);
    }
}

static enum status wait_for_index(struct step *step, struct why *why)
{
    struct router *router = router_of(step);

    if (step->running != NULL && step->now_ms < router->started_ms + LOADING_WAIT_MS) {
        task_wait(step, &router->loading_waiters);
        return STATUS_WAIT;
    }
    return fail(why, STATUS_BUSY,
                "the topic's subscriptions are still being loaded (%llu so far): try again",
                (unsigned long long)router->progress.subscriptions_loaded);
}

/* From the counter that numbers queues' entries: sequence numbers only have to grow. */
static void sequence_take(struct step *step, const struct topic *topic, struct publish *publish)
{
    if (topic->is_fifo) {
        (void)snprintf(publish->sequence, sizeof publish->sequence, "%020llu",
                       (unsigned long long)step_number(step, COUNTER_SEQUENCE));
        publish->message.sequence_number = text_from(publish->sequence);
    }
}

enum status topic_publish(struct step *step, struct topic *topic, struct publish *publish,
                          struct why *why)
{
    struct router *router = router_of(step);
    struct message *message = &publish->message;
    enum status status = step_may_grow(step, why);

    if (status != STATUS_OK) {
        return status;
    }
    if (!topic->is_ready) {
        return wait_for_index(step, why);
    }
    status = duplicate_find(step, topic, publish);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    sequence_take(step, topic, publish);
    message->time_ms = step->now_ms;
    message->topic_arn = topic->arn;
    status = match(router, topic, message);
    if (status != STATUS_OK) {
        return fail(why, status, "out of memory while matching");
    }
    publish->matched = (uint32_t)router->matched.count;
    publish->filtered_out = (uint32_t)(topic->confirmed - router->matched.count);
    router->counters.published++;
    router->counters.published_bytes += message->body.len;
    router->counters.matched += publish->matched;
    router->counters.filtered_out += publish->filtered_out;
    uint64_t number = step_number(step, COUNTER_MESSAGE);

    message_id_make(step, number, message->id);
    duplicate_remember(step, topic, message);
    /* Nobody wants it and nobody remembers: accepted, and over. */
    if (publish->matched > 0 || history_keeps(step, number)) {
        fan_out(step, topic, number, message);
    }
    return STATUS_OK;
}
