/* DeliveryPolicy documents (JSON), a subscription's and its topic's, read into what they mean.
 */
#include "base/json.h"
#include "delivery/retry_policy.h"

#define NOT_JSON "DeliveryPolicy is not valid JSON"

/* What healthyRetryPolicy may say; -1: not said. */
struct healthy {
    int64_t min_delay_s, max_delay_s, retries, no_delay, min_delay, max_delay;
    enum backoff function;
};

/* What of a document matters here. */
struct document {
    struct healthy healthy;
    bool has_healthy;
    int64_t per_second; /* 0: no throttle */
    bool has_throttle;
    bool no_overrides; /* of a topic: its subscriptions' own documents do not count */
};

struct policy_part {
    struct text name;
    const char *(*read)(struct json_reader *reader, struct document *document);
};

static const struct {
    struct text name;
    size_t offset;
    int64_t most;
} healthy_numbers[] = {
    {TEXT("minDelayTarget"), offsetof(struct healthy, min_delay_s), 3600},
    {TEXT("maxDelayTarget"), offsetof(struct healthy, max_delay_s), 3600},
    {TEXT("numRetries"), offsetof(struct healthy, retries), 100},
    {TEXT("numNoDelayRetries"), offsetof(struct healthy, no_delay), 100},
    {TEXT("numMinDelayRetries"), offsetof(struct healthy, min_delay), 100},
    {TEXT("numMaxDelayRetries"), offsetof(struct healthy, max_delay), 100},
};

static const struct {
    struct text name;
    enum backoff function;
} backoff_names[] = {
    {TEXT("linear"), BACKOFF_LINEAR},
    {TEXT("arithmetic"), BACKOFF_ARITHMETIC},
    {TEXT("geometric"), BACKOFF_GEOMETRIC},
    {TEXT("exponential"), BACKOFF_EXPONENTIAL},
};

static const char *read_backoff(struct json_reader *reader, struct healthy *healthy)
{
    if (json_next(reader) != JSON_STRING) {
        return "backoffFunction must be a string";
    }
    for (size_t i = 0; i < countof(backoff_names); i++) {
        if (text_equal(reader->value, backoff_names[i].name)) {
            healthy->function = backoff_names[i].function;
            return NULL;
        }
    }
    return "backoffFunction must be one of linear, arithmetic, geometric, exponential";
}

static const char *read_number(struct json_reader *reader, int64_t most, int64_t *ret_value)
{
    int64_t value = 0;

    switch ((int)json_next(reader)) {
    case JSON_NULL: return NULL;
    case JSON_NUMBER: break;
    default: return "healthyRetryPolicy takes whole numbers";
    }
    if (!text_to_int64(reader->value, &value) || value < 0 || value > most) {
        return "a value of healthyRetryPolicy is out of range";
    }
    *ret_value = value;
    return NULL;
}

static const char *read_healthy_member(struct json_reader *reader, struct healthy *healthy)
{
    struct text name = reader->value;

    if (text_equal(name, T("backoffFunction"))) {
        return read_backoff(reader, healthy);
    }
    for (size_t i = 0; i < countof(healthy_numbers); i++) {
        if (text_equal(name, healthy_numbers[i].name)) {
            void *member = (char *)healthy + healthy_numbers[i].offset;

            return read_number(reader, healthy_numbers[i].most, member);
        }
    }
    return "healthyRetryPolicy has an unknown member";
}

static const char *read_healthy(struct json_reader *reader, struct document *document)
{
    enum json_token token = json_next(reader);

    if (token == JSON_NULL) {
        return NULL;
    }
    if (token != JSON_OBJECT) {
        return "healthyRetryPolicy must be an object";
    }
    document->has_healthy = true;
    while ((token = json_next(reader)) == JSON_NAME) {
        const char *reason = read_healthy_member(reader, &document->healthy);

        if (reason != NULL) {
            return reason;
        }
    }
    return token == JSON_OBJECT_END ? NULL : NOT_JSON;
}

static const char *read_rate(struct json_reader *reader, struct document *document)
{
    enum json_token token = json_next(reader);

    if (token == JSON_NULL) {
        return NULL;
    }
    if (token != JSON_NUMBER || !text_to_int64(reader->value, &document->per_second)
        || document->per_second < 1) {
        document->per_second = 0;
        return "maxReceivesPerSecond must be a whole number of at least 1";
    }
    return NULL;
}

/* The members of an object that `parts` names; the others are passed over. */
static const char *read_parts(struct json_reader *reader, const struct policy_part *parts,
                              struct document *document)
{
    enum json_token token;

    while ((token = json_next(reader)) == JSON_NAME) {
        const struct policy_part *part = parts;
        const char *reason = NULL;

        while (part->read != NULL && !text_equal(part->name, reader->value)) {
            part++;
        }
        if (part->read != NULL) {
            reason = part->read(reader, document);
        } else if (!json_skip(reader)) {
            reason = NOT_JSON;
        }
        if (reason != NULL) {
            return reason;
        }
    }
    return token == JSON_OBJECT_END ? NULL : NOT_JSON;
}

