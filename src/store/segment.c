/* The files of the change log: header, appending, replaying. */
#include "store/segment.h"

#include "base/faults.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "base/random.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC        UINT64_C(0x46616e666172654c) /* "FanfareL" */
#define LOG_FORMAT   2  /* 1: the database has no note of the use, `used` is not there */
#define HEADER_BYTES 48 /* magic, format, secret, first, used, checksum */
#define OLD_BYTES    40
#define ZERO_STEP    ((uint64_t)8 << 20)
#define ZERO_BYTES   ((size_t)1 << 20)

static uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + RECORD_PAGE - 1) / RECORD_PAGE * RECORD_PAGE;
}

bool segment_path(const char *location, unsigned index, char ret_path[PATH_ROOM])
{
    char name[32];

    (void)snprintf(name, sizeof name, "changes.%u", index);
    return directory_path(location, name, ret_path);
}

const char *segment_name(const struct segment *segment)
{
    const char *slash = strrchr(segment->path, '/');

    return slash == NULL ? segment->path : slash + 1;
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
    buffer_add_u64(buffer, segment->stretch.first);
    buffer_add_u64(buffer, segment->used);
    buffer_add_u64(buffer, log_record_checksum(buffer_text(buffer), MAGIC));
    memset(buffer_extend(buffer, RECORD_PAGE - HEADER_BYTES), 0, RECORD_PAGE - HEADER_BYTES);
}

static enum segment_header header_parse(struct segment *segment, const char at[HEADER_BYTES])
{
    static const char blank[HEADER_BYTES];
    struct text bytes = text_make(at, HEADER_BYTES);
    struct cursor cursor = cursor_over(bytes);
    uint64_t magic = cursor_u64(&cursor);
    uint64_t format = cursor_u64(&cursor);
    uint64_t secret = cursor_u64(&cursor);
    uint64_t first = cursor_u64(&cursor);
    uint64_t used = format == LOG_FORMAT ? cursor_u64(&cursor) : segment->zeroed;
    uint64_t checksum = cursor_u64(&cursor);
    size_t covered = (format == LOG_FORMAT ? HEADER_BYTES : OLD_BYTES) - sizeof checksum;

    if (memcmp(at, blank, sizeof blank) == 0) {
        return SEGMENT_BLANK;
    }
    segment->used = segment->zeroed;
    if (magic != MAGIC || format == 0 || format > LOG_FORMAT
        || checksum != log_record_checksum(text_first(bytes, covered), MAGIC)) {
        return SEGMENT_DAMAGED;
    }
    segment->secret = secret;
    segment->stretch.first = first;
    segment->used = used;
    return format == LOG_FORMAT ? SEGMENT_WHOLE : SEGMENT_OLD;
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
    segment->header = header_parse(segment, header);
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
    segment->index = index;
    segment->limit = whole_pages(limit);
    segment->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
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
    segment->used = segment->end > segment->used ? segment->end : segment->used;
    segment->end = 0;
    segment->stretch.first = 0;
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

static int allocate(const struct segment *segment, uint64_t target)
{
    off_t start = (off_t)segment->zeroed;
    int error = EINTR;

    while (error == EINTR) {
        error = fallocate(segment->fd, 0, start, (off_t)target - start) == 0 ? 0 : errno;
    }
    return error == EOPNOTSUPP ? 0 : error;
}

/* Blocks are allocated first, so that a full disk shows here and not in a sync. */
static enum status extend(struct segment *segment, uint64_t target, bool *ret_fatal,
                          struct why *why)
{
    int error = allocate(segment, target);

    if (error == 0) {
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

/* Makes the file at least `end` bytes long, and more for what comes next if there is room. */
static enum status grow(struct segment *segment, uint64_t end, bool *ret_fatal, struct why *why)
{
    if (end <= segment->zeroed) {
        return STATUS_OK;
    }
    uint64_t target = segment->zeroed + ZERO_STEP;

    target = target < end ? end : target;
    target = target > segment->limit ? segment->limit : target;
    enum status status = extend(segment, target, ret_fatal, why);

    return status == STATUS_FULL && target > end ? extend(segment, end, ret_fatal, why)
                                                 : status;
}

static uint64_t draw_secret(void)
{
    struct random *random = random_system();
    uint64_t secret = random_u64(random);

    memory_free(random);
    return secret;
}

enum status segment_begin(struct segment *segment, uint64_t first, bool *ret_fatal,
                          struct why *why)
{
    enum status status = grow(segment, 2 * RECORD_PAGE, ret_fatal, why);
    struct buffer header;

    if (status != STATUS_OK) {
        return status;
    }
    buffer_init(&header, RECORD_PAGE);
    segment->end = 0;
    segment->secret =
        mutant("store.secret-kept") && segment->secret != 0 ? segment->secret : draw_secret();
    segment->stretch.first = first;
    header_format(segment, &header);
    int error = write_all(segment->fd, buffer_text(&header), 0);

    buffer_free(&header);
    if (error != 0) {
        return segment_fail(segment, error, "written", why);
    }
    return mutant("store.header-unsynced") ? STATUS_OK : segment_sync(segment, ret_fatal, why);
}

enum status segment_reserve(struct segment *segment, size_t size, bool *ret_fatal,
                            struct why *why)
{
    return grow(segment, next_offset(segment) + whole_pages(size), ret_fatal, why);
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

bool segment_replay(struct segment *segment, uint64_t sequence, struct log_record *ret_record)
{
    uint64_t offset = next_offset(segment);
    struct log_record record;

    if (!log_record_read(mapped_from(segment, offset), segment->secret, &record)
        || record.sequence != sequence) {
        return false;
    }
    segment->last = offset;
    segment->end = offset + whole_pages(record.bytes.len);
    record.kept = record.bytes.at;
    *ret_record = record;
    return true;
}

bool segment_has_more(const struct segment *segment)
{
    struct log_record record;

    for (uint64_t at = next_offset(segment); at < segment->zeroed; at += RECORD_PAGE) {
        if (log_record_read(mapped_from(segment, at), segment->secret, &record)) {
            return true;
        }
    }
    return false;
}

static bool is_zero_page(const char *at)
{
    static const char zeros[RECORD_PAGE];

    return memcmp(at, zeros, sizeof zeros) == 0;
}

uint64_t segment_torn_bytes(struct segment *segment)
{
    uint64_t start = next_offset(segment);
    uint64_t clean = segment->used > start ? segment->used : start;
    uint64_t end = segment->zeroed;

    while (end > clean && is_zero_page(segment->map + end - RECORD_PAGE)) {
        end -= RECORD_PAGE;
    }
    uint64_t torn = log_record_announced(mapped_from(segment, start), segment->secret);

    torn = end > clean && end - start > torn ? end - start : torn;
    if (start + torn > segment->used) {
        segment->used = start + whole_pages(torn);
    }
    return torn;
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
