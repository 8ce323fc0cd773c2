/* Ranged reads: what a scan visits becomes rows, within the read's limits. */
#include "base/memory.h"
#include "base/must.h"
#include "store/keys.h"
#include "store/store.h"

#include <string.h>

#define FIRST_ROOM  8
#define VISIT_BYTES 4096 /* of a value are as much work as a row */

/* What one execution carries from row to row. */
struct taking {
    struct read *read;
    uint32_t room;
    uint32_t visited;
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
    read->visit_max = READ_VISIT_MAX;
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
    read->damaged_count = 0;
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

struct key read_next_from(const struct read *read)
{
    must(!read->complete);
    return read->next;
}

static bool is_enough(const struct taking *taking)
{
    const struct read *read = taking->read;

    return taking->visited >= read->visit_max
           || (read->row_count > 0
               && (read->row_count >= read->row_max || taking->bytes >= read->bytes_max));
}

/* In reverse a range ends before its `to`, so the last key itself is where to go on. */
static void remember(struct read *read, struct text key)
{
    read->next.len = (uint8_t)key.len;
    memcpy(read->next.at, key.at, key.len);
}

static void keep_row(struct taking *taking, const struct engine_row *found)
{
    struct read *read = taking->read;

    if (read->row_count == taking->room) {
        taking->room = taking->room == 0 ? FIRST_ROOM : taking->room * 2;
        read->rows = memory_resize(read->rows, taking->room * sizeof *read->rows);
    }
    struct row *row = &read->rows[read->row_count++];

    *row = (struct row){.key = read->next,
                        .full_len = (uint32_t)found->value.len,
                        .is_damaged = found->is_damaged};
    if (found->is_damaged) {
        read->damaged_count++;
        return;
    }
    row->value = blob_copy(text_first(found->value, read->value_max));
    taking->bytes += row->value->len;
}

static bool take_row(void *context, const struct engine_row *found)
{
    struct taking *taking = context;

    if (is_enough(taking)) {
        taking->read->complete = false;
        return false;
    }
    taking->visited += 1 + (uint32_t)(found->value.len / VISIT_BYTES);
    must(found->key.len < sizeof(struct key)); /* an engine has looked */
    remember(taking->read, found->key);
    if (!found->is_deleted) {
        keep_row(taking, found);
    }
    return true;
}

void read_execute(struct read *read, const struct engine *engine, void *self)
{
    struct taking taking = {.read = read};

    free_rows(read);
    read->complete = true;
    read->next.len = 0;
    read->status = engine->scan(self, key_text(&read->from), key_text(&read->to), read->reverse,
                                take_row, &taking);
    if (!read->reverse) {
        read->next = key_next(&read->next);
    }
    if (read->status != STATUS_OK) {
        free_rows(read);
        read->complete = false;
    }
}
