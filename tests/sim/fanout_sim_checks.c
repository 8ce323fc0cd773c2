/* Whether what happened may have happened. */
#include "fanout_sim.h"

#include <stdio.h>

void limits_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    struct limits *limits = &scene->limits[place];
    int64_t period = scene->world->now_ms / (RATE_OVER * 1000LL);

    limits->in_period = limits->period == period ? limits->in_period + 1 : 1;
    limits->period = period;
    limits->under_way++;
    if (limits->concurrency > 0 && limits->under_way > limits->concurrency) {
        complain(scene, "more at a time than its subscription allows", publish, place);
    }
    if (limits->per_second > 0 && limits->in_period > limits->per_second * RATE_OVER + 1) {
        complain(scene, "more a second than its subscription allows", publish, place);
    }
}

/* Whoever fails for good is tried as often as the policy says, breakers, replays and crashes
 * aside. */
static void attempts_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    const struct ledger *entry = &scene->ledger[publish];
    uint32_t policy = scene->topic_rules ? 3 : 6;
    bool is_exact = scene->world->boots == 1 && scene->replays == 0
                    && scene->world->options.deliveries.breaker_min == 0 && !entry->is_harmed;
    uint32_t wanted = scene->moods[place] == MOOD_DOWN ? policy : 1;

    if ((scene->moods[place] == MOOD_DOWN || scene->moods[place] == MOOD_REFUSING) && is_exact
        && entry->attempts[place] > 0 && entry->attempts[place] != wanted) {
        complain(scene, "was tried more or less often than the policy says", publish, place);
    }
}

/* Its queue was emptied, or keeps nothing for long. */
static bool may_lose(const struct scene *scene, uint32_t place)
{
    return place >= ENDPOINTS
           && (scene->retention_s[place - ENDPOINTS] > 0
               || scene->is_purged[place - ENDPOINTS]);
}

static void entry_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    const struct ledger *entry = &scene->ledger[publish];
    bool wants = (scene->wants[place] >> entry->kind & 1) != 0;

    if (place < ENDPOINTS) {
        attempts_check(scene, publish, place);
    }
    uint32_t got = place < ENDPOINTS ? entry->delivered[place] + entry->dead[place]
                                     : entry->received[place - ENDPOINTS];

    if (!wants && got > 0) {
        complain(scene, "reached whom its filter excludes", publish, place);
    }
    bool is_excused = entry->is_harmed && harm_is_said(scene, publish);

    if (wants && entry->is_accepted && got == 0 && !may_lose(scene, place) && !is_excused) {
        complain(scene, "was accepted and is lost", publish, place);
    }
}

static bool row_count_up(void *context, const struct engine_row *row)
{
    *(uint64_t *)context += !row->is_deleted;
    return true;
}

uint64_t rows_of(struct world *world, enum table table)
{
    struct key from = key_table(table);
    struct key to = key_after_prefix(&from);
    uint64_t count = 0;

    (void)world->engine->scan(world->disk, key_text(&from), key_text(&to), false, row_count_up,
                              &count);
    return count;
}

/* Five minutes after the last one, and a sweep that looks every five. */
#define DUPLICATES_GONE_MS (11LL * 60 * 1000)

/* An hour that a key seals attempts, and the passes that drop what is over. */
#define KEYS_GONE_MS (90LL * 60 * 1000)

/* What sealed rows that are gone is gone. */
static void keys_check(struct scene *scene)
{
    struct world *world = scene->world;

    if (world->options.seal == SEAL_NONE || rows_of(world, TABLE_ATTEMPT) > 0
        || rows_of(world, TABLE_BODY) > 0) {
        return;
    }
    run_for(world, KEYS_GONE_MS);
    if (rows_of(world, TABLE_DATA_KEY) > 0) {
        complain(scene, "data keys are left", (uint32_t)rows_of(world, TABLE_DATA_KEY), 0);
    }
}

/* What is left is the history's, and that ends. */
void leaks_check(struct scene *scene)
{
    static const enum table tables[] = {
        TABLE_BODY,   TABLE_REFERENCES,      TABLE_OWED,          TABLE_CURSOR,
        TABLE_LANE,   TABLE_ATTEMPT,         TABLE_READY,         TABLE_DELAYED,
        TABLE_EXPIRY, TABLE_TOPIC_DUPLICATE, TABLE_DEDUPLICATION, TABLE_QUEUE_GARBAGE};
    struct world *world = scene->world;
    const struct history_options *options = &world->options.history;
    bool has_ends = options->attempts_max_count == 0 || options->attempts_max_age_ms > 0;

    run_for(world, 2 * options->max_age_ms + options->attempts_max_age_ms + DUPLICATES_GONE_MS);
    for (size_t i = 0; i < countof(tables); i++) {
        uint64_t count = rows_of(world, tables[i]);

        if (tables[i] == TABLE_ATTEMPT && !has_ends) {
            continue;
        }
        if (count > harms_left(scene, tables[i])) {
            char what[64];

            (void)snprintf(what, sizeof what, "%llu rows are left in table %c",
                           (unsigned long long)count, (int)tables[i]);
            complain(scene, what, 0, 0);
        }
    }
    damage_check(scene);
    keys_check(scene);
}

/* Of one life: what was delivered is counted; and no more, where replays have sent nothing to
 * queues and no confirmations went out. */
static void counters_check(struct scene *scene)
{
    struct delivery_counters counters = delivery_counters(cell_deliveries(scene->world->cell));
    uint64_t delivered = 0;

    if (scene->world->boots > 1) {
        return;
    }
    for (uint32_t i = 0; i < PUBLISHES; i++) {
        for (uint32_t place = 0; place < ENDPOINTS; place++) {
            delivered += scene->ledger[i].delivered[place];
        }
    }
    bool is_all = scene->replays == 0 && !scene->has_tokens && scene->told_sent == 0;

    if (counters.delivered < delivered || (is_all && counters.delivered != delivered)) {
        complain(scene, "deliveries are counted wrongly", (uint32_t)delivered,
                 (uint32_t)counters.delivered);
    }
}

void scene_check(struct scene *scene)
{
    damage_hear(scene);
    fifo_check(scene);
    counters_check(scene);
    for (uint32_t i = 0; i < PUBLISHES; i++) {
        for (uint32_t place = 0; place < ENDPOINTS + QUEUES; place++) {
            entry_check(scene, i, place);
        }
    }
    if (delivery_counters(cell_deliveries(scene->world->cell)).active_messages != 0) {
        complain(scene, "owed lists are left", 0, 0);
    }
}
