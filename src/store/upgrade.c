/* From the format that is found to STORE_FORMAT, one step at a time.  A new format is a row in
 * `steps` that rewrites what changed, in batches that may be repeated after a crash. */
#include "store/upgrade.h"

#include "base/buffer.h"
#include "store/keys.h"

#define FORMAT_NONE 0 /* a new store */

struct upgrade_step {
    uint32_t from; /* to the next format */
    enum status (*run)(const struct engine *engine, void *self, struct why *why);
};

static enum status begin_first_format(const struct engine *engine, void *self, struct why *why)
{
    (void)engine;
    (void)self;
    (void)why;
    return STATUS_OK; /* nothing is there yet that could need changing */
}

static const struct upgrade_step steps[] = {
    {.from = FORMAT_NONE, .run = begin_first_format},
};

struct found_format {
    bool is_format;
    uint32_t format;
};

static bool read_format(void *context, const struct engine_row *row)
{
    struct found_format *found = context;
    struct cursor cursor = cursor_over(row->value);

    if (row->is_deleted) {
        return true;
    }
    found->format = cursor_u32(&cursor);
    found->is_format = cursor_done(&cursor) && found->format != FORMAT_NONE;
    return false;
}

static struct key format_key(void)
{
    return key_name(TABLE_META, T("format"));
}

static struct key behind_format_key(void)
{
    return key_name(TABLE_META, T("format\0"));
}

static enum status load_format(const struct engine *engine, void *self, uint32_t *ret_format,
                               struct why *why)
{
    struct key key = format_key();
    struct key end = behind_format_key();
    struct found_format found = {.is_format = true, .format = FORMAT_NONE};
    enum status status =
        engine->scan(self, key_text(&key), key_text(&end), false, read_format, &found);

    if (status != STATUS_OK) {
        return fail(why, status, "the store's format cannot be read");
    }
    if (!found.is_format) {
        return fail(why, STATUS_INVALID, "the store's format row is not one");
    }
    *ret_format = found.format;
    return STATUS_OK;
}

static enum status save_format(const struct engine *engine, void *self, uint32_t format,
                               struct why *why)
{
    struct key key = format_key();
    struct batch *batch = batch_create(0);
    struct buffer value;
    bool is_fatal = false;

    buffer_init(&value, sizeof format);
    buffer_add_u32(&value, format);
    struct blob *blob = blob_copy(buffer_text(&value));

    batch_add(batch, &key, blob, NULL);
    enum status status = engine->commit(self, batch, &is_fatal, why);

    batch_free(batch);
    blob_unref(blob);
    buffer_free(&value);
    return status;
}

static const struct upgrade_step *find_step(uint32_t from)
{
    for (size_t i = 0; i < countof(steps); i++) {
        if (steps[i].from == from) {
            return &steps[i];
        }
    }
    return NULL;
}

enum status upgrade_run(const struct engine *engine, void *self, struct why *why)
{
    uint32_t format = FORMAT_NONE;
    enum status status = load_format(engine, self, &format, why);

    while (status == STATUS_OK && format != STORE_FORMAT) {
        const struct upgrade_step *step = find_step(format);

        if (step == NULL) {
            return fail(why, STATUS_INVALID,
                        "the store has format %u, this version reads up to %u: use the version "
                        "that wrote it, or a newer one",
                        format, (unsigned)STORE_FORMAT);
        }
        status = step->run(engine, self, why);
        format++;
        if (status == STATUS_OK) {
            status = save_format(engine, self, format, why);
        }
    }
    return status;
}
