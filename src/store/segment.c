/* The files of the change log: header, appending, replaying. */
#include "store/segment.h"

#include "base/faults.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "base/random.h"
#include "store/directory.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC        UINT64_C(0x46616e666172654c) /* "FanfareL" */
#define LOG_FORMAT   1
#define HEADER_BYTES 40 /* magic, format, secret, first, checksum */
#define ZERO_STEP    ((uint64_t)8 << 20)
#define ZERO_BYTES   ((size_t)1 << 20)

static uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + RECORD_PAGE - 1) / RECORD_PAGE * RECORD_PAGE;
}

static bool segment_path(const char *location, unsigned index, char ret_path[PATH_ROOM])
{
    char name[32];

    (void)snprintf(name, sizeof name, "changes.%u", index);
    return directory_path(location, name, ret_path);
}

static enum status segment_fail(const struct segment *segment, int error, const char *what,
                                struct why *why)
{
    char text[128];

    return fail(why, errno_means_full(error) ? STATUS_FULL : STATUS_STORAGE,
                "the change log %s cannot be %s: %s", segment->path, what,
                strerror_r(error, text, sizeof text));
}

bool segment_exists(const char *location, unsigned index)
{
    char path[PATH_ROOM];

    return segment_path(location, index, path) && access(path, F_OK) == 0;
}

static void header_format(const struct segment *segment, struct buffer *buffer)
{
    buffer_add_u64(buffer, MAGIC);
    buffer_add_u64(buffer, LOG_FORMAT);
    buffer_add_u64(buffer, segment->secret);
    buffer_add_u64(buffer, segment->first);
    buffer_add_u64(buffer, record_checksum(buffer_text(buffer), MAGIC));
    memset(buffer_extend(buffer, RECORD_PAGE - HEADER_BYTES), 0, RECORD_PAGE - HEADER_BYTES);
}

/* False when it is neither valid nor blank. */
static bool header_parse(struct segment *segment, const char at[HEADER_BYTES])
{
    static const char blank[HEADER_BYTES];
    struct text bytes = text_make(at, HEADER_BYTES);
    struct cursor cursor = cursor_over(bytes);
    uint64_t magic = cursor_u64(&cursor);
    uint64_t format = cursor_u64(&cursor);
    uint64_t secret = cursor_u64(&cursor);
    uint64_t first = cursor_u64(&cursor);
    uint64_t checksum = cursor_u64(&cursor);

    if (memcmp(at, blank, sizeof blank) == 0) {
        return true;
    }
    if (magic != MAGIC || format != LOG_FORMAT
        || checksum != record_checksum(text_first(bytes, HEADER_BYTES - 8), MAGIC)) {
        return false;
    }
    segment->secret = secret;
    segment->first = first;
    return true;
}

static enum status header_load(struct segment *segment, struct why *why)
{
    char header[HEADER_BYTES] = {0};

    if (segment->zeroed < RECORD_PAGE) {
        return STATUS_OK;
    }
    if (pread(segment->fd, header, sizeof header, 0) != (ssize_t)sizeof header) {
        return segment_fail(segment, errno, "read", why);
    }
    if (!header_parse(segment, header)) {
        return fail(
            why, STATUS_STORAGE,
            "the change log %s is damaged or of a newer version: what it holds may not be "
            "in the database yet, restore it from a copy",
            segment->path);
    }
    return STATUS_OK;
}

static enum status map_file(struct segment *segment, struct why *why)
{
    struct stat file;

    if (fstat(segment->fd, &file) != 0) {
        return segment_fail(segment, errno, "read", why);
    }
    segment->zeroed = (uint64_t)file.st_size / RECORD_PAGE * RECORD_PAGE;
    segment->map_bytes = segment->zeroed > segment->limit ? segment->zeroed : segment->limit;
    void *map = mmap(NULL, segment->map_bytes, PROT_READ, MAP_SHARED, segment->fd, 0);

    if (map == MAP_FAILED) {
        return segment_fail(segment, errno, "mapped", why);
    }
    segment->map = map;
    return header_load(segment, why);
}

enum status segment_open(const char *location, unsigned index, uint64_t limit,
                         struct segment **ret_segment, struct why *why)
{
    char path[PATH_ROOM];

    if (!segment_path(location, index, path)) {
        return fail(why, STATUS_STORAGE, "data directory %s: the path is too long", location);
    }
    struct segment *segment = memory_zero(sizeof *segment);

    segment->path = memory_copy_text(text_from(path));
    segment->limit = whole_pages(limit);
    segment->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum status status =
        segment->fd < 0 ? segment_fail(segment, errno, "opened", why) : map_file(segment, why);

    if (status == STATUS_OK) {
        status = directory_sync(location, why);
    }
    if (status != STATUS_OK) {
        segment_close(segment);
        return status;
    }
    *ret_segment = segment;
    return STATUS_OK;
}

void segment_close(struct segment *segment)
{
    if (segment == NULL) {
        return;
    }
    if (segment->map != NULL) {
        (void)munmap(segment->map, segment->map_bytes);
    }
    if (segment->fd >= 0) {
        close(segment->fd);
    }
    memory_free(segment->path);
    memory_free(segment);
}

void segment_recycle(struct segment *segment)
{
    segment->end = 0;
    /* Pages that nobody has mapped are cheaper to write back. */
    (void)madvise(segment->map, segment->map_bytes, MADV_DONTNEED);
}

/* Where the next record goes. */
static uint64_t next_offset(const struct segment *segment)
{
    return segment->end == 0 ? RECORD_PAGE : segment->end;
}

