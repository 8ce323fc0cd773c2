/* DeliveryPolicy documents: checked, and shown with all their defaults. */
#include "base/buffer.h"
#include "delivery/retry_policy.h"
#include "services/sns/internal.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define CONTENT_TYPE_DEFAULT "text/plain; charset=UTF-8"

static json_t *load(struct text text)
{
    return text.len == 0 ? NULL : json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
}

/* --- Checking. */

/* retry_policy_parse reads a subscription's form. */
static const char *retry_fault(struct arena *arena, const json_t *healthy)
{
    struct retry_policy policy;
    const char *reason = NULL;

    if (healthy == NULL || json_is_null(healthy)) {
        return NULL;
    }
    char *dumped = json_dumps(healthy, JSON_COMPACT | JSON_ENCODE_ANY);
    struct text wrapped = arena_printf(arena, "{\"healthyRetryPolicy\":%s}", dumped);

    free(dumped);
    return retry_policy_parse(wrapped, &policy, &reason) ? NULL : reason;
}

static const char *throttle_fault(const json_t *throttle)
{
    const json_t *rate = json_object_get(throttle, "maxReceivesPerSecond");

    if (throttle == NULL || json_is_null(throttle)) {
        return NULL;
    }
    if (!json_is_object(throttle)) {
        return "throttlePolicy must be an object";
    }
    if (rate == NULL || json_is_null(rate)) {
        return NULL;
    }
    return json_is_integer(rate) && json_integer_value(rate) >= 1
               ? NULL
               : "maxReceivesPerSecond must be a whole number of at least 1";
}

static const char *request_fault(const json_t *policy)
{
    static const char *const types[] = {
        "application/json",
        "text/plain",
        "text/css",
        "text/csv",
        "text/html",
        "text/xml",
        "application/atom+xml",
        "application/octet-stream",
        "application/soap+xml",
        "application/x-www-form-urlencoded",
        "application/xhtml+xml",
        "application/xml",
    };
    const json_t *type = json_object_get(policy, "headerContentType");

    if (type == NULL || json_is_null(type)) {
        return NULL;
    }
    struct text text = text_from(json_string_value(type));
    struct text media = text_cut(&text, ';');

    for (size_t i = 0; i < countof(types); i++) {
        if (text_equal(media, text_from(types[i]))) {
            return NULL;
        }
    }
    return "headerContentType is not one that is supported";
}

static const char *members_fault(struct arena *arena, const json_t *policy, bool is_topic)
{
    const char *fault =
        retry_fault(arena, json_object_get(policy, is_topic ? "defaultHealthyRetryPolicy"
                                                            : "healthyRetryPolicy"));

    if (fault == NULL) {
        fault = throttle_fault(
            json_object_get(policy, is_topic ? "defaultThrottlePolicy" : "throttlePolicy"));
    }
    return fault != NULL ? fault
                         : request_fault(json_object_get(
                             policy, is_topic ? "defaultRequestPolicy" : "requestPolicy"));
}

const char *delivery_policy_fault(struct arena *arena, struct text policy, bool is_topic)
{
    json_t *root = load(policy);
    const char *fault = "failed to parse JSON.";

    if (json_is_object(root)) {
        fault = members_fault(arena, is_topic ? json_object_get(root, "http") : root, is_topic);
    }
    json_decref(root);
    return fault;
}

/* --- With defaults. */

static const struct {
    const char *name;
    int value;
} healthy_defaults[] = {
    {"minDelayTarget", 20},    {"maxDelayTarget", 20},   {"numRetries", 3},
    {"numMaxDelayRetries", 0}, {"numNoDelayRetries", 0}, {"numMinDelayRetries", 0},
};

