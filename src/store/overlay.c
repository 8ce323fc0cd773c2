/* A skip list that only grows: ordered by key, then newest sequence first.  An entry is
 * complete before a pointer to it is published, so readers need no lock. */
#include "store/overlay.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"

#include <string.h>

#define HEIGHT_MAX  12 /* enough for 4^12 entries */
#define CHUNK_BYTES ((size_t)256 << 10)
/* Versions of a key that are passed one by one before the way around is taken. */
#define VERSIONS_STEPPED 8

struct overlay_entry {
    struct text value;
    uint64_t sequence;
    uint8_t key_len;
    uint8_t key[KEY_MAX - 1];
    bool is_deleted;
    uint8_t height;
    _Atomic(struct overlay_entry *) next[]; /* one per level */
};

/* Entries are carved from chunks and given back all at once. */
struct chunk {
    struct chunk *next;
    size_t used;
    _Alignas(max_align_t) char at[];
};

struct overlay {
    struct chunk *chunks;
    uint64_t random;
    struct overlay_entry *head; /* before every key */
    /* The places before the last added entry's successor: where the next key often goes. */
    struct overlay_entry *path[HEIGHT_MAX];
    struct overlay_entry *last;
    _Atomic(uint64_t) room; /* see overlay_room */
};

/* A place in the order; sequence UINT64_MAX is before every version of the key. */
struct place {
    struct text key;
    uint64_t sequence;
};

static struct text entry_key(const struct overlay_entry *entry)
{
    return text_make(entry->key, entry->key_len);
}

static struct overlay_entry *next_at(const struct overlay_entry *entry, size_t level)
{
    return atomic_load_explicit(&entry->next[level], memory_order_acquire);
}

static bool is_before(const struct overlay_entry *entry, const struct place *place)
{
    int order = text_compare(entry_key(entry), place->key);

    return order != 0 ? order < 0 : entry->sequence > place->sequence;
}

static struct overlay_entry *take_entry(struct overlay *overlay, uint8_t height)
{
    size_t size = sizeof(struct overlay_entry) + height * sizeof(struct overlay_entry *);

    size = (size + _Alignof(struct overlay_entry) - 1)
           & ~(size_t)(_Alignof(struct overlay_entry) - 1);
    if (overlay->chunks == NULL || CHUNK_BYTES - overlay->chunks->used < size) {
        struct chunk *chunk = memory_take(sizeof *chunk + CHUNK_BYTES);

        chunk->next = overlay->chunks;
        chunk->used = 0;
        overlay->chunks = chunk;
    }
    struct overlay_entry *entry = (void *)(overlay->chunks->at + overlay->chunks->used);

    overlay->chunks->used += size;
    entry->height = height;
    for (size_t level = 0; level < height; level++) {
        atomic_init(&entry->next[level], NULL);
    }
    return entry;
}

struct overlay *overlay_create(void)
{
    struct overlay *overlay = memory_zero(sizeof *overlay);

    overlay->random = 0x9e3779b97f4a7c15U;
    overlay->head = take_entry(overlay, HEIGHT_MAX);
    overlay->head->key_len = 0;
    overlay->head->sequence = UINT64_MAX;
    return overlay;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay == NULL) {
        return;
    }
    while (overlay->chunks != NULL) {
        struct chunk *chunk = overlay->chunks;

        overlay->chunks = chunk->next;
        memory_free(chunk);
    }
    memory_free(overlay);
}

/* One level in four goes up.  Balance only: nobody gains by guessing it. */
static uint8_t random_height(struct overlay *overlay)
{
    uint8_t height = 1;

    overlay->random ^= overlay->random << 13;
    overlay->random ^= overlay->random >> 7;
    overlay->random ^= overlay->random << 17;
    for (uint64_t bits = overlay->random; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2) {
        height++;
    }
    return height;
}

/* From `start` (whose level-0 place is before `place`) down to the last entry before it. */
static struct overlay_entry *find_before(const struct overlay *overlay,
                                         const struct place *place,
                                         struct overlay_entry **ret_path)
{
    struct overlay_entry *at = overlay->head;

    for (size_t level = HEIGHT_MAX; level-- > 0;) {
        struct overlay_entry *next = next_at(at, level);

        while (next != NULL && is_before(next, place)) {
            at = next;
            next = next_at(at, level);
        }
        if (ret_path != NULL) {
            ret_path[level] = at;
        }
    }
    return at;
}

/* The remembered path serves when `place` is behind the last entry and before its successor. */
static bool path_fits(const struct overlay *overlay, const struct place *place)
{
    if (overlay->last == NULL || !is_before(overlay->last, place)) {
        return false;
    }
    const struct overlay_entry *next = next_at(overlay->last, 0);

    return next == NULL || !is_before(next, place);
}

static uint64_t room_of(const struct overlay_entry *entry)
{
    return entry->is_deleted ? 0 : row_room(entry->key_len, entry->value.len);
}

