/* How a subscription's endpoint is to be treated: by its own attributes and its topic's. */
#include "base/timestamp.h"
#include "router/internal.h"

#define DISABLED "Fanfare.Disabled" /* when and why */

static bool is_web(const struct subscription *subscription)
{
    return subscription->protocol == PROTOCOL_HTTP || subscription->protocol == PROTOCOL_HTTPS;
}

/* AWS's policies are those of http and https alone. */
static void policies_join(const struct router *router, const struct subscription *subscription,
                          struct retry_policy *ret_policy, uint32_t *ret_per_second)
{
    const struct topic *topic = topic_find_number(router, subscription->topic);

    if (!is_web(subscription)) {
        *ret_policy = retry_policy_messaging;
        *ret_per_second = 0;
        return;
    }
    delivery_policy_join(
        topic == NULL ? (struct text){0} : topic_attribute(topic, T("DeliveryPolicy")),
        subscription_attribute(subscription, T("DeliveryPolicy")), ret_policy, ret_per_second);
}

void router_retry_policy(struct step *step, struct text subscription_record,
                         struct retry_policy *ret_policy)
{
    struct subscription subscription;
    struct arena arena = {0};
    const char *reason = NULL;
    uint32_t per_second = 0;

    *ret_policy = retry_policy_http;
    if (subscription_decode(subscription_record, &arena, &subscription)) {
        struct text schedule =
            subscription_attribute(&subscription, T("Fanfare.RetrySchedule"));

        policies_join(router_of(step), &subscription, ret_policy, &per_second);
        bool is_read = retry_schedule_parse(schedule, ret_policy, &reason);

        (void)is_read; /* Subscribe refused what is not: the policy stays as it is */
    }
    arena_free(&arena);
}

/* --- Limits. */

static const struct text limit_names[] = {
    TEXT("DeliveryPolicy"),
    TEXT("Fanfare.MaxConcurrency"),
    TEXT("Fanfare.MaxPerSecond"),
    TEXT(DISABLED),
};

bool subscription_is_limited(const struct subscription *subscription)
{
    for (size_t i = 0; i < countof(limit_names); i++) {
        if (subscription_attribute(subscription, limit_names[i]).len > 0) {
            return true;
        }
    }
    return false;
}

static uint32_t number_of(const struct subscription *subscription, struct text name)
{
    int64_t number = 0;
    bool is_given = text_to_int64(subscription_attribute(subscription, name), &number)
                    && number > 0 && number <= UINT32_MAX;

    return is_given ? (uint32_t)number : 0;
}

static struct lane_limits limits_of(const struct router *router,
                                    const struct subscription *subscription)
{
    struct retry_policy policy;
    uint32_t per_second = 0;
    struct lane_limits limits = {
        .concurrency = number_of(subscription, T("Fanfare.MaxConcurrency")),
        .per_second = number_of(subscription, T("Fanfare.MaxPerSecond")),
        .is_disabled = subscription_attribute(subscription, T(DISABLED)).len > 0,
    };

    policies_join(router, subscription, &policy, &per_second);
    limits.per_second = limits.per_second > 0 ? limits.per_second : per_second;
    return limits;
}

bool router_lane_limits(struct step *step, struct lane_id lane, struct text subscription_record,
                        struct lane_limits *ret_limits)
{
    const struct router *router = router_of(step);
    const struct slot *slot = slot_find(router, lane.subscription);
    const struct topic *topic = topic_find_number(router, lane.topic);
    struct subscription subscription;
    struct arena arena = {0};

    if (slot != NULL && !slot->is_limited && topic != NULL
        && topic_attribute(topic, T("DeliveryPolicy")).len == 0) {
        *ret_limits = (struct lane_limits){0};
        return true;
    }
    if (subscription_record.len == 0) {
        return false;
    }
    bool is_read = subscription_decode(subscription_record, &arena, &subscription);

    *ret_limits = is_read ? limits_of(router, &subscription) : (struct lane_limits){0};
    arena_free(&arena);
    return true;
}

/* --- Disabled. */

/* The attributes with one more, in their order. */
static struct attribute *attributes_with(struct arena *arena,
                                         const struct subscription *subscription,
                                         struct attribute added)
{
    size_t count = subscription->attribute_count;
    struct attribute *attributes = arena_array(arena, count + 1, sizeof *attributes);
    size_t at = 0;

    while (at < count && text_compare(subscription->attributes[at].name, added.name) < 0) {
        attributes[at] = subscription->attributes[at];
        at++;
    }
    attributes[at] = added;
    for (; at < count; at++) {
        attributes[at + 1] = subscription->attributes[at];
    }
    return attributes;
}

bool router_disable(struct step *step, struct text subscription_record, struct text reason)
{
    struct subscription before;
    struct arena arena = {0};
    char now[TIMESTAMP_SIZE];
    /* The record is about to be replaced by what it says. */
    bool is_changed =
        subscription_decode(arena_copy(&arena, subscription_record), &arena, &before)
        && before.is_confirmed && !before.is_deleted
        && subscription_attribute(&before, T(DISABLED)).len == 0;

    if (is_changed) {
        struct subscription changed = before;

        timestamp_format(step->now_ms, now);
        changed.attributes =
            attributes_with(&arena, &before,
                            (struct attribute){T(DISABLED), arena_printf(&arena, "%s %.*s", now,
                                                                         TEXT_PRINTF(reason))});
        changed.attribute_count++;
        subscription_update(step, &before, &changed);
    }
    arena_free(&arena);
    return is_changed;
}
