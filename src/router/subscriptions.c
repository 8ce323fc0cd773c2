/* Subscriptions: made, changed, ended, found; in memory only what matching needs. */
#include "base/digest.h"
#include "router/internal.h"

#include <string.h>

/* --- Keys. */

static struct key record_key(uint32_t topic, uint32_t number)
{
    return key_u32_u32(TABLE_SUBSCRIPTION, topic, number);
}

static struct key id_key(const uint8_t id[16])
{
    return key_name(TABLE_SUBSCRIPTION_ID, text_make(id, 16));
}

/* The endpoint may be long: its digest stands for it. */
static struct key endpoint_key(uint32_t topic, struct text protocol, struct text endpoint)
{
    uint8_t digest[SHA256_SIZE];
    struct buffer buffer;
    struct key key = key_u32(TABLE_SUBSCRIPTION_ENDPOINT, topic);

    buffer_init(&buffer, (size_t)1024 * 1024);
    buffer_add(&buffer, protocol);
    buffer_add_byte(&buffer, 0);
    buffer_add(&buffer, endpoint);
    digest_sha256(buffer_text(&buffer), digest);
    buffer_free(&buffer);
    memcpy(key.at + key.len, digest, 16);
    key.len = (uint8_t)(key.len + 16);
    return key;
}

/* --- The matching side. */

bool subscription_is_raw(const struct subscription *subscription)
{
    return text_equal_ignore_case(subscription_attribute(subscription, T("RawMessageDelivery")),
                                  T("true"));
}

/* False: nothing is to be filtered (or the policy cannot be compiled any more, which the
 * services made impossible: then it gets everything rather than nothing). */
bool subscription_policy(const struct subscription *subscription,
                         struct filter_policy **ret_policy)
{
    struct text policy_text = subscription_attribute(subscription, T("FilterPolicy"));
    struct text scope_text = subscription_attribute(subscription, T("FilterPolicyScope"));
    struct text profile_text = subscription_attribute(subscription, T("Fanfare.FilterProfile"));
    enum filter_scope scope =
        text_equal(scope_text, T("MessageBody")) ? FILTER_SCOPE_BODY : FILTER_SCOPE_ATTRIBUTES;
    enum filter_profile profile =
        text_equal(profile_text, T("fanfare")) ? FILTER_PROFILE_FANFARE : FILTER_PROFILE_SNS;

    return policy_text.len > 0
           && filter_policy_compile(policy_text.at, policy_text.len, scope, profile, ret_policy,
                                    NULL)
                  == FILTER_OK;
}

/* Into the topic's index; false: there is nothing to filter by. */
static bool index_add(struct topic *topic, const struct subscription *subscription)
{
    struct topic_state *state = topic->state;
    struct filter_policy *policy = NULL;

    if (!subscription_policy(subscription, &policy)) {
        return false;
    }

    state->index = state->index == NULL ? filter_index_create() : state->index;
    bool is_in = state->index != NULL
                 && filter_index_add(state->index, subscription->number, policy) == FILTER_OK;

    filter_policy_free(policy);
    return is_in;
}

static bool is_queue_here(const struct subscription *subscription)
{
    return subscription->protocol == PROTOCOL_SQS
           && subscription_attribute(subscription, T(SUBSCRIPTION_ELSEWHERE)).len == 0;
}

void subscription_enter(struct router *router, struct topic *topic,
                        const struct subscription *subscription)
{
    struct slot *slot = slot_claim(router, subscription->number);

    slot->topic = topic->number;
    slot->protocol = (uint8_t)subscription->protocol;
    slot->is_confirmed = subscription->is_confirmed;
    slot->is_raw = subscription_is_raw(subscription);
    slot->is_limited = subscription_is_limited(subscription);
    memcpy(slot->id, subscription->id, sizeof slot->id);
    if (is_queue_here(subscription)) {
        slot->target = target_open(router, subscription->endpoint);
    }
    if (!subscription->is_confirmed) {
        topic->pending++;
        return;
    }
    topic->confirmed++;
    slot->is_filtered = index_add(topic, subscription);
    if (!slot->is_filtered) {
        numbers_add(&topic->state->unfiltered, subscription->number);
    }
}

void subscription_leave(struct router *router, struct topic *topic,
                        const struct subscription *subscription)
{
    struct slot *slot = slot_find(router, subscription->number);

    if (slot == NULL) {
        return; /* not loaded yet: the loader will find what is written now */
    }
    if (!slot->is_confirmed) {
        topic->pending--;
    } else {
        topic->confirmed--;
        if (slot->is_filtered) {
            (void)filter_index_remove(topic->state->index, subscription->number);
        } else {
            numbers_remove(&topic->state->unfiltered, subscription->number);
        }
    }
    slot_clear(router, slot);
}

/* --- Found. */

enum status subscription_find_number(struct step *step, uint32_t topic, uint32_t number,
                                     struct arena *arena, struct subscription *ret)
{
    struct key key = record_key(topic, number);
    struct blob *record = NULL;

