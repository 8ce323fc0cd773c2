/* Small files, whole. */
#include "base/files.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status file_read_whole(const char *path, struct buffer *to, struct why *why)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return errno == ENOENT ? STATUS_NOT_FOUND
                               : fail(why, STATUS_STORAGE, "cannot read %s: %s", path,
                                      strerrordesc_np(errno));
    }
    char chunk[4096];
    size_t got = 0;

    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buffer_add(to, text_make(chunk, got));
    }
    bool is_bad = ferror(file) != 0 || to->overflown;

    (void)fclose(file);
    return is_bad ? fail(why, STATUS_STORAGE, "cannot read %s", path) : STATUS_OK;
}

static bool write_and_sync(int file, struct text content)
{
    while (content.len > 0) {
        ssize_t written = write(file, content.at, content.len);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        content = text_after(content, (size_t)written);
    }
    return fsync(file) == 0;
}

static bool directory_sync(const char *directory)
{
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (file < 0) {
        return false;
    }
    bool is_synced = fsync(file) == 0;

    (void)close(file);
    return is_synced;
}

/* Beside it first, then renamed. */
enum status file_write_whole(const char *directory, const char *name, struct text content,
                             mode_t mode, struct why *why)
{
    char path[PATH_MAX];
    char beside[PATH_MAX + 8];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    (void)unlink(beside); /* what a crash left; its mode must not stay */
    int file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

    if (file < 0) {
        return fail(why, STATUS_STORAGE, "cannot write %s: %s", beside, strerrordesc_np(errno));
    }
    bool is_written = write_and_sync(file, content);

    is_written = close(file) == 0 && is_written;
    if (!is_written || rename(beside, path) != 0 || !directory_sync(directory)) {
        enum status status =
            fail(why, STATUS_STORAGE, "cannot write %s: %s", path, strerrordesc_np(errno));

        (void)unlink(beside);
        return status;
    }
    return STATUS_OK;
}
