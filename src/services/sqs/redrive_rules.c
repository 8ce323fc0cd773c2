/* RedrivePolicy and RedriveAllowPolicy: what they may say, and whom they may name. */
#include "base/json.h"
#include "base/log.h"
#include "services/common/arn.h"
#include "services/sqs/internal.h"

#define RECEIVE_COUNT_MAX 1000
#define SOURCES_MAX       10

/* "Value <json> for parameter <name> is invalid. Reason: ..." */
static enum status bad_policy(const struct attribute_change *change, const char *name,
                              struct text value, struct text reason)
{
    return request_fail(change->request, &sqs_invalid_parameter_value,
                        "Value %.*s for parameter %s is invalid. Reason: %.*s",
                        TEXT_PRINTF(value), name, TEXT_PRINTF(reason));
}

/* --- RedrivePolicy. */

struct redrive {
    struct text target;
    struct text count; /* as written, a number or a string */
};

static bool redrive_read(struct text value, struct arena *arena, struct redrive *redrive)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, value, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        struct text name = reader.value;

        token = json_next(&reader);
        if (token != JSON_STRING && token != JSON_NUMBER) {
            return false;
        }
        if (text_equal(name, T("deadLetterTargetArn"))) {
            redrive->target = reader.value;
        } else if (text_equal(name, T("maxReceiveCount"))) {
            redrive->count = reader.value;
        }
    }
    return token == JSON_OBJECT_END && json_next(&reader) == JSON_END;
}

/* Whether the target's RedriveAllowPolicy lets this queue in. */
static bool is_allowed(const struct attribute_change *change, const struct queue *target)
{
    struct text policy = queue_attribute(target, T("RedriveAllowPolicy"));
    struct text arn =
        arena_printf(change->request->arena, "\"arn:aws:sqs:%.*s:%.*s:%.*s\"",
                     TEXT_PRINTF(change->name.region), TEXT_PRINTF(change->name.account),
                     TEXT_PRINTF(change->name.name));
    struct json_reader reader;
    struct text permission = T("allowAll");
    struct text sources = {0};

    json_reader_init(&reader, policy, change->request->arena);
    if (policy.len == 0 || json_next(&reader) != JSON_OBJECT) {
        return true;
    }
    while (json_next(&reader) == JSON_NAME) {
        bool is_permission = text_equal(reader.value, T("redrivePermission"));
        struct text raw;

        if (!json_raw(&reader, &raw)) {
            return true;
        }
        *(is_permission ? &permission : &sources) = raw;
    }
    if (text_equal(permission, T("\"denyAll\""))) {
        return false;
    }
    if (!text_equal(permission, T("\"byQueue\""))) {
        return true;
    }
    for (size_t i = 0; i + arn.len <= sources.len; i++) {
        if (text_equal(text_make(sources.at + i, arn.len), arn)) {
            return true;
        }
    }
    return false;
}

static enum status target_check(const struct attribute_change *change, struct text value,
                                struct text target)
{
    static const char parameter[] = "RedrivePolicy";
    struct queue *queue = queue_find_arn(queues_of(change->step), target);
    struct arn arn;

    if (!arn_parse_service(target, T("sqs"), &arn)) {
        return bad_policy(change, parameter, value,
                          T("Invalid value for deadLetterTargetArn."));
    }
    if (!text_equal(arn.account, change->name.account)) {
        return bad_policy(change, parameter, value,
                          T("Dead-letter target owner should be same as the source."));
    }
    if (!text_equal(arn.region, change->name.region)) {
        return bad_policy(change, parameter, value,
                          T("Dead-letter target must be in same region as the source."));
    }
    if (queue == NULL) {
        return bad_policy(change, parameter, value, T("Dead letter target does not exist."));
    }
    if (queue->settings.is_fifo != change->settings->is_fifo) {
        return bad_policy(change, parameter, value,
                          T("Dead-letter queue must be same type of queue as the source."));
    }
    if (!is_allowed(change, queue)) {
        return bad_policy(change, parameter, value,
                          T("The dead-letter queue's RedriveAllowPolicy denies this source."));
    }
    return STATUS_OK;
}

enum status redrive_policy_apply(const struct attribute_change *change, struct text value)
{
    struct redrive redrive = {0};
    int64_t count = 0;

    if (value.len == 0) {
        attribute_set_remove(change->set, T("RedrivePolicy"));
        change->settings->max_receive_count = 0;
        return STATUS_OK;
    }
    if (!redrive_read(value, change->request->arena, &redrive)) {
        return bad_policy(change, "RedrivePolicy", value,
                          T("Redrive policy is not a valid JSON map."));
    }
    if (redrive.target.len == 0) {
        return bad_policy(change, "RedrivePolicy", value,
                          T("Redrive policy does not contain mandatory attribute: "
                            "deadLetterTargetArn."));
    }
    if (redrive.count.len == 0) {
        return bad_policy(
            change, "RedrivePolicy", value,
            T("Redrive policy does not contain mandatory attribute: maxReceiveCount."));
    }
    if (!text_to_int64(redrive.count, &count) || count < 1 || count > RECEIVE_COUNT_MAX) {
        struct text reason =
            arena_printf(change->request->arena,
                         "Invalid value for maxReceiveCount: %.*s, valid values are from 1 to "
                         "%d both inclusive.",
                         TEXT_PRINTF(redrive.count), RECEIVE_COUNT_MAX);

        return bad_policy(change, "RedrivePolicy", value, reason);
    }
    enum status status = target_check(change, value, redrive.target);

