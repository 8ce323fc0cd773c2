/* All replays of a cell: started, listed, cancelled, and found again at start.
 * Row: u8 format, id, wish (subscription, i64 from, i64 until, u8 pick, u32 rate, u8 dry), u8
 * state, i64 started, i64 ended, u64 looked at, sent, filtered out, not kept, cursor, u32
 * index, u64 last message, last attempt. */
#include "story/replays.h"

#include "base/memory.h"
#include "base/mutants.h"

#include <string.h>

#define FORMAT 1

#define PICK_WORD(name, word) [REPLAY_##name] = TEXT(word),

static const struct text picks[] = {REPLAY_PICKS(PICK_WORD)};
static const char *const states[] = {
    [REPLAY_RUNNING] = "running",
    [REPLAY_COMPLETED] = "completed",
    [REPLAY_CANCELLED] = "cancelled",
    [REPLAY_GONE] = "subscription_deleted",
};

bool replay_pick_parse(struct text word, enum replay_pick *ret_pick)
{
    for (size_t i = 0; i < countof(picks); i++) {
        if (text_equal(word, picks[i])) {
            *ret_pick = (enum replay_pick)i;
            return true;
        }
    }
    return false;
}

const char *replay_pick_word(enum replay_pick pick)
{
    return picks[pick].at;
}

const char *replay_state_word(enum replay_state state)
{
    return states[state];
}

/* --- The row. */

static struct key run_key(const struct replay_run *run)
{
    return key_u64(TABLE_REPLAY, run->number);
}

static void wish_write(struct buffer *row, const struct replay_wish *wish)
{
    buffer_add(row, text_make(wish->subscription, sizeof wish->subscription));
    buffer_add_u64(row, (uint64_t)wish->from_ms);
    buffer_add_u64(row, (uint64_t)wish->until_ms);
    buffer_add_u8(row, (uint8_t)wish->pick);
    buffer_add_u32(row, wish->rate);
    buffer_add_u8(row, wish->is_dry_run);
}

static void on_seal(struct sealed *sealed, struct step *step)
{
    const struct replay_run *run = container_of(sealed, struct replay_run, sealed);
    const struct replay *replay = &run->replay;
    struct key key = run_key(run);
    struct buffer row;

    buffer_init(&row, 256);
    buffer_add_u8(&row, FORMAT);
    buffer_add(&row, text_make(replay->id, sizeof replay->id));
    wish_write(&row, &replay->wish);
    buffer_add_u8(&row, (uint8_t)replay->state);
    buffer_add_u64(&row, (uint64_t)replay->started_ms);
    buffer_add_u64(&row, (uint64_t)replay->ended_ms);
    buffer_add_u64(&row, replay->looked_at);
    buffer_add_u64(&row, replay->sent);
    buffer_add_u64(&row, replay->filtered_out);
    buffer_add_u64(&row, replay->not_kept);
    buffer_add_u64(&row, run->cursor);
    buffer_add_u32(&row, run->index);
    buffer_add_u64(&row, run->last_message);
    buffer_add_u64(&row, run->last_attempt);
    record_put(step, &key, blob_copy(buffer_text(&row)));
    buffer_free(&row);
}

static void wish_read(struct cursor *cursor, struct replay_wish *wish)
{
    struct text id = cursor_take(cursor, sizeof wish->subscription);

    if (id.len == sizeof wish->subscription) {
        memcpy(wish->subscription, id.at, id.len);
    }
    wish->from_ms = (int64_t)cursor_u64(cursor);
    wish->until_ms = (int64_t)cursor_u64(cursor);
    wish->pick = (enum replay_pick)cursor_u8(cursor);
    wish->rate = cursor_u32(cursor);
    wish->is_dry_run = cursor_u8(cursor) != 0;
}

static bool run_decode(struct text row, struct replay_run *run)
{
    struct cursor cursor = cursor_over(row);
    struct replay *replay = &run->replay;
    bool is_known = cursor_u8(&cursor) == FORMAT;
    struct text id = cursor_take(&cursor, sizeof replay->id);

    if (id.len == sizeof replay->id) {
        memcpy(replay->id, id.at, id.len);
    }
    wish_read(&cursor, &replay->wish);
    replay->state = (enum replay_state)cursor_u8(&cursor);
    replay->started_ms = (int64_t)cursor_u64(&cursor);
    replay->ended_ms = (int64_t)cursor_u64(&cursor);
    replay->looked_at = cursor_u64(&cursor);
    replay->sent = cursor_u64(&cursor);
    replay->filtered_out = cursor_u64(&cursor);
    replay->not_kept = cursor_u64(&cursor);
    run->cursor = cursor_u64(&cursor) + mutant("story.replay-cursor-ahead");
    run->index = cursor_u32(&cursor);
    run->last_message = cursor_u64(&cursor);
    run->last_attempt = cursor_u64(&cursor);
    return is_known && cursor_done(&cursor) && replay->state < countof(states)
           && replay->wish.pick < REPLAY_PICK_COUNT;
}

/* --- All of them. */

static struct replay_run *run_create(struct replays *replays, uint64_t number)
{
    struct replay_run *run = memory_zero(sizeof *run);

    run->number = number;
    run->sealed.seal = on_seal;
    list_push_first(&replays->runs, &run->node);
    replays->count++;
    return run;
}

static void run_free(struct replays *replays, struct replay_run *run)
{
    replay_run_end(run, NULL);
    list_remove(&run->sealed.node);
    list_remove(&run->node);
    replays->count--;
    memory_free(run);
}