/* Counts the new version in and the one before it out. */
static void count_room(struct overlay *overlay, const struct overlay_entry *entry)
{
    const struct overlay_entry *older = next_at(entry, 0);
    uint64_t room = atomic_load_explicit(&overlay->room, memory_order_relaxed);

    room += room_of(entry);
    if (older != NULL && text_equal(entry_key(older), entry_key(entry))) {
        room -= room_of(older);
    }
    atomic_store_explicit(&overlay->room, room, memory_order_relaxed);
}

uint64_t overlay_room(const struct overlay *overlay)
{
    return atomic_load_explicit(&overlay->room, memory_order_relaxed);
}

void overlay_add(struct overlay *overlay, uint64_t sequence,
                 const struct overlay_change *change)
{
    struct place place = {.key = change->key, .sequence = sequence};
    struct overlay_entry *entry = take_entry(overlay, random_height(overlay));

    must(change->key.len <= sizeof entry->key);
    memcpy(entry->key, change->key.at, change->key.len);
    entry->key_len = (uint8_t)change->key.len;
    entry->value = change->value;
    entry->is_deleted = change->is_deleted;
    entry->sequence = sequence;
    if (!path_fits(overlay, &place)) {
        find_before(overlay, &place, overlay->path);
    }
    for (size_t level = 0; level < entry->height; level++) {
        struct overlay_entry *before = overlay->path[level];

        atomic_init(&entry->next[level], next_at(before, level));
        atomic_store_explicit(&before->next[level], entry, memory_order_release);
        overlay->path[level] = entry;
    }
    overlay->last = entry;
    count_room(overlay, entry);
}

/* The first entry at or behind `entry` that this view may see. */
static const struct overlay_entry *visible_from(const struct overlay_view *view,
                                                const struct overlay_entry *entry)
{
    while (entry != NULL && entry->sequence > view->sequence
           && !mutant("store.view-sees-later")) {
        entry = next_at(entry, 0);
    }
    return entry;
}

static const struct overlay_entry *forward(const struct overlay_view *view)
{
    const struct overlay_entry *entry = view->entry;

    if (entry == NULL) {
        struct place first = {.key = view->range.from, .sequence = UINT64_MAX};

        entry = next_at(find_before(view->overlay, &first, NULL), 0);
        return visible_from(view, entry);
    }
    struct text key = entry_key(view->entry);

    /* Older versions of it: mostly few, but a counter has one per commit. */
    for (size_t i = 0; entry != NULL && text_equal(entry_key(entry), key); i++) {
        if (i == VERSIONS_STEPPED) {
            struct place behind = {.key = key, .sequence = 0};

            entry = find_before(view->overlay, &behind, NULL);
        }
        entry = next_at(entry, 0);
    }
    return visible_from(view, entry);
}

/* The entry of the greatest key below `key` (empty: of all) that has a version to see. */
static const struct overlay_entry *backward(const struct overlay_view *view, struct text key)
{
    bool from_end = key.len == 0;
    uint8_t last_key[KEY_MAX];

    memset(last_key, UINT8_MAX, sizeof last_key); /* longer than any key of this byte */
    struct place end = {.key = from_end ? text_make(last_key, sizeof last_key) : key,
                        .sequence = UINT64_MAX};

    for (;;) {
        const struct overlay_entry *below = find_before(view->overlay, &end, NULL);

        if (below == view->overlay->head) {
            return NULL;
        }
        struct place newest = {.key = entry_key(below), .sequence = view->sequence};
        /* What is being added just now may have come in between. */
        const struct overlay_entry *entry =
            visible_from(view, next_at(find_before(view->overlay, &newest, NULL), 0));

        if (entry != NULL && text_equal(entry_key(entry), newest.key)) {
            return entry;
        }
        end.key = newest.key; /* all its versions are newer than the view */
    }
}

static bool view_advance(struct rows *rows)
{
    struct overlay_view *view = container_of(rows, struct overlay_view, rows);
    const struct row_range *range = &view->range;
    const struct overlay_entry *entry =
        range->reverse ? backward(view, view->entry == NULL ? range->to : rows->row.key)
                       : forward(view);

    if (entry == NULL) {
        return false;
    }
    view->entry = entry;
    rows->row = (struct engine_row){.key = entry_key(entry),
                                    .value = entry->value,
                                    .is_deleted = entry->is_deleted
                                                  && !mutant("store.overlay-misses-deletions")};
    if (range->reverse) {
        return text_compare(rows->row.key, range->from) >= 0;
    }
    return range->to.len == 0 || text_compare(rows->row.key, range->to) < 0;
}

void overlay_view_open(const struct overlay *overlay, uint64_t sequence, struct row_range range,
                       struct overlay_view *ret_view)
{
    *ret_view = (struct overlay_view){.rows = {.advance = view_advance},
                                      .range = range,
                                      .overlay = overlay,
                                      .sequence = sequence};
}
