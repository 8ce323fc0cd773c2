/* One attempt: its records become a payload and what a deliverer is told. */
#include "base/digest.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "outbound/content_type.h"
#include "outbound/internal.h"

#include <string.h>

#define URL_ROOM       ((size_t)4096)
#define SPARE_MAX      256
#define SPARE_ROOM_MAX ((size_t)16 * 1024) /* what a spare one may keep of memory */
#define TIMEOUT_MS     15000               /* AWS's */
#define MARGIN_MS      5000 /* a deliverer that misses its time by so much is given up on */

void sending_limit(struct sending *sending, int64_t timeout_ms)
{
    sending->delivery.timeout_ms = timeout_ms;
    sending->deadline_ms =
        uv_now(sending->outbound->options.loop) + (uint64_t)(timeout_ms + MARGIN_MS);
}

/* --- Its memory. */

struct sending *sending_take(struct outbound *outbound, const struct attempt_start *take_start)
{
    struct list_node *node = list_pop(&outbound->spare);
    struct sending *sending =
        node != NULL ? container_of(node, struct sending, node) : memory_zero(sizeof *sending);
    int64_t timeout_ms =
        outbound->options.timeout_ms > 0 ? outbound->options.timeout_ms : TIMEOUT_MS;

    if (node != NULL) {
        outbound->spare_count--;
    } else {
        buffer_init(&sending->to_sign, PAYLOAD_MAX);
        buffer_init(&sending->payload, PAYLOAD_MAX);
    }
    sending->id = ++outbound->next_id;
    sending->attempt_id = take_start->id;
    sending->outbound = outbound;
    sending->state = SENDING_SIGNING;
    sending->is_forgotten = false;
    sending->subscription_record = take_start->subscription_record;
    sending->message_record = take_start->message_record;
    sending->again_ms = take_start->again_ms;
    sending->delivery = (struct delivery){.attempt = take_start->attempt};
    sending->headers = NULL;
    sending_limit(sending, timeout_ms);
    map_insert(&outbound->sendings, &sending->map, text_make(&sending->id, sizeof sending->id));
    list_push(&outbound->under_way, &sending->order);
    return sending;
}

void sending_free(struct sending *sending)
{
    arena_free(&sending->arena);
    buffer_free(&sending->to_sign);
    buffer_free(&sending->payload);
    memory_free(sending);
}

void sending_give_back(struct sending *sending)
{
    struct outbound *outbound = sending->outbound;
    bool is_big = sending->payload.room > SPARE_ROOM_MAX
                  || sending->to_sign.room > SPARE_ROOM_MAX
                  || sending->arena.used > SPARE_ROOM_MAX;

    map_remove(&outbound->sendings, &sending->map);
    list_remove(&sending->order);
    list_remove(&sending->node);
    blob_unref(sending->subscription_record);
    blob_unref(sending->message_record);
    if (is_big || outbound->spare_count >= SPARE_MAX || outbound->is_closed) {
        sending_free(sending);
        return;
    }
    arena_reset(&sending->arena);
    buffer_clear(&sending->to_sign);
    buffer_clear(&sending->payload);
    list_push_first(&outbound->spare, &sending->node);
    outbound->spare_count++;
}

/* --- What it says. */

static struct text subscription_arn_of(struct sending *sending)
{
    char uuid[UUID_SIZE];

    if (sending->message.kind == MESSAGE_SUBSCRIPTION_CONFIRMATION) {
        return T("");
    }
    if (sending->message.subscription_arn.len > 0) {
        return arena_copy(&sending->arena, sending->message.subscription_arn);
    }
    uuid_format(sending->subscription.id, uuid);
    return arena_printf(&sending->arena, "%.*s:%s", TEXT_PRINTF(sending->message.topic_arn),
                        uuid);
}

bool sending_decode(struct sending *sending)
{
    struct outbound *outbound = sending->outbound;

    if (!subscription_decode(blob_text(sending->subscription_record), &sending->arena,
                             &sending->subscription)
        || !message_decode(blob_text(sending->message_record), &sending->arena,
                           &sending->message)) {
        return false;
    }
    sending->target = (struct envelope_target){
        .protocol = arena_copy(&sending->arena, subscription_protocol(&sending->subscription)),
        .base_url = outbound->options.public_url.len > 0 ? outbound->options.public_url
                                                         : sending->subscription.base_url,
        .subscription_arn = subscription_arn_of(sending),
        .is_fifo_topic = text_ends_with(sending->message.topic_arn, T(".fifo")),
    };
    return true;
}

static void describe_settings(struct sending *sending)
{
    const struct subscription *subscription = &sending->subscription;
    struct delivery *delivery = &sending->delivery;
    struct text prefix = T("Fanfare.");
    struct delivery_field *settings = NULL;

    for (size_t i = 0; i < subscription->attribute_count; i++) {
        const struct attribute *attribute = &subscription->attributes[i];

        if (!text_starts_with(attribute->name, prefix)) {
            continue;
        }
        if (settings == NULL) {
            settings =
                arena_array(&sending->arena, subscription->attribute_count, sizeof *settings);
        }
        settings[delivery->setting_count++] = (struct delivery_field){
            .name = arena_copy(&sending->arena, text_after(attribute->name, prefix.len)).at,
            .value = arena_copy(&sending->arena, attribute->value).at};
    }
    delivery->settings = settings;
}

static struct text topic_attribute_of(const struct sending *sending, struct text name)
{
    const struct outbound_options *options = &sending->outbound->options;

