/* Endpoints, each in its mood. */
#include "fanout_sim.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct answer_event {
    struct event event;
    uint64_t id;
    uint32_t place;
    uint32_t publish;
    bool is_again; /* the second answer to the same */
    enum attempt_verdict verdict;
    int64_t retry_after_ms;
};

static void on_answer(struct world *world, struct event *event)
{
    struct answer_event *this = container_of(event, struct answer_event, event);
    const struct attempt_detail detail = {
        .status_code = 500, .peer = T("[::1]:80"), .answer = T("as it pleased")};
    struct attempt_outcome outcome = {
        .verdict = this->verdict,
        .reason = T("as it pleased"),
        .retry_after_ms = this->retry_after_ms,
        .detail = &detail,
    };
    struct scene *scene = scene_of(world);

    world_note(world, "answer %d", (int)this->verdict);
    if (!this->is_again && this->place < ENDPOINTS) {
        scene->limits[this->place].under_way--;
        scene->ledger[this->publish].not_before_ms[this->place] =
            world->now_ms + this->retry_after_ms;
        scene->ledger[this->publish].peace[this->place] =
            promise_for(world, this->retry_after_ms);
    }
    cell_outcome(world->cell, world->now_ms, this->id, &outcome);
}

static void answer_later(struct world *world, const struct answer_event *answer,
                         int64_t delay_ms)
{
    struct answer_event *event = memory_zero(sizeof *event);

    *event = *answer;
    event->event.happen = on_answer;
    world_later(world, delay_ms, &event->event);
}

uint32_t message_number(struct text body)
{
    char text[16];
    size_t len = body.len < sizeof text - 1 ? body.len : sizeof text - 1;

    memcpy(text, body.at, len);
    text[len] = '\0';
    return (uint32_t)strtoul(text, NULL, 10);
}

static enum attempt_verdict endpoint_verdict(struct scene *scene, enum mood mood)
{
    switch (mood) {
    case MOOD_GOOD:
    case MOOD_TWICE: return ATTEMPT_DELIVERED;
    case MOOD_FLAKY:
        return scene->is_draining || world_chance(scene->world, 2) == 0 ? ATTEMPT_DELIVERED
                                                                        : ATTEMPT_RETRY;
    case MOOD_HANGING: return scene->is_draining ? ATTEMPT_DELIVERED : ATTEMPT_RETRY;
    case MOOD_REFUSING: return ATTEMPT_REFUSED;
    case MOOD_GONE:
        return scene->is_draining || world_chance(scene->world, 8) == 0 ? ATTEMPT_GONE
                                                                        : ATTEMPT_DELIVERED;
    case MOOD_HEALING:
        return scene->world->now_ms >= scene->healed_ms ? ATTEMPT_DELIVERED : ATTEMPT_RETRY;
    case MOOD_DOWN: break;
    }
    return ATTEMPT_RETRY;
}

/* Nobody comes before the time that the endpoint has asked for.  After a crash the same may be
 * under way twice, and what a replay sends knows nothing of the first. */
static void patience_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    const struct ledger *entry = &scene->ledger[publish];
    bool is_only_one = scene->replays == 0 && entry->boot == scene->world->boots;

    if (is_only_one && scene->world->now_ms < entry->not_before_ms[place]) {
        complain(scene, "came before its Retry-After", publish, place);
    }
    if (is_only_one && promise_holds(scene->world, &entry->peace[place])) {
        complain(scene, "came before its Retry-After had really passed", publish, place);
    }
}

static int64_t retry_after(struct scene *scene, enum attempt_verdict verdict)
{
    if (verdict != ATTEMPT_RETRY || scene->is_draining || world_chance(scene->world, 4) > 0) {
        return 0;
    }
    return 1000 + (int64_t)world_chance(scene->world, 60000);
}

static void attempt_note(struct scene *scene, uint64_t id, uint32_t publish, uint32_t place)
{
    struct world *world = scene->world;
    enum attempt_verdict verdict = endpoint_verdict(scene, scene->moods[place]);
    int64_t delay_ms = scene->moods[place] == MOOD_HANGING ? 15000 : 20;
    struct answer_event answer = {.id = id,
                                  .publish = publish,
                                  .place = place,
                                  .verdict = verdict,
                                  .retry_after_ms = retry_after(scene, verdict)};

    world_note(world, "attempt %u at %u: %d", publish, place, (int)verdict);
    scene->ledger[publish].delivered[place] += verdict == ATTEMPT_DELIVERED;
    delay_ms += (int64_t)world_chance(world, 200);
    scene->ledger[publish].attempts[place]++;
    limits_check(scene, publish, place);
    patience_check(scene, publish, place);
    answer_later(world, &answer, delay_ms);
    if (scene->moods[place] == MOOD_TWICE) {
        answer.is_again = true;
        answer.verdict = ATTEMPT_RETRY;
        answer_later(world, &answer, delay_ms + 5);
    }
}

/* What is not on disk may never have been, and nobody is to hear of it. */
static void durable_check(struct scene *scene, uint64_t message)
{
    struct key key = key_u64(TABLE_BODY, message);
    struct blob *body = row_at(scene->world, &key);

    if (body == NULL) {
        complain(scene, "left before its message was durable", 0, 0);
    }
    blob_unref(body);
}

void on_attempt(struct world *world, struct attempt_start *take_start)
{
    struct scene *scene = scene_of(world);
    struct arena arena = {0};
    struct message message;
    struct subscription subscription;

    durable_check(scene, take_start->message);
    if (!message_decode(blob_text(take_start->message_record), &arena, &message)
        || !subscription_decode(blob_text(take_start->subscription_record), &arena,
                                &subscription)) {
        complain(scene, "an attempt with records that do not decode", 0, 0);
    } else if (subscription.protocol == PROTOCOL_SQS) {
        complain(scene, "left for a queue that is here", message_number(message.body), 0);
    } else {
        uint32_t place = message_number(text_after(subscription.endpoint, 7));

        if (place < ENDPOINTS) {
            attempt_note(scene, take_start->id, message_number(message.body), place);
        } else {
            struct answer_event answer = {
                .id = take_start->id, .place = place, .verdict = ATTEMPT_DELIVERED};

            token_hear(scene, place - PENDING_FIRST, &message);
            answer_later(world, &answer, 20);
        }
    }
    blob_unref(take_start->subscription_record);
    blob_unref(take_start->message_record);
    arena_free(&arena);
}

void endpoints_forget(struct scene *scene)
{
    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        scene->limits[i].under_way = 0;
        scene->limits[i].in_period = 0;
        scene->limits[i].period = -1;
    }
    for (uint32_t i = 0; i < PUBLISHES; i++) {
        memset(scene->ledger[i].not_before_ms, 0, sizeof scene->ledger[i].not_before_ms);
    }
}