static const char *read_throttle(struct json_reader *reader, struct document *document)
{
    static const struct policy_part parts[] = {{TEXT("maxReceivesPerSecond"), read_rate},
                                               {.read = NULL}};
    enum json_token token = json_next(reader);

    if (token == JSON_NULL) {
        return NULL;
    }
    document->has_throttle = true;
    return token == JSON_OBJECT ? read_parts(reader, parts, document)
                                : "throttlePolicy must be an object";
}

static const char *read_no_overrides(struct json_reader *reader, struct document *document)
{
    document->no_overrides = json_next(reader) == JSON_TRUE;
    return NULL;
}

static const struct policy_part subscription_parts[] = {
    {TEXT("healthyRetryPolicy"), read_healthy},
    {TEXT("throttlePolicy"), read_throttle},
    {.read = NULL},
};

static const char *read_http(struct json_reader *reader, struct document *document)
{
    static const struct policy_part parts[] = {
        {TEXT("defaultHealthyRetryPolicy"), read_healthy},
        {TEXT("defaultThrottlePolicy"), read_throttle},
        {TEXT("disableSubscriptionOverrides"), read_no_overrides},
        {.read = NULL},
    };
    enum json_token token = json_next(reader);

    if (token == JSON_NULL) {
        return NULL;
    }
    return token == JSON_OBJECT ? read_parts(reader, parts, document)
                                : "http must be an object";
}

static const struct policy_part topic_parts[] = {
    {TEXT("http"), read_http},
    {.read = NULL},
};

static struct document document_empty(void)
{
    return (struct document){.healthy = {.min_delay_s = 20, .max_delay_s = 20, .retries = 3}};
}

/* NULL, or why it cannot be read. An empty text says nothing. */
static const char *read_document(struct text json, const struct policy_part *parts,
                                 struct document *document)
{
    struct json_reader reader;
    struct arena arena = {0};
    const char *reason = NULL;

    *document = document_empty();
    if (json.len == 0) {
        return NULL;
    }
    json_reader_init(&reader, json, &arena);
    reason = json_next(&reader) == JSON_OBJECT ? read_parts(&reader, parts, document)
                                               : "DeliveryPolicy must be a JSON object";
    if (reason == NULL && json_next(&reader) != JSON_END) {
        reason = NOT_JSON;
    }
    arena_free(&arena);
    return reason;
}

/* All delays added up: AWS allows an hour. */
static int64_t policy_total_ms(const struct retry_policy *policy)
{
    int64_t total = 0;
    int64_t delay = 0;

    for (uint32_t retry = 1; (delay = retry_delay(policy, retry)) != RETRY_NEVER; retry++) {
        total += delay;
    }
    return total;
}

static const char *policy_of(const struct healthy *healthy, struct retry_policy *policy)
{
    int64_t phased = healthy->no_delay + healthy->min_delay + healthy->max_delay;

    if (healthy->min_delay_s < 1 || healthy->max_delay_s < healthy->min_delay_s) {
        return "minDelayTarget must be at least 1 and not above maxDelayTarget";
    }
    if (phased > healthy->retries) {
        return "the retries of the phases are more than numRetries";
    }
    *policy = (struct retry_policy){
        .immediate = (uint32_t)healthy->no_delay,
        .pre_backoff = (uint32_t)healthy->min_delay,
        .backoff = (uint32_t)(healthy->retries - phased),
        .post_backoff = (uint32_t)healthy->max_delay,
        .min_delay_ms = healthy->min_delay_s * 1000,
        .max_delay_ms = healthy->max_delay_s * 1000,
        .function = healthy->function,
    };
    if (policy_total_ms(policy) > 3600LL * 1000) {
        return "the retries take longer than 3600 seconds in all";
    }
    return NULL;
}

bool retry_policy_parse(struct text json, struct retry_policy *ret_policy,
                        const char **ret_reason)
{
    struct document document;
    struct retry_policy policy = retry_policy_http;
    const char *reason = read_document(json, subscription_parts, &document);

    reason = reason == NULL ? policy_of(&document.healthy, &policy) : reason;
    if (reason != NULL) {
        *ret_reason = reason;
        return false;
    }
    *ret_policy = policy;
    return true;
}

void delivery_policy_join(struct text topic_json, struct text own_json,
                          struct retry_policy *ret_policy, uint32_t *ret_per_second)
{
    struct document topic;
    struct document own;

    /* The services refused what cannot be read. */
    if (read_document(topic_json, topic_parts, &topic) != NULL) {
        topic = document_empty();
    }
    if (topic.no_overrides || read_document(own_json, subscription_parts, &own) != NULL) {
        own = document_empty();
    }
    const struct document *throttle = own.has_throttle ? &own : &topic;

    if (policy_of(own.has_healthy ? &own.healthy : &topic.healthy, ret_policy) != NULL) {
        *ret_policy = retry_policy_http;
    }
    *ret_per_second =
        throttle->per_second < UINT32_MAX ? (uint32_t)throttle->per_second : UINT32_MAX;
}
