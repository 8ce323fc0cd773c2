/* POST /_fanfare/replay?subscription=ARN[&from=T][&until=T][&status=S][&rate=N][&dry_run=true],
 * GET /_fanfare/replay[?replay=ID], POST /_fanfare/replay/cancel?replay=ID. */
#include "base/memory.h"
#include "base/timestamp.h"
#include "daemon/pages.h"
#include "story/replay.h"

#include <string.h>

#define LIST_BYTES_MAX ((size_t)1024 * 1024)
#define RATE_MAX       1000000

/* One call for all three: what is asked, and then the list or the one. */
struct replay_call {
    struct page_call page;
    struct arena arena;
    struct replay_wish wish;
    bool has_id;
    uint8_t id[16]; /* asked for, or given */
    struct why why;
    struct replay replays[REPLAYS_KEPT_MAX];
    struct text arns[REPLAYS_KEPT_MAX];
    size_t count;
};

static struct replay_call *call_of(struct call *call)
{
    return container_of(container_of(call, struct page_call, call), struct replay_call, page);
}

/* --- Told. */

static bool is_same_id(const uint8_t a[16], const uint8_t b[16])
{
    char left[UUID_SIZE];
    char right[UUID_SIZE];

    uuid_format(a, left);
    uuid_format(b, right);
    return strcmp(left, right) == 0;
}

static void write_replay(struct buffer *to, const struct replay *replay, struct text arn)
{
    char id[UUID_SIZE];

    uuid_format(replay->id, id);
    json_comma(to);
    buffer_add_byte(to, '{');
    json_text(to, "replay_id", text_from(id));
    json_text(to, "subscription_arn", arn);
    json_text(to, "state", text_from(replay_state_word(replay->state)));
    json_boolean(to, "dry_run", replay->wish.is_dry_run);
    json_text(to, "status", text_from(replay_pick_word(replay->wish.pick)));
    json_time(to, "from", replay->wish.from_ms);
    json_time(to, "until", replay->wish.until_ms);
    json_number(to, "rate", replay->wish.rate);
    json_time(to, "started", replay->started_ms);
    json_time(to, "ended", replay->ended_ms);
    json_number(to, "looked_at", (int64_t)replay->looked_at);
    json_number(to, "sent", (int64_t)replay->sent);
    json_number(to, "filtered_out", (int64_t)replay->filtered_out);
    json_number(to, "not_kept", (int64_t)replay->not_kept);
    buffer_add_byte(to, '}');
}

static void finish(struct page_call *call, enum status status)
{
    static const struct {
        enum status status;
        int code;
        const char *text;
    } refusals[] = {
        {STATUS_NOT_FOUND, 404, "there is no such replay"},
        {STATUS_EXISTS, 409, "it is over already"},
        {STATUS_INVALID, 400, "refused"},
        {STATUS_BUSY, 503, "try again"},
    };
    struct replay_call *this = container_of(call, struct replay_call, page);
    struct buffer body;

    for (size_t i = 0; i < countof(refusals); i++) {
        if (status == refusals[i].status) {
            page_fail(call->request, refusals[i].code, "%s",
                      this->why.text[0] != '\0' ? this->why.text : refusals[i].text);
            return;
        }
    }
    if (status != STATUS_OK) {
        page_fail(call->request, 503, "%s", status_name(status));
        return;
    }
    buffer_init(&body, LIST_BYTES_MAX);
    buffer_add_string(&body, "{\"replays\":[");
    for (size_t i = 0; i < this->count; i++) {
        write_replay(&body, &this->replays[i], this->arns[i]);
    }
    buffer_add_string(&body, "]}");
    page_answer_json(call->request, 200, &body);
}

static void drop(struct page_call *call)
{
    struct replay_call *this = container_of(call, struct replay_call, page);

    arena_free(&this->arena);
    memory_free(this);
}

/* --- Asked. */

/* The subscriptions' names; a deleted one has none. */
static enum status names_find(struct step *step, struct replay_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        struct subscription subscription;
        enum status status = subscription_find(step, call->replays[i].wish.subscription,
                                               &call->arena, &subscription);
        const struct topic *topic =
            status == STATUS_OK ? topic_find_number(router_of(step), subscription.topic) : NULL;

        if (status == STATUS_WAIT) {
            return status;
        }
        call->arns[i] = topic == NULL ? (struct text){0}
                                      : subscription_arn(&call->arena, topic, subscription.id);
    }
    return STATUS_OK;
}

static enum status list_run(struct call *call, struct step *step)
{
    struct replay_call *this = call_of(call);
    size_t kept = 0;

