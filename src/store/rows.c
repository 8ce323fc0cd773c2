/* Merging sorted origins of rows into one scan. */
#include "store/rows.h"

#include "base/must.h"

#define ORIGINS_MAX 4

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
