/* A directory of its own for a test, gone afterwards; header-only so that every test can use
 * it. */
#ifndef TESTS_SUPPORT_TEMP_DIR_H
#define TESTS_SUPPORT_TEMP_DIR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEMP_DIR_ROOM 256

struct temp_dir {
    char path[TEMP_DIR_ROOM];
};

/* Aborts when it cannot be made. */
static inline struct temp_dir temp_dir_make(void)
{
    struct temp_dir dir;
    const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */

    (void)snprintf(dir.path, sizeof dir.path, "%s/fanfare-test-XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    if (mkdtemp(dir.path) == NULL) {
        abort();
    }
    return dir;
}

/* Removes the files in it (there are no folders), and with `too` the directory itself. */
static inline void temp_dir_clear(const struct temp_dir *dir, int too)
{
    DIR *listing = opendir(dir->path);

    if (listing == NULL) {
        return;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the listing is ours */
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        char path[TEMP_DIR_ROOM * 2 + 8];

        (void)snprintf(path, sizeof path, "%s/%s", dir->path, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(listing);
    if (too) {
        (void)rmdir(dir->path);
    }
}

static inline void temp_dir_remove(const struct temp_dir *dir)
{
    temp_dir_clear(dir, 1);
}

#endif
