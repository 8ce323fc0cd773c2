/* Ranged reads: what a scan visits becomes rows, within the read's limits. */
#include "base/memory.h"
#include "store/store.h"

#include <string.h>

#define FIRST_ROOM 8

/* What one execution carries from row to row. */
struct taking {
    struct read *read;
    uint32_t room;
    uint64_t bytes;
};

struct read *read_create(void (*done)(struct read *read, struct step *step), void *context)
{
    struct read *read = memory_zero(sizeof *read);

    read->done = done;
    read->context = context;
    read->row_max = 1;
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    return read;
}

static void free_rows(struct read *read)
{
    for (uint32_t i = 0; i < read->row_count; i++) {
        blob_unref(read->rows[i].value);
    }
    memory_free(read->rows);
    read->rows = NULL;
    read->row_count = 0;
}

void read_free(struct read *read)
{
    if (read == NULL) {
        return;
    }
    list_remove(&read->token);
    free_rows(read);
    memory_free(read);
}

struct blob *read_take_value(struct read *read, uint32_t i)
{
    struct blob *value = read->rows[i].value;

    read->rows[i].value = NULL;
    return value;
}

static bool take_row(void *context, struct text key, struct text value)
{
    struct taking *taking = context;
    struct read *read = taking->read;

    if (read->row_count > 0
        && (read->row_count >= read->row_max || taking->bytes >= read->bytes_max)) {
        read->complete = false;
        return false;
    }
    if (read->row_count == taking->room) {
        taking->room = taking->room == 0 ? FIRST_ROOM : taking->room * 2;
        read->rows = memory_resize(read->rows, taking->room * sizeof *read->rows);
    }
    struct row *row = &read->rows[read->row_count++];

    *row = (struct row){.value = blob_copy(text_first(value, read->value_max)),
                        .full_len = (uint32_t)value.len};
    row->key.len = (uint8_t)key.len;
    memcpy(row->key.at, key.at, key.len);
    taking->bytes += row->value->len;
    return true;
}

void read_execute(struct read *read, const struct engine *engine, void *self)
{
    struct taking taking = {.read = read};

    free_rows(read);
    read->complete = true;
    read->status = engine->scan(self, key_text(&read->from), key_text(&read->to), read->reverse,
                                take_row, &taking);
    if (read->status != STATUS_OK) {
        free_rows(read);
        read->complete = false;
    }
}