    if (topic_find_number(router_of(step), topic) == NULL) {
        return STATUS_NOT_FOUND; /* its topic is deleted; its row is being reclaimed */
    }
    enum status status = record_get(step, &key, &record);

    if (status != STATUS_OK) {
        return status;
    }
    /* The record may be replaced while the caller still looks at what it said. */
    return subscription_decode(arena_copy(arena, blob_text(record)), arena, ret)
               ? STATUS_OK
               : STATUS_STORAGE;
}

static enum status find_through(struct step *step, const struct key *key, struct arena *arena,
                                struct subscription *ret)
{
    struct blob *place = NULL;
    enum status status = record_get(step, key, &place);

    if (status != STATUS_OK) {
        return status;
    }
    struct cursor cursor = cursor_over(blob_text(place));
    uint32_t topic = cursor_u32(&cursor);
    uint32_t number = cursor_u32(&cursor);

    return subscription_find_number(step, topic, number, arena, ret);
}

enum status subscription_find(struct step *step, const uint8_t id[16], struct arena *arena,
                              struct subscription *ret)
{
    struct key key = id_key(id);

    return find_through(step, &key, arena, ret);
}

enum status subscription_find_endpoint(struct step *step, const struct topic *topic,
                                       struct text protocol, struct text endpoint,
                                       struct arena *arena, struct subscription *ret)
{
    struct key key = endpoint_key(topic->number, protocol, endpoint);

    return find_through(step, &key, arena, ret);
}

/* --- Made, changed, ended. */

static struct blob *place_encode(const struct subscription *subscription)
{
    struct buffer buffer;

    buffer_init(&buffer, 16);
    buffer_add_u32(&buffer, subscription->topic);
    buffer_add_u32(&buffer, subscription->number);
    struct blob *blob = blob_copy(buffer_text(&buffer));

    buffer_free(&buffer);
    return blob;
}

void subscription_write(struct step *step, struct topic *topic,
                        const struct subscription *subscription)
{
    struct key record = record_key(subscription->topic, subscription->number);
    struct key id = id_key(subscription->id);
    struct key endpoint = endpoint_key(subscription->topic, subscription_protocol(subscription),
                                       subscription->endpoint);

    record_put(step, &record, subscription_encode(subscription));
    record_put(step, &id, place_encode(subscription));
    record_put(step, &endpoint, place_encode(subscription));
    subscription_enter(router_of(step), topic, subscription);
}

enum status subscription_create(struct step *step, struct topic *topic,
                                struct subscription *wanted, struct why *why)
{
    enum status status = step_may_grow(step, why);

    if (status != STATUS_OK) {
        return status;
    }
    wanted->number = (uint32_t)step_number(step, COUNTER_SUBSCRIPTION);
    wanted->topic = topic->number;
    wanted->created_ms = step->now_ms;
    step->random->fill(step->random, wanted->id, sizeof wanted->id);
    /* As its text says it: a version-4 UUID, found again by the bytes of that text. */
    wanted->id[6] = (uint8_t)((wanted->id[6] & 0x0f) | 0x40);
    wanted->id[8] = (uint8_t)((wanted->id[8] & 0x3f) | 0x80);

    subscription_write(step, topic, wanted);
    return STATUS_OK;
}

void subscription_update(struct step *step, const struct subscription *before,
                         const struct subscription *changed)
{
    struct router *router = router_of(step);
    struct topic *topic = topic_find_number(router, before->topic);
    struct key key = record_key(before->topic, before->number);

    record_put(step, &key, subscription_encode(changed));
    if (topic != NULL) {
        subscription_leave(router, topic, before);
        subscription_enter(router, topic, changed);
    }
    deliveries_changed(step, (struct lane_id){before->topic, before->number});
}

/* Nobody finds it any more, and nobody counts it. */
static void subscription_unlist(struct step *step, const struct subscription *subscription)
{
    struct router *router = router_of(step);
    struct topic *topic = topic_find_number(router, subscription->topic);
    struct slot *slot = slot_find(router, subscription->number);
    struct key id = id_key(subscription->id);
    struct key endpoint = endpoint_key(subscription->topic, subscription_protocol(subscription),
                                       subscription->endpoint);

    record_delete(step, &id);
    record_delete(step, &endpoint);
    if (topic != NULL) {
        subscription_leave(router, topic, subscription);
        topic->deleted++;
        topic_seal(step, topic);
    } else if (slot != NULL) {
        slot_clear(router, slot);
    }
}

void subscription_delete(struct step *step, const struct subscription *subscription)
{
    struct key record = record_key(subscription->topic, subscription->number);

    if (!subscription->is_deleted) {
        subscription_unlist(step, subscription);
    }
    record_delete(step, &record); /* last: its texts may be the record's */
    deliveries_drop(step, (struct lane_id){subscription->topic, subscription->number});
}