    this->count = replay_list(step, this->replays, REPLAYS_KEPT_MAX);
    for (size_t i = 0; i < this->count; i++) {
        if (!this->has_id || is_same_id(this->replays[i].id, this->id)) {
            this->replays[kept++] = this->replays[i];
        }
    }
    this->count = kept;
    return this->has_id && kept == 0 ? STATUS_NOT_FOUND : names_find(step, this);
}

/* What list_run gives is of the moment; what it waits for was known since the change. */
static enum status start_run(struct call *call, struct step *step)
{
    struct replay_call *this = call_of(call);
    enum status status = replay_start(step, &this->wish, this->id, &this->why);

    this->has_id = true;
    return status != STATUS_OK ? status : list_run(call, step);
}

static enum status cancel_run(struct call *call, struct step *step)
{
    struct replay_call *this = call_of(call);
    enum status status = list_run(call, step); /* first, as it may wait */

    status = status != STATUS_OK ? status : replay_cancel(step, this->id);
    return status != STATUS_OK ? status : list_run(call, step);
}

static struct replay_call *call_create(enum status (*run)(struct call *, struct step *))
{
    struct replay_call *call = memory_zero(sizeof *call);

    call->page.finish = finish;
    call->page.drop = drop;
    call->page.call.run = run;
    call->page.call.only_reads = run == list_run;
    return call;
}

/* --- The wish, out of the parameters. */

/* As in AWS's dates, or seconds since 1970. */
static bool time_read(struct http_request *request, struct text name, int64_t *io_ms)
{
    struct text text = page_parameter(request, name);
    int64_t seconds = 0;

    if (text.at == NULL || timestamp_parse(text, io_ms)) {
        return true;
    }
    if (!text_to_int64(text, &seconds) || seconds < 0 || seconds > INT64_MAX / 1000) {
        return false;
    }
    *io_ms = seconds * 1000;
    return true;
}

static const char *wish_read(struct http_request *request, int64_t now_ms,
                             struct replay_wish *wish)
{
    struct text pick = page_parameter(request, T("status"));
    struct text rate = page_parameter(request, T("rate"));
    struct text dry_run = page_parameter(request, T("dry_run"));
    int64_t per_second = 0;

    wish->until_ms = now_ms + 1;
    if (!page_subscription_id(page_parameter(request, T("subscription")), wish->subscription)) {
        return "subscription: the ARN of the subscription to send to";
    }
    if (!time_read(request, T("from"), &wish->from_ms)
        || !time_read(request, T("until"), &wish->until_ms)) {
        return "from, until: as in 2026-01-31T12:00:00Z, or seconds since 1970";
    }
    if (pick.at != NULL && !replay_pick_parse(pick, &wish->pick)) {
        return "status: all, failed, dead or lost";
    }
    if (rate.at != NULL
        && (!text_to_int64(rate, &per_second) || per_second < 0 || per_second > RATE_MAX)) {
        return "rate: messages a second, 0 for as fast as they go";
    }
    if (dry_run.at != NULL && !text_equal(dry_run, T("true"))
        && !text_equal(dry_run, T("false"))) {
        return "dry_run: true or false";
    }
    wish->rate = (uint32_t)per_second;
    wish->is_dry_run = text_equal(dry_run, T("true"));
    return NULL;
}

void page_replay_start(struct server *server, struct http_request *request)
{
    struct replay_wish wish = {.pick = REPLAY_ALL};
    const char *mistake = wish_read(request, server_now_ms(server), &wish);

    if (mistake != NULL) {
        page_fail(request, 400, "%s", mistake);
        return;
    }
    struct replay_call *call = call_create(start_run);

    call->wish = wish;
    page_call_start(server, request, &call->page);
}

static void with_id(struct server *server, struct http_request *request,
                    enum status (*run)(struct call *, struct step *))
{
    struct text text = page_parameter(request, T("replay"));
    uint8_t id[16] = {0};
    bool has_id = text.at != NULL || run == cancel_run;

    if (has_id && !uuid_parse(text, id)) {
        page_fail(request, 400, "replay: the id of a replay");
        return;
    }
    struct replay_call *call = call_create(run);

    call->has_id = has_id;
    memcpy(call->id, id, sizeof id);
    page_call_start(server, request, &call->page);
}

void page_replay_list(struct server *server, struct http_request *request)
{
    with_id(server, request, list_run);
}

void page_replay_cancel(struct server *server, struct http_request *request)
{
    with_id(server, request, cancel_run);
}
