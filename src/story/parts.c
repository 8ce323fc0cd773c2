/* One subscription's part in a story: whether it matches, and where its delivery ended. */
#include "story/internal.h"

#define PAGE_ROWS 32

static bool matches_today(const struct story *story, uint32_t number)
{
    size_t low = 0;
    size_t high = story->matching_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (story->matching[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < story->matching_count && story->matching[low] == number;
}

static struct story_part *part_begin(struct story *story, uint32_t number)
{
    struct story_part *part = arena_take(story->arena, sizeof *part);

    *part = (struct story_part){.number = number, .end = STORY_UNKNOWN};
    list_init(&part->attempts);
    list_each (node, &story->attempts) {
        struct story_attempt *attempt = container_of(node, struct story_attempt, node);

        if (attempt->record.subscription == number) {
            list_remove(node);
            list_push(&part->attempts, node);
        }
    }
    return part;
}

static const struct attempt_record *last_attempt(const struct story_part *part)
{
    struct list_node *node = part->attempts.head.prev;

    return list_is_empty(&part->attempts)
               ? NULL
               : &container_of(node, struct story_attempt, node)->record;
}

static bool is_later(const struct story *story, const struct story_part *part)
{
    return story->has_body && part->subscription.created_ms > story->message.time_ms;
}

/* It has no record of an end, and nothing of it is on its way. */
static void end_without_record(const struct story *story, struct story_part *part)
{
    bool is_queue = part->subscription.protocol == PROTOCOL_SQS;

    part->end = STORY_DELIVERED;
    if (is_queue) {
        part->note = "it was put into the queue";
    } else if (story->records_successes) {
        part->end = STORY_UNKNOWN;
        part->note = "nothing is owed to it any more; what was recorded of it is too old and "
                     "gone, or it did not match when the message was published";
    } else {
        part->note =
            "at the first attempt: such successes are not recorded (attempts: failures)";
    }
}

static void end_by_record(struct story_part *part, const struct attempt_record *last)
{
    switch (last->fate) {
    case FATE_DELIVERED: part->end = STORY_DELIVERED; break;
    case FATE_DEAD_LETTERED: part->end = STORY_DEAD_LETTERED; break;
    case FATE_LOST: part->end = STORY_LOST; break;
    case FATE_RETRY:
    case FATE_PARKED:
        part->end = STORY_UNKNOWN;
        part->note = "another attempt was planned, and nothing is owed to it any more";
        break;
    }
}

static void end_by_place(struct story_part *part, const struct delivery_search *search)
{
    static const enum story_end ends[] = {
        [DELIVERY_OWED] = STORY_OWED,
        [DELIVERY_WAITING] = STORY_WAITING,
        [DELIVERY_UNDER_WAY] = STORY_UNDER_WAY,
    };

    part->end = ends[search->place];
    part->next_ms = search->place == DELIVERY_WAITING ? search->due_ms : 0;
    if (search->is_parked) {
        part->note = "its endpoint keeps failing: the breaker is open, and this waits until a "
                     "probe succeeds";
    }
}

/* After the search, if there was one. */
static void part_conclude(const struct story *story, struct story_part *part)
{
    const struct attempt_record *last = last_attempt(part);
    const struct delivery_search *search = &story->search;

    if (search->message != 0 && search->place != DELIVERY_NOWHERE) {
        end_by_place(part, search);
    } else if (last != NULL) {
        end_by_record(part, last);
    } else if (!part->is_known) {
        part->note = "the subscription is deleted";
    } else if (!part->subscription.is_confirmed) {
        part->end = STORY_UNCONFIRMED;
    } else if (is_later(story, part)) {
        part->end = STORY_LATER;
    } else if (part->is_explained && !part->explanation.matches) {
        part->end = STORY_FILTERED_OUT;
    } else if (search->is_cut) {
        part->note = "too much waits for it to be looked through";
    } else {
        end_without_record(story, part);
    }
}

static void part_explain(struct step *step, struct story *story, struct story_part *part)
{
    if (!part->is_known || !story->has_body || !part->subscription.is_confirmed
        || story->message.kind != MESSAGE_NOTIFICATION) {
        return;
    }
    subscription_explain(step, &part->subscription, &story->message, story->arena,
                         &part->explanation);
    part->is_explained = true;
}

/* Only what is still needed by somebody can be on its way. */
static void search_begin(struct story *story, const struct story_part *part)
{
    const struct attempt_record *last = last_attempt(part);
    bool is_over = last != NULL && last->fate != FATE_RETRY && last->fate != FATE_PARKED;
    bool is_needed = story->has_body && story->references > 0;

    story->search = (struct delivery_search){
        .message = is_needed && !is_over ? story->number : 0,
        .lane = {.topic = story->topic_number, .subscription = part->number},
        .hint_ms = last != NULL && last->fate == FATE_RETRY ? last->next_ms : 0,
    };
}

static enum status candidate_tell(struct step *step, struct story *story, uint32_t number)
{
    enum status status = STATUS_OK;

    if (story->part == NULL) {
        struct subscription subscription = {0};

        status = subscription_find_number(step, story->topic_number, number, story->arena,
                                          &subscription);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        story->part = part_begin(story, number);
        story->part->is_known = status == STATUS_OK;
        story->part->subscription = subscription;
        part_explain(step, story, story->part);
        search_begin(story, story->part);
    }
    if (story->search.message != 0) {
        status = delivery_find(step, &story->search);
        if (status != STATUS_OK) {
            return status;
        }
    }
    part_conclude(story, story->part);
    list_push(&story->parts, &story->part->node);
    story->part = NULL;
    return STATUS_OK;
}

enum status parts_tell(struct step *step, struct story *story)
{
    while (story->candidate_at < story->candidate_count) {
        enum status status =
            candidate_tell(step, story, story->candidates[story->candidate_at]);

        if (status != STATUS_OK) {
            return status;
        }
        story->candidate_at++;
        status = story_yield(step, story);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* --- The others. */

static bool is_told(const struct story *story, uint32_t number)
{
    for (size_t i = 0; i < story->candidate_count; i++) {
        if (story->candidates[i] == number) {
            return true;
        }
    }
    return matches_today(story, number);
}

static void page_tell(struct step *step, struct story *story)
{
    for (size_t i = 0; i < story->page.count; i++) {
        const struct subscription *subscription = &story->page.rows[i];

        if (is_told(story, subscription->number)) {
            continue;
        }
        if (story->others >= STORY_OTHERS_MAX) {
            story->is_cut_others = true;
            return;
        }
        struct story_part *part = part_begin(story, subscription->number);

        part->is_known = true;
        part->subscription = *subscription;
        part_explain(step, story, part);
        story->search = (struct delivery_search){0};
        part_conclude(story, part);
        list_push(&story->parts, &part->node);
        story->others++;
    }
}

enum status others_tell(struct step *step, struct story *story)
{
    struct subscription_page *page = &story->page;
    bool has_topic = topic_find_number(router_of(step), story->topic_number) != NULL;

    if (story->has_only || !story->has_body || !has_topic
        || story->message.kind != MESSAGE_NOTIFICATION) {
        return STATUS_OK;
    }
    page->topic = story->topic_number;
    page->max = PAGE_ROWS;
    page->arena = story->arena;
    while (!page->is_last && !story->is_cut_others) {
        enum status status = subscription_page_read(step, page);

        if (status != STATUS_OK) {
            return status;
        }
        page_tell(step, story);
    }
    return STATUS_OK;
}
