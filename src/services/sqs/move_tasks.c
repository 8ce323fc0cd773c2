/* StartMessageMoveTask, CancelMessageMoveTask and ListMessageMoveTasks. */
#include "base/encoding.h"
#include "base/json.h"
#include "services/common/arn.h"
#include "services/sqs/internal.h"

#define RATE_MAX   500
#define LIST_MAX   10
#define HANDLE_MAX 1024

/* --- Task handles: base64 of {"taskId":"...","sourceArn":"..."}. */

static struct text task_handle_encode(struct arena *arena, const uint8_t id[16],
                                      struct text source_arn)
{
    char uuid[UUID_SIZE];
    struct buffer handle;

    uuid_format(id, uuid);
    buffer_init(&handle, HANDLE_MAX);
    base64_encode(&handle, arena_printf(arena, "{\"taskId\":\"%s\",\"sourceArn\":\"%.*s\"}",
                                        uuid, TEXT_PRINTF(source_arn)));
    struct text text = arena_copy(arena, buffer_text(&handle));

    buffer_free(&handle);
    return text;
}

static bool task_json_read(struct text json, struct arena *arena, uint8_t ret_id[16],
                           struct text *ret_source_arn)
{
    struct json_reader reader;
    bool has_id = false;

    json_reader_init(&reader, json, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while (json_next(&reader) == JSON_NAME) {
        struct text name = reader.value;

        if (json_next(&reader) != JSON_STRING) {
            return false;
        }
        if (text_equal(name, T("taskId"))) {
            has_id = uuid_parse(reader.value, ret_id);
        } else if (text_equal(name, T("sourceArn"))) {
            *ret_source_arn = reader.value;
        }
    }
    return has_id && ret_source_arn->len > 0 && reader.error == NULL;
}

static bool task_handle_decode(struct arena *arena, struct text handle, uint8_t ret_id[16],
                               struct text *ret_source_arn)
{
    struct buffer json;

    *ret_source_arn = (struct text){0};
    buffer_init(&json, HANDLE_MAX);
    bool is_handle =
        base64_decode(&json, handle)
        && task_json_read(arena_copy(arena, buffer_text(&json)), arena, ret_id, ret_source_arn);

    buffer_free(&json);
    return is_handle;
}

/* --- Which queue. */

static enum status queue_by_arn(struct request *request, struct step *step, struct text arn,
                                const char *parameter, struct queue **ret_queue)
{
    struct arn parts;

    if (!arn_parse_service(arn, T("sqs"), &parts)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "You must use this format to specify the %s: "
                            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
                            parameter);
    }
    struct queue *queue = queue_find_arn(queues_of(step), arn);

    if (queue == NULL) {
        return request_fail(request, &sqs_resource_not_found,
                            "The resource that you specified for the %s parameter doesn't "
                            "exist.",
                            parameter);
    }
    *ret_queue = queue;
    return STATUS_OK;
}

static bool is_dead_letter_queue(struct step *step, const struct queue *queue)
{
    struct queue *source = NULL;

    while ((source = queue_next(queues_of(step), source)) != NULL) {
        if (text_equal(source->dead_letter_arn, queue->arn)) {
            return true;
        }
    }
    return false;
}

/* --- Start. */

struct start_input {
    struct text source_arn;
    struct text destination_arn;
    struct optional_integer rate;
};

static const struct field start_input_fields[] = {
    {.name = "SourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct start_input, source_arn)},
    {.name = "DestinationArn", .type = FIELD_STRING, AT(struct start_input, destination_arn)},
    {.name = "MaxNumberOfMessagesPerSecond",
     .type = FIELD_INTEGER,
     AT(struct start_input, rate)},
    FIELDS_END,
};

struct task_handle {
    struct text handle;
};

static const struct field task_handle_fields[] = {
    {.name = "TaskHandle", .type = FIELD_STRING, AT(struct task_handle, handle)},
    FIELDS_END,
};

/* A task that could only fail, or go round, is not begun. */
static enum status pair_check(struct request *request, const struct queue *source,
                              const struct queue *destination)
{
    if (source == destination) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Source queue and destination queue must be different queues.");
    }
    if (source->settings.is_fifo != destination->settings.is_fifo) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Destination queue must be same type of queue as the source.");
    }
    return STATUS_OK;
}

