/* Deduplication: what a FIFO queue accepted in the last five minutes, by fingerprint in memory,
 * with its ids in rows of one batch each; both are dropped by the minute. */
#include "queues/fifo.h"

#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "queues/counts.h"
#include "queues/receive_attempts.h"
#include "queues/state.h"

#include <string.h>

enum {
    MINUTE_MS = 60 * 1000,
    LIFE_MS = 5 * MINUTE_MS, /* AWS */
    FORGOTTEN_MINUTE = 0,    /* of generations that only have rows to be dropped */
    SLOTS_FIRST = 64,
    DROP_ROWS = 256, /* with one turn of the timer */
    DROP_PAUSE_MS = 20,
    BLOCK_MAX = 64 * 1024 * 1024
};

/* 96 bits are enough never to take two different ids for the same. */
struct fingerprint {
    uint64_t hash;
    uint64_t block; /* the row it is in; 0: an empty slot */
    uint32_t check;
    uint32_t offset_ms; /* into the minute */
};

/* --- Fingerprints. */

struct text fifo_scope(const struct queue *queue, struct text group)
{
    return queue->settings.deduplicate_per_group ? group : (struct text){0};
}

static void fingerprint_make(const struct queues *queues, struct text scope, struct text id,
                             struct fingerprint *ret_fingerprint)
{
    uint8_t key[SECRET_SIZE];
    uint64_t scope_hash = digest_siphash(queues->secret, scope);

    for (size_t i = 0; i < SECRET_SIZE; i++) {
        key[i] = queues->secret[i] ^ (uint8_t)(scope_hash >> (8 * (i % 8)));
    }
    ret_fingerprint->hash = digest_siphash(key, id);
    key[0] ^= 0x5c;
    ret_fingerprint->check = (uint32_t)digest_siphash(key, id);
}

/* --- One minute. */

static struct fingerprint *fingerprint_find(const struct generation *generation,
                                            const struct fingerprint *wanted)
{
    size_t at = wanted->hash & (generation->room - 1);

    while (generation->slots[at].block != 0) {
        struct fingerprint *slot = &generation->slots[at];

        if (slot->hash == wanted->hash && slot->check == wanted->check) {
            return slot;
        }
        at = (at + 1) & (generation->room - 1);
    }
    return &generation->slots[at];
}

static void generation_grow(struct generation *generation)
{
    struct generation old = *generation;

    generation->room = old.room == 0 ? SLOTS_FIRST : old.room * 2;
    generation->slots = memory_array(generation->room, sizeof *generation->slots);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].block != 0) {
            *fingerprint_find(generation, &old.slots[i]) = old.slots[i];
        }
    }
    memory_free(old.slots);
}

/* A row to be dropped with the minute. */
static void block_add(struct generation *generation, uint64_t block)
{
    if (generation->block_count > 0
        && generation->blocks[generation->block_count - 1] == block) {
        return;
    }
    if (generation->block_count == generation->block_room) {
        generation->block_room = generation->block_room == 0 ? 16 : generation->block_room * 2;
        generation->blocks = memory_resize(generation->blocks,
                                           generation->block_room * sizeof *generation->blocks);
    }
    generation->blocks[generation->block_count++] = block;
}

static void generation_add(struct generation *generation, const struct fingerprint *fingerprint)
{
    if (generation->count * 4 >= generation->room * 3) {
        generation_grow(generation);
    }
    *fingerprint_find(generation, fingerprint) = *fingerprint;
    generation->count++;
    block_add(generation, fingerprint->block);
}

static void generation_free(struct generation *generation)
{
    list_remove(&generation->node);
    memory_free(generation->slots);
    memory_free(generation->blocks);
    memory_free(generation);
}

/* The generation of that moment; they come in order, and a clock that went back goes on in the
 * last one. */
static struct generation *generation_at(struct fifo *fifo, int64_t at_ms)
{
    int64_t minute = at_ms / MINUTE_MS;
    struct list_node *last = fifo->generations.head.prev;

    if (!list_is_empty(&fifo->generations)) {
        struct generation *generation = container_of(last, struct generation, node);

        if (generation->minute >= minute) {
            return generation;
        }
    }
    struct generation *generation = memory_zero(sizeof *generation);

    generation->minute = minute;
    generation_grow(generation);
    list_push(&fifo->generations, &generation->node);
    return generation;
}

static int64_t generation_end(const struct generation *generation)
{
    if (mutant("queues.duplicates-dropped-early")) {
        return (generation->minute + 1) * MINUTE_MS;
    }
    return (generation->minute + 1) * MINUTE_MS + LIFE_MS;
}

/* --- Dropping. */

static void fifo_arm(struct step *step, struct fifo *fifo)
{
    struct list_node *first = list_first(&fifo->generations);

    if (first != NULL && !heap_contains(&fifo->timer.node)) {
        timer_set(step, &fifo->timer,
                  generation_end(container_of(first, struct generation, node)));
    }
}