/* `given` (or NULL) over the defaults; a new reference. */
static json_t *healthy_effective(json_t *given)
{
    json_t *healthy = json_object();

    for (size_t i = 0; i < countof(healthy_defaults); i++) {
        (void)json_object_set_new(healthy, healthy_defaults[i].name,
                                  json_integer(healthy_defaults[i].value));
    }
    (void)json_object_set_new(healthy, "backoffFunction", json_string("linear"));
    const char *name;
    json_t *value;

    json_object_foreach(given, name, value)
    {
        if (!json_is_null(value)) {
            (void)json_object_set(healthy, name, value);
        }
    }
    return healthy;
}

static json_t *request_effective(json_t *given)
{
    if (json_is_string(json_object_get(given, "headerContentType"))) {
        return json_incref(given);
    }
    return json_pack("{s:s}", "headerContentType", CONTENT_TYPE_DEFAULT);
}

static json_t *or_null(json_t *given)
{
    return json_is_object(given) ? json_incref(given) : json_null();
}

static struct text dump(struct arena *arena, json_t *take_root)
{
    char *dumped = json_dumps(take_root, JSON_COMPACT);
    struct text text = arena_copy(arena, text_from(dumped));

    free(dumped);
    json_decref(take_root);
    return text;
}

struct text delivery_policy_effective(struct arena *arena, struct text topic_policy)
{
    json_t *root = load(topic_policy);
    json_t *http = json_object_get(root, "http");
    json_t *throttle = json_object_get(http, "defaultThrottlePolicy");
    json_t *effective =
        json_pack("{s:o, s:b, s:o}", "defaultHealthyRetryPolicy",
                  healthy_effective(json_object_get(http, "defaultHealthyRetryPolicy")),
                  "disableSubscriptionOverrides",
                  (int)json_is_true(json_object_get(http, "disableSubscriptionOverrides")),
                  "defaultRequestPolicy",
                  request_effective(json_object_get(http, "defaultRequestPolicy")));

    if (json_is_object(throttle)) {
        (void)json_object_set(effective, "defaultThrottlePolicy", throttle);
    }
    json_decref(root);
    return dump(arena, json_pack("{s:o}", "http", effective));
}

static void nulls_drop(json_t *value)
{
    const char *name;
    json_t *member;
    void *next;

    json_object_foreach_safe(value, next, name, member)
    {
        if (json_is_null(member)) {
            (void)json_object_del(value, name);
        } else {
            nulls_drop(member);
        }
    }
}

struct text delivery_policy_shown(struct arena *arena, struct text policy)
{
    json_t *root = load(policy);
    json_t *http = json_object_get(root, "http");

    if (!json_is_object(root)) {
        json_decref(root);
        return policy;
    }
    nulls_drop(root);
    if (json_is_object(http) && json_object_get(http, "disableSubscriptionOverrides") == NULL) {
        (void)json_object_set_new(http, "disableSubscriptionOverrides", json_false());
    }
    return dump(arena, root);
}

/* The subscription's own member, or else the topic's default. */
static json_t *choose(json_t *own, const char *own_name, json_t *topic, const char *topic_name)
{
    json_t *value = json_object_get(own, own_name);

    return json_is_object(value) ? value : json_object_get(topic, topic_name);
}

struct text subscription_policy_effective(struct arena *arena, struct text topic_policy,
                                          struct text subscription_policy)
{
    json_t *topic_root = load(topic_policy);
    json_t *root = load(subscription_policy);
    json_t *http = json_object_get(topic_root, "http");
    json_t *own =
        json_is_true(json_object_get(http, "disableSubscriptionOverrides")) ? NULL : root;
    json_t *effective = json_pack(
        "{s:o, s:n, s:o, s:o, s:b}", "healthyRetryPolicy",
        healthy_effective(choose(own, "healthyRetryPolicy", http, "defaultHealthyRetryPolicy")),
        "sicklyRetryPolicy", "throttlePolicy",
        or_null(choose(own, "throttlePolicy", http, "defaultThrottlePolicy")), "requestPolicy",
        request_effective(choose(own, "requestPolicy", http, "defaultRequestPolicy")),
        "guaranteed", 0);

    json_decref(topic_root);
    json_decref(root);
    return dump(arena, effective);
}
