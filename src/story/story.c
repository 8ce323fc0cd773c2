/* A message's story, stage by stage: found, its attempts, who matches, then each subscription.
 */
#include "base/memory.h"
#include "story/internal.h"

#include <stdlib.h>
#include <string.h>

#define ATTEMPT_ROWS  64
#define ATTEMPT_BYTES (1024 * 1024)
#define YIELD_AFTER   8 /* subscriptions */

enum stage {
    STAGE_FIND,
    STAGE_ATTEMPTS,
    STAGE_MATCH,
    STAGE_PARTS,
    STAGE_OTHERS,
    STAGE_OVER
};

#define STORY_END_WORD(name, word) [STORY_##name] = (word),

static const char *const words[] = {STORY_ENDS(STORY_END_WORD)};

const char *story_end_word(enum story_end end)
{
    return words[end];
}

/* --- Yielding. */

static void on_timer(struct timer *timer, struct step *step)
{
    struct story *story = container_of(timer, struct story, timer);

    task_wake(step, &story->waiters, SIZE_MAX);
}

enum status story_yield(struct step *step, struct story *story)
{
    if (++story->since_yield < YIELD_AFTER) {
        return STATUS_OK;
    }
    story->since_yield = 0;
    story->timer.fire = on_timer;
    list_init(&story->waiters);
    timer_set(step, &story->timer, step->now_ms + 1);
    task_wait(step, &story->waiters);
    return STATUS_WAIT;
}

/* --- Found. */

static enum status find(struct step *step, struct story *story)
{
    struct blob *body = NULL;

    story->number = message_id_number(step, story->id);
    if (story->number == 0) {
        return STATUS_NOT_FOUND;
    }
    struct key key = key_u64(TABLE_BODY, story->number);
    enum status status = record_get(step, &key, &body);

    if (status == STATUS_OK) {
        status = body_references(step, story->number, &story->references);
    } else if (status == STATUS_NOT_FOUND) {
        return STATUS_OK; /* only its attempts may be left */
    }
    if (status != STATUS_OK) {
        return status;
    }
    story->body = blob_ref(body);
    if (!message_decode(blob_text(body), story->arena, &story->message)) {
        return STATUS_STORAGE;
    }
    story->has_body = true;
    /* Versions and variants are the text's. */
    bool is_it = memcmp(story->message.id, story->id, 6) == 0
                 && memcmp(story->message.id + 9, story->id + 9, 7) == 0;

    return is_it ? STATUS_OK : STATUS_NOT_FOUND;
}

/* --- Its attempts, the latest first. */

static void attempts_begin(struct step *step, struct story *story)
{
    struct key table = key_table(TABLE_ATTEMPT);

    (void)step;
    list_init(&story->attempts);
    story->range = (struct range){.from = table,
                                  .to = key_after_prefix(&table),
                                  .reverse = true,
                                  .row_max = ATTEMPT_ROWS,
                                  .bytes_max = ATTEMPT_BYTES,
                                  .value_max = UINT32_MAX};
}

static struct text own(struct story *story, struct text text)
{
    return arena_copy(story->arena, text);
}

static void attempt_take(struct story *story, const struct attempt_record *record,
                         struct list *to)
{
    struct story_attempt *attempt = arena_take(story->arena, sizeof *attempt);

    attempt->node = (struct list_node){0};
    attempt->record = *record;
    attempt->record.detail.peer = own(story, record->detail.peer);
    attempt->record.detail.answer = own(story, record->detail.answer);
    attempt->record.reason = own(story, record->reason);
    attempt->record.target = own(story, record->target);
    list_push(to, &attempt->node);
    story->attempt_count++;
}

/* False: all before it ended before the message came. */
static bool row_look(struct story *story, const struct row *row)
{
    struct attempt_record record;
    struct attempt_row attempts;
    struct list found;

    if (!attempt_row_open(blob_text(row->value), &attempts)) {
        return true;
    }
    if (story->has_body && attempts.written_ms < story->message.time_ms) {
        return false;
    }
    list_init(&found);
    while (attempt_row_next(&attempts, &record)) {
        if (record.message == story->number) {
            attempt_take(story, &record, &found);
        }
    }
    list_move_all(&found, &story->attempts); /* the older ones in front */
    list_move_all(&story->attempts, &found);
    return true;
}

static enum status attempts_read(struct step *step, struct story *story)
{
    const struct read *read = NULL;
    enum status status = STATUS_OK;