    return options->topic_attribute == NULL
               ? (struct text){0}
               : options->topic_attribute(options->context, sending->subscription.topic, name);
}

/* What SetSMSAttributes set goes along like settings of the subscription. */
static void describe_sms(struct sending *sending)
{
    static const char *const names[] = {"SMS.DefaultSMSType", "SMS.DefaultSenderID"};
    struct delivery *delivery = &sending->delivery;
    size_t before = delivery->setting_count;
    struct delivery_field *settings = NULL;

    if (sending->subscription.protocol != PROTOCOL_SMS) {
        return;
    }
    settings = arena_array(&sending->arena, before + countof(names), sizeof *settings);
    if (before > 0) {
        memcpy(settings, delivery->settings, before * sizeof *settings);
    }
    for (size_t i = 0; i < countof(names); i++) {
        struct text value = topic_attribute_of(sending, text_from(names[i]));

        settings[delivery->setting_count++] = (struct delivery_field){
            .name = names[i], .value = arena_copy(&sending->arena, value).at};
    }
    delivery->settings = settings;
}

static void describe_attributes(struct sending *sending)
{
    const struct message *message = &sending->message;
    struct delivery_attribute *attributes = NULL;

    if (message->attribute_count == 0) {
        return;
    }
    attributes = arena_array(&sending->arena, message->attribute_count, sizeof *attributes);
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        attributes[i] = (struct delivery_attribute){
            .name = arena_copy(&sending->arena, attribute->name).at,
            .type = arena_copy(&sending->arena, attribute->type).at,
            .value = arena_copy(&sending->arena, attribute->value).at,
            .value_size = attribute->value.len};
    }
    sending->delivery.attributes = attributes;
    sending->delivery.attribute_count = message->attribute_count;
}

/* Of the pages in pages/mail.c. */
static const char *page_url(struct sending *sending, const char *page, const char *parameter,
                            struct text arn, struct text token)
{
    struct buffer url;

    if (token.len == 0) {
        return "";
    }
    buffer_init(&url, URL_ROOM);
    buffer_add(&url, sending->target.base_url);
    buffer_printf(&url, "/_fanfare/%s?%s=", page, parameter);
    percent_encode(&url, arn);
    buffer_add_string(&url, "&Token=");
    percent_encode(&url, token);
    const char *text = url.overflown ? "" : arena_copy(&sending->arena, buffer_text(&url)).at;

    buffer_free(&url);
    return text;
}

static void describe_pages(struct sending *sending)
{
    struct delivery *delivery = &sending->delivery;
    bool asks = sending->message.kind != MESSAGE_NOTIFICATION;

    delivery->confirm_url = page_url(sending, "confirm", "TopicArn", sending->message.topic_arn,
                                     asks ? sending->message.token : T(""));
    delivery->unsubscribe_url =
        page_url(sending, "unsubscribe", "SubscriptionArn", sending->target.subscription_arn,
                 asks ? T("")
                      : subscription_attribute(&sending->subscription,
                                               T(SUBSCRIPTION_UNSUBSCRIBE_TOKEN)));
}

/* A delivery once more has one of its own, or the queue would take it for the first; the same
 * with each attempt of it. */
static struct text deduplication_id(struct sending *sending)
{
    struct text id = sending->message.deduplication_id;

    if (sending->again_ms == 0 || id.len == 0 || mutant("outbound.replay-keeps-its-id")) {
        return arena_copy(&sending->arena, id);
    }
    /* Within SQS's 128 characters; the digest tells long ones apart. */
    return arena_printf(&sending->arena, "%.*s.%016llx.%lld", TEXT_PRINTF(text_first(id, 90)),
                        (unsigned long long)digest_fast(id), (long long)sending->again_ms);
}

void sending_describe(struct sending *sending)
{
    struct delivery *delivery = &sending->delivery;
    struct arena *arena = &sending->arena;
    struct text body = message_body_for(&sending->message, sending->target.protocol);
    char *id = arena_take(arena, UUID_SIZE);

    uuid_format(sending->message.id, id);
    delivery->id = sending->id;
    delivery->endpoint = arena_copy(arena, sending->subscription.endpoint.len > 0
                                               ? sending->subscription.endpoint
                                               : message_phone_number(&sending->message))
                             .at;
    delivery->protocol = sending->target.protocol.at; /* NUL-terminated */
    delivery->message_type = message_type_name(sending->message.kind);
    delivery->message_id = id;
    delivery->topic_arn = arena_copy(arena, sending->message.topic_arn).at;
    delivery->topic_title = arena_copy(arena, topic_attribute_of(sending, T("DisplayName"))).at;
    delivery->subscription_arn = sending->target.subscription_arn.at; /* NUL-terminated */
    delivery->subject = arena_copy(arena, sending->message.subject).at;
    delivery->time_ms = sending->message.time_ms;
    delivery->group_id = arena_copy(arena, sending->message.group_id).at;
    delivery->deduplication_id = deduplication_id(sending).at;
    delivery->body = body.at;
    delivery->body_size = body.len;
    if (delivery->content_type == NULL) {
        delivery->content_type = content_type_for(
            subscription_attribute(&sending->subscription, T("DeliveryPolicy")),
            topic_attribute_of(sending, T("DeliveryPolicy")), arena);
    }
    describe_pages(sending);
    describe_settings(sending);
    describe_sms(sending);
    describe_attributes(sending);
}