struct replays *replays_create(void)
{
    struct replays *replays = memory_zero(sizeof *replays);

    list_init(&replays->runs);
    return replays;
}

void replays_free(struct replays *replays)
{
    struct list_node *node = NULL;

    if (replays == NULL) {
        return;
    }
    while ((node = list_first(&replays->runs)) != NULL) {
        run_free(replays, container_of(node, struct replay_run, node));
    }
    memory_free(replays);
}

/* The oldest that has ended makes room. */
static void replays_trim(struct step *step, struct replays *replays)
{
    for (struct list_node *node = replays->runs.head.prev;
         replays->count >= REPLAYS_KEPT_MAX && node != &replays->runs.head;) {
        struct replay_run *run = container_of(node, struct replay_run, node);

        node = node->prev;
        if (run->replay.state != REPLAY_RUNNING) {
            struct key key = run_key(run);

            record_delete(step, &key);
            run_free(replays, run);
        }
    }
}

static size_t running_count(const struct replays *replays)
{
    size_t count = 0;

    list_each (node, &replays->runs) {
        count += container_of(node, struct replay_run, node)->replay.state == REPLAY_RUNNING;
    }
    return count;
}

static enum status wish_check(const struct step *step, const struct replay_wish *wish,
                              struct why *why)
{
    const struct replays *replays = step->replays;
    const struct history_options *options = history_options(history_of(step));

    if (!replays->is_loaded) {
        return fail(why, STATUS_BUSY, "the replays are still being loaded: try again");
    }
    if (options->max_age_ms == 0 || options->max_bytes == 0) {
        return fail(why, STATUS_INVALID,
                    "there is no history to replay: it is switched off (history_max_age, "
                    "history_max_bytes)");
    }
    if (wish->from_ms >= wish->until_ms) {
        return fail(why, STATUS_INVALID, "the time range is empty");
    }
    if (running_count(replays) >= REPLAYS_RUNNING_MAX) {
        return fail(why, STATUS_BUSY, "%d replays are running: wait, or cancel one",
                    REPLAYS_RUNNING_MAX);
    }
    return STATUS_OK;
}

enum status replay_start(struct step *step, const struct replay_wish *wish, uint8_t ret_id[16],
                         struct why *why)
{
    struct replays *replays = step->replays;
    struct subscription subscription;
    struct arena arena = {0};
    enum status status = wish_check(step, wish, why);

    if (status == STATUS_OK) {
        status = subscription_find(step, wish->subscription, &arena, &subscription);
    }
    bool is_confirmed = status == STATUS_OK && subscription.is_confirmed;

    arena_free(&arena);
    if (status == STATUS_NOT_FOUND) {
        return fail(why, status, "there is no such subscription");
    }
    if (status == STATUS_OK && !is_confirmed) {
        return fail(why, STATUS_INVALID, "the subscription is not confirmed");
    }
    if (status != STATUS_OK) {
        return status;
    }
    replays_trim(step, replays);
    struct replay_run *run = run_create(replays, step_number(step, COUNTER_REPLAY));

    run->replay.wish = *wish;
    run->replay.started_ms = step->now_ms;
    step->random->fill(step->random, run->replay.id, sizeof run->replay.id);
    memcpy(ret_id, run->replay.id, sizeof run->replay.id);
    run->last_message = step_counter(step, COUNTER_MESSAGE);
    run->last_attempt = step_counter(step, COUNTER_ATTEMPT);
    step_seal(step, &run->sealed);
    replay_run_begin(step, run);
    return STATUS_OK;
}

static bool is_id(const struct replay_run *run, const uint8_t id[16])
{
    char ours[UUID_SIZE];
    char theirs[UUID_SIZE];

    uuid_format(run->replay.id, ours);
    uuid_format(id, theirs);
    return strcmp(ours, theirs) == 0;
}

enum status replay_cancel(struct step *step, const uint8_t id[16])
{
    list_each (node, &step->replays->runs) {
        struct replay_run *run = container_of(node, struct replay_run, node);

        if (!is_id(run, id)) {
            continue;
        }
        if (run->replay.state != REPLAY_RUNNING) {
            return STATUS_EXISTS;
        }
        replay_run_end(run, step);
        replay_run_conclude(step, run, REPLAY_CANCELLED);
        return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}

size_t replay_list(const struct step *step, struct replay *ret_replays, size_t max)
{
    size_t count = 0;

    list_each (node, &step->replays->runs) {
        if (count == max) {
            break;
        }
        ret_replays[count++] = container_of(node, struct replay_run, node)->replay;
    }
    return count;
}

/* --- At start. */

static void row_meet(struct table_walk *walk, struct step *step, const struct key *key,
                     struct blob *value)
{
    struct replays *replays = step->replays;
    struct replay_run *run = run_create(replays, key_get_u64(key, 1));

    (void)walk;
    if (!run_decode(blob_text(value), run)) {
        run_free(replays, run);
        record_set_aside(step, key, value, "a replay");
    } else if (run->replay.state == REPLAY_RUNNING) {
        replay_run_begin(step, run);
    }
}

static void on_over(struct table_walk *walk, struct step *step)
{
    (void)walk;
    step->replays->is_loaded = true;
}

void replays_start(struct step *step)
{
    const struct table_walk walk = {
        .from = key_table(TABLE_REPLAY), .visit = row_meet, .over = on_over};

    table_walk(step, &walk);
}
