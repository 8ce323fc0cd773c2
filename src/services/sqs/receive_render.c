/* What a receiver gets to see: bodies, envelopes of topics' messages, MD5s of what is returned.
 * Runs outside the cell, after the lease. */
#include "base/encoding.h"
#include "router/router.h"
#include "services/sqs/receive.h"

#define ENVELOPE_MAX (16UL * 1024 * 1024)
/* What AWS's examples show as the principal of SNS: the same for every topic. */
#define TOPICS_SENDER "AIDAIENQZJOLO23YVJ4VO"

/* --- Which attributes were asked for. */

static bool asks_for(const struct string_list *names, struct text name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (text_equal(names->items[i], T("All")) || text_equal(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

/* "All", "*", ".*", "prefix.*" or the name itself. */
static bool selects(const struct string_list *patterns, struct text name)
{
    struct text any = T(".*");

    if (asks_for(patterns, name) || asks_for(patterns, T("*"))) {
        return true;
    }
    for (size_t i = 0; i < patterns->count; i++) {
        struct text pattern = patterns->items[i];

        if (text_ends_with(pattern, any)
            && text_starts_with(name, text_first(pattern, pattern.len - any.len))) {
            return true;
        }
    }
    return false;
}

/* --- System attributes. */

static struct text number_text(struct arena *arena, int64_t number)
{
    return arena_printf(arena, "%lld", (long long)number);
}

static struct text sequence_text(struct arena *arena, const struct queue_lent *lent)
{
    return arena_printf(arena, "%020llu", (unsigned long long)lent->sequence);
}

static void system_attributes_fill(struct arena *arena, const struct receive_input *in,
                                   const struct queue_lent *lent, bool is_fifo,
                                   struct string_map *ret_map)
{
    if (in->attribute_names.count + in->system_names.count == 0) {
        return;
    }
    const struct string_pair all[] = {
        {TEXT("SenderId"), lent->body != NULL ? T(TOPICS_SENDER) : lent->sender_id},
        {TEXT("SentTimestamp"), number_text(arena, lent->sent_ms)},
        {TEXT("ApproximateReceiveCount"), number_text(arena, lent->receive_count)},
        {TEXT("ApproximateFirstReceiveTimestamp"), number_text(arena, lent->first_received_ms)},
        {TEXT("SequenceNumber"), is_fifo ? sequence_text(arena, lent) : (struct text){0}},
        {TEXT("MessageDeduplicationId"), lent->deduplication_id},
        {TEXT("MessageGroupId"), lent->group_id},
        {TEXT("AWSTraceHeader"), lent->trace_header},
        {TEXT("DeadLetterQueueSourceArn"), lent->dead_letter_source},
    };

    ret_map->items = arena_array(arena, countof(all), sizeof *ret_map->items);
    for (size_t i = 0; i < countof(all); i++) {
        bool is_wanted = asks_for(&in->attribute_names, all[i].name)
                         || asks_for(&in->system_names, all[i].name);

        if (is_wanted && all[i].value.len > 0) {
            ret_map->items[ret_map->count++] = all[i];
        }
    }
    ret_map->is_set = ret_map->count > 0;
}

/* --- Message attributes. */

static void attributes_fill(struct arena *arena, const struct string_list *patterns,
                            struct queue_message_attribute *attributes, size_t count,
                            struct received *received)
{
    struct queue_message_attribute *chosen = arena_array(arena, count, sizeof *chosen);
    size_t chosen_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (selects(patterns, attributes[i].name)) {
            chosen[chosen_count++] = attributes[i];
        }
    }
    if (chosen_count == 0) {
        return;
    }
    struct text *names = arena_array(arena, chosen_count, sizeof *names);
    struct wire_attribute *wires = arena_array(arena, chosen_count, sizeof *wires);

    received->attributes_md5 = message_attributes_md5(arena, chosen, chosen_count);
    for (size_t i = 0; i < chosen_count; i++) {
        bool is_binary = text_starts_with(chosen[i].type, T("Binary"));

        names[i] = chosen[i].name;
        wires[i].type = chosen[i].type;
        *(is_binary ? &wires[i].binary : &wires[i].string) = chosen[i].value;
    }
    received->attributes = (struct struct_map){names, wires, chosen_count, true};
}

/* A raw message's attributes become SQS's: it has no String.Array. */
static struct queue_message_attribute *raw_attributes(struct arena *arena,
                                                      const struct message *message)
{
    struct queue_message_attribute *attributes =
        arena_array(arena, message->attribute_count, sizeof *attributes);

    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];
        bool is_list = text_equal(attribute->type, T("String.Array"));

        attributes[i] = (struct queue_message_attribute){
            attribute->name, is_list ? T("String") : attribute->type, attribute->value};
    }
    return attributes;
}

/* --- Envelopes. */

static void body_set(struct arena *arena, struct received *received, struct text body)
{
    received->body = body;
    received->body_md5 = text_md5(arena, body);
}