    while ((status = range_get(step, &story->range, &read)) == STATUS_OK) {
        bool goes_on = true;

        for (uint32_t i = 0; i < read->row_count && goes_on; i++) {
            goes_on = row_look(story, &read->rows[i]);
        }
        if (story->attempt_count >= STORY_ATTEMPTS_MAX) {
            story->is_cut_attempts = true;
            goes_on = false;
        }
        if (!goes_on || !range_on(&story->range)) {
            range_end(&story->range);
            return STATUS_OK;
        }
    }
    return status;
}

/* --- Who matches today. */

static struct topic *topic_of(struct step *step, struct text arn)
{
    struct topic_name name = {0};

    for (size_t i = 0; i < 3; i++) {
        (void)text_cut(&arn, ':');
    }
    name.region = text_cut(&arn, ':');
    name.account = text_cut(&arn, ':');
    name.name = arn;
    return topic_find(router_of(step), &name);
}

static int number_compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* Those with attempts and those that match, each once, ascending. */
static void candidates_gather(struct story *story)
{
    size_t room = story->attempt_count + story->matching_count + 1;
    uint32_t *all = arena_array(story->arena, room, sizeof *all);
    size_t count = 0;
    size_t kept = 0;

    list_each (node, &story->attempts) {
        all[count++] = container_of(node, struct story_attempt, node)->record.subscription;
    }
    for (size_t i = 0; i < story->matching_count && i < STORY_MATCHED_MAX; i++) {
        all[count++] = story->matching[i];
    }
    story->is_cut_matched = story->matching_count > STORY_MATCHED_MAX;
    qsort(all, count, sizeof *all, number_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || all[kept - 1] != all[i]) {
            all[kept++] = all[i];
        }
    }
    story->candidates = all;
    story->candidate_count = kept;
}

static enum status only_find(struct step *step, struct story *story)
{
    struct subscription subscription;
    enum status status = subscription_find(step, story->only, story->arena, &subscription);

    story->candidate_count = 0;
    if (status == STATUS_OK) {
        story->candidates = arena_array(story->arena, 1, sizeof *story->candidates);
        story->candidates[story->candidate_count++] = subscription.number;
        story->topic_number = subscription.topic;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status match(struct step *step, struct story *story)
{
    const uint32_t *numbers = NULL;
    size_t count = 0;
    struct topic *topic = story->has_body ? topic_of(step, story->message.topic_arn) : NULL;

    story->records_successes = history_options(history_of(step))->attempts_all;
    if (topic != NULL) {
        story->topic_number = topic->number;
        story->confirmed = topic->confirmed;
        story->is_topic_ready =
            story->message.kind == MESSAGE_NOTIFICATION
            && topic_match(step, topic, &story->message, &numbers, &count) == STATUS_OK;
    } else if (!list_is_empty(&story->attempts)) {
        story->topic_number =
            container_of(list_first(&story->attempts), struct story_attempt, node)
                ->record.topic;
    }
    story->matched = count;
    story->matching_count = count;
    story->matching = arena_array(story->arena, count + 1, sizeof *story->matching);
    if (count > 0) {
        memcpy(story->matching, numbers, count * sizeof *numbers);
    }
    if (story->has_only) {
        return only_find(step, story);
    }
    candidates_gather(story);
    return STATUS_OK;
}

/* --- All of it. */

static enum status stage_run(struct step *step, struct story *story)
{
    switch ((enum stage)story->stage) {
    case STAGE_FIND: return find(step, story);
    case STAGE_ATTEMPTS: return attempts_read(step, story);
    case STAGE_MATCH: return match(step, story);
    case STAGE_PARTS: return parts_tell(step, story);
    case STAGE_OTHERS: return others_tell(step, story);
    case STAGE_OVER: break;
    }
    return STATUS_OK;
}

enum status story_read(struct step *step, struct story *story)
{
    enum status status = STATUS_OK;

    if (story->stage == STAGE_FIND && story->parts.head.next == NULL) {
        list_init(&story->parts);
        attempts_begin(step, story);
    }
    while (status == STATUS_OK && story->stage != STAGE_OVER) {
        status = stage_run(step, story);
        story->stage += status == STATUS_OK;
    }
    story->topic = story->topic_number == 0
                       ? NULL
                       : topic_find_number(router_of(step), story->topic_number);
    return status;
}

void story_end(struct story *story, struct step *step)
{
    range_end(&story->range);
    delivery_find_end(&story->search);
    subscription_page_end(&story->page);
    timer_cancel(step, &story->timer);
    blob_unref(story->body);
    story->body = NULL;
}
