/* Which segments there are, and handing them out. */
#include "store/change_log.h"

#include "base/memory.h"

/* A small store gets a small log: at most this part of it per segment. */
#define SEGMENT_SHARE 16

enum status change_log_refuse(const char *location, struct why *why)
{
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        if (segment_exists(location, i)) {
            return fail(why, STATUS_STORAGE,
                        "data directory %s was written by the engine \"log\": use that one",
                        location);
        }
    }
    return STATUS_OK;
}

static uint64_t choose_segment_bytes(uint64_t store_bytes)
{
    uint64_t share = store_bytes / SEGMENT_SHARE;

    if (store_bytes == 0 || share > SEGMENT_BYTES_MAX) {
        return SEGMENT_BYTES_MAX;
    }
    return share < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : share;
}

enum status change_log_open(struct change_log *log, const char *location, uint64_t store_bytes,
                            uint64_t checkpointed, struct why *why)
{
    enum status status = STATUS_OK;

    *log = (struct change_log){.location = memory_copy_text(text_from(location)),
                               .segment_bytes = choose_segment_bytes(store_bytes)};
    for (unsigned i = 0; i < SEGMENTS_MAX && status == STATUS_OK; i++) {
        if (!segment_exists(location, i)) {
            continue;
        }
        status = segment_open(location, i, log->segment_bytes, &log->segments[i], why);
        log->is_used[i] = status == STATUS_OK && log->segments[i]->first > checkpointed;
    }
    if (status != STATUS_OK) {
        change_log_close(log);
    }
    return status;
}

void change_log_close(struct change_log *log)
{
    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        segment_close(log->segments[i]);
    }
    memory_free(log->location);
    *log = (struct change_log){0};
}

struct segment *change_log_find(struct change_log *log, uint64_t sequence)
{
    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        if (log->is_used[i] && log->segments[i]->first == sequence) {
            return log->segments[i];
        }
    }
    return NULL;
}

size_t change_log_used(const struct change_log *log)
{
    size_t used = 0;

    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        used += log->is_used[i];
    }
    return used;
}

enum status change_log_take(struct change_log *log, struct segment **ret_segment,
                            struct why *why)
{
    enum status status = STATUS_OK;
    unsigned i = 0;

    while (i < SEGMENTS_MAX && log->is_used[i]) {
        i++;
    }
    if (i == SEGMENTS_MAX) {
        *ret_segment = NULL;
        return STATUS_OK;
    }
    if (log->segments[i] == NULL) {
        status = segment_open(log->location, i, log->segment_bytes, &log->segments[i], why);
    }
    if (status == STATUS_OK) {
        log->is_used[i] = true;
        *ret_segment = log->segments[i];
    }
    return status;
}

void change_log_give_back(struct change_log *log, struct segment *segment)
{
    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        if (log->segments[i] == segment) {
            log->is_used[i] = false;
        }
    }
}
