/* Which segments there are, which of them are in use, and appending to one of them. */
#include "store/segment_log.h"

#include "base/memory.h"
#include "base/mutants.h"
#include "store/claims.h"
#include "store/segment.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A small store gets a small log: at most this part of it per segment. */
#define SEGMENT_SHARE 16
/* A record's buffer that grew beyond this is given back. */
#define BUFFER_KEPT ((size_t)1 << 20)

struct segment_log {
    struct change_log log; /* first */
    char *location;
    uint64_t segment_bytes;
    struct lmdb_map *map;
    struct segment *segments[SEGMENTS_MAX]; /* NULL: not made yet */
    struct claims claims;                   /* the commit thread's */
    struct buffer record;                   /* the commit thread's */
    pthread_mutex_t lock;
    bool is_used[SEGMENTS_MAX]; /* under the lock */
};

enum status segment_log_refuse(const char *location, struct why *why)
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

static struct segment_log *log_of(struct change_log *log)
{
    return container_of(log, struct segment_log, log);
}

static struct segment *segment_of(struct stretch *stretch)
{
    return container_of(stretch, struct segment, stretch);
}

/* --- Opening: which segments count, and which may not be trusted. */

#define RESTORE "put the file back, or restore the whole data directory from a copy"

static enum status refuse_missing(const struct segment_log *log, unsigned index,
                                  struct why *why)
{
    return fail(
        why, STATUS_STORAGE,
        "the change log %s/changes.%u is missing: the commits from %llu on are in it and "
        "not in the database; " RESTORE,
        log->location, index, (unsigned long long)log->claims.of[index].first);
}

/* A file that the database knows to be in use. */
static enum status examine_claimed(const struct segment_log *log, unsigned index,
                                   struct why *why)
{
    const struct segment_claim *claim = &log->claims.of[index];
    const struct segment *segment = log->segments[index];

    if (segment == NULL) {
        return refuse_missing(log, index, why);
    }
    if (segment->zeroed < claim->bytes) {
        return fail(
            why, STATUS_STORAGE,
            "the change log %s was cut: it has %llu bytes and had %llu at least, and the "
            "commits from %llu on are in it and not in the database; " RESTORE,
            segment->path, (unsigned long long)segment->zeroed,
            (unsigned long long)claim->bytes, (unsigned long long)claim->first);
    }
    if (segment->header == SEGMENT_BLANK || segment->header == SEGMENT_DAMAGED) {
        return fail(
            why, STATUS_STORAGE,
            "the change log %s is damaged or of a newer version: its header cannot be "
            "read, and the commits from %llu on are in it and not in the database; " RESTORE,
            segment->path, (unsigned long long)claim->first);
    }
    if (segment->secret != claim->secret || segment->stretch.first != claim->first) {
        return fail(why, STATUS_STORAGE,
                    "the change log %s is not the one that the database belongs to: one of the "
                    "two is older; restore both, the whole data directory, from one copy",
                    segment->path);
    }
    return STATUS_OK;
}

/* A file whose use the database does not know of. */
static enum status examine_unclaimed(const struct segment_log *log, unsigned index,
                                     uint64_t checkpointed, bool *ret_used, struct why *why)
{
    const struct segment *segment = log->segments[index];
    bool is_open = segment != NULL && segment->stretch.first > checkpointed;

    if (segment != NULL && segment->header == SEGMENT_DAMAGED && !log->claims.are_noted) {
        return fail(why, STATUS_STORAGE,
                    "the change log %s is damaged or of a newer version: what it holds may not "
                    "be in the database yet, restore it from a copy",
                    segment->path);
    }
    if (is_open && segment->header == SEGMENT_WHOLE && segment_has_more(segment)) {
        return fail(why, STATUS_STORAGE,
                    "the change log %s has commits from %llu on, of which the database knows "
                    "nothing: the database is older than the log, or is not there; restore "
                    "both, the whole data directory, from one copy",
                    segment->path, (unsigned long long)segment->stretch.first);
    }
    *ret_used = is_open && segment->header == SEGMENT_OLD;
    return STATUS_OK;
}

static enum status examine(struct segment_log *log, unsigned index, uint64_t checkpointed,
                           struct why *why)
{
    enum status status = STATUS_OK;