static enum status start_check(struct request *request, struct step *step,
                               const struct start_input *in, struct queue **ret_source)
{
    struct queue *destination = NULL;
    enum status status = queue_by_arn(request, step, in->source_arn, "SourceArn", ret_source);

    if (status != STATUS_OK || *ret_source == NULL) {
        return status;
    }
    if (!is_dead_letter_queue(step, *ret_source)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Source queue must be configured as a Dead Letter Queue.");
    }
    if (in->rate.is_set && (in->rate.value < 1 || in->rate.value > RATE_MAX)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %lld for parameter MaxNumberOfMessagesPerSecond is invalid. "
                            "Reason: You must enter a value that's between 1 and 500.",
                            (long long)in->rate.value);
    }
    if (in->destination_arn.len == 0) {
        return STATUS_OK;
    }
    status = queue_by_arn(request, step, in->destination_arn, "DestinationArn", &destination);
    return status != STATUS_OK || destination == NULL
               ? status
               : pair_check(request, *ret_source, destination);
}

static enum status start_message_move_task(struct request *request, struct step *step,
                                           const void *input, void *output)
{
    const struct start_input *in = input;
    struct task_handle *out = output;
    struct queue *source = NULL;
    struct why why = {""};
    uint8_t id[16];
    enum status status = start_check(request, step, in, &source);

    if (status != STATUS_OK || source == NULL) {
        return status;
    }
    status =
        queue_move_start(step, source, in->destination_arn, (uint32_t)in->rate.value, id, &why);
    if (status == STATUS_EXISTS) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "There is already a task running. Only one active task is allowed "
                            "for a source queue arn at a given time.");
    }
    if (status == STATUS_INVALID) {
        return request_fail(request, &sqs_invalid_parameter_value, "%s", why.text);
    }
    if (status != STATUS_OK) {
        return sqs_fail_status(request, status, &why);
    }
    out->handle = task_handle_encode(request->arena, id, source->arn);
    return STATUS_OK;
}

/* --- Cancel. */

static const struct field cancel_input_fields[] = {
    {.name = "TaskHandle",
     .type = FIELD_STRING,
     .required = true,
     AT(struct task_handle, handle)},
    FIELDS_END,
};

struct cancel_output {
    struct optional_integer moved;
};

static const struct field cancel_output_fields[] = {
    {.name = "ApproximateNumberOfMessagesMoved",
     .type = FIELD_INTEGER,
     AT(struct cancel_output, moved)},
    FIELDS_END,
};

static enum status cancel_message_move_task(struct request *request, struct step *step,
                                            const void *input, void *output)
{
    const struct task_handle *in = input;
    struct cancel_output *out = output;
    struct queue *source = NULL;
    struct text source_arn;
    uint64_t moved = 0;
    uint8_t id[16];

    if (!task_handle_decode(request->arena, in->handle, id, &source_arn)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value for parameter TaskHandle is invalid.");
    }
    enum status status = queue_by_arn(request, step, source_arn, "SourceArn", &source);

    if (status != STATUS_OK) {
        return status;
    }
    status = queue_move_cancel(step, source, id, &moved);
    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        return request_fail(request, &sqs_resource_not_found, "Task does not exist.");
    }
    out->moved = (struct optional_integer){true, (int64_t)moved};
    return STATUS_OK;
}

/* --- List. */

struct list_input {
    struct text source_arn;
    struct optional_integer max_results;
};