static void on_fifo_timer(struct timer *timer, struct step *step)
{
    struct fifo *fifo = container_of(timer, struct fifo, timer);
    struct list_node *first = list_first(&fifo->generations);
    size_t rows = 0;

    if (first == NULL) {
        return;
    }
    struct generation *generation = container_of(first, struct generation, node);

    if (generation_end(generation) <= step->now_ms) {
        fifo_seal(step, fifo->state); /* or it would be written after its end */
        while (generation->block_count > 0 && rows++ < DROP_ROWS) {
            struct key key = key_u32_u64(TABLE_DEDUPLICATION, fifo->state->queue->number,
                                         generation->blocks[--generation->block_count]);

            record_delete(step, &key);
        }
        if (generation->block_count > 0) {
            timer_set(step, &fifo->timer, step->now_ms + DROP_PAUSE_MS);
            return;
        }
        generation_free(generation);
    }
    fifo_arm(step, fifo);
}

/* --- One queue's. */

struct fifo *fifo_create(struct queue_state *state)
{
    struct fifo *fifo = memory_zero(sizeof *fifo);

    fifo->state = state;
    fifo->timer.fire = on_fifo_timer;
    list_init(&fifo->generations);
    list_init(&fifo->attempt_ages);
    buffer_init(&fifo->block, BLOCK_MAX);
    return fifo;
}

void fifo_free(struct fifo *fifo)
{
    struct list_node *node = NULL;

    if (fifo == NULL) {
        return;
    }
    while ((node = list_first(&fifo->generations)) != NULL) {
        generation_free(container_of(node, struct generation, node));
    }
    receive_attempts_free(fifo);
    buffer_free(&fifo->block);
    memory_free(fifo);
}

void fifo_cancel(struct step *step, struct queue_state *state)
{
    timer_cancel(step, &state->fifo->timer);
}

void fifo_purge(struct step *step, struct queue_state *state)
{
    struct fifo *fifo = state->fifo;

    list_each (node, &fifo->generations) {
        struct generation *generation = container_of(node, struct generation, node);

        memory_free(generation->slots);
        generation->slots = NULL;
        generation->room = 0;
        generation->count = 0;
        generation->minute = FORGOTTEN_MINUTE;
        generation_grow(generation);
    }
    buffer_clear(&fifo->block);
    fifo->block_number = 0;
    if (!list_is_empty(&fifo->generations)) {
        timer_set(step, &fifo->timer, step->now_ms);
    }
}

static struct fingerprint *fifo_find(struct queue_state *state, int64_t now_ms,
                                     const struct fingerprint *wanted)
{
    list_each (node, &state->fifo->generations) {
        struct generation *generation = container_of(node, struct generation, node);
        struct fingerprint *slot = fingerprint_find(generation, wanted);
        int64_t accepted_ms = generation->minute * MINUTE_MS + slot->offset_ms;

        if (slot->block != 0
            && accepted_ms + LIFE_MS / (mutant("queues.duplicates-half-as-long") ? 2 : 1)
                   > now_ms) {
            return slot;
        }
    }
    return NULL;
}

/* Its slot, and what stands in it; NULL: it was not accepted lately.  What a queue took while
 * it told no groups apart counts for every group (AWS). */
static const struct fingerprint *fifo_seek(struct queue_state *state, int64_t now_ms,
                                           struct text scope, struct text deduplication_id,
                                           struct fingerprint *ret_wanted)
{
    fingerprint_make(state->queues, scope, deduplication_id, ret_wanted);
    const struct fingerprint *slot = fifo_find(state, now_ms, ret_wanted);

    if (slot == NULL && scope.len > 0) {
        fingerprint_make(state->queues, (struct text){0}, deduplication_id, ret_wanted);
        slot = fifo_find(state, now_ms, ret_wanted);
    }
    return slot;
}

bool fifo_knows(struct queue_state *state, int64_t now_ms, struct text scope,
                struct text deduplication_id)
{
    struct fingerprint wanted;

    return fifo_seek(state, now_ms, scope, deduplication_id, &wanted) != NULL;
}

/* --- What was accepted: fingerprint, message id, sequence, time. */

struct acceptance {
    struct fingerprint fingerprint;
    struct sent_before sent;
    int64_t sent_ms;
};

static void acceptance_add(struct buffer *block, const struct acceptance *acceptance)
{
    buffer_add_u64(block, acceptance->fingerprint.hash);
    buffer_add_u32(block, acceptance->fingerprint.check);
    buffer_add(block, text_make(acceptance->sent.id, sizeof acceptance->sent.id));
    buffer_add_u64(block, acceptance->sent.sequence);
    buffer_add_u64(block, (uint64_t)acceptance->sent_ms);
}

