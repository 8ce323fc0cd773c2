/* Settings out of a text. */
#ifndef TESTS_SETTINGS_SAMPLE_H
#define TESTS_SETTINGS_SAMPLE_H

#include "settings/declared.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>

struct sample {
    struct temp_dir dir;
    char path[TEMP_DIR_ROOM + 16];
    struct settings settings;
    struct buffer errors;
    enum status status;
};

/* Reads `yaml` as the configuration file. */
static inline void sample_load(struct sample *sample, const char *yaml)
{
    *sample = (struct sample){.dir = temp_dir_make()};
    (void)snprintf(sample->path, sizeof sample->path, "%s/f.yaml", sample->dir.path);
    FILE *file = fopen(sample->path, "we");

    cr_assert_not_null(file);
    (void)fputs(yaml, file);
    (void)fclose(file);
    buffer_init(&sample->errors, 1 << 20);
    sample->status = settings_load(&sample->settings, sample->path, &sample->errors);
    buffer_add_byte(&sample->errors, '\0');
    sample->errors.len--;
}

static inline void sample_close(struct sample *sample)
{
    settings_free(&sample->settings);
    buffer_free(&sample->errors);
    temp_dir_clear(&sample->dir, 1);
}

/* Whether an error ends so: they begin with the file's path. */
static inline bool sample_says(const struct sample *sample, const char *what)
{
    return strstr(sample->errors.at, what) != NULL;
}

#endif
