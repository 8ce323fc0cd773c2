/* Locking the data directory and asking for its free space. */
#include "store/directory.h"

#include "base/buffer.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_NAME "LOCK"
#define MARK_NAME "STORE"

static const char *error_text(int error, char *at, size_t room)
{
    return strerror_r(error, at, room);
}

bool directory_path(const char *location, const char *name, char ret_path[PATH_ROOM])
{
    int len = snprintf(ret_path, PATH_ROOM, "%s/%s", location, name);

    return len > 0 && len < PATH_ROOM;
}

static enum status refuse_second(int lock, const char *location, struct why *why)
{
    char pid[32];
    ssize_t len = pread(lock, pid, sizeof pid - 1, 0);

    pid[len > 0 ? len : 0] = '\0';
    return fail(why, STATUS_BUSY,
                "data directory %s is in use by process %s: stop it or choose another --data",
                location, pid[0] == '\0' ? "(unknown)" : pid);
}

static enum status refuse_directory(const char *location, struct why *why)
{
    char text[128];
    int error = errno;

    return fail(why, STATUS_STORAGE, "data directory %s cannot be written: %s", location,
                error_text(error, text, sizeof text));
}

/* The pid is for people who wonder who has it; the lock itself is what counts. */
static bool write_pid(int lock)
{
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%d", (int)getpid());

    return ftruncate(lock, 0) == 0 && pwrite(lock, pid, (size_t)len, 0) == len;
}

enum status directory_lock(const char *location, int *ret_lock, struct why *why)
{
    char path[PATH_ROOM];

    if (!directory_path(location, LOCK_NAME, path)) {
        return fail(why, STATUS_STORAGE, "data directory %s: the path is too long", location);
    }
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (lock < 0 && errno == ELOOP) {
        return fail(why, STATUS_STORAGE,
                    "data directory %s: %s is a symbolic link, and none of ours: remove it",
                    location, LOCK_NAME);
    }
    if (lock < 0) {
        return refuse_directory(location, why);
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        enum status status = refuse_second(lock, location, why);

        close(lock);
        return status;
    }
    /* A full disk must not keep the daemon from starting: its rows can still be settled. */
    if (!write_pid(lock) && !errno_means_full(errno)) {
        enum status status = refuse_directory(location, why);

        close(lock);
        return status;
    }
    *ret_lock = lock;
    return STATUS_OK;
}

void directory_unlock(int lock)
{
    if (lock >= 0) {
        close(lock);
    }
}

bool directory_is_marked(const char *location)
{
    char path[PATH_ROOM];

    return directory_path(location, MARK_NAME, path) && access(path, F_OK) == 0;
}

enum status directory_mark(const char *location, struct why *why)
{
    char path[PATH_ROOM];

    if (!directory_path(location, MARK_NAME, path)) {
        return fail(why, STATUS_STORAGE, "data directory %s: the path is too long", location);
    }
    int mark = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (mark < 0 && errno_means_full(errno)) {
        return STATUS_OK;
    }
    if (mark < 0) {
        return refuse_directory(location, why);
    }
    close(mark);
    return directory_sync(location, why);
}

enum status directory_sync(const char *location, struct why *why)
{
    int directory = open(location, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = STATUS_OK;

    if (directory < 0 || fsync(directory) != 0) {
        status = refuse_directory(location, why);
    }
    if (directory >= 0) {
        close(directory);
    }
    return status;
}

uint64_t directory_room(const char *location, uint64_t file_bytes)
{
    struct statvfs disk;
    struct rlimit limit;
    uint64_t room = UINT64_MAX;

    if (statvfs(location, &disk) == 0) {
        room = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        uint64_t left = limit.rlim_cur > file_bytes ? limit.rlim_cur - file_bytes : 0;

        room = left < room ? left : room;
    }
    return room;
}

bool errno_means_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}
