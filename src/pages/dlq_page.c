/* What is in a dead-letter queue, and what becomes of it:
 * GET /_fanfare/dlq/messages?queue=Q[&max=N][&after=SEQUENCE],
 * POST /_fanfare/dlq/redrive?queue=Q[&to=ARN][&rate=N], GET /_fanfare/dlq/redrive?queue=Q,
 * POST /_fanfare/dlq/drop?queue=Q&message_ids=ID,ID... or &all=true.
 * Q is an ARN, or a name in the daemon's own account and region. */
#include "base/json.h"
#include "base/memory.h"
#include "daemon/pages.h"

#include <string.h>

#define PAGE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define SHOWN_MAX      1000
#define SHOWN_DEFAULT  10
#define DROPPED_MAX    1000 /* in one request */
#define RATE_MAX       1000000
#define MOVES_TOLD     10
#define EXCERPT        ((size_t)1024)

struct wanted_id {
    uint8_t id[16];
    uint64_t sequence; /* 0: not found yet */
    bool is_gone;
};

/* A topic's message behind an entry. */
struct behind {
    bool is_known;
    uint8_t id[16];
    struct text topic_arn, subscription_arn, subject, excerpt;
    size_t size;
};

struct letters_call {
    struct page_call page;
    struct arena arena;
    struct text queue_name; /* as asked */
    struct text destination;
    int64_t rate;
    struct queue_peek peek;
    struct behind *behind; /* as many as peek.max */
    uint32_t behind_count;
    bool drops_all;
    struct wanted_id *wanted;
    size_t wanted_count;
    uint64_t dropped;
    struct queue_move moves[MOVES_TOLD];
    size_t move_count;
    struct why why;
};

static struct letters_call *call_of(struct call *call)
{
    return container_of(container_of(call, struct page_call, call), struct letters_call, page);
}

static struct queue *queue_of(struct letters_call *this, struct step *step)
{
    const struct settings *settings = this->page.server->settings;
    struct queue_name name = {settings->account, settings->region, this->queue_name};
    struct queue *queue = text_starts_with(this->queue_name, T("arn:"))
                              ? queue_find_arn(queues_of(step), this->queue_name)
                              : queue_find(queues_of(step), &name);

    if (queue == NULL) {
        (void)fail(&this->why, STATUS_NOT_FOUND, "there is no queue %.*s",
                   TEXT_PRINTF(this->queue_name));
    }
    return queue;
}

/* --- Shown. */

static enum status subscription_name(struct letters_call *this, struct step *step,
                                     const struct queue_peeked *peeked, struct text *ret_arn)
{
    struct subscription subscription;
    enum status status =
        subscription_find(step, peeked->subscription_id, &this->arena, &subscription);
    const struct topic *topic =
        status == STATUS_OK ? topic_find_number(router_of(step), subscription.topic) : NULL;

    *ret_arn = topic == NULL ? (struct text){0}
                             : subscription_arn(&this->arena, topic, subscription.id);
    return status == STATUS_WAIT ? status : STATUS_OK;
}

