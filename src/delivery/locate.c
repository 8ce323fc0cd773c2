/* Where one delivery is: in memory, in its message's owed list, among its lane's rows.  For
 * people who ask; nothing on the way of a delivery needs it. */
#include "base/memory.h"
#include "delivery/internal.h"

#define OWED_CHUNKS 16
#define LANE_ROWS   4096
#define LANE_MAX    (64U * LANE_ROWS) /* looked at, at most */
#define OUTSTANDING (1024 * 1024)

enum search_stage {
    SEARCH_MEMORY,
    SEARCH_HINT,
    SEARCH_OWED,
    SEARCH_LANE,
    SEARCH_OVER
};

static bool found(const struct step *step, struct delivery_search *search,
                  enum delivery_place place, int64_t due_ms)
{
    const struct lane *lane = lane_find(deliveries_of(step), search->lane.subscription);

    search->is_parked = lane != NULL && breaker_is_open(&lane->breaker);
    search->place = place;
    search->due_ms = due_ms;
    search->stage = SEARCH_OVER;
    return true;
}

static const struct attempt *list_find(const struct list *list, uint64_t message)
{
    list_each (node, list) {
        const struct attempt *attempt = container_of(node, struct attempt, node);

        if (attempt->message == message) {
            return attempt;
        }
    }
    return NULL;
}

static bool owed_has(const struct owed *owed, uint32_t from, uint32_t subscription)
{
    for (uint32_t i = from; i < owed->count; i++) {
        if (owed->subscriptions[i] == subscription) {
            return true;
        }
    }
    return false;
}

static bool search_memory(struct step *step, struct delivery_search *search)
{
    const struct deliveries *deliveries = deliveries_of(step);
    const struct lane *lane = lane_find(deliveries, search->lane.subscription);
    struct map_node *node =
        map_find(&deliveries->owed, text_make(&search->message, sizeof search->message));

    if (lane != NULL && list_find(&lane->flying, search->message) != NULL) {
        return found(step, search, DELIVERY_UNDER_WAY, 0);
    }
    if (lane != NULL && list_find(&lane->waiting, search->message) != NULL) {
        return found(step, search, DELIVERY_WAITING, step->now_ms);
    }
    if (node != NULL) {
        const struct owed *owed = container_of(node, struct owed, map);

        return owed_has(owed, owed->next, search->lane.subscription)
               && found(step, search, DELIVERY_OWED, 0);
    }
    return false;
}

static enum status search_hint(struct step *step, struct delivery_search *search)
{
    struct key key = lane_row_key(search->lane.subscription, search->hint_ms, search->message);
    struct blob *value = NULL;
    enum status status = STATUS_NOT_FOUND;

    if (search->hint_ms > 0) {
        status = record_get(step, &key, &value);
    }
    if (status == STATUS_OK) {
        (void)found(step, search, DELIVERY_WAITING, search->hint_ms);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* --- The owed list, when it is on disk only, or its later chunks are. */

static struct range owed_range(uint64_t message)
{
    struct key prefix = key_u64(TABLE_OWED, message);

    return (struct range){.from = prefix,
                          .to = key_after_prefix(&prefix),
                          .row_max = OWED_CHUNKS,
                          .bytes_max = OUTSTANDING,
                          .value_max = UINT32_MAX};
}

static bool chunk_has(struct step *step, const struct row *row, uint32_t subscription,
                      uint32_t cursor_chunk, uint32_t cursor_base)
{
    struct blob *value = record_overlay(step, row);
    uint32_t chunk = key_get_u32(&row->key, 9);
    struct owed owed = {0};
    bool has = false;

    if (value != NULL && chunk >= cursor_chunk && owed_chunk_decode(blob_text(value), &owed)) {
        has = owed_has(&owed, chunk == cursor_chunk ? cursor_base : 0, subscription);
    }
    memory_free(owed.subscriptions);
    return has;
}

static enum status search_owed(struct step *step, struct delivery_search *search)
{
    struct key key = key_u64(TABLE_CURSOR, search->message);
    const struct read *read = NULL;
    struct blob *value = NULL;
    enum status status = record_get(step, &key, &value);
    struct cursor cursor = cursor_over(status == STATUS_OK ? blob_text(value) : T(""));
    uint32_t chunk = cursor_u32(&cursor);
    uint32_t base = cursor_u32(&cursor);
    struct map_node *node = map_find(&deliveries_of(step)->owed,
                                     text_make(&search->message, sizeof search->message));

    if (status == STATUS_WAIT) {
        return status;
    }
    if (node != NULL) { /* in memory: what is behind its chunk */
        chunk = container_of(node, struct owed, map)->chunk + 1;
        base = 0;
    }
    status = range_get(step, &search->range, &read);
    for (uint32_t i = 0; status == STATUS_OK && i < read->row_count; i++) {
        if (chunk_has(step, &read->rows[i], search->lane.subscription, chunk, base)) {
            (void)found(step, search, DELIVERY_OWED, 0);
        }
    }
    return status;
}

/* --- The lane's rows. */

static struct range lane_range(uint32_t subscription)
{
    struct key prefix = key_u32(TABLE_LANE, subscription);

    return (struct range){.from = prefix,
                          .to = key_after_prefix(&prefix),
                          .row_max = LANE_ROWS,
                          .bytes_max = UINT32_MAX,
                          .value_max = UINT32_MAX};
}

static enum status search_lane(struct step *step, struct delivery_search *search)
{
    const struct read *read = NULL;
    enum status status = range_get(step, &search->range, &read);

    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < read->row_count; i++) {
        const struct row *row = &read->rows[i];
        struct blob *value = record_overlay(step, row);

        if (key_get_u64(&row->key, 13) == search->message && value != NULL) {
            (void)found(step, search, DELIVERY_WAITING,
                        lane_row_next_ms(blob_text(value), (int64_t)key_get_u64(&row->key, 5)));
            return STATUS_OK;
        }
    }
    search->seen += read->row_count;
    if (!range_on(&search->range)) {
        search->stage = SEARCH_OVER;
    } else if (search->seen >= LANE_MAX) {
        search->is_cut = true;
        search->stage = SEARCH_OVER;
    }
    return STATUS_OK;
}

static enum status search_on(struct step *step, struct delivery_search *search)
{
    enum status status = STATUS_OK;

    switch ((enum search_stage)search->stage) {
    case SEARCH_MEMORY:
        if (!search_memory(step, search)) {
            search->stage = SEARCH_HINT;
        }
        break;
    case SEARCH_HINT:
        status = search_hint(step, search);
        if (status == STATUS_OK && search->stage == SEARCH_HINT) {
            search->range = owed_range(search->message);
            search->stage = SEARCH_OWED;
        }
        break;
    case SEARCH_OWED:
        status = search_owed(step, search);
        if (status == STATUS_OK && search->stage == SEARCH_OWED && !range_on(&search->range)) {
            search->range = lane_range(search->lane.subscription);
            search->stage = SEARCH_LANE;
        }
        break;
    case SEARCH_LANE: status = search_lane(step, search); break;
    case SEARCH_OVER: break;
    }
    return status;
}

enum status delivery_find(struct step *step, struct delivery_search *search)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && search->stage != SEARCH_OVER) {
        status = search_on(step, search);
    }
    if (status != STATUS_WAIT) {
        delivery_find_end(search);
    }
    return status;
}

void delivery_find_end(struct delivery_search *search)
{
    range_end(&search->range);
}
