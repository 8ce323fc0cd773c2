/* Replaying a journal of writes and syncs, and choosing what else the disk has got. */
/* NOLINTBEGIN(bugprone-sizeof-expression): arrays of pointers are grown and moved */
#include "tests/support/power_cut.h"

#include "base/memory.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE      4096
#define SECTOR    512
#define FILES_MAX 64
#define SYNCS_MAX 16

/* What one file is on the disk for sure, and what has been done to it since. */
struct disk_file {
    char name[POWER_NAME_ROOM];
    bool is_durable; /* its name is */
    bool is_gone;
    char *bytes;
    size_t size;
    size_t room;
    const struct power_event **pending;
    size_t pending_count;
    size_t pending_room;
    uint64_t settled; /* events that have left `pending` */

    struct {
        uint64_t number;
        uint64_t covers; /* `settled` when it ends */
    } syncs[SYNCS_MAX];
};

struct power_cut {
    const char *bytes;
    size_t len;
    uint64_t count;
    const struct power_event **events;
    uint64_t done;
    uint64_t marked;
    struct disk_file files[FILES_MAX];
    size_t file_count;
};

static void need(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "the journal of writes: %s\n", what);
        abort();
    }
}

static void find_events(struct power_cut *cut)
{
    size_t room = 0;

    for (size_t at = 0; at < cut->len; cut->count++) {
        const struct power_event *event = (const void *)(cut->bytes + at);

        need(cut->len - at >= sizeof *event
                 && cut->len - at - sizeof *event >= POWER_PADDED(event->len),
             "it is cut short");
        if (cut->count == room) {
            room = room == 0 ? 1024 : 2 * room;
            cut->events = memory_resize(cut->events, room * sizeof *cut->events);
        }
        cut->events[cut->count] = event;
        at += sizeof *event + POWER_PADDED(event->len);
    }
}

struct power_cut *power_cut_open(const char *journal)
{
    struct power_cut *cut = memory_zero(sizeof *cut);
    struct stat status;
    int fd = open(journal, O_RDONLY | O_CLOEXEC);

    need(fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0, "it cannot be opened");
    cut->len = (size_t)status.st_size;
    void *map = mmap(NULL, cut->len, PROT_READ, MAP_PRIVATE, fd, 0);

    need(map != MAP_FAILED, "it cannot be mapped");
    cut->bytes = map;
    close(fd);
    find_events(cut);
    return cut;
}

void power_cut_close(struct power_cut *cut)
{
    union {
        const char *ours;
        void *theirs;
    } at = {.ours = cut->bytes};

    for (size_t i = 0; i < cut->file_count; i++) {
        memory_free(cut->files[i].bytes);
        memory_free(cut->files[i].pending);
    }
    (void)munmap(at.theirs, cut->len);
    memory_free(cut->events);
    memory_free(cut);
}

uint64_t power_cut_events(const struct power_cut *cut)
{
    return cut->count;
}

uint64_t power_cut_marked(const struct power_cut *cut)
{
    return cut->marked;
}

const struct power_event *power_cut_event(const struct power_cut *cut, uint64_t index)
{
    return cut->events[index];
}

/* --- Forward. */

static struct disk_file *file_of(struct power_cut *cut, const char *name)
{
    for (size_t i = 0; i < cut->file_count; i++) {
        if (!cut->files[i].is_gone && strcmp(cut->files[i].name, name) == 0) {
            return &cut->files[i];
        }
    }
    need(cut->file_count < FILES_MAX, "too many files");
    struct disk_file *file = &cut->files[cut->file_count++];

    *file = (struct disk_file){.is_durable = false};
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    return file;
}

static void resize(struct disk_file *file, size_t size)
{
    if (size > file->room) {
        size_t room = file->room == 0 ? (size_t)1 << 16 : file->room;

        while (room < size) {
            room *= 2;
        }
        file->bytes = memory_resize(file->bytes, room);
        file->room = room;
    }
    if (size > file->size) {
        memset(file->bytes + file->size, 0, size - file->size);
    }
    file->size = size;
}

/* Puts `len` bytes of the event's, from its byte `from` on, where they belong. */
static void put(struct disk_file *file, const struct power_event *event, size_t from,
                size_t len)
{
    size_t end = event->offset + from + len;

    if (len == 0) {
        return;
    }
    if (end > file->size) {
        resize(file, end);
    }
    need(file->bytes != NULL, "a file of some size has bytes");
    memcpy(file->bytes + event->offset + from, (const char *)(event + 1) + from, len);
}