    if (status == STATUS_OK) {
        attribute_set_put(change->set, T("RedrivePolicy"), value);
        change->settings->max_receive_count = (uint32_t)count;
    }
    return status;
}

/* --- A dead-letter queue must keep messages longer than their source does. */

static bool is_too_short(const struct queue *source, const struct queue *target)
{
    return target != NULL
           && target->settings.message_retention_s <= source->settings.message_retention_s;
}

static void retention_warn(const struct queue *source, const struct queue *target,
                           size_t others)
{
    log_warn("dead_letter_retention",
             "queue=%.*s retention_s=%u dead_letter_queue=%.*s retention_s=%u others=%zu "
             "reason=\"age counts from the first send: give the dead-letter queue a longer "
             "MessageRetentionPeriod\"",
             TEXT_PRINTF(source->arn), source->settings.message_retention_s,
             TEXT_PRINTF(target->arn), target->settings.message_retention_s, others);
}

/* As the dead-letter queue of others: one line, whatever their number. */
static void sources_warn(struct step *step, const struct queue *target)
{
    const struct queue *first = NULL;
    struct queue *source = NULL;
    size_t count = 0;

    while ((source = queue_next(queues_of(step), source)) != NULL) {
        if (text_equal(source->dead_letter_arn, target->arn) && is_too_short(source, target)) {
            first = first == NULL ? source : first;
            count++;
        }
    }
    if (first != NULL) {
        retention_warn(first, target, count - 1);
    }
}

void redrive_retention_warn(struct step *step, const struct queue *queue,
                            const struct string_map *given)
{
    bool has_retention = false;
    bool has_policy = false;

    for (size_t i = 0; i < given->count; i++) {
        has_retention |= text_equal(given->items[i].name, T("MessageRetentionPeriod"));
        has_policy |= text_equal(given->items[i].name, T("RedrivePolicy"));
    }
    const struct queue *target = queue->dead_letter_arn.len == 0
                                     ? NULL
                                     : queue_find_arn(queues_of(step), queue->dead_letter_arn);

    if ((has_retention || has_policy) && is_too_short(queue, target)) {
        retention_warn(queue, target, 0);
    }
    if (has_retention) {
        sources_warn(step, queue);
    }
}

/* --- RedriveAllowPolicy. */

struct redrive_allow {
    struct text permission;
    size_t source_count;
    bool has_sources;
};

static bool sources_read(struct json_reader *reader, struct redrive_allow *allow)
{
    enum json_token token;

    allow->has_sources = true;
    if (json_next(reader) != JSON_ARRAY) {
        return false;
    }
    while ((token = json_next(reader)) == JSON_STRING) {
        allow->source_count++;
    }
    return token == JSON_ARRAY_END;
}

static bool allow_read(struct text value, struct arena *arena, struct redrive_allow *allow)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, value, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        bool is_read = false;

        if (text_equal(reader.value, T("redrivePermission"))) {
            is_read = json_next(&reader) == JSON_STRING;
            allow->permission = reader.value;
        } else if (text_equal(reader.value, T("sourceQueueArns"))) {
            is_read = sources_read(&reader, allow);
        }
        if (!is_read) {
            return false;
        }
    }
    return token == JSON_OBJECT_END && json_next(&reader) == JSON_END;
}

static const char *allow_fault(const struct redrive_allow *allow)
{
    bool is_by_queue = text_equal(allow->permission, T("byQueue"));

    if (!is_by_queue && !text_equal(allow->permission, T("allowAll"))
        && !text_equal(allow->permission, T("denyAll"))) {
        return "redrivePermission must be allowAll, denyAll or byQueue.";
    }
    if (is_by_queue != allow->has_sources) {
        return "sourceQueueArns is needed with byQueue, and only then.";
    }
    if (is_by_queue && (allow->source_count < 1 || allow->source_count > SOURCES_MAX)) {
        return "sourceQueueArns must name 1 to 10 queues.";
    }
    return NULL;
}

enum status redrive_allow_policy_apply(const struct attribute_change *change, struct text value)
{
    static const char parameter[] = "RedriveAllowPolicy";
    struct redrive_allow allow = {0};

    if (value.len == 0) {
        attribute_set_remove(change->set, text_from(parameter));
        return STATUS_OK;
    }
    const char *fault = allow_read(value, change->request->arena, &allow)
                            ? allow_fault(&allow)
                            : "Amazon SQS can't create the redrive allow policy, as it's in an "
                              "unsupported format.";

    if (fault != NULL) {
        return bad_policy(change, parameter, value, text_from(fault));
    }
    attribute_set_put(change->set, text_from(parameter), value);
    return STATUS_OK;
}
