/* One attempt, from its turn to its end: the only place where an outcome becomes a change. */
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"
#include "delivery/internal.h"

#include <stdio.h>

#define LATE_STARTS 16

struct attempt *attempt_create(struct lane *lane, uint64_t message, uint32_t made,
                               int64_t accepted_ms)
{
    struct attempt *attempt = memory_zero(sizeof *attempt);

    lane->deliveries->attempt_count++;
    attempt->lane = lane;
    attempt->message = message;
    attempt->made = made;
    attempt->accepted_ms = accepted_ms;
    return attempt;
}

void attempt_free(struct attempt *attempt)
{
    attempt->lane->deliveries->attempt_count--;
    list_remove(&attempt->node);
    list_remove(&attempt->start);
    list_remove(&attempt->owed_node);
    list_remove(&attempt->relief);
    task_cancel(&attempt->task);
    blob_unref(attempt->subscription_record);
    blob_unref(attempt->message_record);
    memory_free(attempt->heard);
    memory_free(attempt->target);
    memory_free(attempt);
}

/* --- Its turn: what the transport needs is fetched, then it is handed out. */

static enum status prepare_run(struct task *task, struct step *step)
{
    struct attempt *attempt = container_of(task, struct attempt, task);
    struct key subscription =
        key_u32_u32(TABLE_SUBSCRIPTION, attempt->lane->topic, attempt->lane->subscription);
    struct key body = key_u64(TABLE_BODY, attempt->message);
    struct blob *subscription_record = NULL;
    struct blob *message_record = NULL;
    enum status status = record_get(step, &subscription, &subscription_record);

