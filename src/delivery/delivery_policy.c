/* A subscription's DeliveryPolicy (JSON) read into a retry policy. */
#include "base/json.h"
#include "delivery/retry_policy.h"

/* What healthyRetryPolicy may say; -1: not said. */
struct healthy {
    int64_t min_delay_s, max_delay_s, retries, no_delay, min_delay, max_delay;
    enum backoff function;
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

static const char *read_healthy(struct json_reader *reader, struct healthy *healthy)
{
    enum json_token token = json_next(reader);

    if (token == JSON_NULL) {
        return NULL;
    }
    if (token != JSON_OBJECT) {
        return "healthyRetryPolicy must be an object";
    }
    while ((token = json_next(reader)) == JSON_NAME) {
        const char *reason = read_healthy_member(reader, healthy);

        if (reason != NULL) {
            return reason;
        }
    }
    return token == JSON_OBJECT_END ? NULL : "DeliveryPolicy is not valid JSON";
}

static const char *read_part(struct json_reader *reader, struct healthy *healthy)
{
    if (text_equal(reader->value, T("healthyRetryPolicy"))) {
        return read_healthy(reader, healthy);
    }
    return json_skip(reader) ? NULL : "DeliveryPolicy is not valid JSON";
}

static const char *read_policy(struct text json, struct arena *arena, struct healthy *healthy)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, json, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return "DeliveryPolicy must be a JSON object";
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        const char *reason = read_part(&reader, healthy);

        if (reason != NULL) {
            return reason;
        }
    }
    if (token != JSON_OBJECT_END || json_next(&reader) != JSON_END) {
        return "DeliveryPolicy is not valid JSON";
    }
    return NULL;
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
    struct healthy healthy = {.min_delay_s = 20, .max_delay_s = 20, .retries = 3};
    struct retry_policy policy = retry_policy_http;
    struct arena arena = {0};
    const char *reason = NULL;

    if (json.len > 0) {
        reason = read_policy(json, &arena, &healthy);
        reason = reason == NULL ? policy_of(&healthy, &policy) : reason;
    }
    arena_free(&arena);
    if (reason != NULL) {
        *ret_reason = reason;
        return false;
    }
    *ret_policy = policy;
    return true;
}