static void apply(struct disk_file *file, const struct power_event *event)
{
    if (event->kind == POWER_WRITE) {
        put(file, event, 0, event->len);
    } else if (event->kind == POWER_CUT || event->offset > file->size) {
        resize(file, event->offset);
    }
}

static void add_pending(struct disk_file *file, const struct power_event *event)
{
    if (file->pending_count == file->pending_room) {
        file->pending_room = file->pending_room == 0 ? 64 : 2 * file->pending_room;
        file->pending =
            memory_resize(file->pending, file->pending_room * sizeof *file->pending);
    }
    file->pending[file->pending_count++] = event;
}

static void settle(struct disk_file *file, uint64_t upto)
{
    size_t count = upto > file->settled ? (size_t)(upto - file->settled) : 0;

    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        apply(file, file->pending[i]);
    }
    file->pending_count -= count;
    file->settled = upto;
    memmove(file->pending, file->pending + count, file->pending_count * sizeof *file->pending);
}

static void end_sync(struct power_cut *cut, const struct power_event *event)
{
    if (strcmp(event->name, ".") == 0) {
        for (size_t i = 0; i < cut->file_count; i++) {
            cut->files[i].is_durable = true;
        }
        return;
    }
    struct disk_file *file = file_of(cut, event->name);

    if (file->syncs[event->offset % SYNCS_MAX].number == event->offset) {
        settle(file, file->syncs[event->offset % SYNCS_MAX].covers);
    }
}

static void begin_sync(struct power_cut *cut, const struct power_event *event)
{
    if (strcmp(event->name, ".") == 0) {
        return;
    }
    struct disk_file *file = file_of(cut, event->name);
    size_t slot = event->offset % SYNCS_MAX;

    file->syncs[slot].number = event->offset;
    file->syncs[slot].covers = file->settled + file->pending_count;
}

/* Taken as durable at once: nothing of the store's hangs on it. */
static void rename_file(struct power_cut *cut, const struct power_event *event)
{
    struct disk_file *file = file_of(cut, event->name);

    file_of(cut, (const char *)(event + 1))->is_gone = true;
    (void)snprintf(file->name, sizeof file->name, "%s", (const char *)(event + 1));
    file->is_gone = false;
}

static void take(struct power_cut *cut, const struct power_event *event)
{
    switch (event->kind) {
    case POWER_CREATE: (void)file_of(cut, event->name); break;
    case POWER_WRITE:
    case POWER_SIZE:
    case POWER_CUT: add_pending(file_of(cut, event->name), event); break;
    case POWER_SYNC_BEGIN: begin_sync(cut, event); break;
    case POWER_SYNC_END: end_sync(cut, event); break;
    case POWER_RENAME: rename_file(cut, event); break;
    case POWER_UNLINK: file_of(cut, event->name)->is_gone = true; break;
    case POWER_MARK:
        cut->marked = event->offset > cut->marked ? event->offset : cut->marked;
        break;
    default: need(false, "an unknown kind of event");
    }
}

void power_cut_advance(struct power_cut *cut, uint64_t events)
{
    for (; cut->done < events && cut->done < cut->count; cut->done++) {
        take(cut, cut->events[cut->done]);
    }
}

/* --- The cut. */

/* How many of the pending writes to each page have got to the disk.  The page cache holds the
 * newest state of a page only, so those that have are the first ones. */
struct page_choice {
    uint32_t pending;
    uint32_t kept;
    uint32_t seen;
};

static size_t pages_of(const struct disk_file *file)
{
    size_t end = file->size;

    for (size_t i = 0; i < file->pending_count; i++) {
        size_t event_end = file->pending[i]->offset + file->pending[i]->len;

        end = event_end > end ? event_end : end;
    }
    return (end + PAGE - 1) / PAGE;
}

/* Runs `piece` for each part of the event's bytes that lies on one page. */
static void each_piece(const struct power_event *event, void *context,
                       void (*piece)(void *context, const struct power_event *event,
                                     size_t from, size_t len))
{
    size_t from = 0;

    while (event->kind == POWER_WRITE && from < event->len) {
        size_t left = PAGE - (event->offset + from) % PAGE;
        size_t len = event->len - from < left ? event->len - from : left;

        piece(context, event, from, len);
        from += len;
    }
}

