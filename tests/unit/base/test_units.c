#include "base/units.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    const struct unit *units;
    int64_t value; /* -1: it is none */
    const char *written;
} rows[] = {
    {"0", units_of_duration, 0, "0"},
    {"30", units_of_duration, 30000, "30s"},
    {"1500ms", units_of_duration, 1500, "1500ms"},
    {"90s", units_of_duration, 90000, "90s"},
    {"120s", units_of_duration, 120000, "2m"},
    {"48h", units_of_duration, 172800000, "2d"},
    {"106751991167d", units_of_duration, 106751991167 * 86400000, "106751991167d"},
    {"106751991168d", units_of_duration, -1, NULL},
    {"-1s", units_of_duration, -1, NULL},
    {"s", units_of_duration, -1, NULL},
    {"", units_of_duration, -1, NULL},
    {"1 s", units_of_duration, -1, NULL},
    {"1w", units_of_duration, -1, NULL},
    {"1KiB", units_of_size, 1024, "1KiB"},
    {"2048KiB", units_of_size, 2097152, "2MiB"},
    {"1025", units_of_size, 1025, "1025"},
    {"3GiB", units_of_size, 3221225472, "3GiB"},
    {"1k", units_of_size, -1, NULL},
    {"7", units_of_nothing, 7, "7"},
    {"7s", units_of_nothing, -1, NULL},
};

Test(units, numbers_are_read_with_their_unit_and_written_with_the_largest_that_fits)
{
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t value = -1;
        bool is_read = units_read(text_from(rows[i].text), rows[i].units, &value);
        struct buffer written;

        cr_expect_eq(is_read, rows[i].value >= 0, "%s", rows[i].text);
        cr_expect_eq(value, rows[i].value, "%s", rows[i].text);
        if (is_read) {
            buffer_init(&written, 64);
            units_write(&written, value, rows[i].units);
            cr_expect(text_equal(buffer_text(&written), text_from(rows[i].written)), "%s: %.*s",
                      rows[i].text, TEXT_PRINTF(buffer_text(&written)));
            buffer_free(&written);
        }
    }
}
