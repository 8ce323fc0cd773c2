/* Whether a queue may have given what it gave. */
#include "queue_model.h"

static bool may_be_dead(const struct scene *scene, const struct fact *fact)
{
    return scene->max_receives > 0 && fact->receives >= scene->max_receives;
}

static bool may_be_too_old(const struct scene *scene, const struct fact *fact, int64_t now_ms)
{
    return scene->gets_old && fact->sent_ms + RETENTION_MS <= now_ms;
}

/* The attempt has it already and asks again. */
static bool is_repeat(const struct operation *operation, const struct fact *fact,
                      int64_t now_ms)
{
    return operation->attempt != 0 && fact->attempt == operation->attempt
           && fact->lent_until_ms > now_ms;
}

size_t lent_message(const struct queue_lent *lent)
{
    int64_t number = 0;

    struct text body = lent->reference.message != 0 ? blob_text(lent->body) : lent->text;

    if (!text_to_int64(body, &number) || number < 0 || number >= MESSAGES) {
        return MESSAGES;
    }
    return (size_t)number;
}

static bool is_in_answer(const struct operation *operation, size_t message)
{
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        if (lent_message(&operation->lent[i]) == message) {
            return true;
        }
    }
    return false;
}

/* Of the same group and before it: must be over, or stand before it in the same answer. */
static void order_check(const struct operation *operation, size_t message, size_t place,
                        int64_t now_ms)
{
    struct scene *scene = operation->scene;
    const struct fact *fact = &scene->facts[message];
    bool may_be_moved = operation->place == PLACE_DEAD && scene->has_moved;
    uint64_t sequence =
        operation->place == PLACE_LIVE ? operation->lent[place].sequence : fact->sequence;

    for (size_t i = 0; i < MESSAGES; i++) {
        const struct fact *other = &scene->facts[i];
        bool is_gone = other->is_delete_tried || other->is_purged
                       || may_be_too_old(scene, other, now_ms)
                       || (operation->place == PLACE_LIVE && may_be_dead(scene, other))
                       || other->place != operation->place;

        if (i == message || other->group != fact->group || is_gone
            || is_in_answer(operation, i)) {
            continue;
        }
        if (!may_be_moved && (other->is_accepted || other->is_seen)
            && other->sequence < sequence) {
            complain(scene, "was lent before an older one of its group", message);
        }
        /* What came back comes again while a later one of its group is still out. */
        if (other->lent_until_ms > now_ms && other->sequence < fact->sequence) {
            complain(scene, "was lent while an older one of its group has a holder", message);
        }
    }
}

/* Within one answer a group's messages stand in order. */
static void answer_order_check(const struct operation *operation, size_t place)
{
    const struct scene *scene = operation->scene;
    const struct queue_lent *lent = &operation->lent[place];
    size_t message = lent_message(lent);

    for (size_t before = 0; before < place; before++) {
        size_t earlier = lent_message(&operation->lent[before]);

        if (earlier < MESSAGES && scene->facts[earlier].group == scene->facts[message].group
            && operation->lent[before].sequence >= lent->sequence) {
            complain(operation->scene, "stands behind a younger one of its group", message);
        }
    }
}

static void age_check(const struct operation *operation, size_t message,
                      const struct queue_lent *lent, int64_t now_ms)
{
    struct scene *scene = operation->scene;
    const struct fact *fact = &scene->facts[message];

    if (now_ms < fact->sent_ms + fact->delay_ms) {
        complain(scene, "came before its delay was over", message);
    }
    if (scene->gets_old && lent->sent_ms + RETENTION_MS <= now_ms) {
        complain(scene, "is too old", message);
    }
    if (!scene->is_fifo && !scene->has_moved && scene->incarnation == 0
        && lent->sent_ms > fact->tried_ms) {
        complain(scene, "was made younger", message);
    }
}

static void lent_check(const struct operation *operation, size_t place, int64_t now_ms)
{
    struct scene *scene = operation->scene;
    const struct queue_lent *lent = &operation->lent[place];
    size_t message = lent_message(lent);
    const struct fact *fact = &scene->facts[message];

    if (fact->gone_sequence == lent->sequence) {
        complain(scene, "came back though its latest receipt has deleted it", message);
    }
    if (fact->is_delete_acked || fact->is_deleted_now) {
        complain(scene, "came back after its deletion", message);
    }
    if (fact->sent_ms == 0) {
        complain(scene, "was never sent", message);
    }
    if (fact->lent_until_ms > now_ms && fact->place == operation->place) {
        complain(scene, "was lent twice at a time", message);
    }
    if (operation->place == PLACE_LIVE && fact->place == PLACE_DEAD && !scene->has_moved) {
        complain(scene, "came back from the dead", message);
    }
    if (operation->place == PLACE_DEAD && !may_be_dead(scene, fact)) {
        complain(scene, "died too early", message);
    }
    if (operation->place == PLACE_LIVE && scene->max_receives > 0
        && lent->receive_count > scene->max_receives) {
        complain(scene, "should be dead", message);
    }
    age_check(operation, message, lent, now_ms);
    if (scene->is_fifo) {
        order_check(operation, message, place, now_ms);
        answer_order_check(operation, place);
    }
}

/* An attempt that is repeated gets all of what it still has. */
static void repeat_check(const struct operation *operation, int64_t now_ms)
{
    struct scene *scene = operation->scene;
    const struct given *given = &scene->given[operation->attempt];

    if (operation->attempt == 0 || given->at_ms + ATTEMPT_LIFE_MS <= now_ms
        || operation->receive.max < given->count) {
        return;
    }
    for (size_t i = 0; i < given->count; i++) {
        const struct fact *fact = &scene->facts[given->messages[i]];

        if (is_repeat(operation, fact, now_ms) && fact->place == operation->place
            && !fact->is_deleted_now && !fact->is_purged && !may_be_too_old(scene, fact, now_ms)
            && !is_in_answer(operation, given->messages[i])) {
            complain(scene, "was not given again to its attempt", given->messages[i]);
        }
    }
}

void received_check(const struct operation *operation, int64_t now_ms)
{
    repeat_check(operation, now_ms);
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        size_t message = lent_message(&operation->lent[i]);

        if (message == MESSAGES) {
            complain(operation->scene, "has a body that nobody sent", 0);
        } else if (is_repeat(operation, &operation->scene->facts[message], now_ms)) {
            operation->scene->repeats++;
        } else {
            lent_check(operation, i, now_ms);
        }
    }
}

static void message_note(const struct operation *operation, const struct queue_lent *lent,
                         int64_t now_ms)
{
    struct scene *scene = operation->scene;
    struct fact *fact = &scene->facts[lent_message(lent)];

    if (operation->place == PLACE_LIVE) {
        fact->sequence = lent->sequence;
        fact->receives = lent->receive_count;
    }
    fact->is_seen = true;
    fact->place = operation->place;
    fact->attempt = operation->attempt;
    fact->order_in_batch = scene->batches;
    fact->lent_until_ms = operation->visible_ms == 0 ? 0 : now_ms + operation->visible_ms;
    world_note(scene->world, "lent %zu at %d", lent_message(lent), (int)operation->place);
}

void received_note(const struct operation *operation, int64_t now_ms)
{
    struct given *given = &operation->scene->given[operation->attempt];

    operation->scene->batches++;
    if (operation->receive.lent_count > 0) {
        given->count = 0;
        given->at_ms = now_ms;
    }
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        size_t message = lent_message(&operation->lent[i]);

        if (message < MESSAGES) {
            message_note(operation, &operation->lent[i], now_ms);
            given->messages[given->count++] = message;
        }
    }
}