struct choosing {
    struct random *random;
    uint64_t odds; /* of 100, that a page has got all of it */
    struct page_choice *pages;
    struct disk_file *file;
};

static void count_piece(void *context, const struct power_event *event, size_t from, size_t len)
{
    struct choosing *choosing = context;

    (void)len;
    choosing->pages[(event->offset + from) / PAGE].pending++;
}

/* A page that is on its way may be cut in any sector. */
static void put_piece(void *context, const struct power_event *event, size_t from, size_t len)
{
    struct choosing *choosing = context;
    struct page_choice *page = &choosing->pages[(event->offset + from) / PAGE];
    uint32_t number = page->seen++;

    if (number < page->kept) {
        put(choosing->file, event, from, len);
    } else if (number == page->kept && random_below(choosing->random, 8) == 0) {
        size_t cut = random_below(choosing->random, PAGE / SECTOR) * SECTOR;
        size_t start = (event->offset + from) % PAGE;

        if (cut > start) {
            put(choosing->file, event, from, cut - start < len ? cut - start : len);
        }
    }
}

/* Turns `file`, a copy, into what the disk may have. */
static void choose(struct disk_file *file, struct random *random)
{
    static const uint64_t odds[] = {0, 0, 10, 50, 90, 100};
    size_t count = pages_of(file);
    struct choosing choosing = {.random = random,
                                .odds = odds[random_below(random, countof(odds))],
                                .pages = memory_zero((count + 1) * sizeof *choosing.pages),
                                .file = file};

    for (size_t i = 0; i < file->pending_count; i++) {
        each_piece(file->pending[i], &choosing, count_piece);
    }
    for (size_t i = 0; i < count; i++) {
        struct page_choice *page = &choosing.pages[i];

        page->kept = random_below(random, 100) < choosing.odds
                         ? page->pending
                         : (uint32_t)random_below(random, (uint64_t)page->pending + 1);
        page->kept = choosing.odds == 0 ? 0 : page->kept;
    }
    for (size_t i = 0; i < file->pending_count; i++) {
        const struct power_event *event = file->pending[i];

        each_piece(event, &choosing, put_piece);
        if (event->kind != POWER_WRITE && random_below(random, 100) < choosing.odds) {
            apply(file, event);
        }
    }
    memory_free(choosing.pages);
}

static void write_file(const struct disk_file *file, const char *directory)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", directory, file->name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    need(fd >= 0, "a file of the cut cannot be made");
    for (size_t at = 0; at < file->size;) {
        ssize_t written = write(fd, file->bytes + at, file->size - at);

        need(written > 0, "a file of the cut cannot be written");
        at += (size_t)written;
    }
    close(fd);
}

static void build_file(const struct disk_file *file, struct random *random,
                       const char *directory)
{
    struct disk_file copy = *file;

    copy.bytes = NULL;
    copy.size = 0;
    copy.room = 0;
    resize(&copy, file->size);
    if (file->size > 0) {
        memcpy(copy.bytes, file->bytes, file->size);
    }
    if (random != NULL) {
        choose(&copy, random);
    }
    for (size_t i = 0; random == NULL && i < file->pending_count; i++) {
        apply(&copy, file->pending[i]);
    }
    write_file(&copy, directory);
    memory_free(copy.bytes);
}

void power_cut_build(struct power_cut *cut, struct random *random, const char *directory)
{
    for (size_t i = 0; i < cut->file_count; i++) {
        const struct disk_file *file = &cut->files[i];
        bool is_there = file->is_durable || random == NULL || random_below(random, 2) == 0;

        if (!file->is_gone && is_there && strcmp(file->name, ".") != 0) {
            build_file(file, random, directory);
        }
    }
}

void power_mark(const char *journal, uint64_t number)
{
    struct power_event event = {.kind = POWER_MARK, .offset = number};
    int fd = open(journal, O_WRONLY | O_APPEND | O_CLOEXEC);

    need(fd >= 0 && write(fd, &event, sizeof event) == (ssize_t)sizeof event,
         "it cannot be marked");
    close(fd);
}

/* NOLINTEND(bugprone-sizeof-expression) */
