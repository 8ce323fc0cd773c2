/* Many policies, tried one by one. */
#include "policy.h"

#include <stdlib.h>

struct entry {
    struct filter_policy *policy;
    uint32_t id;
};

struct filter_index {
    struct account account;
    struct entry *entries; /* by ascending id */
    uint32_t *matched;
    uint32_t count;
    uint32_t room;
    uint32_t matched_room;
};

struct filter_index *filter_index_create(void)
{
    return calloc(1, sizeof(struct filter_index));
}

void filter_index_free(struct filter_index *index)
{
    if (index == NULL) {
        return;
    }
    for (uint32_t i = 0; i < index->count; i++) {
        filter_policy_free(index->entries[i].policy);
    }
    free(index->entries);
    free(index->matched);
    free(index);
}

static uint32_t entry_place(const struct filter_index *index, uint32_t id)
{
    uint32_t low = 0;
    uint32_t high = index->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (index->entries[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum filter_status filter_index_add(struct filter_index *index, uint32_t id,
                                    const struct filter_policy *policy)
{
    uint32_t at = entry_place(index, id);
    struct entry *entries;

    if (at < index->count && index->entries[at].id == id) {
        return FILTER_EXISTS;
    }
    entries = account_grow(&index->account, index->entries, &index->room, sizeof *entries,
                           index->count + 1);
    if (entries == NULL) {
        return FILTER_NO_MEMORY;
    }
    index->entries = entries;
    memmove(entries + at + 1, entries + at, (index->count - at) * sizeof *entries);
    entries[at] = (struct entry){policy_share(policy), id};
    index->count++;
    return FILTER_OK;
}

enum filter_status filter_index_remove(struct filter_index *index, uint32_t id)
{
    uint32_t at = entry_place(index, id);

    if (at == index->count || index->entries[at].id != id) {
        return FILTER_NOT_FOUND;
    }
    filter_policy_free(index->entries[at].policy);
    index->count--;
    memmove(index->entries + at, index->entries + at + 1,
            (index->count - at) * sizeof *index->entries);
    return FILTER_OK;
}

size_t filter_index_count(const struct filter_index *index)
{
    return index->count;
}

size_t filter_index_bytes(const struct filter_index *index)
{
    return index->account.bytes;
}

enum filter_status filter_index_match(struct filter_index *index,
                                      const struct filter_message *message,
                                      const uint32_t **ret_ids, size_t *ret_count)
{
    uint32_t *matched = account_grow(&index->account, index->matched, &index->matched_room,
                                     sizeof *matched, index->count + 1);
    size_t count = 0;

    if (matched == NULL) {
        return FILTER_NO_MEMORY;
    }
    index->matched = matched;
    for (uint32_t i = 0; i < index->count; i++) {
        bool matches = false;
        enum filter_status status =
            filter_policy_matches(index->entries[i].policy, message, &matches);

        if (status != FILTER_OK) {
            return status;
        }
        if (matches) {
            matched[count++] = index->entries[i].id;
        }
    }
    *ret_ids = matched;
    *ret_count = count;
    return FILTER_OK;
}