    if (segment_exists(log->location, index)) {
        status =
            segment_open(log->location, index, log->segment_bytes, &log->segments[index], why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (log->claims.of[index].first > checkpointed && !mutant("store.claims-unread")) {
        log->is_used[index] = true;
        return examine_claimed(log, index, why);
    }
    return examine_unclaimed(log, index, checkpointed, &log->is_used[index], why);
}

/* --- Replaying. */

static struct segment *find_first(const struct segment_log *log, uint64_t first,
                                  const struct segment *except)
{
    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        struct segment *segment = log->segments[i];

        if (log->is_used[i] && segment != except && segment->stretch.first == first) {
            return segment;
        }
    }
    return NULL;
}

static enum status replay_segment(struct segment *segment, uint64_t *sequence,
                                  const struct change_log_visitor *visitor, struct why *why)
{
    struct log_record record;
    enum status status = visitor->stretch(visitor->context, &segment->stretch, why);

    if (status != STATUS_OK) {
        return status;
    }
    while (segment_replay(segment, *sequence + 1, &record)) {
        visitor->record(visitor->context, &record);
        *sequence = record.sequence;
    }
    if (segment_has_more(segment)) {
        return fail(
            why, STATUS_STORAGE,
            "the change log %s is damaged behind commit %llu: later commits in it cannot "
            "be applied, restore the directory from a copy",
            segment->path, (unsigned long long)*sequence);
    }
    return STATUS_OK;
}

/* Segments whose use was begun by a version that noted nothing. */
static enum status note_old_uses(struct segment_log *log, struct why *why)
{
    bool has_old = false;
    bool is_fatal = false;

    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        const struct segment *segment = log->segments[i];

        if (log->is_used[i] && segment->header == SEGMENT_OLD
            && log->claims.of[i].secret != segment->secret) {
            log->claims.of[i] = (struct segment_claim){.secret = segment->secret,
                                                       .first = segment->stretch.first,
                                                       .bytes = segment->zeroed};
            has_old = true;
        }
    }
    enum status status =
        has_old ? claims_save(log->map, &log->claims, &is_fatal, why) : STATUS_OK;

    return status == STATUS_FULL ? STATUS_OK : status; /* it is so old a store for longer */
}

static void tell(struct segment *last, uint64_t replayed, struct engine_opening *ret_opening)
{
    *ret_opening = (struct engine_opening){.replayed = replayed};
    if (last == NULL) {
        return;
    }
    ret_opening->dropped_bytes = segment_torn_bytes(last);
    if (ret_opening->dropped_bytes > 0) {
        (void)snprintf(ret_opening->dropped_from, sizeof ret_opening->dropped_from, "%s",
                       segment_name(last));
    }
}

static enum status replay_all(struct segment_log *log, uint64_t checkpointed,
                              const struct change_log_visitor *visitor,
                              struct engine_opening *ret_opening, struct why *why)
{
    enum status status = STATUS_OK;
    uint64_t sequence = checkpointed;
    struct segment *last = NULL;
    size_t missed = 0;

    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        missed += log->is_used[i];
    }
    for (struct segment *next = find_first(log, sequence + 1, NULL);
         status == STATUS_OK && next != NULL; next = find_first(log, sequence + 1, last)) {
        last = next;
        missed--;
        status = replay_segment(next, &sequence, visitor, why);
    }
    if (status == STATUS_OK && missed > 0) {
        status = fail(why, STATUS_STORAGE,
                      "the change log in %s does not continue behind commit %llu: a file of it "
                      "is missing or damaged, or the database is older than the log; restore "
                      "the whole data directory from a copy",
                      log->location, (unsigned long long)sequence);
    }
    if (status == STATUS_OK && last != NULL) {
        status = segment_settle(last, why);
    }
    tell(status == STATUS_OK ? last : NULL, sequence - checkpointed, ret_opening);
    return status;
}

static enum status log_replay(struct change_log *self, uint64_t checkpointed,
                              const struct change_log_visitor *visitor,
                              struct engine_opening *ret_opening, struct why *why)
{
    struct segment_log *log = log_of(self);
    enum status status = claims_load(log->map, &log->claims, why);

    for (unsigned i = 0; i < SEGMENTS_MAX && status == STATUS_OK; i++) {
        status = examine(log, i, checkpointed, why);
    }
    if (status == STATUS_OK) {
        status = replay_all(log, checkpointed, visitor, ret_opening, why);
    }
    return status != STATUS_OK ? status : note_old_uses(log, why);
}

/* --- Appending. */

static bool log_fits(struct change_log *self, struct stretch *stretch, size_t size)
{
    return stretch == NULL ? RECORD_PAGE + size <= log_of(self)->segment_bytes
                           : segment_fits(segment_of(stretch), size);
}

static enum status note_use(struct segment_log *log, const struct segment *segment,
                            bool *ret_fatal, struct why *why)
{
    log->claims.of[segment->index] = (struct segment_claim){
        .secret = segment->secret, .first = segment->stretch.first, .bytes = segment->zeroed};
    return mutant("store.no-claim") ? STATUS_OK
                                    : claims_save(log->map, &log->claims, ret_fatal, why);
}

/* The header first, then the claim: see the header of this file's. */
static enum status begin_use(struct segment_log *log, struct segment *segment, uint64_t first,
                             bool *ret_fatal, struct why *why)
{
    enum status status = segment_begin(segment, first, ret_fatal, why);

    if (status == STATUS_OK) {
        status = note_use(log, segment, ret_fatal, why);
    }
    if (status != STATUS_OK) {
        segment->stretch.first = 0;
    }
    return status;
}

static enum status take_free(struct segment_log *log, struct segment **ret_segment,
                             struct why *why)
{
    enum status status = STATUS_OK;
    unsigned i = 0;

