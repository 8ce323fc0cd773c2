/* Filling and reading an engine under test. */
#include "trial.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ROOM 65536

void trial_fail(const char *file, int line, const char *function, const char *claim)
{
    (void)fprintf(stderr, "%s:%d: %s: failed: %s\n", file, line, function, claim);
    abort();
}

void trial_open(struct trial *trial)
{
    struct why why = {.text = ""};
    enum status status =
        trial->engine->open(trial->location, trial->map_bytes, &trial->self, &why);

    if (status != STATUS_OK) {
        (void)fprintf(stderr, "open: %s\n", why.text);
    }
    CHECK(status == STATUS_OK);
}

void trial_close(struct trial *trial)
{
    trial->engine->close(trial->self);
    trial->self = NULL;
}

void trial_reopen(struct trial *trial)
{
    if (trial->survives) {
        trial_close(trial);
        trial_open(trial);
    }
}

void filling_begin(struct filling *filling)
{
    filling->batch = batch_create(0);
}

static struct key *next_key(struct filling *filling, struct text bytes)
{
    struct key *key = &filling->keys[filling->batch->count];

    CHECK(filling->batch->count < countof(filling->keys) && bytes.len <= sizeof key->at);
    key->len = (uint8_t)bytes.len;
    memcpy(key->at, bytes.at, bytes.len);
    return key;
}

void filling_put(struct filling *filling, struct text key, struct text value)
{
    struct blob *blob = blob_copy(value);

    batch_add(filling->batch, next_key(filling, key), blob, NULL);
    blob_unref(blob);
}

void filling_delete(struct filling *filling, struct text key)
{
    batch_add(filling->batch, next_key(filling, key), NULL, NULL);
}

enum status filling_try(struct filling *filling, struct trial *trial, bool *ret_fatal)
{
    struct why why = {.text = ""};
    enum status status = trial->engine->commit(trial->self, filling->batch, ret_fatal, &why);

    CHECK(status == STATUS_OK || why.text[0] != '\0');
    batch_free(filling->batch);
    filling->batch = NULL;
    return status;
}

void filling_commit(struct filling *filling, struct trial *trial)
{
    bool is_fatal = false;

    CHECK(filling_try(filling, trial, &is_fatal) == STATUS_OK && !is_fatal);
}

void trial_put(struct trial *trial, const char *key, const char *value)
{
    struct filling *filling = memory_take(sizeof *filling);

    filling_begin(filling);
    filling_put(filling, text_from(key), text_from(value));
    filling_commit(filling, trial);
    memory_free(filling);
}

struct listing {
    char text[LIST_ROOM];
    size_t len;
};

static bool list_row(void *context, const struct engine_row *row)
{
    struct listing *listing = context;

    if (row->is_deleted) {
        return true;
    }
    int len = snprintf(listing->text + listing->len, sizeof listing->text - listing->len,
                       "%.*s=%.*s ", TEXT_PRINTF(row->key), TEXT_PRINTF(row->value));

    CHECK(len > 0 && (size_t)len < sizeof listing->text - listing->len);
    listing->len += (size_t)len;
    return true;
}

const char *trial_list(struct trial *trial, const char *from, const char *to, bool reverse)
{
    static struct listing listing;

    listing = (struct listing){.len = 0};
    CHECK(trial->engine->scan(trial->self, text_from(from), text_from(to), reverse, list_row,
                              &listing)
          == STATUS_OK);
    return listing.text;
}

struct getting {
    struct text key;
    char *room;
    size_t size;
    bool found;
    size_t len;
};

static bool get_row(void *context, const struct engine_row *row)
{
    struct getting *getting = context;

    getting->found = !row->is_deleted && text_equal(row->key, getting->key);
    if (getting->found) {
        CHECK(row->value.len <= getting->size);
        getting->len = row->value.len;
        if (row->value.len > 0) {
            memcpy(getting->room, row->value.at, row->value.len);
        }
    }
    return false;
}

bool trial_get(struct trial *trial, struct text key, struct text *ret_value, char *room,
               size_t size)
{
    struct getting getting = {.key = key, .room = room, .size = size};

    CHECK(trial->engine->scan(trial->self, key, T(""), false, get_row, &getting) == STATUS_OK);
    *ret_value = text_make(room, getting.len);
    return getting.found;
}