static const struct field list_input_fields[] = {
    {.name = "SourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct list_input, source_arn)},
    {.name = "MaxResults", .type = FIELD_INTEGER, AT(struct list_input, max_results)},
    FIELDS_END,
};

struct listed_task {
    struct text handle;
    struct text state;
    struct text source_arn;
    struct text destination_arn;
    struct optional_integer rate;
    struct optional_integer moved;
    struct optional_integer to_move;
    struct text failure;
    struct optional_integer started_ms;
};

static const struct field listed_task_fields[] = {
    {.name = "TaskHandle", .type = FIELD_STRING, AT(struct listed_task, handle)},
    {.name = "Status", .type = FIELD_STRING, AT(struct listed_task, state)},
    {.name = "SourceArn", .type = FIELD_STRING, AT(struct listed_task, source_arn)},
    {.name = "DestinationArn", .type = FIELD_STRING, AT(struct listed_task, destination_arn)},
    {.name = "MaxNumberOfMessagesPerSecond",
     .type = FIELD_INTEGER,
     AT(struct listed_task, rate)},
    {.name = "ApproximateNumberOfMessagesMoved",
     .type = FIELD_INTEGER,
     AT(struct listed_task, moved)},
    {.name = "ApproximateNumberOfMessagesToMove",
     .type = FIELD_INTEGER,
     AT(struct listed_task, to_move)},
    {.name = "FailureReason", .type = FIELD_STRING, AT(struct listed_task, failure)},
    {.name = "StartedTimestamp", .type = FIELD_INTEGER, AT(struct listed_task, started_ms)},
    FIELDS_END,
};

struct list_output {
    struct struct_list results;
};

static const struct field list_output_fields[] = {
    {.name = "Results",
     .query = "ListMessageMoveTasksResultEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct list_output, results),
     .of = listed_task_fields,
     .of_size = sizeof(struct listed_task)},
    FIELDS_END,
};

static struct text text_or_none(const char *string)
{
    return string == NULL ? (struct text){0} : text_from(string);
}

static void listed_fill(struct request *request, const struct queue *source,
                        const struct queue_move *move, struct listed_task *ret)
{
    static const char *const states[] = {
        [QUEUE_MOVE_RUNNING] = "RUNNING",
        [QUEUE_MOVE_COMPLETED] = "COMPLETED",
        [QUEUE_MOVE_CANCELLED] = "CANCELLED",
        [QUEUE_MOVE_FAILED] = "FAILED",
    };
    bool is_running = move->state == QUEUE_MOVE_RUNNING;

    *ret = (struct listed_task){
        .state = text_from(states[move->state]),
        .source_arn = source->arn,
        .destination_arn = move->destination_arn.len > 0
                               ? arena_copy(request->arena, move->destination_arn)
                               : (struct text){0},
        .rate = {move->rate > 0, move->rate},
        .moved = {true, (int64_t)move->moved},
        .to_move = {true, (int64_t)move->to_move},
        .failure = text_or_none(move->failure),
        .started_ms = {true, move->started_ms},
    };
    if (is_running) {
        ret->handle = task_handle_encode(request->arena, move->id, source->arn);
    }
}

static enum status list_message_move_tasks(struct request *request, struct step *step,
                                           const void *input, void *output)
{
    const struct list_input *in = input;
    struct list_output *out = output;
    int64_t max = in->max_results.is_set ? in->max_results.value : 1;
    struct queue_move moves[LIST_MAX];
    struct queue *source = NULL;
    enum status status = queue_by_arn(request, step, in->source_arn, "SourceArn", &source);

    if (status != STATUS_OK || source == NULL) {
        return status;
    }
    if (max < 1 || max > LIST_MAX) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %lld for parameter MaxResults is invalid. Reason: You must "
                            "enter a value that's between 1 and 10.",
                            (long long)max);
    }
    size_t count = queue_move_list(source, moves, (size_t)max);
    struct listed_task *tasks = arena_array(request->arena, count, sizeof *tasks);

    for (size_t i = 0; i < count; i++) {
        listed_fill(request, source, &moves[i], &tasks[i]);
    }
    out->results = (struct struct_list){tasks, count, count > 0};
    return STATUS_OK;
}

const struct operation sqs_move_operations[] = {
    {.name = "StartMessageMoveTask",
     .permission = "sqs:StartMessageMoveTask",
     .handle = start_message_move_task,
     .input = start_input_fields,
     .input_size = sizeof(struct start_input),
     .output = task_handle_fields,
     .output_size = sizeof(struct task_handle)},
    {.name = "CancelMessageMoveTask",
     .permission = "sqs:CancelMessageMoveTask",
     .handle = cancel_message_move_task,
     .input = cancel_input_fields,
     .input_size = sizeof(struct task_handle),
     .output = cancel_output_fields,
     .output_size = sizeof(struct cancel_output)},
    {.name = "ListMessageMoveTasks",
     .permission = "sqs:ListMessageMoveTasks",
     .only_reads = true,
     .handle = list_message_move_tasks,
     .input = list_input_fields,
     .input_size = sizeof(struct list_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output)},
    OPERATIONS_END,
};
