/* What of a queue is in memory: its messages by sequence, its groups by number. */
#include "queues/queued.h"

#include "base/digest.h"
#include "base/memory.h"
#include "base/must.h"
#include "queues/leases.h"
#include "queues/state.h"
#include "queues/window.h"

enum {
    BUCKETS_FIRST = 16
};

/* --- Groups. */

uint64_t group_number(struct text group_id)
{
    uint64_t number = group_id.len == 0 ? 0 : digest_fast(group_id);

    /* 0 is what has no group. */
    return number == 0 && group_id.len > 0 ? 1 : number;
}

static struct group **group_bucket(const struct group_table *table, uint64_t number)
{
    return &table->buckets[number & (table->bucket_count - 1)];
}

static void groups_grow(struct group_table *table)
{
    struct group_table old = *table;

    table->bucket_count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    table->buckets = memory_array(table->bucket_count, sizeof(struct group *));
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct group *group = old.buckets[i];

        while (group != NULL) {
            struct group *next = group->next;
            struct group **bucket = group_bucket(table, group->number);

            group->next = *bucket;
            *bucket = group;
            group = next;
        }
    }
    memory_free(old.buckets);
}

static struct group *group_find(struct queue_state *state, uint64_t number)
{
    const struct group_table *table = &state->groups;

    if (number == 0) {
        return &state->ungrouped;
    }
    struct group *group = table->count == 0 ? NULL : *group_bucket(table, number);

    while (group != NULL && group->number != number) {
        group = group->next;
    }
    return group;
}

static struct group *group_join(struct queue_state *state, uint64_t number)
{
    struct group_table *table = &state->groups;
    struct group *group = group_find(state, number);

    if (group == NULL) {
        if (table->count >= table->bucket_count) {
            groups_grow(table);
        }
        struct group **bucket = group_bucket(table, number);

        group = memory_zero(sizeof *group);
        group->number = number;
        group->next = *bucket;
        *bucket = group;
        table->count++;
    }
    group->members++;
    return group;
}

static void group_leave(struct queue_state *state, struct group *group)
{
    group->members--;
    if (group->members > 0 || group == &state->ungrouped) {
        return;
    }
    struct group **place = group_bucket(&state->groups, group->number);

    must(group->ready.count == 0 && group->lent == 0 && !heap_contains(&group->node));
    while (*place != group) {
        place = &(*place)->next;
    }
    *place = group->next;
    state->groups.count--;
    heap_free(&group->ready);
    memory_free(group);
}

/* --- Messages. */

struct queued *queued_new(struct queue_state *state, uint64_t sequence, uint64_t group,
                          uint8_t flags, int64_t sent_ms)
{
    must(state != NULL);
    struct queued *message = memory_zero(sizeof *message);

    message->sequence = sequence;
    message->group = group_join(state, group);
    message->flags = flags;
    message->sent_ms = sent_ms;
    return message;
}

/* Sequences are nearly consecutive: their low bits are as good as any hash. */
static struct queued **message_bucket(const struct queued_table *table, uint64_t sequence)
{
    return &table->buckets[sequence & (table->bucket_count - 1)];
}

static void messages_grow(struct queued_table *table)
{
    struct queued_table old = *table;

    table->bucket_count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    table->buckets = memory_array(table->bucket_count, sizeof(struct queued *));
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct queued *message = old.buckets[i];

        while (message != NULL) {
            struct queued *next = message->next;
            struct queued **bucket = message_bucket(table, message->sequence);

            message->next = *bucket;
            *bucket = message;
            message = next;
        }
    }
    memory_free(old.buckets);
}

void queued_list(struct queue_state *state, struct queued *message)
{
    struct queued_table *table = &state->messages;

    if (message->is_listed) {
        return;
    }
    if (table->count >= table->bucket_count) {
        messages_grow(table);
    }
    struct queued **bucket = message_bucket(table, message->sequence);

    message->next = *bucket;
    *bucket = message;
    message->is_listed = true;
    table->count++;
}

static void message_unlist(struct queue_state *state, struct queued *message)
{
    struct queued **place = message_bucket(&state->messages, message->sequence);

    while (*place != message) {
        place = &(*place)->next;
    }
    *place = message->next;
    message->is_listed = false;
    state->messages.count--;
}

struct queued *queued_find(const struct queue_state *state, uint64_t sequence)
{
    const struct queued_table *table = &state->messages;
    struct queued *message = table->count == 0 ? NULL : *message_bucket(table, sequence);

    while (message != NULL && message->sequence != sequence) {
        message = message->next;
    }
    return message;
}

void queued_free(struct queue_state *state, struct queued *message)
{
    if (message == NULL) {
        return;
    }
    switch ((enum place)message->place) {
    case PLACE_READY: window_remove(state, message); break;
    case PLACE_LENT: lease_remove(state, message); break;
    case PLACE_DELAYED: heap_remove(&state->delayed, &message->node); break;
    case PLACE_NONE: break;
    }
    if (message->is_listed) {
        message_unlist(state, message);
    }
    group_leave(state, message->group);
    memory_free(message);
}

void queued_free_all(struct queue_state *state)
{
    struct queued_table *table = &state->messages;

    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            queued_free(state, table->buckets[i]);
        }
    }
    memory_free(table->buckets);
    *table = (struct queued_table){0};
}
