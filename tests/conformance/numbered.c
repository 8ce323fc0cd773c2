/* Writing numbered batches and looking for them. */
#include "numbered.h"

#include "store/keys.h"

#include <string.h>

#define VALUE_MAX 3000

static struct filling filling;

static struct key row_key(uint64_t batch, uint32_t row)
{
    return key_u64_u32(TABLE_BODY, batch, row);
}

static uint32_t row_count(uint64_t batch)
{
    return 1 + (uint32_t)(batch * 7 % 23);
}

static struct text row_value(uint64_t batch, uint32_t row, char room[VALUE_MAX])
{
    size_t len = (size_t)(batch * 131 + (uint64_t)row * 977) % (VALUE_MAX - 8) + 8;

    memset(room, (int)('a' + (batch + row) % 26), len);
    memcpy(room, &batch, sizeof batch);
    return text_make(room, len);
}

void numbered_commit(struct trial *trial, uint64_t batch, uint64_t kept)
{
    char room[VALUE_MAX];

    filling_begin(&filling);
    filling_put(&filling, T("last"), text_make(&batch, sizeof batch));
    for (uint32_t row = 0; row < row_count(batch); row++) {
        struct key key = row_key(batch, row);

        filling_put(&filling, key_text(&key), row_value(batch, row, room));
    }
    for (uint32_t row = 0; batch > kept && row < row_count(batch - kept); row++) {
        struct key key = row_key(batch - kept, row);

        filling_delete(&filling, key_text(&key));
    }
    filling_commit(&filling, trial);
}

/* Walks the rows that should be there. */
struct expected {
    uint64_t batch;
    uint32_t row;
};

static bool expect_row(void *context, const struct engine_row *row)
{
    struct expected *expected = context;

    if (row->is_deleted) {
        return true;
    }
    struct key wanted = row_key(expected->batch, expected->row);
    char room[VALUE_MAX];

    CHECK(text_equal(row->key, key_text(&wanted)));
    CHECK(text_equal(row->value, row_value(expected->batch, expected->row, room)));
    if (++expected->row == row_count(expected->batch)) {
        expected->batch++;
        expected->row = 0;
    }
    return true;
}

uint64_t numbered_check(struct trial *trial, uint64_t acknowledged, uint64_t kept)
{
    struct text value;
    uint64_t last = 0;
    char room[sizeof last];
    struct key end = key_table(TABLE_BODY + 1);
    struct key start = key_table(TABLE_BODY);

    if (trial_get(trial, T("last"), &value, room, sizeof room)) {
        memcpy(&last, value.at, sizeof last);
    }
    CHECK(last >= acknowledged);
    struct expected expected = {.batch = last > kept ? last - kept + 1 : 1};

    CHECK(trial->engine->scan(trial->self, key_text(&start), key_text(&end), false, expect_row,
                              &expected)
          == STATUS_OK);
    CHECK(expected.batch == last + 1 && expected.row == 0);
    return last;
}