static void envelope_finish(struct unsigned_envelope *envelope, struct text signature)
{
    struct request *request = envelope->request;
    struct receive_output *out = request->output;
    struct buffer buffer;

    buffer_init(&buffer, ENVELOPE_MAX);
    envelope_render(&buffer, &envelope->message, &envelope->target, signature,
                    signer_certificate_name(api_signer(request->api)));
    body_set(request->arena, &out->received[envelope->place],
             arena_copy(request->arena, buffer_text(&buffer)));
    buffer_free(&buffer);
}

static void answer_when_signed(struct request *request)
{
    struct receive_output *out = request->output;

    if (--out->unsigned_count > 0) {
        return;
    }
    if (out->has_failed) {
        (void)request_fail(request, &error_internal,
                           "The server has no key to sign messages with: see its log.");
    }
    request_finish(request);
}

static void on_signed(struct signing *signing, struct text signature)
{
    struct unsigned_envelope *envelope = signing->context;
    struct request *request = envelope->request;
    struct receive_output *out = request->output;

    envelope->is_waiting = false;
    if (signature.len == 0) {
        out->has_failed = true;
    } else {
        envelope_finish(envelope, signature);
    }
    answer_when_signed(request);
}

static void envelope_sign(struct unsigned_envelope *envelope)
{
    struct request *request = envelope->request;
    struct receive_output *out = request->output;
    struct buffer buffer;

    buffer_init(&buffer, ENVELOPE_MAX);
    envelope_string_to_sign(&buffer, &envelope->message, &envelope->target);
    envelope->signing = (struct signing){
        .text = arena_copy(request->arena, buffer_text(&buffer)),
        .version = envelope->message.signature_version,
        .done = on_signed,
        .context = envelope,
    };
    buffer_free(&buffer);
    envelope->is_waiting = true;
    out->unsigned_count++;
    signer_sign(api_signer(request->api), &envelope->signing);
}

static struct text subscription_arn_of(struct arena *arena, const struct message *message,
                                       const struct queue_reference *reference)
{
    char uuid[UUID_SIZE];

    uuid_format(reference->subscription_id, uuid);
    return arena_printf(arena, "%.*s:%s", TEXT_PRINTF(message->topic_arn), uuid);
}

static void envelope_begin(struct request *request, const struct queue_lent *lent, size_t place,
                           const struct message *message)
{
    struct receive_output *out = request->output;
    struct unsigned_envelope *envelope = &out->envelopes[out->envelope_count++];

    *envelope = (struct unsigned_envelope){
        .request = request,
        .place = place,
        .message = *message,
        .target =
            {
                .protocol = text_from(protocol_name((enum protocol)lent->reference.protocol)),
                .base_url = request->base_url,
                .subscription_arn =
                    subscription_arn_of(request->arena, message, &lent->reference),
                .is_fifo_topic = text_ends_with(message->topic_arn, T(".fifo")),
            },
    };
    if (envelope->target.is_fifo_topic) {
        envelope_finish(envelope, (struct text){0});
    } else {
        envelope_sign(envelope);
    }
}

/* --- One message. */

static void reference_fill(struct request *request, const struct queue_lent *lent, size_t place)
{
    const struct receive_input *in = request->input;
    struct receive_output *out = request->output;
    struct message message;

    if (!message_decode(blob_text(lent->body), request->arena, &message)) {
        out->has_failed = true; /* a damaged record: never silently something else */
        return;
    }
    if (!lent->reference.raw) {
        envelope_begin(request, lent, place, &message);
        return;
    }
    struct text protocol = text_from(protocol_name((enum protocol)lent->reference.protocol));

    body_set(request->arena, &out->received[place], message_body_for(&message, protocol));
    attributes_fill(request->arena, &in->message_names,
                    raw_attributes(request->arena, &message), message.attribute_count,
                    &out->received[place]);
}

static void own_fill(struct request *request, const struct queue_lent *lent,
                     struct received *received)
{
    const struct receive_input *in = request->input;
    struct queue_message_attribute *attributes = NULL;
    size_t count = 0;

    body_set(request->arena, received, lent->text);
    if (in->message_names.count > 0
        && queue_attributes_decode(lent->attributes, request->arena, &attributes, &count)) {
        attributes_fill(request->arena, &in->message_names, attributes, count, received);
    }
}

static void message_fill(struct request *request, size_t place)
{
    const struct receive_input *in = request->input;
    struct receive_output *out = request->output;
    const struct queue_lent *lent = &out->receive.lent[place];
    struct received *received = &out->received[place];
    char uuid[UUID_SIZE];

    uuid_format(lent->id, uuid);
    received->message_id = arena_copy(request->arena, text_from(uuid));
    received->handle = lent->handle;
    system_attributes_fill(request->arena, in, lent, out->is_fifo,
                           &received->system_attributes);
    if (lent->body != NULL) {
        reference_fill(request, lent, place);
    } else {
        own_fill(request, lent, received);
    }
}

void receive_render(struct request *request, void *output)
{
    struct receive_output *out = output;
    size_t count = out->receive.lent_count;

    out->received = arena_array(request->arena, count, sizeof *out->received);
    out->envelopes = arena_array(request->arena, count, sizeof *out->envelopes);
    out->messages = (struct struct_list){out->received, count, count > 0};
    out->unsigned_count = 1;
    for (size_t i = 0; i < count; i++) {
        message_fill(request, i);
    }
    answer_when_signed(request);
}
