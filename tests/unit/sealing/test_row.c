/* Rows that are sealed: what opens them, what does not, and what stays readable. */
#include "sealing/sealing.h"

#include <criterion/criterion.h>

#include <string.h>

static const uint8_t key[SEALING_KEY_SIZE] = {1, 2, 3};
static const uint8_t other_key[SEALING_KEY_SIZE] = {1, 2, 4};

#define PLACE T("b\0\0\0\0\0\0\0\7")
#define ROW   T("\1head|what nobody else is to read")
#define HEAD  6

static struct blob *sealed_row(struct sealer *sealer, uint64_t counter)
{
    const struct row_seal seal = {
        .key = key, .key_number = 77, .counter = counter, .place = PLACE, .head = HEAD};

    return row_seal(sealer, ROW, &seal);
}

static bool contains(struct text where, const char *what)
{
    return memmem(where.at, where.len, what, strlen(what)) != NULL;
}

static bool opens(struct sealer *sealer, struct text row, const uint8_t *with,
                  struct text place)
{
    struct blob *opened = row_open(sealer, row, with, place);
    bool is_open = opened != NULL;

    blob_unref(opened);
    return is_open;
}

Test(row, comes_back_as_it_was)
{
    struct sealer *sealer = sealer_create();
    struct blob *sealed = sealed_row(sealer, 1);
    struct blob *opened = row_open(sealer, blob_text(sealed), key, PLACE);
    uint32_t number = 0;

    cr_assert_not_null(opened);
    cr_expect(text_equal(blob_text(opened), ROW));
    cr_expect(row_key_number(blob_text(sealed), &number));
    cr_expect_eq(number, 77);
    cr_expect_eq(sealed->len, opened->len + ROW_SEAL_SIZE);
    blob_unref(opened);
    blob_unref(sealed);
    sealer_free(sealer);
}

Test(row, shows_its_head_and_nothing_else)
{
    struct sealer *sealer = sealer_create();
    struct blob *sealed = sealed_row(sealer, 1);

    cr_expect(row_is_sealed(blob_text(sealed)));
    cr_expect_not(row_is_sealed(ROW));
    cr_expect(contains(blob_text(sealed), "head|"));
    cr_expect_not(contains(blob_text(sealed), "nobody"));
    struct blob *cut = row_open_head(text_first(blob_text(sealed), HEAD + 2));

    cr_expect_eq(cut->len, HEAD + 2);
    cr_expect(text_equal(text_first(blob_text(cut), HEAD), text_first(ROW, HEAD)));
    blob_unref(cut);
    blob_unref(sealed);
    sealer_free(sealer);
}

Test(row, of_the_head_alone_is_sealed_too)
{
    struct sealer *sealer = sealer_create();
    const struct row_seal seal = {.key = key, .place = PLACE, .head = 3};
    struct blob *sealed = row_seal(sealer, T("abc"), &seal);

    cr_expect(opens(sealer, blob_text(sealed), key, PLACE));
    sealed->at[1] ^= 1;
    cr_expect_not(opens(sealer, blob_text(sealed), key, PLACE));
    blob_unref(sealed);
    sealer_free(sealer);
}

Test(row, opens_in_its_own_place_with_its_own_key_only)
{
    struct sealer *sealer = sealer_create();
    struct blob *sealed = sealed_row(sealer, 1);

    cr_expect(opens(sealer, blob_text(sealed), key, PLACE));
    cr_expect_not(opens(sealer, blob_text(sealed), other_key, PLACE));
    cr_expect_not(opens(sealer, blob_text(sealed), key, T("b\0\0\0\0\0\0\0\x8")));
    cr_expect_not(opens(sealer, blob_text(sealed), key, T("d\0\0\0\0\0\0\0\7")));
    blob_unref(sealed);
    sealer_free(sealer);
}

Test(row, with_any_bit_changed_or_any_byte_less_does_not_open)
{
    struct sealer *sealer = sealer_create();
    struct blob *sealed = sealed_row(sealer, 1);

    for (size_t i = 0; i < sealed->len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            sealed->at[i] = (char)((unsigned char)sealed->at[i] ^ 1U << bit);
            cr_expect_not(opens(sealer, blob_text(sealed), key, PLACE), "byte %zu bit %u", i,
                          bit);
            sealed->at[i] = (char)((unsigned char)sealed->at[i] ^ 1U << bit);
        }
        cr_expect_not(opens(sealer, text_first(blob_text(sealed), i), key, PLACE));
    }
    cr_expect(opens(sealer, blob_text(sealed), key, PLACE));
    blob_unref(sealed);
    sealer_free(sealer);
}

Test(row, sealed_under_another_counter_shares_no_bytes)
{
    struct sealer *sealer = sealer_create();
    struct blob *first = sealed_row(sealer, 1);
    struct blob *second = sealed_row(sealer, 2);

    cr_expect(memcmp(first->at + HEAD, second->at + HEAD, 16) != 0);
    blob_unref(first);
    blob_unref(second);
    sealer_free(sealer);
}

/* What is on disk already must open in later versions. */
Test(row, keeps_its_form)
{
    static const uint8_t expected[] = {0x81, 'h', 'e', 'a', 'd', '|'};
    struct sealer *sealer = sealer_create();
    struct blob *sealed = sealed_row(sealer, 0x0102030405060708);
    const char *trailer = sealed->at + sealed->len - 14;

    cr_expect(memcmp(sealed->at, expected, sizeof expected) == 0);
    cr_expect(memcmp(trailer, "\1\2\3\4\5\6\7\x8\0\0\0\x4d\0\6", 14) == 0);
    blob_unref(sealed);
    sealer_free(sealer);
}
