/* What people see. */
#include "cli/internal.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 12
#define CELL_MAX    ((size_t)512) /* the longest ARN is whole in it */

void cli_print_json(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    (void)fputc('\n', stdout);
}

/* A terminal obeys control characters, C1 ones in UTF-8 among them: they are shown as \xNN. */
void cli_write_text(FILE *to, const char *text, size_t len, size_t max)
{
    size_t shown = max == 0 || len < max ? len : max;

    while (shown < len && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80) {
        shown--; /* not inside a character */
    }
    for (size_t i = 0; i < shown; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool is_c1 = byte == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;

        if (is_c1) {
            (void)fprintf(to, "\\x%02x", (unsigned char)text[++i]);
        } else if (byte < ' ' || byte == 0x7f) {
            (void)fprintf(to, "\\x%02x", byte);
        } else {
            (void)fputc(byte, to);
        }
    }
    if (shown < len) {
        (void)fputs("...", to);
    }
}

void cli_print_text(const char *text, size_t len, size_t max)
{
    cli_write_text(stdout, text, len, max);
}

const char *cli_json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

int64_t cli_json_number(const json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static void cell_write(const json_t *value, char *to, size_t room)
{
    to[0] = '\0';
    if (json_is_string(value)) {
        (void)snprintf(to, room, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(to, room, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)snprintf(to, room, "%.1f", json_real_value(value));
    } else if (json_is_boolean(value)) {
        (void)snprintf(to, room, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_null(value)) {
        (void)snprintf(to, room, "-");
    }
}

static void row_print(const char *cell, size_t width, bool is_last)
{
    size_t len = strlen(cell);

    cli_print_text(cell, len, 0);
    for (; !is_last && len < width + 2; len++) {
        (void)fputc(' ', stdout);
    }
}

void cli_print_table(const json_t *rows, const struct cli_column *columns)
{
    size_t widths[COLUMNS_MAX] = {0};
    size_t count = 0;
    char cell[CELL_MAX] = "";
    const json_t *row = NULL;
    size_t at = 0;

    for (; columns[count].title != NULL && count < COLUMNS_MAX; count++) {
        widths[count] = strlen(columns[count].title);
        json_array_foreach(rows, at, row)
        {
            cell_write(json_object_get(row, columns[count].member), cell, sizeof cell);
            widths[count] = strlen(cell) > widths[count] ? strlen(cell) : widths[count];
        }
    }
    for (size_t i = 0; i < count; i++) {
        row_print(columns[i].title, widths[i], i + 1 == count);
    }
    (void)fputc('\n', stdout);
    json_array_foreach(rows, at, row)
    {
        for (size_t i = 0; i < count; i++) {
            cell_write(json_object_get(row, columns[i].member), cell, sizeof cell);
            row_print(cell, widths[i], i + 1 == count);
        }
        (void)fputc('\n', stdout);
    }
}

const char *cli_age(struct cli *cli, double seconds)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};

    for (size_t i = 0; i < countof(units); i++) {
        if (seconds >= 2 * units[i].seconds) {
            return arena_printf(&cli->arena, "%.0f %s", seconds / units[i].seconds,
                                units[i].name)
                .at;
        }
    }
    return arena_printf(&cli->arena, "%.0f s", seconds).at;
}
