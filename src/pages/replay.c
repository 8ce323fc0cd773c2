/* POST /_fanfare/replay?subscription=ARN[&from=T][&until=T][&status=S][&rate=N][&dry_run=true],
 * GET /_fanfare/replay[?replay=ID], POST /_fanfare/replay/cancel?replay=ID. */
#include "story/replay.h"

#include "base/encoding.h"
#include "pages/internal.h"

#include <string.h>

#define RATE_MAX 1000000

/* One call for all three: what is asked, and then the list or the one. */
struct replay_call {
    struct page_call page;
    struct page_id subscription;
    int64_t from_ms, until_ms, rate;
    bool is_dry_run;
    struct text pick;
    struct replay_wish wish;
    struct page_id id; /* asked for, or given */
    struct replay replays[REPLAYS_KEPT_MAX];
    struct text arns[REPLAYS_KEPT_MAX];
    size_t count;
};

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

static void tell(struct page_call *call, struct buffer *to)
{
    const struct replay_call *this = container_of(call, struct replay_call, page);

    json_name(to, "replays");
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < this->count; i++) {
        write_replay(to, &this->replays[i], this->arns[i]);
    }
    buffer_add_byte(to, ']');
}

/* --- Asked. */

/* The subscriptions' names; a deleted one has none. */
static enum status names_find(struct step *step, struct replay_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        struct subscription subscription;
        enum status status = subscription_find(step, call->replays[i].wish.subscription,
                                               &call->page.arena, &subscription);
        const struct topic *topic =
            status == STATUS_OK ? topic_find_number(router_of(step), subscription.topic) : NULL;

        if (status == STATUS_WAIT) {
            return status;
        }
        call->arns[i] = topic == NULL
                            ? (struct text){0}
                            : subscription_arn(&call->page.arena, topic, subscription.id);
    }
    return STATUS_OK;
}

static enum status list_run(struct page_call *call, struct step *step)
{
    struct replay_call *this = container_of(call, struct replay_call, page);
    size_t kept = 0;

    this->count = replay_list(step, this->replays, REPLAYS_KEPT_MAX);
    for (size_t i = 0; i < this->count; i++) {
        if (!this->id.is_given || is_same_id(this->replays[i].id, this->id.id)) {
            this->replays[kept++] = this->replays[i];
        }
    }
    this->count = kept;
    return this->id.is_given && kept == 0
               ? fail(&call->why, STATUS_NOT_FOUND, "there is no such replay")
               : names_find(step, this);
}

/* What list_run gives is of the moment; what it waits for was known since the change. */
static enum status start_run(struct page_call *call, struct step *step)
{
    struct replay_call *this = container_of(call, struct replay_call, page);
    enum status status = replay_start(step, &this->wish, this->id.id, &call->why);

    this->id.is_given = true;
    return status != STATUS_OK ? status : list_run(call, step);
}

static enum status cancel_run(struct page_call *call, struct step *step)
{
    struct replay_call *this = container_of(call, struct replay_call, page);
    enum status status = list_run(call, step); /* first, as it may wait */

    status = status != STATUS_OK ? status : replay_cancel(step, this->id.id);
    if (status == STATUS_EXISTS) {
        return fail(&call->why, status, "it is over already");
    }
    return status != STATUS_OK ? status : list_run(call, step);
}

static bool start_begin(struct page_call *call)
{
    struct replay_call *this = container_of(call, struct replay_call, page);
    const struct pages_options *options = &call->pages->options;

    this->wish = (struct replay_wish){
        .pick = REPLAY_ALL,
        .from_ms = this->from_ms,
        .until_ms =
            this->until_ms >= 0 ? this->until_ms : options->now_ms(options->context) + 1,
        .rate = (uint32_t)this->rate,
        .is_dry_run = this->is_dry_run,
    };
    memcpy(this->wish.subscription, this->subscription.id, sizeof this->subscription.id);
    if (this->pick.len > 0 && !replay_pick_parse(this->pick, &this->wish.pick)) {
        (void)fail(&call->why, STATUS_INVALID, "status: all, failed, dead or lost");
        return false;
    }
    return true;
}

#define TIME_FORM "as in 2026-01-31T12:00:00Z, or seconds since 1970"

static const struct page_parameter start_parameters[] = {
    {"subscription", PARAMETER_SUBSCRIPTION, offsetof(struct replay_call, subscription),
     .is_required = true, .form = "the ARN of the subscription to send to"},
    {"from", PARAMETER_TIME, offsetof(struct replay_call, from_ms), .form = TIME_FORM},
    {"until", PARAMETER_TIME, offsetof(struct replay_call, until_ms), .otherwise = -1,
     .form = TIME_FORM},
    {"rate", PARAMETER_NUMBER, offsetof(struct replay_call, rate), .most = RATE_MAX,
     .form = "messages a second, 0 for as fast as they go"},
    {"dry_run", PARAMETER_FLAG, offsetof(struct replay_call, is_dry_run),
     .form = "true or false"},
    {"status", PARAMETER_TEXT, offsetof(struct replay_call, pick), .form = NULL},
    PARAMETERS_END,
};

#define REPLAY_ID(wanted)                                                                      \
    {                                                                                          \
        "replay", PARAMETER_ID, offsetof(struct replay_call, id), .is_required = wanted,       \
                                                                  .form = "the id of a replay" \
    }

static const struct page_parameter list_parameters[] = {REPLAY_ID(false), PARAMETERS_END};
static const struct page_parameter cancel_parameters[] = {REPLAY_ID(true), PARAMETERS_END};

const struct page page_replay_start = {
    .path = "/_fanfare/replay",
    .method = "POST",
    .is_for_admins = true,
    .permission = "fanfare:Replay",
    .call_size = sizeof(struct replay_call),
    .parameters = start_parameters,
    .begin = start_begin,
    .run = start_run,
    .write = tell,
};

const struct page page_replay_list = {
    .path = "/_fanfare/replay",
    .method = "GET",
    .is_for_admins = true,
    .permission = "fanfare:ReadStories",
    .call_size = sizeof(struct replay_call),
    .parameters = list_parameters,
    .run = list_run,
    .only_reads = true,
    .write = tell,
};

const struct page page_replay_cancel = {
    .path = "/_fanfare/replay/cancel",
    .method = "POST",
    .is_for_admins = true,
    .permission = "fanfare:Replay",
    .call_size = sizeof(struct replay_call),
    .parameters = cancel_parameters,
    .run = cancel_run,
    .write = tell,
};
