/* POST /_fanfare/dlq/drop?queue=Q&message_ids=ID,ID... or &all=true: for good. */
#include "base/encoding.h"
#include "pages/dlq.h"

#include <string.h>

#define LOOKED_AT   1000 /* entries at a time */
#define DROPPED_MAX 1000 /* in one request */

struct wanted_id {
    uint8_t id[16];
    uint64_t sequence; /* 0: not found yet */
    bool is_gone;
};

struct drop_call {
    struct page_call page;
    struct text queue_name, ids; /* as asked */
    bool drops_all;
    struct queue_peek peek;
    struct wanted_id *wanted;
    size_t wanted_count;
    uint64_t dropped;
};

/* By their texts: those show the version and variant that an id's bytes need not have. */
static void wanted_note(struct wanted_id *wanted, const struct queue_peek *peek)
{
    char asked[UUID_SIZE];

    uuid_format(wanted->id, asked);
    for (uint32_t i = 0; i < peek->count; i++) {
        char there[UUID_SIZE];

        uuid_format(peek->list[i].id, there);
        if (strcmp(asked, there) == 0) {
            wanted->sequence = peek->list[i].sequence;
        }
    }
}

static bool wanted_is_complete(const struct drop_call *this)
{
    for (size_t i = 0; i < this->wanted_count; i++) {
        if (this->wanted[i].sequence == 0) {
            return false;
        }
    }
    return true;
}

/* Looks through the queue until all are found. */
static enum status wanted_find(struct drop_call *this, struct step *step,
                               const struct queue *queue)
{
    while (!wanted_is_complete(this)) {
        enum status status = queue_peek(step, queue, &this->peek);
        bool is_last = this->peek.count < this->peek.max;

        if (status != STATUS_OK) {
            return status;
        }
        for (size_t i = 0; i < this->wanted_count; i++) {
            wanted_note(&this->wanted[i], &this->peek);
        }
        if (is_last) {
            return STATUS_OK;
        }
        queue_peek_end(&this->peek);
        this->peek.count = 0;
        this->peek.row = 0;
        this->peek.has_begun = false;
        this->peek.is_over = false;
    }
    return STATUS_OK;
}

static enum status run(struct page_call *call, struct step *step)
{
    struct drop_call *this = container_of(call, struct drop_call, page);
    struct queue *queue = dlq_queue(call, step, this->queue_name);
    enum status status = STATUS_OK;

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (this->drops_all) {
        struct queue_counts counts = queue_counts(queue);

        this->dropped = counts.visible + counts.in_flight + counts.delayed;
        queue_purge(step, queue);
        return STATUS_OK;
    }
    status = wanted_find(this, step, queue);
    for (size_t i = 0; i < this->wanted_count && status == STATUS_OK; i++) {
        struct wanted_id *wanted = &this->wanted[i];

        if (wanted->sequence == 0 || wanted->is_gone) {
            continue;
        }
        status = queue_delete_entry(step, queue, wanted->sequence);
        this->dropped += status == STATUS_OK;
        wanted->is_gone = status != STATUS_WAIT;
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return status;
}

static void tell(struct page_call *call, struct buffer *to)
{
    const struct drop_call *this = container_of(call, struct drop_call, page);

    json_number(to, "dropped", (int64_t)this->dropped);
    json_number(to, "not_found",
                this->drops_all ? 0 : (int64_t)(this->wanted_count - this->dropped));
}

static bool ids_read(struct drop_call *this)
{
    struct text ids = this->ids;

    this->wanted = arena_array(&this->page.arena, DROPPED_MAX, sizeof *this->wanted);
    while (ids.len > 0) {
        struct wanted_id wanted = {0};

        if (this->wanted_count == DROPPED_MAX || !uuid_parse(text_cut(&ids, ','), wanted.id)) {
            return false;
        }
        this->wanted[this->wanted_count++] = wanted;
    }
    return this->wanted_count > 0;
}

static bool begin(struct page_call *call)
{
    struct drop_call *this = container_of(call, struct drop_call, page);

    this->peek = (struct queue_peek){
        .max = LOOKED_AT,
        .arena = &call->arena,
        .list = arena_array(&call->arena, LOOKED_AT, sizeof *this->peek.list),
    };
    if (!this->drops_all && !ids_read(this)) {
        (void)fail(&call->why, STATUS_INVALID,
                   "message_ids: up to 1000 message ids, separated by commas; or all=true");
        return false;
    }
    return true;
}

static void end(struct page_call *call)
{
    queue_peek_end(&container_of(call, struct drop_call, page)->peek);
}

static const struct page_parameter parameters[] = {
    DLQ_QUEUE(struct drop_call, queue_name),
    {"message_ids", PARAMETER_TEXT, offsetof(struct drop_call, ids), .form = NULL},
    {"all", PARAMETER_FLAG, offsetof(struct drop_call, drops_all), .form = "true or false"},
    PARAMETERS_END,
};

const struct page page_dlq_drop = {
    .path = "/_fanfare/dlq/drop",
    .method = "POST",
    .is_for_admins = true,
    .permission = "fanfare:DropDeadLetters",
    .call_size = sizeof(struct drop_call),
    .parameters = parameters,
    .begin = begin,
    .run = run,
    .write = tell,
    .end = end,
};