bool segment_fits(const struct segment *segment, size_t size)
{
    return next_offset(segment) + whole_pages(size) <= segment->limit;
}

static int write_all(int fd, struct text bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.at, bytes.len, (off_t)offset);

        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes = text_after(bytes, (size_t)written);
            offset += (uint64_t)written;
        }
    }
    return 0;
}

static int write_zeros(const struct segment *segment, uint64_t end)
{
    char *zeros = memory_zero(ZERO_BYTES);
    int error = 0;

    for (uint64_t at = segment->zeroed; at < end && error == 0; at += ZERO_BYTES) {
        uint64_t len = end - at < ZERO_BYTES ? end - at : ZERO_BYTES;

        error = write_all(segment->fd, text_make(zeros, len), at);
    }
    memory_free(zeros);
    return error;
}

/* A failed sync leaves unknown what is on disk. */
static enum status segment_sync(const struct segment *segment, bool *ret_fatal, struct why *why)
{
    char text[128];
    int error = mutant("store.no-sync") || fdatasync(segment->fd) == 0 ? 0 : errno;

    error = fault_point("store.sync.fail") ? EIO : error;
    if (error == 0) {
        return STATUS_OK;
    }
    *ret_fatal = true;
    return fail(why, STATUS_STORAGE, "the change log %s cannot be synced: %s", segment->path,
                strerror_r(error, text, sizeof text));
}

/* Makes the file at least `end` bytes long.  Blocks are allocated first, so that a full disk
 * shows here and not in a sync. */
static enum status grow(struct segment *segment, uint64_t end, bool *ret_fatal, struct why *why)
{
    if (end <= segment->zeroed) {
        return STATUS_OK;
    }
    uint64_t target = segment->zeroed + ZERO_STEP;

    target = target < end ? end : target;
    target = target > segment->limit ? segment->limit : target;
    off_t start = (off_t)segment->zeroed;
    int error = fallocate(segment->fd, 0, start, (off_t)target - start) == 0 ? 0 : errno;

    if (error == 0 || error == EOPNOTSUPP) {
        error = write_zeros(segment, target);
    }
    if (error != 0) {
        return segment_fail(segment, error, "extended", why);
    }
    enum status status = segment_sync(segment, ret_fatal, why);

    if (status == STATUS_OK) {
        segment->zeroed = target;
    }
    return status;
}

static uint64_t draw_secret(void)
{
    struct random *random = random_system();
    uint64_t secret = random_u64(random);

    memory_free(random);
    return secret;
}

/* The header becomes durable together with the first record. */
static enum status begin_use(struct segment *segment, uint64_t sequence, struct why *why)
{
    struct buffer header;

    buffer_init(&header, RECORD_PAGE);
    segment->secret =
        mutant("store.secret-kept") && segment->secret != 0 ? segment->secret : draw_secret();
    segment->first = sequence;
    header_format(segment, &header);
    int error = write_all(segment->fd, buffer_text(&header), 0);

    buffer_free(&header);
    return error == 0 ? STATUS_OK : segment_fail(segment, error, "written", why);
}

enum status segment_prepare(struct segment *segment, size_t size, uint64_t sequence,
                            bool *ret_fatal, struct why *why)
{
    enum status status =
        grow(segment, next_offset(segment) + whole_pages(size), ret_fatal, why);

    if (status == STATUS_OK && segment->end == 0) {
        status = begin_use(segment, sequence, why);
    }
    return status;
}

enum status segment_write(struct segment *segment, struct text pages, bool *ret_fatal,
                          struct why *why)
{
    uint64_t offset = next_offset(segment);
    int error = write_all(segment->fd, pages, offset);

    if (error != 0) {
        return segment_fail(segment, error, "written", why);
    }
    (void)fault_point("store.commit.before_sync");
    enum status status = segment_sync(segment, ret_fatal, why);

    (void)fault_point("store.commit.after_sync");
    if (status == STATUS_OK) {
        segment->last = offset;
        segment->end = offset + pages.len;
    }
    return status;
}

static struct text mapped_from(const struct segment *segment, uint64_t offset)
{
    uint64_t end = segment->zeroed < offset ? offset : segment->zeroed;

    return text_make(segment->map + offset, end - offset);
}

bool segment_replay(struct segment *segment, uint64_t sequence, struct record *ret_record)
{
    uint64_t offset = next_offset(segment);
    struct record record;

    if (!record_read(mapped_from(segment, offset), segment->secret, &record)
        || (record.sequence != sequence && !mutant("store.sequence-unchecked"))) {
        return false;
    }
    segment->last = offset;
    segment->end = offset + whole_pages(record.bytes.len);
    *ret_record = record;
    return true;
}

bool segment_is_damaged(const struct segment *segment)
{
    struct record record;

    for (uint64_t at = next_offset(segment); at < segment->zeroed; at += RECORD_PAGE) {
        if (record_read(mapped_from(segment, at), segment->secret, &record)) {
            return true;
        }
    }
    return false;
}

enum status segment_settle(struct segment *segment, struct why *why)
{
    if (segment->end == 0 || mutant("store.recovery-unsynced")) {
        return STATUS_OK;
    }
    struct text pages = text_make(segment->map + segment->last, segment->end - segment->last);
    char *copy = memory_take(pages.len);
    bool is_fatal = false;

    memcpy(copy, pages.at, pages.len);
    int error = write_all(segment->fd, text_make(copy, pages.len), segment->last);

    memory_free(copy);
    return error == 0 ? segment_sync(segment, &is_fatal, why)
                      : segment_fail(segment, error, "written", why);
}