    while (i < SEGMENTS_MAX && log->is_used[i]) {
        i++;
    }
    if (i == SEGMENTS_MAX) {
        return fail(why, STATUS_BUSY, "all files of the change log are in use");
    }
    if (log->segments[i] == NULL) {
        status = segment_open(log->location, i, log->segment_bytes, &log->segments[i], why);
    }
    if (status == STATUS_OK) {
        log->is_used[i] = true;
        log->segments[i]->stretch.first = 0;
        log->segments[i]->end = 0;
        *ret_segment = log->segments[i];
    }
    return status;
}

static enum status log_begin(struct change_log *self, uint64_t first,
                             struct stretch **ret_stretch, bool *ret_fatal, struct why *why)
{
    struct segment_log *log = log_of(self);
    struct segment *segment = NULL;

    (void)pthread_mutex_lock(&log->lock);
    enum status status = take_free(log, &segment, why);

    (void)pthread_mutex_unlock(&log->lock);
    if (status != STATUS_OK || segment == NULL) {
        return status;
    }
    *ret_stretch = &segment->stretch;
    /* A disk that is too full for it now may have room when the first record comes. */
    status = begin_use(log, segment, first, ret_fatal, why);
    return *ret_fatal ? status : STATUS_OK;
}

static enum status make_room(struct segment_log *log, struct segment *segment,
                             uint64_t sequence, size_t size, bool *ret_fatal, struct why *why)
{
    enum status status = STATUS_OK;

    if (segment->end == 0 && segment->stretch.first != sequence) {
        status = begin_use(log, segment, sequence, ret_fatal, why);
    }
    if (status == STATUS_OK) {
        status = segment_reserve(segment, size, ret_fatal, why);
    }
    if (status == STATUS_OK && log->claims.of[segment->index].bytes != segment->zeroed) {
        status = note_use(log, segment, ret_fatal, why);
        status = status == STATUS_FULL ? STATUS_OK : status; /* a cut is seen later, then */
    }
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): as the interface has it */
static enum status log_append(struct change_log *self, struct stretch *stretch,
                              uint64_t sequence, const struct ordered_ops *ordered,
                              struct log_record *ret_record, bool *ret_fatal, struct why *why)
{
    struct segment_log *log = log_of(self);
    struct segment *segment = segment_of(stretch);

    if (log->record.room > BUFFER_KEPT) {
        buffer_free(&log->record);
        buffer_init(&log->record, SEGMENT_BYTES_MAX);
    }
    enum status status =
        make_room(log, segment, sequence, log_record_size(ordered), ret_fatal, why);

    if (status != STATUS_OK) {
        return status;
    }
    *ret_record = log_record_write(&log->record, ordered, sequence, segment->secret);
    status = segment_write(segment, buffer_text(&log->record), ret_fatal, why);
    ret_record->kept = segment->map + segment->last;
    return status;
}

/* Each append has waited for its own sync. */
/* NOLINTNEXTLINE(readability-non-const-parameter): as the interface has it */
static enum status log_await(struct change_log *self, uint64_t sequence, bool *ret_fatal,
                             struct why *why)
{
    (void)self;
    (void)sequence;
    (void)ret_fatal;
    (void)why;
    return STATUS_OK;
}

static void log_release(struct change_log *self, struct stretch *stretch)
{
    struct segment_log *log = log_of(self);
    struct segment *segment = segment_of(stretch);

    segment_recycle(segment); /* takes its time: not under the lock */
    (void)pthread_mutex_lock(&log->lock);
    log->is_used[segment->index] = false;
    (void)pthread_mutex_unlock(&log->lock);
}

static void log_close(struct change_log *self)
{
    struct segment_log *log = log_of(self);

    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        segment_close(log->segments[i]);
    }
    (void)pthread_mutex_destroy(&log->lock);
    buffer_free(&log->record);
    memory_free(log->location);
    memory_free(log);
}

static const struct change_log_calls calls = {
    .replay = log_replay,
    .fits = log_fits,
    .begin = log_begin,
    .append = log_append,
    .await = log_await,
    .release = log_release,
    .close = log_close,
};

static uint64_t choose_segment_bytes(uint64_t store_bytes)
{
    uint64_t share = store_bytes / SEGMENT_SHARE;

    if (store_bytes == 0 || share > SEGMENT_BYTES_MAX) {
        return SEGMENT_BYTES_MAX;
    }
    return share < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : share;
}

struct change_log *segment_log_create(const char *location, uint64_t store_bytes,
                                      struct lmdb_map *map)
{
    struct segment_log *log = memory_zero(sizeof *log);

    log->log.calls = &calls;
    log->location = memory_copy_text(text_from(location));
    log->segment_bytes = choose_segment_bytes(store_bytes);
    log->map = map;
    buffer_init(&log->record, SEGMENT_BYTES_MAX);
    (void)pthread_mutex_init(&log->lock, NULL);
    return &log->log;
}
