/* A library to be preloaded: writes down every write and sync of the files in one directory.
 *
 * POWER_DIRECTORY  the directory, as the process spells it
 * POWER_JOURNAL    the file to append to; without it nothing is written down
 * POWER_KILL_AT    the process is killed once so many events have been written down
 * POWER_KILL_SYNCED  the same, counting writes to files opened with O_DSYNC, before their sync
 *
 * Syncs are not carried out: that they were asked for is what counts, and it is faster.  An
 * event is in the journal before the call that it tells of returns. */
#include "tests/support/power_events.h"

#include <sys/stat.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 4096

struct known_file {
    char name[POWER_NAME_ROOM]; /* "": none of ours */
    bool is_synced;             /* each write is durable when it returns */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct known_file files[FILES_MAX]; /* by descriptor */
static int journal = -1;
static uint64_t events;
static uint64_t kill_at;
static uint64_t synced_writes;
static uint64_t kill_synced;
static uint64_t syncs;
static const char *directory;

static ssize_t (*next_write)(int, const void *, size_t);
static ssize_t (*next_writev)(int, const struct iovec *, int);
static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_pwritev)(int, const struct iovec *, int, off_t);
static int (*next_open)(const char *, int, ...);
static int (*next_close)(int);
static int (*next_ftruncate)(int, off_t);
static int (*next_fallocate)(int, int, off_t, off_t);
static int (*next_rename)(const char *, const char *);
static int (*next_unlink)(const char *);
static int (*next_fsync)(int);

