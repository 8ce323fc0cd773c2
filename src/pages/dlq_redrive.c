/* POST /_fanfare/dlq/redrive?queue=Q[&to=ARN][&rate=N]: back to where they came from, or there;
 * GET /_fanfare/dlq/redrive?queue=Q: how the latest ones are doing. */
#include "pages/dlq.h"

#define RATE_MAX   1000000
#define MOVES_TOLD 10

struct redrive_call {
    struct page_call page;
    struct text queue_name; /* as asked */
    struct text destination;
    int64_t rate;
    struct queue_move moves[MOVES_TOLD];
    size_t move_count;
};

static void moves_list(struct redrive_call *this, const struct queue *queue)
{
    this->move_count = queue_move_list(queue, this->moves, MOVES_TOLD);
    for (size_t i = 0; i < this->move_count; i++) {
        this->moves[i].destination_arn =
            arena_copy(&this->page.arena, this->moves[i].destination_arn);
    }
}

static enum status list_run(struct page_call *call, struct step *step)
{
    struct redrive_call *this = container_of(call, struct redrive_call, page);
    struct queue *queue = dlq_queue(call, step, this->queue_name);

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    moves_list(this, queue);
    return STATUS_OK;
}

static enum status start_run(struct page_call *call, struct step *step)
{
    struct redrive_call *this = container_of(call, struct redrive_call, page);
    struct queue *queue = dlq_queue(call, step, this->queue_name);
    uint8_t id[16];

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (this->destination.len > 0
        && queue_find_arn(queues_of(step), this->destination) == NULL) {
        return fail(&call->why, STATUS_NOT_FOUND, "there is no queue %.*s",
                    TEXT_PRINTF(this->destination));
    }
    enum status status =
        queue_move_start(step, queue, this->destination, (uint32_t)this->rate, id, &call->why);

    if (status == STATUS_OK) {
        moves_list(this, queue);
    }
    return status;
}

static const char *const move_states[] = {
    [QUEUE_MOVE_RUNNING] = "running",
    [QUEUE_MOVE_COMPLETED] = "completed",
    [QUEUE_MOVE_CANCELLED] = "cancelled",
    [QUEUE_MOVE_FAILED] = "failed",
};

static void tell(struct page_call *call, struct buffer *to)
{
    const struct redrive_call *this = container_of(call, struct redrive_call, page);

    json_name(to, "redrives");
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < this->move_count; i++) {
        const struct queue_move *move = &this->moves[i];

        json_comma(to);
        buffer_add_byte(to, '{');
        json_text(to, "state", text_from(move_states[move->state]));
        json_text(to, "to", move->destination_arn);
        json_number(to, "moved", (int64_t)move->moved);
        json_number(to, "to_move", (int64_t)move->to_move);
        json_number(to, "rate", move->rate);
        json_time(to, "started", move->started_ms);
        json_text(to, "failure", text_from(move->failure == NULL ? "" : move->failure));
        buffer_add_byte(to, '}');
    }
    buffer_add_byte(to, ']');
}

static const struct page_parameter list_parameters[] = {
    DLQ_QUEUE(struct redrive_call, queue_name),
    PARAMETERS_END,
};

static const struct page_parameter start_parameters[] = {
    DLQ_QUEUE(struct redrive_call, queue_name),
    {"to", PARAMETER_TEXT, offsetof(struct redrive_call, destination), .form = NULL},
    {"rate", PARAMETER_NUMBER, offsetof(struct redrive_call, rate), .most = RATE_MAX,
     .form = "messages a second, a whole number up to 1000000"},
    PARAMETERS_END,
};

const struct page page_dlq_redrives = {
    .path = "/_fanfare/dlq/redrive",
    .method = "GET",
    .is_for_admins = true,
    .permission = "fanfare:ReadDeadLetters",
    .call_size = sizeof(struct redrive_call),
    .parameters = list_parameters,
    .run = list_run,
    .only_reads = true,
    .write = tell,
};

const struct page page_dlq_redrive = {
    .path = "/_fanfare/dlq/redrive",
    .method = "POST",
    .is_for_admins = true,
    .permission = "fanfare:RedriveDeadLetters",
    .call_size = sizeof(struct redrive_call),
    .parameters = start_parameters,
    .run = start_run,
    .write = tell,
};
