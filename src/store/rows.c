/* Merging sorted origins of rows into one scan. */
#include "store/rows.h"

#include "base/must.h"

#define ORIGINS_MAX  4
#define PAGE_BYTES   ((uint64_t)4096)
#define PIECE_BYTES  (PAGE_BYTES - 16) /* of a value on pages of its own */
#define ROW_OVERHEAD 32
#define ROW_INPLACE  2000

struct merge {
    struct rows **origins; /* newest first */
    size_t count;
    bool reverse;
    bool has_row[ORIGINS_MAX];
};

static bool comes_before(const struct merge *merge, size_t a, size_t b)
{
    int order = text_compare(merge->origins[a]->row.key, merge->origins[b]->row.key);

    return merge->reverse ? order > 0 : order < 0;
}

/* The origin whose row is next, the newest on a tie; `count` when all are at their end. */
static size_t next_origin(const struct merge *merge)
{
    size_t next = merge->count;

    for (size_t i = 0; i < merge->count; i++) {
        if (merge->has_row[i] && (next == merge->count || comes_before(merge, i, next))) {
            next = i;
        }
    }
    return next;
}

/* Moves origin `next` and everybody who has the same key. */
static void advance_past(struct merge *merge, size_t next)
{
    struct text key = merge->origins[next]->row.key;

    for (size_t i = 0; i < merge->count; i++) {
        if (i != next && merge->has_row[i] && text_equal(merge->origins[i]->row.key, key)) {
            merge->has_row[i] = merge->origins[i]->advance(merge->origins[i]);
        }
    }
    merge->has_row[next] = merge->origins[next]->advance(merge->origins[next]);
}

enum status rows_merge(struct rows **origins, size_t count, bool reverse, engine_visit *visit,
                       void *context)
{
    struct merge merge = {.origins = origins, .count = count, .reverse = reverse};

    must(count <= ORIGINS_MAX);
    for (size_t i = 0; i < count; i++) {
        merge.has_row[i] = origins[i]->advance(origins[i]);
    }
    for (size_t next = next_origin(&merge); next < count; next = next_origin(&merge)) {
        if (!visit(context, &origins[next]->row)) {
            break;
        }
        advance_past(&merge, next);
    }
    for (size_t i = 0; i < count; i++) {
        if (origins[i]->status != STATUS_OK) {
            return origins[i]->status;
        }
    }
    return STATUS_OK;
}

uint64_t row_room(size_t key_len, size_t value_len)
{
    uint64_t entry = (key_len + ROW_OVERHEAD) / 2 * 3;
    uint64_t pieces = (value_len + PIECE_BYTES - 1) / PIECE_BYTES;

    return value_len <= ROW_INPLACE ? entry + value_len / 2 * 3
                                    : entry + pieces * (entry + PAGE_BYTES);
}
