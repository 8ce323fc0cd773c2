/* What becomes of data keys: those that an older master wrapped are wrapped anew, and those
 * whose rows are all gone are dropped.  A key's rows are gone when the first row that is left
 * in its table has a number above all that it sealed. */
#include "base/must.h"
#include "base/mutants.h"
#include "step/seals.h"

#include <string.h>

#define EVERY_MS     600000
#define REWRAP_MS    20
#define REWRAP_MOST  256 /* at a time */
#define DROPPED_MOST 256 /* of one owner in one pass */

/* --- Another master. */

static void rewrap(struct step *step, struct data_key *key)
{
    struct seals *seals = step->seals;
    uint8_t bytes[SEALING_KEY_SIZE];
    uint8_t context_at[16];
    struct text context = data_key_context(key, context_at);

    list_remove(&key->stale);
    seals->counters.stale--;
    if (masters_unwrap(seals->masters, context, text_make(key->wrapped, sizeof key->wrapped),
                       bytes, NULL)
        == STATUS_OK) {
        masters_wrap(seals->masters, step->random, context, bytes, key->wrapped);
        data_key_put(step, key);
        seals->counters.rewrapped++;
    }
    key_wipe(bytes);
}

static void on_rewrap(struct timer *timer, struct step *step)
{
    struct seals *seals = step->seals;

    for (int i = 0; i < REWRAP_MOST; i++) {
        struct list_node *first = list_first(&seals->stale);

        if (first == NULL) {
            return;
        }
        rewrap(step, container_of(first, struct data_key, stale));
    }
    if (!list_is_empty(&seals->stale)) {
        timer_set(step, timer, step->now_ms + REWRAP_MS);
    }
}

/* --- What nothing needs. */

static void pass_on(struct step *step);

void seals_pass_arm(struct step *step)
{
    struct seals *seals = step->seals;

    if (!seals->is_passing && !heap_contains(&seals->pass_timer.node)) {
        timer_set(step, &seals->pass_timer, step->now_ms + EVERY_MS);
    }
}

/* Nothing is to come while all that is left are keys of what was set aside. */
static void pass_end(struct step *step)
{
    step->seals->is_passing = false;
    list_each (node, &step->seals->ordered) {
        if (container_of(node, struct seal_owner, node)->kind != CONTENT_ASIDE) {
            seals_pass_arm(step);
            return;
        }
    }
}

static void keys_drop(struct step *step, struct seal_owner *owner, uint64_t least)
{
    int dropped = 0;

    list_each (node, &owner->keys) {
        struct data_key *key = container_of(node, struct data_key, node);

        if ((!key->may_go && !mutant("step.data-key-dropped-early")) || key->last >= least
            || key == owner->current || dropped == DROPPED_MOST) {
            break;
        }
        struct key at = key_u32(TABLE_DATA_KEY, key->number);

        record_delete(step, &at);
        data_key_free(step->seals, key);
        step->seals->counters.dropped++;
        dropped++;
    }
    if (list_is_empty(&owner->keys)) {
        seal_owner_free(step->seals, owner);
    }
}

/* Whom the pass looks at now. */
static struct seal_owner *owner_in_turn(const struct seals *seals)
{
    struct list_node *first = list_first(&seals->ordered);

    must(first != NULL);
    return container_of(first, struct seal_owner, node);
}

/* Where the rows of its kind begin, and the number in such a key. */
static struct key owner_first(const struct seal_owner *owner)
{
    return owner->kind == CONTENT_TOPIC      ? key_table(TABLE_BODY)
           : owner->kind == CONTENT_ATTEMPTS ? key_table(TABLE_ATTEMPT)
                                             : key_u32(TABLE_READY, owner->number);
}

static size_t number_at(enum content_kind kind)
{
    return kind == CONTENT_QUEUE ? 5 : 1;
}

static void on_least(struct read *read, struct step *step);

static void least_read(struct step *step, struct key from, struct key to)
{
    struct read *read = read_create(on_least, NULL);

    read->from = from;
    read->to = to;
    read->row_max = 1;
    read->value_max = 1;
    step_read(step, read);
}

static void on_least(struct read *read, struct step *step)
{
    struct seals *seals = step->seals;
    struct seal_owner *owner = owner_in_turn(seals);

    if (read->row_count == 0 && !read->complete) {
        least_read(step, read_next_from(read), read->to); /* many were deleted there */
        read_free(read);
        return;
    }
    list_remove(&owner->node);
    list_push(&seals->ordered, &owner->node);
    keys_drop(step, owner,
              read->row_count == 0 ? UINT64_MAX
                                   : key_get_u64(&read->rows[0].key, number_at(owner->kind)));
    read_free(read);
    pass_on(step);
}

static bool has_candidate(const struct seal_owner *owner)
{
    struct list_node *first = list_first(&owner->keys);

    return first == NULL
           || (owner->kind != CONTENT_ASIDE
               && container_of(first, struct data_key, node)->may_go);
}

/* The next owner that has something to drop, one read at a time. */
static void pass_on(struct step *step)
{
    struct seals *seals = step->seals;

    while (seals->left > 0) {
        struct seal_owner *owner = owner_in_turn(seals);

        seals->left--;
        if (has_candidate(owner)) {
            struct key first = owner_first(owner);

            least_read(step, first, key_after_prefix(&first));
            return;
        }
        list_remove(&owner->node);
        list_push(&seals->ordered, &owner->node);
    }
    pass_end(step);
}

/* All that was sealed before is on disk: a read shows it. */
static void on_durable(struct hook *hook, struct step *step, enum status status)
{
    (void)hook;
    if (status == STATUS_OK) {
        pass_on(step);
    }
}

/* A key out of use before this moment has sealed its last row. */
static void on_pass(struct timer *timer, struct step *step)
{
    struct seals *seals = step->seals;

    (void)timer;
    seals->is_passing = true;
    seals->left = 0;
    list_each (node, &seals->ordered) {
        struct seal_owner *owner = container_of(node, struct seal_owner, node);

        seals->left++;
        if (owner->current != NULL
            && step->now_ms >= owner->current->made_ms + (int64_t)owner->reuse_s * 1000) {
            data_key_retire(step, owner);
        }
        list_each (key_node, &owner->keys) {
            struct data_key *key = container_of(key_node, struct data_key, node);

            key->may_go = key != owner->current;
        }
    }
    step_when_durable(step, &seals->hook);
}

void seals_start(struct step *step)
{
    struct seals *seals = step->seals;

    seals->hook.run = on_durable;
    seals->pass_timer.fire = on_pass;
    seals->rewrap_timer.fire = on_rewrap;
    /* What was current before this start is not used any more. */
    list_each (node, &seals->ordered) {
        struct seal_owner *owner = container_of(node, struct seal_owner, node);

        list_each (key_node, &owner->keys) {
            container_of(key_node, struct data_key, node)->last = seal_owner_last(step, owner);
        }
    }
    pass_end(step); /* the first comes, if there are keys */
    if (!list_is_empty(&seals->stale)) {
        timer_set(step, &seals->rewrap_timer, step->now_ms);
    }
}