    if (status == STATUS_OK) {
        status = record_get(step, &body, &message_record);
        attempt->is_missing = status == STATUS_NOT_FOUND;
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct why why = {""};
    const struct delivery_here here = {
        .lane = {attempt->lane->topic, attempt->lane->subscription},
        .message = attempt->message,
        .is_again = attempt->is_again,
        .subscription_record = blob_text(subscription_record),
        .message_record = blob_text(message_record),
    };

    /* Before the hook: what cannot be read is set aside there, and its record goes. */
    blob_unref(attempt->subscription_record);
    blob_unref(attempt->message_record);
    attempt->subscription_record = blob_ref(subscription_record);
    attempt->message_record = blob_ref(message_record);
    lane_learn(step, attempt->lane, blob_text(subscription_record));
    status = attempt->lane->deliveries->hooks.deliver_here(step, &here, &why);
    if (status == STATUS_WAIT) {
        return status;
    }
    (void)snprintf(attempt->reason, sizeof attempt->reason, "%.200s", why.text);
    attempt->is_local = status != STATUS_NOT_FOUND;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Nobody is asked: it is over, and why. */
static bool ends_unasked(const struct attempt *attempt, const char **ret_reason)
{
    if (attempt->is_expired) {
        *ret_reason =
            "it was parked for longer than park_max, its endpoint failing all the time";
    } else if (attempt->lane->limits.is_disabled) {
        *ret_reason = "its subscription is disabled (Fanfare.Disabled)";
    } else {
        return false;
    }
    return true;
}

/* What failed lately fails again, likely, and no publish should find the loop busy with that:
 * it comes after what is to be handed out now, a few in a millisecond. */
static void late_ask(struct step *step, struct deliveries *deliveries)
{
    if (!list_is_empty(&deliveries->late_starts) && !heap_contains(&deliveries->late.node)) {
        timer_set(step, &deliveries->late, step->now_ms + 1);
    }
}

void attempts_on_late(struct timer *timer, struct step *step)
{
    struct deliveries *deliveries = container_of(timer, struct deliveries, late);
    struct list_node *node = NULL;

    for (int i = 0; i < LATE_STARTS && (node = list_pop(&deliveries->late_starts)) != NULL;
         i++) {
        list_push(&deliveries->starts, node);
    }
    late_ask(step, deliveries);
}

static void attempt_fly(struct step *step, struct attempt *attempt)
{
    struct deliveries *deliveries = attempt->lane->deliveries;

    attempt->id = ++deliveries->next_id;
    attempt->id_key = attempt->id;
    attempt->stage = ATTEMPT_FLYING;
    attempt->flying_ms = step->now_ms;
    map_insert(&deliveries->attempts, &attempt->map,
               text_make(&attempt->id_key, sizeof attempt->id_key));
    list_push(attempt->lane->failing > 0 ? &deliveries->late_starts : &deliveries->starts,
              &attempt->start);
    late_ask(step, deliveries);
    deliveries->counters.attempts++;
}

static void message_miss(struct step *step, struct attempt *attempt)
{
    struct key body = key_u64(TABLE_BODY, attempt->message);

    record_set_aside(step, &body, NULL, "the message of a delivery");
    attempt_lose(step, attempt, "its message is not in the data directory");
}

static void prepare_done(struct task *task, struct step *step, enum status status)
{
    struct attempt *attempt = container_of(task, struct attempt, task);
    struct lane *lane = attempt->lane;
    const char *reason = NULL;

    if (attempt->is_local && status == STATUS_STORAGE) {
        attempt_lose(step, attempt, "its message in the data directory is damaged");
        return;
    }
    if (attempt->is_local) {
        attempt->made++;
        lane->deliveries->counters.attempts++;
        attempt_finish(step, attempt, status == STATUS_OK ? END_DELIVERED : END_DEAD);
        return;
    }
    if (attempt->is_missing && !lane->is_gone) {
        message_miss(step, attempt);
        return;
    }
    if (status != STATUS_OK || lane->is_gone) {
        attempt_finish(step, attempt, END_GONE);
        return;
    }
    if (ends_unasked(attempt, &reason)) {
        (void)snprintf(attempt->reason, sizeof attempt->reason, "%s", reason);
        attempt_finish(step, attempt, END_DEAD);
        return;
    }
    attempt_fly(step, attempt);
    lane_want(step, lane); /* it may have brought the limits that others wait for */
}

void attempt_prepare(struct step *step, struct attempt *attempt)
{
    relief_cancel(attempt);
    look_cancel(attempt);
    attempt->stage = ATTEMPT_PREPARING;
    attempt->task = (struct task){.run = prepare_run, .done = prepare_done};
    task_start(&attempt->task, step);
}

bool deliveries_next_start(struct deliveries *deliveries, struct attempt_start *ret_start)
{
    struct list_node *node = list_pop(&deliveries->starts);

    if (node == NULL) {
        return false;
    }
    struct attempt *attempt = container_of(node, struct attempt, start);

    *ret_start = (struct attempt_start){
        .id = attempt->id,
        .lane = {.topic = attempt->lane->topic, .subscription = attempt->lane->subscription},
        .message = attempt->message,
        .attempt = attempt->made + 1,
        .again_ms = attempt->is_again ? attempt->accepted_ms : 0,
        .subscription_record = blob_ref(attempt->subscription_record),
        .message_record = blob_ref(attempt->message_record),
    };
    return true;
}

/* --- Its end. */

static void attempt_log(const struct attempt *attempt, const char *event)
{
    const struct deliveries_options *options = &attempt->lane->deliveries->options;
    struct delivery_event entry = {
        .event = event,
        .lane = {.topic = attempt->lane->topic, .subscription = attempt->lane->subscription},
        .message = attempt->message,
        .attempt = attempt->made,
        .next_ms = attempt->due_ms,
        .reason = text_from(attempt->reason),
        .subscription_record = blob_text(attempt->subscription_record),
        .message_record = blob_text(attempt->message_record),
    };

    if (options->log != NULL) {
        options->log(options->log_context, &entry);
    }
}

/* Nobody waits for it any more: the reference of its row goes, and the row. */
static enum status row_end(struct step *step, struct attempt *attempt)
{
    if (attempt->owed != NULL) {
        return STATUS_OK;
    }
    enum status status = body_known(step, attempt->message);

    if (status == STATUS_OK && attempt->is_unreadable) {
        status = lane_set_row_aside(step, attempt->lane, attempt);
    }
    if (status == STATUS_OK) {
        status = body_release(step, attempt->message);
    }
    if (status == STATUS_OK) {
        lane_delete_row(step, attempt->lane, attempt);
    }
    return status;
}

/* Under which moment its row is to be: the one it has, where rows keep an order. */
static enum status row_place_find(struct step *step, const struct attempt *attempt,
                                  int64_t *ret_due_ms)
{
    const struct lane *lane = attempt->lane;
    bool has_row = attempt->owed == NULL;

    *ret_due_ms = lane_row_due(lane, attempt->due_ms);
    if (lane->is_ordered && has_row) {
        *ret_due_ms = attempt->row_due;
        return STATUS_OK;
    }
    return has_row || attempt->owed->is_resumed
               ? lane_find_place(step, lane, attempt->message, ret_due_ms)
               : STATUS_OK;
}

static enum status row_move(struct step *step, struct attempt *attempt)
{
    int64_t due_ms = 0;

    if (attempt->end == END_PARK && attempt->owed == NULL) {
        return STATUS_OK; /* its row stays as it is */
    }
    enum status status = row_place_find(step, attempt, &due_ms);

    if (status == STATUS_OK && attempt->owed != NULL) {
        status = body_add_references(step, attempt->message, 1);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (attempt->owed == NULL) {
        lane_delete_row(step, attempt->lane, attempt);
    }
    attempt->not_before_ms =
        attempt->lane->is_ordered && attempt->end == END_RETRY ? attempt->due_ms : 0;
    lane_put_row(step, attempt->lane, attempt, due_ms);
    return STATUS_OK;
}

/* OK with NULL: it was deleted. */
static enum status subscription_get(struct step *step, const struct lane *lane,
                                    struct blob **ret_record)
{
    struct key key = key_u32_u32(TABLE_SUBSCRIPTION, lane->topic, lane->subscription);
    enum status status = record_get(step, &key, ret_record);

    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status dead_end(struct step *step, struct attempt *attempt)
{
    struct deliveries *deliveries = attempt->lane->deliveries;
    struct lane_id id = {attempt->lane->topic, attempt->lane->subscription};
    struct why why = {""};
    uint32_t references = 0;
    struct blob *subscription = NULL; /* as it is now */
    enum status status = body_known(step, attempt->message);

    if (status == STATUS_OK && attempt->is_unwanted) {
        status = subscription_get(step, attempt->lane, &subscription);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = deliveries->hooks.dead_letter(
        step, id, attempt->message, blob_text(attempt->subscription_record),
        blob_text(attempt->message_record), &references, &why);
    if (status == STATUS_WAIT) {
        return status;
    }
    attempt->is_unwanted =
        subscription != NULL
        && deliveries->hooks.disable(step, blob_text(subscription), text_from(attempt->reason));
    attempt->is_dead_lettered = status == STATUS_OK;
    memory_free(attempt->target);
    attempt->target = status == STATUS_OK ? memory_copy_text(text_from(why.text)) : NULL;
    if (status != STATUS_OK) {
        size_t len = text_from(attempt->reason).len;

        (void)snprintf(attempt->reason + len, sizeof attempt->reason - len, "; %.120s",
                       why.text);
        return row_end(step, attempt);
    }
    if (references > 0 && !mutant("delivery.dead-letter-unreferenced")) {
        /* Known since above: it does not wait. */
        status = body_add_references(step, attempt->message,
                                     references + mutant("delivery.dead-letter-leaks"));
    }
    return status != STATUS_OK ? status : row_end(step, attempt);
}

static enum status delivered_end(struct step *step, struct attempt *attempt)
{
    enum status status = row_end(step, attempt);

    /* What it put into a queue of this daemon is in the batch that fills: so is its end.  The
     * count of the message's references is known since. */
    must(status != STATUS_WAIT || !attempt->is_local);
    return status;
}

static enum status settle_run(struct task *task, struct step *step)
{
    struct attempt *attempt = container_of(task, struct attempt, task);

    switch (attempt->end) {
    case END_DELIVERED: return delivered_end(step, attempt);
    case END_LOST:
    case END_GONE: return row_end(step, attempt);
    case END_RETRY:
    case END_PARK: return row_move(step, attempt);
    case END_DEAD: return dead_end(step, attempt);
    }
    return STATUS_OK;
}

static void attempt_count(const struct attempt *attempt)
{
    struct delivery_counters *counters = &attempt->lane->deliveries->counters;

    switch (attempt->end) {
    case END_DELIVERED: counters->delivered += !mutant("delivery.uncounted"); break;
    case END_RETRY:
        counters->retried++;
        attempt_log(attempt, "delivery_retry");
        break;
    case END_DEAD:
        if (attempt->is_unwanted) {
            attempt_log(attempt, "subscription_disabled");
        }
        if (attempt->is_dead_lettered) {
            counters->dead_lettered++;
            attempt_log(attempt, "delivery_dead");
        } else {
            counters->lost++;
            attempt_log(attempt, "delivery_lost");
        }
        break;
    case END_LOST:
        counters->lost++;
        attempt_log(attempt, "delivery_lost");
        break;
    case END_GONE:
    case END_PARK: break;
    }
}

static void settle_done(struct task *task, struct step *step, enum status status)
{
    struct attempt *attempt = container_of(task, struct attempt, task);
    struct lane *lane = attempt->lane;
    struct deliveries *deliveries = lane->deliveries;
    struct owed *owed = attempt->owed;
    uint32_t index = attempt->owed_index;
    bool was_started = attempt->stage_before != ATTEMPT_QUEUED;
    bool was_trial = attempt->is_trial;

    (void)status;
    attempt_count(attempt);
    attempt_remember(step, attempt);
    if (attempt->is_probe) {
        breaker_unasked(&lane->breaker); /* unless its outcome has said more */
    }
    if (attempt->end == END_PARK && owed == NULL && !mutant("delivery.parked-forgotten")) {
        lane_row_back(lane, attempt);
    }
    attempt_free(attempt);
    if (was_started) {
        lane->in_flight--;
        deliveries->in_flight--;
        deliveries->trials -= was_trial;
    }
    if (owed != NULL) {
        owed_settle(step, owed, index);
    }
    lane_want(step, lane);
}

void attempt_finish(struct step *step, struct attempt *attempt, enum attempt_end end)
{
    relief_cancel(attempt);
    look_cancel(attempt);
    attempt->stage_before = attempt->stage;
    attempt->stage = ATTEMPT_SETTLING;
    if (attempt->stage_before == ATTEMPT_QUEUED) {
        /* Nothing counts it, but it may wait for its row's place: the lane stays until then. */
        list_remove(&attempt->node);
        list_push(&attempt->lane->flying, &attempt->node);
    }
    attempt->end = end;
    if (end == END_PARK) {
        attempt->due_ms = step->now_ms;
    }
    attempt->task = (struct task){.run = settle_run, .done = settle_done};
    task_start(&attempt->task, step);
}

void attempt_lose(struct step *step, struct attempt *attempt, const char *reason)
{
    (void)snprintf(attempt->reason, sizeof attempt->reason, "%s", reason);
    attempt_finish(step, attempt, END_LOST);
}

/* --- Its outcome. */

/* Whether there is another attempt, and when. */
static enum attempt_end outcome_end(struct step *step, struct attempt *attempt,
                                    const struct attempt_outcome *outcome)
{
    struct retry_policy policy;

    if (outcome->verdict == ATTEMPT_DELIVERED) {
        return END_DELIVERED;
    }
    if ((outcome->verdict == ATTEMPT_REFUSED && !mutant("delivery.refused-again"))
        || outcome->verdict == ATTEMPT_GONE) {
        attempt->is_unwanted = outcome->verdict == ATTEMPT_GONE;
        return END_DEAD;
    }
    if (attempt->is_probe) {
        attempt->made--; /* it asked for the others: it is not held against it */
        return END_PARK;
    }
    attempt->lane->deliveries->hooks.policy(step, blob_text(attempt->subscription_record),
                                            &policy);
    int64_t delay_ms = retry_delay(&policy, attempt->made);

    if (delay_ms == RETRY_NEVER) {
        return END_DEAD;
    }
    delay_ms = retry_jitter(delay_ms, random_u64(step->random));
    int64_t asked_ms = outcome->retry_after_ms < RETRY_AFTER_MAX_MS ? outcome->retry_after_ms
                                                                    : RETRY_AFTER_MAX_MS;

    asked_ms = mutant("delivery.retry-after-ignored") ? 0 : asked_ms;
    attempt->due_ms = step->now_ms + (delay_ms > asked_ms ? delay_ms : asked_ms);
    return END_RETRY;
}

void deliveries_outcome(struct step *step, uint64_t id, const struct attempt_outcome *outcome)
{
    struct deliveries *deliveries = deliveries_of(step);
    struct map_node *node = map_find(&deliveries->attempts, text_make(&id, sizeof id));

    if (node == NULL) {
        return; /* settled before: a second answer changes nothing */
    }
    struct attempt *attempt = container_of(node, struct attempt, map);

    map_remove(&deliveries->attempts, node);
    attempt->made++;
    (void)snprintf(attempt->reason, sizeof attempt->reason, "%.*s",
                   (int)(outcome->reason.len < 128 ? outcome->reason.len : 128),
                   outcome->reason.at == NULL ? "" : outcome->reason.at);
    attempt_hear(step, attempt, outcome);
    lane_feedback(step, attempt, outcome);
    attempt_finish(step, attempt,
                   attempt->lane->is_gone ? END_GONE : outcome_end(step, attempt, outcome));
}
