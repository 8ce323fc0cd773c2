/* What is acknowledged was synced: kill -9 keeps what the kernel has, a power cut does not.
 *
 * The linker's --wrap sends every pwrite and fdatasync of the engine here.  When a commit comes
 * back, nothing that was written is waiting for a sync; and when a store opens over a record
 * that a dead process had written but not synced, that is synced before anybody builds upon it.
 */
#include "trial.h"

#include "tests/support/temp_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMITS 200
#define LOG     "/changes." /* of the change log's files; LMDB syncs its own by itself */

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
 */
ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __real_fdatasync(int fd);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __wrap_fdatasync(int fd);

static atomic_bool is_dirty;  /* a file of the change log was written and not synced */
static atomic_uint syncs;     /* of such files */
static atomic_bool dies_here; /* at the next sync, before it */

static bool is_log(int fd)
{
    char link[64];
    char path[4096] = "";

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    /* NOLINTNEXTLINE(readability-suspicious-call-argument): in the order of readlink's own */
    CHECK(readlink(link, path, sizeof path - 1) > 0);
    return strstr(path, LOG) != NULL;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (is_log(fd)) {
        atomic_store(&is_dirty, true);
    }
    return __real_pwrite(fd, bytes, size, offset);
}

int __wrap_fdatasync(int fd)
{
    if (is_log(fd)) {
        if (atomic_load(&dies_here)) {
            _exit(0);
        }
        atomic_store(&is_dirty, false);
        atomic_fetch_add(&syncs, 1);
    }
    return __real_fdatasync(fd);
}

/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static void commits_check(struct trial *trial)
{
    char value[20000];

    memset(value, 'v', sizeof value);
    for (int i = 0; i < COMMITS; i++) {
        unsigned before = atomic_load(&syncs);

        value[(i * 97 + 1) % (int)sizeof value] = '\0';
        trial_put(trial, "key", value);
        CHECK(!atomic_load(&is_dirty));
        CHECK(atomic_load(&syncs) > before);
        value[(i * 97 + 1) % (int)sizeof value] = 'v';
    }
}

/* A process that dies between writing its last record and syncing it. */
static void die_before_sync(struct trial *trial)
{
    int ended = 0;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        trial_open(trial);
        trial_put(trial, "key", "before");
        atomic_store(&dies_here, true);
        trial_put(trial, "key", "unsynced");
        _exit(1);
    }
    CHECK(waitpid(child, &ended, 0) == child);
    CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}

static void recovery_check(struct trial *trial)
{
    char room[64];
    struct text value;

    die_before_sync(trial);
    unsigned before = atomic_load(&syncs);

    trial_open(trial);
    CHECK(trial_get(trial, T("key"), &value, room, sizeof room));
    if (text_equal(value, T("unsynced"))) {
        CHECK(atomic_load(&syncs) > before && !atomic_load(&is_dirty));
    }
    trial_close(trial);
}

int main(void)
{
    struct temp_dir dir = temp_dir_make();
    struct trial trial = {
        .engine = engine_find("log"), .location = dir.path, .map_bytes = SMALL_BYTES};

    trial_open(&trial);
    commits_check(&trial);
    trial_close(&trial);
    recovery_check(&trial);
    temp_dir_remove(&dir);
    return 0;
}
