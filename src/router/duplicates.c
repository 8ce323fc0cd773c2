/* Deduplication of FIFO topics: what a topic accepted in the last five minutes, a row each, and
 * answers as it did then.
 * Row: topic, the first 16 bytes of SHA-256 over scope and id -> i64 accepted, message id, text
 * of the sequence number. */
#include "base/digest.h"
#include "base/mutants.h"
#include "router/internal.h"

#include <string.h>

#define LIFE_MS        (5LL * 60 * 1000) /* AWS */
#define SWEEP_EVERY_MS LIFE_MS

/* The scope is the topic, or with FifoThroughputScope=MessageGroup the group. */
static struct key duplicate_key(const struct topic *topic, const struct message *message)
{
    bool is_of_group =
        text_equal(topic_attribute(topic, T("FifoThroughputScope")), T("MessageGroup"));
    struct key key = key_u32(TABLE_TOPIC_DUPLICATE, topic->number);
    uint8_t digest[SHA256_SIZE];
    struct buffer buffer;

    buffer_init(&buffer, 1024);
    buffer_add_counted(&buffer, is_of_group ? message->group_id : (struct text){0});
    buffer_add(&buffer, message->deduplication_id);
    digest_sha256(buffer_text(&buffer), digest);
    buffer_free(&buffer);
    memcpy(key.at + key.len, digest, 16);
    key.len = (uint8_t)(key.len + 16);
    return key;
}

static bool row_read(struct text row, int64_t now_ms, struct publish *publish)
{
    struct cursor cursor = cursor_over(row);
    int64_t accepted_ms = (int64_t)cursor_u64(&cursor);
    struct text id = cursor_take(&cursor, sizeof publish->message.id);
    struct text sequence = cursor_counted(&cursor);

    if (!cursor_done(&cursor) || sequence.len >= sizeof publish->sequence
        || accepted_ms + LIFE_MS / (mutant("router.duplicates-half-as-long") ? 2 : 1)
               <= now_ms) {
        return false;
    }
    memcpy(publish->message.id, id.at, id.len);
    memcpy(publish->sequence, sequence.at, sequence.len);
    publish->message.sequence_number = text_make(publish->sequence, sequence.len);
    return true;
}

enum status duplicate_find(struct step *step, const struct topic *topic,
                           struct publish *publish)
{
    struct blob *row = NULL;

    if (!topic->is_fifo || publish->message.deduplication_id.len == 0) {
        return STATUS_NOT_FOUND;
    }
    struct key key = duplicate_key(topic, &publish->message);
    enum status status = record_get(step, &key, &row);

    if (status != STATUS_OK) {
        return status;
    }
    return row_read(blob_text(row), step->now_ms, publish) ? STATUS_OK : STATUS_NOT_FOUND;
}

/* --- Old ones go: a look at all of them while there may be any. */

static void sweep_arm(struct step *step, struct router *router)
{
    if (!heap_contains(&router->duplicates.node)) {
        timer_set(step, &router->duplicates, step->now_ms + SWEEP_EVERY_MS);
    }
}

static void row_meet(struct table_walk *walk, struct step *step, const struct key *key,
                     struct blob *value)
{
    struct cursor cursor = cursor_over(blob_text(value));
    int64_t accepted_ms = (int64_t)cursor_u64(&cursor);
    int64_t life_ms = mutant("router.duplicates-swept-early") ? LIFE_MS / 2 : LIFE_MS;

    (void)walk;
    if (cursor.broken) {
        record_set_aside(step, key, value, "what a FIFO topic accepted");
    } else if (accepted_ms + life_ms <= step->now_ms) {
        record_delete(step, key);
    } else {
        sweep_arm(step, router_of(step));
    }
}

static void on_sweep(struct timer *timer, struct step *step)
{
    const struct table_walk walk = {.from = key_table(TABLE_TOPIC_DUPLICATE),
                                    .visit = row_meet};

    (void)timer;
    table_walk(step, &walk);
}

void duplicates_start(struct step *step, struct router *router)
{
    router->duplicates.fire = on_sweep;
    sweep_arm(step, router);
}

void duplicate_remember(struct step *step, const struct topic *topic,
                        const struct message *message)
{
    struct buffer buffer;

    if (!topic->is_fifo || message->deduplication_id.len == 0) {
        return;
    }
    struct key key = duplicate_key(topic, message);

    buffer_init(&buffer, 128);
    buffer_add_u64(&buffer, (uint64_t)step->now_ms);
    buffer_add(&buffer, text_make(message->id, sizeof message->id));
    buffer_add_counted(&buffer, message->sequence_number);
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_free(&buffer);
    sweep_arm(step, router_of(step));
}