static bool acceptance_take(struct cursor *cursor, struct acceptance *ret_acceptance)
{
    if (cursor->at == cursor->end) {
        return false;
    }
    ret_acceptance->fingerprint.hash = cursor_u64(cursor);
    ret_acceptance->fingerprint.check = cursor_u32(cursor);
    struct text id = cursor_take(cursor, sizeof ret_acceptance->sent.id);

    if (id.len == sizeof ret_acceptance->sent.id) {
        memcpy(ret_acceptance->sent.id, id.at, id.len);
    }
    ret_acceptance->sent.sequence = cursor_u64(cursor);
    ret_acceptance->sent_ms = (int64_t)cursor_u64(cursor);
    return !cursor->broken;
}

/* The latest of that fingerprint. */
static bool block_search(struct text block, const struct fingerprint *wanted,
                         struct sent_before *ret_before)
{
    struct cursor cursor = cursor_over(block);
    struct acceptance acceptance;
    bool is_found = false;

    while (acceptance_take(&cursor, &acceptance)) {
        if (acceptance.fingerprint.hash == wanted->hash
            && acceptance.fingerprint.check == wanted->check) {
            *ret_before = acceptance.sent;
            is_found = true;
        }
    }
    return is_found;
}

enum status fifo_recall(struct step *step, struct queue_state *state, struct text scope,
                        struct text deduplication_id, struct sent_before *ret_before)
{
    struct fifo *fifo = state->fifo;
    struct fingerprint wanted;
    struct blob *row = NULL;

    const struct fingerprint *slot =
        fifo_seek(state, step->now_ms, scope, deduplication_id, &wanted);

    if (slot == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (slot->block == fifo->block_number) {
        return block_search(buffer_text(&fifo->block), &wanted, ret_before) ? STATUS_OK
                                                                            : STATUS_NOT_FOUND;
    }
    struct key key = key_u32_u64(TABLE_DEDUPLICATION, state->queue->number, slot->block);
    enum status status = record_get(step, &key, &row);

    if (status != STATUS_OK) {
        return status;
    }
    return block_search(blob_text(row), &wanted, ret_before) ? STATUS_OK : STATUS_NOT_FOUND;
}

static void fifo_learn(struct step *step, struct fifo *fifo,
                       const struct acceptance *acceptance, uint64_t block)
{
    struct generation *generation = generation_at(fifo, acceptance->sent_ms);
    struct fingerprint fingerprint = acceptance->fingerprint;
    int64_t offset_ms = acceptance->sent_ms - generation->minute * MINUTE_MS;

    fingerprint.block = block;
    fingerprint.offset_ms = offset_ms > 0 ? (uint32_t)offset_ms : 0;
    generation_add(generation, &fingerprint);
    fifo_arm(step, fifo);
}

void fifo_remember(struct step *step, struct queue_state *state, struct text scope,
                   struct text deduplication_id, const struct sent_before *sent)
{
    struct fifo *fifo = state->fifo;
    struct acceptance acceptance = {.sent = *sent, .sent_ms = step->now_ms};

    /* A row is dropped with its minute, so it must not reach into the next. */
    if (fifo->block.len > 0 && fifo->block_ms / MINUTE_MS != step->now_ms / MINUTE_MS) {
        fifo_seal(step, state);
    }
    if (fifo->block.len == 0) {
        fifo->block_number = sent->sequence;
        fifo->block_ms = step->now_ms;
    }
    fingerprint_make(state->queues, scope, deduplication_id, &acceptance.fingerprint);
    acceptance_add(&fifo->block, &acceptance);
    fifo_learn(step, fifo, &acceptance, fifo->block_number);
    counts_changed(step, state);
}

void fifo_seal(struct step *step, struct queue_state *state)
{
    struct fifo *fifo = state->fifo;

    if (fifo->block.len == 0) {
        return;
    }
    struct key key = key_u32_u64(TABLE_DEDUPLICATION, state->queue->number, fifo->block_number);

    record_put(step, &key, blob_copy(buffer_text(&fifo->block)));
    buffer_clear(&fifo->block);
    fifo->block_number = 0;
}

bool fifo_load(struct step *step, struct queues *queues, const struct key *key, struct text row)
{
    struct queue *queue = queue_find_number(queues, key_get_u32(key, 1));
    struct cursor cursor = cursor_over(row);
    struct acceptance acceptance = {.sent_ms = 0};

    if (queue == NULL || queue->state->fifo == NULL) {
        return true; /* about to be reclaimed */
    }
    uint64_t block = key_get_u64(key, 1 + sizeof(uint32_t));

    if (block <= queue->state->counts.purged_sequence && !mutant("queues.purge-comes-back")) {
        block_add(generation_at(queue->state->fifo, FORGOTTEN_MINUTE), block);
        fifo_arm(step, queue->state->fifo);
        return true;
    }
    while (acceptance_take(&cursor, &acceptance)) {
        fifo_learn(step, queue->state->fifo, &acceptance, block);
    }
    return cursor_done(&cursor);
}
