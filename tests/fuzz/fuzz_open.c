/* Sealed rows and wrapped keys under any bytes: nothing opens that was not sealed.
 * # link: sealing base */
#include "sealing/sealing.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[SEALING_KEY_SIZE] = {0x42};

static void check_round_trip(struct sealer *sealer, struct text row)
{
    if (row.len == 0 || row_is_sealed(row)) {
        return;
    }
    const struct row_seal seal = {
        .key = key, .counter = row.len, .place = T("place"), .head = 1 + (row.len - 1) % 64};
    struct blob *sealed = row_seal(sealer, row, &seal);
    struct blob *opened = row_open(sealer, blob_text(sealed), key, T("place"));

    if (opened == NULL || !text_equal(blob_text(opened), row)) {
        abort();
    }
    blob_unref(opened);
    blob_unref(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text row = text_make(data, size);
    struct sealer *sealer = sealer_create();
    struct masters *masters = masters_of(key, 1);
    uint8_t unwrapped[SEALING_KEY_SIZE];
    uint32_t number = 0;

    (void)row_key_number(row, &number);
    blob_unref(row_open_head(row));
    if (row_open(sealer, row, key, T("place")) != NULL
        || masters_unwrap(masters, T("context"), row, unwrapped, NULL) == STATUS_OK) {
        abort(); /* nobody has sealed it */
    }
    check_round_trip(sealer, row);
    masters_free(masters);
    sealer_free(sealer);
    return 0;
}
