/* Rows whose checksum differs, over an engine that has none: those of one value. */
#ifndef TESTS_SUPPORT_DAMAGED_ROWS_H
#define TESTS_SUPPORT_DAMAGED_ROWS_H

#include "store/store.h"

#define ROW_DAMAGED \
    "\xFF"          \
    "damaged"

/* Of a read that was executed: as the store shows rows that are not what was written. */
static inline void read_show_damage(struct read *read)
{
    for (uint32_t i = 0; i < read->row_count; i++) {
        struct row *row = &read->rows[i];
        struct text value = text_from(ROW_DAMAGED);

        /* The read may have cut it. */
        if (row->full_len == value.len && row->value != NULL
            && text_starts_with(value, blob_text(row->value))) {
            row->is_damaged = true;
            read->damaged_count++;
            blob_unref(row->value);
            row->value = NULL;
        }
    }
}

#endif