/* ISO C has no way from an object's pointer to a function's. */
#define FIND(name)                                   \
    do {                                             \
        void *found = dlsym(RTLD_NEXT, #name);       \
        memcpy(&next_##name, &found, sizeof(found)); \
    } while (0)

static uint64_t number_of(const char *variable)
{
    const char *number = getenv(variable);

    return number == NULL ? 0 : strtoull(number, NULL, 10);
}

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("POWER_JOURNAL");

    FIND(write);
    FIND(writev);
    FIND(pwrite);
    FIND(pwritev);
    FIND(open);
    FIND(close);
    FIND(ftruncate);
    FIND(fallocate);
    FIND(rename);
    FIND(unlink);
    FIND(fsync);
    directory = getenv("POWER_DIRECTORY");
    kill_at = number_of("POWER_KILL_AT");
    kill_synced = number_of("POWER_KILL_SYNCED");
    if (path != NULL && directory != NULL) {
        journal = next_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (journal < 0) {
            abort();
        }
    }
}

/* Under the lock. */
static void tell(enum power_kind kind, const char *name, uint64_t offset, const void *bytes,
                 size_t len)
{
    static char zeros[8];
    struct power_event event = {.kind = kind, .len = (uint32_t)len, .offset = offset};

    union { /* writev takes a pointer that it promises to read only */
        const void *ours;
        void *theirs;
    } at = {.ours = bytes};
    struct iovec parts[] = {{.iov_base = &event, .iov_len = sizeof event},
                            {.iov_base = at.theirs, .iov_len = len},
                            {.iov_base = zeros, .iov_len = POWER_PADDED(len) - len}};

    (void)snprintf(event.name, sizeof event.name, "%s", name);
    if (next_writev(journal, parts, 3) != (ssize_t)(sizeof event + POWER_PADDED(len))) {
        abort();
    }
    if (++events == kill_at) {
        die();
    }
}

/* The name inside of the directory; NULL when the path is elsewhere. */
static const char *name_of(const char *path)
{
    size_t len = directory == NULL ? 0 : strlen(directory);

    if (journal < 0 || strncmp(path, directory, len) != 0) {
        return NULL;
    }
    if (path[len] == '\0') {
        return ".";
    }
    return path[len] == '/' && strchr(path + len + 1, '/') == NULL ? path + len + 1 : NULL;
}

static const struct known_file *known(int fd)
{
    return journal >= 0 && fd >= 0 && fd < FILES_MAX && files[fd].name[0] != '\0' ? &files[fd]
                                                                                  : NULL;
}

static int open_known(const char *path, int flags, mode_t mode)
{
    const char *name = name_of(path);

    if (name == NULL) {
        return next_open(path, flags, mode);
    }
    (void)pthread_mutex_lock(&lock);
    bool is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    int fd = next_open(path, flags & ~(O_DSYNC | O_SYNC), mode);
    int error = errno;

    if (fd >= 0 && fd < FILES_MAX) {
        (void)snprintf(files[fd].name, sizeof files[fd].name, "%s", name);
        files[fd].is_synced = (flags & O_DSYNC) != 0;
        if (is_new) {
            tell(POWER_CREATE, name, 0, NULL, 0);
        } else if ((flags & O_TRUNC) != 0) {
            tell(POWER_CUT, name, 0, NULL, 0);
        }
    }
    (void)pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

/* --- The calls. */

static mode_t take_mode(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = take_mode(flags, arguments);

    va_end(arguments);
    return open_known(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = take_mode(flags, arguments);

    va_end(arguments);
    return open_known(path, flags, mode);
}

int close(int fd)
{
    (void)pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES_MAX) {
        files[fd].name[0] = '\0';
    }
    int result = next_close(fd);

    (void)pthread_mutex_unlock(&lock);
    return result;
}

static void tell_sync(const struct known_file *file)
{
    uint64_t number = ++syncs;

    tell(POWER_SYNC_BEGIN, file->name, number, NULL, 0);
    tell(POWER_SYNC_END, file->name, number, NULL, 0);
}

static void tell_write(const struct known_file *file, const void *bytes, ssize_t written,
                       off_t offset)
{
    if (written > 0) {
        tell(POWER_WRITE, file->name, (uint64_t)offset, bytes, (size_t)written);
        if (file->is_synced) {
            if (++synced_writes == kill_synced) {
                die();
            }
            tell_sync(file);
        }
    }
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    const struct known_file *file = known(fd);

    if (file == NULL) {
        return next_pwrite(fd, bytes, len, offset);
    }
    (void)pthread_mutex_lock(&lock);
    ssize_t written = next_pwrite(fd, bytes, len, offset);

    tell_write(file, bytes, written, offset);
    (void)pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    const struct known_file *file = known(fd);
    struct stat status;

    if (file == NULL) {
        return next_write(fd, bytes, len);
    }
    (void)pthread_mutex_lock(&lock);
    off_t offset = lseek(fd, 0, SEEK_CUR);

    if ((fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &status) == 0) {
        offset = status.st_size;
    }
    ssize_t written = next_write(fd, bytes, len);

    tell_write(file, bytes, written, offset);
    (void)pthread_mutex_unlock(&lock);
    return written;
}

/* Whatever one call would have written may come in several: nobody relies on the difference. */
static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t all = 0;

    for (int i = 0; i < count; i++) {
        ssize_t written = offset < 0
                              ? write(fd, parts[i].iov_base, parts[i].iov_len)
                              : pwrite(fd, parts[i].iov_base, parts[i].iov_len, offset + all);

        if (written < 0) {
            return all > 0 ? all : -1;
        }
        all += written;
        if ((size_t)written < parts[i].iov_len) {
            break;
        }
    }
    return all;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return known(fd) == NULL ? next_writev(fd, parts, count)
                             : write_parts(fd, parts, count, -1);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return known(fd) == NULL ? next_pwritev(fd, parts, count, offset)
                             : write_parts(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev(fd, parts, count, offset);
}

/* The writes of other threads go on while a sync is under way; only those before it count. */
int fdatasync(int fd)
{
    const struct known_file *file = known(fd);

    if (file == NULL) {
        return 0;
    }
    (void)pthread_mutex_lock(&lock);
    uint64_t number = ++syncs;

    tell(POWER_SYNC_BEGIN, file->name, number, NULL, 0);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_mutex_lock(&lock);
    tell(POWER_SYNC_END, file->name, number, NULL, 0);
    (void)pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd)
{
    return fdatasync(fd);
}

int ftruncate(int fd, off_t len)
{
    const struct known_file *file = known(fd);

    if (file == NULL) {
        return next_ftruncate(fd, len);
    }
    (void)pthread_mutex_lock(&lock);
    int result = next_ftruncate(fd, len);

    if (result == 0) {
        tell(POWER_CUT, file->name, (uint64_t)len, NULL, 0);
    }
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off_t len)
{
    return ftruncate(fd, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    const struct known_file *file = known(fd);

    if (file == NULL) {
        return next_fallocate(fd, mode, offset, len);
    }
    (void)pthread_mutex_lock(&lock);
    int result = next_fallocate(fd, mode, offset, len);

    if (result == 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0) { /* else only blocks are taken */
        tell(POWER_SIZE, file->name, (uint64_t)(offset + len), NULL, 0);
    }
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int fallocate64(int fd, int mode, off_t offset, off_t len)
{
    return fallocate(fd, mode, offset, len);
}

int rename(const char *from, const char *to)
{
    const char *old_name = name_of(from);
    const char *new_name = name_of(to);

    if (old_name == NULL || new_name == NULL) {
        return next_rename(from, to);
    }
    (void)pthread_mutex_lock(&lock);
    int result = next_rename(from, to);

    if (result == 0) {
        tell(POWER_RENAME, old_name, 0, new_name, strlen(new_name) + 1);
    }
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path)
{
    const char *name = name_of(path);

    if (name == NULL) {
        return next_unlink(path);
    }
    (void)pthread_mutex_lock(&lock);
    int result = next_unlink(path);

    if (result == 0) {
        tell(POWER_UNLINK, name, 0, NULL, 0);
    }
    (void)pthread_mutex_unlock(&lock);
    return result;
}
