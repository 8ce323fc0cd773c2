/* Numbers with a unit behind them. */
#include "base/units.h"

const struct unit units_of_size[] = {
    {"KiB", 1024}, {"MiB", 1024LL * 1024}, {"GiB", 1024LL * 1024 * 1024}, {"", 1}, {NULL, 0}};
const struct unit units_of_duration[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                         {"h", 3600000}, {"d", 86400000}, {"", 1000},
                                         {NULL, 0}};
const struct unit units_of_nothing[] = {{"", 1}, {NULL, 0}};

bool units_read(struct text text, const struct unit *units, int64_t *ret_value)
{
    for (; units->name != NULL; units++) {
        struct text unit = text_from(units->name);
        int64_t number = 0;

        if (text_ends_with(text, unit)
            && text_to_int64(text_first(text, text.len - unit.len), &number) && number >= 0
            && number <= INT64_MAX / units->factor) {
            *ret_value = number * units->factor;
            return true;
        }
    }
    return false;
}

void units_write(struct buffer *to, int64_t value, const struct unit *units)
{
    for (; units->name[0] != '\0'; units++) {
        const struct unit *next = units + 1;
        bool next_fits = next->name[0] != '\0' && value % next->factor == 0;

        if (value != 0 && value % units->factor == 0 && !next_fits) {
            buffer_add_int64(to, value / units->factor);
            buffer_add_string(to, units->name);
            return;
        }
    }
    buffer_add_int64(to, value);
}
