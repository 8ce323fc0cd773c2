/* The cell's parts, a row each. */
#include "core/internal.h"

/* --- Data keys: before anything reads what they seal. */

static void seals_part_create(struct cell *cell)
{
    cell->step.seals = seals_create(cell->options.masters, cell->options.seal);
}

static enum status seals_part_load(struct cell *cell, const struct key *key, struct text value)
{
    struct why why = {""};
    enum status status = seals_load(cell->step.seals, key, value, &why);

    if (status != STATUS_OK) {
        cell->has_failed = true;
        (void)fail(&cell->why, STATUS_STORAGE,
                   "the data directory has messages that are encrypted and cannot be opened: "
                   "%.*s; name the master key it was written with in master_key (an older one "
                   "behind the one of now, separated by a comma); nothing was changed",
                   WHY_MAX / 2, why.text);
    }
    return status;
}

static void seals_part_start(struct cell *cell)
{
    seals_start(&cell->step);
}

static void seals_part_free(struct cell *cell)
{
    seals_free(cell->step.seals);
}

/* --- Keys of users. */

static void kms_part_create(struct cell *cell)
{
    cell->step.kms = kms_create(cell->options.masters);
}

static enum status kms_part_load(struct cell *cell, const struct key *key, struct text value)
{
    return kms_load(cell->step.kms, key, value);
}

static void kms_part_start(struct cell *cell)
{
    kms_start(&cell->step);
}

static void kms_part_free(struct cell *cell)
{
    kms_free(cell->step.kms);
}

/* --- History: first to start, for the others ask it what it keeps. */

static void history_part_create(struct cell *cell)
{
    cell->step.history = history_create(&cell->options.history);
}

static void history_part_start(struct cell *cell)
{
    history_start(&cell->step, blob_text(cell->history_row), cell->secret);
}

static void history_part_free(struct cell *cell)
{
    history_free(cell->step.history);
}

/* --- Queues. */

static void queues_part_create(struct cell *cell)
{
    static const struct queues_hooks hooks = {
        .release = body_release,
        .expect_release = body_expect_release,
        .redeliver = router_redeliver,
    };

    cell->step.queues = queues_create(&hooks, &cell->options.queues);
}

static enum status queues_part_load(struct cell *cell, const struct key *key, struct text value)
{
    return queues_load(cell->step.queues, key, value);
}

static void queues_part_start(struct cell *cell)
{
    queues_start(&cell->step, cell->step.queues, cell->secret);
}

static void queues_part_free(struct cell *cell)
{
    queues_free(cell->step.queues);
}

/* --- Topics and subscriptions. */

static void router_part_create(struct cell *cell)
{
    cell->step.router = router_create(&cell->options.limits);
}

static enum status router_part_load(struct cell *cell, const struct key *key, struct text value)
{
    return router_load_topic(cell->step.router, key, value);
}

static void router_part_start(struct cell *cell)
{
    router_start(&cell->step, cell->step.router);
}

static void router_part_free(struct cell *cell)
{
    router_free(cell->step.router);
}

/* --- Deliveries. */

static void deliveries_part_create(struct cell *cell)
{
    static const struct delivery_hooks hooks = {
        .deliver_here = router_deliver_here,
        .is_ordered = router_is_ordered,
        .traits = router_message_traits,
        .policy = router_retry_policy,
        .limits = router_lane_limits,
        .disable = router_disable,
        .dead_letter = router_dead_letter,
    };

    cell->step.deliveries = deliveries_create(&cell->options.deliveries, &hooks);
}

static void deliveries_part_start(struct cell *cell)
{
    deliveries_start(&cell->step, cell->step.deliveries);
}

static void deliveries_part_free(struct cell *cell)
{
    deliveries_free(cell->step.deliveries);
}

/* --- Replays. */

static void replays_part_create(struct cell *cell)
{
    cell->step.replays = replays_create();
}

static void replays_part_start(struct cell *cell)
{
    replays_start(&cell->step);
}

static void replays_part_free(struct cell *cell)
{
    replays_free(cell->step.replays);
}

const struct part cell_parts[] = {
    {.noun = "data key",
     .create = seals_part_create,
     .table = TABLE_DATA_KEY,
     .load = seals_part_load,
     .start = seals_part_start,
     .free = seals_part_free},
    {.noun = "KMS key",
     .create = kms_part_create,
     .table = TABLE_KMS_KEY,
     .load = kms_part_load,
     .start = kms_part_start,
     .free = kms_part_free},
    {.create = history_part_create, .start = history_part_start, .free = history_part_free},
    {.noun = "queue",
     .create = queues_part_create,
     .table = TABLE_QUEUE,
     .load = queues_part_load,
     .start = queues_part_start,
     .free = queues_part_free},
    {.noun = "topic",
     .create = router_part_create,
     .table = TABLE_TOPIC,
     .load = router_part_load,
     .start = router_part_start,
     .free = router_part_free},
    {.create = deliveries_part_create,
     .start = deliveries_part_start,
     .free = deliveries_part_free},
    {.create = replays_part_create, .start = replays_part_start, .free = replays_part_free},
};
const size_t cell_part_count = countof(cell_parts);