static enum status behind_read(struct letters_call *this, struct step *step,
                               const struct queue_peeked *peeked, struct behind *ret_behind)
{
    struct key key = key_u64(TABLE_BODY, peeked->message);
    struct arena arena = {0};
    struct blob *record = NULL;
    struct message message;
    enum status status = STATUS_OK;

    *ret_behind = (struct behind){0};
    if (peeked->message == 0) {
        return STATUS_OK;
    }
    status = subscription_name(this, step, peeked, &ret_behind->subscription_arn);
    status = status != STATUS_OK ? status : record_get(step, &key, &record);
    if (status == STATUS_OK && message_decode(blob_text(record), &arena, &message)) {
        struct text body =
            message_body_for(&message, text_from(protocol_name(peeked->protocol)));

        ret_behind->is_known = true;
        memcpy(ret_behind->id, message.id, sizeof message.id);
        ret_behind->topic_arn = arena_copy(&this->arena, message.topic_arn);
        ret_behind->subject = arena_copy(&this->arena, message.subject);
        ret_behind->excerpt = arena_copy(&this->arena, text_first(body, EXCERPT));
        ret_behind->size = body.len;
    }
    arena_free(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status show_run(struct call *call, struct step *step)
{
    struct letters_call *this = call_of(call);
    struct queue *queue = queue_of(this, step);

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    enum status status =
        this->peek.count < this->peek.max ? queue_peek(step, queue, &this->peek) : STATUS_OK;

    while (status == STATUS_OK && this->behind_count < this->peek.count) {
        status = behind_read(this, step, &this->peek.list[this->behind_count],
                             &this->behind[this->behind_count]);
        this->behind_count += status == STATUS_OK;
    }
    return status;
}

static void write_peeked(struct buffer *to, const struct queue_peeked *peeked,
                         const struct behind *behind)
{
    char id[UUID_SIZE];

    json_comma(to);
    buffer_add_byte(to, '{');
    uuid_format(peeked->id, id);
    json_text(to, "message_id", text_from(id));
    json_time(to, "sent", peeked->sent_ms);
    json_number(to, "receive_count", peeked->receive_count);
    json_boolean(to, "in_flight", peeked->is_in_flight);
    if (peeked->group_id.len > 0) {
        json_text(to, "message_group_id", peeked->group_id);
    }
    if (peeked->source_arn.len > 0) {
        json_text(to, "source_queue_arn", peeked->source_arn);
    }
    if (peeked->message != 0) {
        uuid_format(behind->id, id);
        json_text(to, "published_message_id", behind->is_known ? text_from(id) : T(""));
        json_text(to, "topic_arn", behind->topic_arn);
        json_text(to, "subscription_arn", behind->subscription_arn);
        json_text(to, "subject", behind->subject);
    }
    json_number(to, "size", (int64_t)(peeked->message != 0 ? behind->size : peeked->text_size));
    json_text(to, "body", peeked->message != 0 ? behind->excerpt : peeked->text);
    buffer_add_byte(to, '}');
}

static void show_write(struct buffer *to, const struct letters_call *this)
{
    buffer_add_string(to, "{\"messages\":[");
    for (uint32_t i = 0; i < this->peek.count; i++) {
        write_peeked(to, &this->peek.list[i], &this->behind[i]);
    }
    buffer_add_byte(to, ']');
    json_number(to, "after", (int64_t)this->peek.after);
    buffer_add_byte(to, '}');
}

/* --- Redriven. */

static void moves_list(struct letters_call *this, const struct queue *queue)
{
    this->move_count = queue_move_list(queue, this->moves, MOVES_TOLD);
    for (size_t i = 0; i < this->move_count; i++) {
        this->moves[i].destination_arn =
            arena_copy(&this->arena, this->moves[i].destination_arn);
    }
}

static enum status moves_run(struct call *call, struct step *step)
{
    struct letters_call *this = call_of(call);
    struct queue *queue = queue_of(this, step);

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    moves_list(this, queue);
    return STATUS_OK;
}

static enum status redrive_run(struct call *call, struct step *step)
{
    struct letters_call *this = call_of(call);
    struct queue *queue = queue_of(this, step);
    uint8_t id[16];

    if (queue == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (this->destination.len > 0
        && queue_find_arn(queues_of(step), this->destination) == NULL) {
        return fail(&this->why, STATUS_NOT_FOUND, "there is no queue %.*s",
                    TEXT_PRINTF(this->destination));
    }
    enum status status =
        queue_move_start(step, queue, this->destination, (uint32_t)this->rate, id, &this->why);

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

static void moves_write(struct buffer *to, const struct letters_call *this)
{
    buffer_add_string(to, "{\"redrives\":[");
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
    buffer_add_string(to, "]}");
}

/* --- Dropped. */

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

static bool wanted_is_complete(const struct letters_call *this)
{
    for (size_t i = 0; i < this->wanted_count; i++) {
        if (this->wanted[i].sequence == 0) {
            return false;
        }
    }
    return true;
}

/* Looks through the queue until all are found. */
static enum status wanted_find(struct letters_call *this, struct step *step,
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

static enum status drop_run(struct call *call, struct step *step)
{
    struct letters_call *this = call_of(call);
    struct queue *queue = queue_of(this, step);
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
        status = queue_drop(step, queue, wanted->sequence);
        this->dropped += status == STATUS_OK;
        wanted->is_gone = status != STATUS_WAIT;
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return status;
}

static void drop_write(struct buffer *to, const struct letters_call *this)
{
    buffer_add_byte(to, '{');
    json_number(to, "dropped", (int64_t)this->dropped);
    json_number(to, "not_found",
                this->drops_all ? 0 : (int64_t)(this->wanted_count - this->dropped));
    buffer_add_byte(to, '}');
}

/* --- Asked. */

enum letters_kind {
    LETTERS_SHOW,
    LETTERS_MOVES,
    LETTERS_REDRIVE,
    LETTERS_DROP
};

static void letters_finish(struct page_call *call, enum status status,
                           void (*write)(struct buffer *to, const struct letters_call *this))
{
    struct letters_call *this = container_of(call, struct letters_call, page);
    struct buffer body;

    if (status != STATUS_OK) {
        page_fail(call->request,
                  status == STATUS_NOT_FOUND ? 404
                  : status == STATUS_EXISTS  ? 409
                                             : 503,
                  "%s", this->why.text[0] != '\0' ? this->why.text : status_name(status));
        return;
    }
    buffer_init(&body, PAGE_BYTES_MAX);
    write(&body, this);
    page_answer_json(call->request, 200, &body);
}

static void show_finish(struct page_call *call, enum status status)
{
    letters_finish(call, status, show_write);
}

static void moves_finish(struct page_call *call, enum status status)
{
    letters_finish(call, status, moves_write);
}

static void drop_finish(struct page_call *call, enum status status)
{
    letters_finish(call, status, drop_write);
}

static const struct {
    enum status (*run)(struct call *call, struct step *step);
    void (*finish)(struct page_call *call, enum status status);
    bool only_reads;
} kinds[] = {
    [LETTERS_SHOW] = {show_run, show_finish, true},
    [LETTERS_MOVES] = {moves_run, moves_finish, true},
    [LETTERS_REDRIVE] = {redrive_run, moves_finish, false},
    [LETTERS_DROP] = {drop_run, drop_finish, false},
};

static void drop_call(struct page_call *call)
{
    struct letters_call *this = container_of(call, struct letters_call, page);

    queue_peek_end(&this->peek);
    arena_free(&this->arena);
    memory_free(this);
}

static bool number_take(struct http_request *request, struct text name, int64_t max,
                        int64_t *io_number)
{
    struct text value = page_parameter(request, name);

    if (value.len == 0) {
        return true;
    }
    return text_to_int64(value, io_number) && *io_number >= 0 && *io_number <= max;
}

static bool wanted_take(struct letters_call *this, struct text ids)
{
    this->wanted = arena_array(&this->arena, DROPPED_MAX, sizeof *this->wanted);
    while (ids.len > 0) {
        struct wanted_id wanted = {0};

        if (this->wanted_count == DROPPED_MAX || !uuid_parse(text_cut(&ids, ','), wanted.id)) {
            return false;
        }
        this->wanted[this->wanted_count++] = wanted;
    }
    return this->wanted_count > 0;
}

/* NULL, or what is wrong with the question. */
static const char *question_take(struct letters_call *this, enum letters_kind kind,
                                 struct http_request *request)
{
    int64_t max = kind == LETTERS_DROP ? SHOWN_MAX : SHOWN_DEFAULT;
    int64_t after = 0;

    this->queue_name = arena_copy(&this->arena, page_parameter(request, T("queue")));
    this->destination = arena_copy(&this->arena, page_parameter(request, T("to")));
    if (this->queue_name.len == 0) {
        return "queue: missing: a queue's ARN or name";
    }
    if (!number_take(request, T("max"), SHOWN_MAX, &max) || max == 0) {
        return "max: a whole number from 1 to 1000";
    }
    if (!number_take(request, T("after"), INT64_MAX, &after)) {
        return "after: a sequence, as an earlier answer gave it";
    }
    if (!number_take(request, T("rate"), RATE_MAX, &this->rate)) {
        return "rate: messages a second, a whole number up to 1000000";
    }
    this->drops_all = text_equal(page_parameter(request, T("all")), T("true"));
    if (kind == LETTERS_DROP && !this->drops_all
        && !wanted_take(this, page_parameter(request, T("message_ids")))) {
        return "message_ids: up to 1000 message ids, separated by commas; or all=true";
    }
    this->peek = (struct queue_peek){
        .after = (uint64_t)after,
        .max = (uint32_t)max,
        .arena = &this->arena,
        .list = arena_array(&this->arena, (size_t)max, sizeof *this->peek.list),
    };
    this->behind = arena_array(&this->arena, (size_t)max, sizeof *this->behind);
    return NULL;
}

static void letters_start(struct server *server, struct http_request *request,
                          enum letters_kind kind)
{
    struct letters_call *this = memory_zero(sizeof *this);
    const char *fault = question_take(this, kind, request);

    if (fault != NULL) {
        page_fail(request, 400, "%s", fault);
        arena_free(&this->arena);
        memory_free(this);
        return;
    }
    this->page.finish = kinds[kind].finish;
    this->page.drop = drop_call;
    this->page.call.run = kinds[kind].run;
    this->page.call.only_reads = kinds[kind].only_reads;
    page_call_start(server, request, &this->page);
}

void page_dlq_messages(struct server *server, struct http_request *request)
{
    letters_start(server, request, LETTERS_SHOW);
}

void page_dlq_redrives(struct server *server, struct http_request *request)
{
    letters_start(server, request, LETTERS_MOVES);
}

void page_dlq_redrive(struct server *server, struct http_request *request)
{
    letters_start(server, request, LETTERS_REDRIVE);
}

void page_dlq_drop(struct server *server, struct http_request *request)
{
    letters_start(server, request, LETTERS_DROP);
}
