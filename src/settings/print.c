/* The settings as YAML that can be read back. */
#include "base/units.h"
#include "settings/internal.h"

/* --- Texts. */

/* The character that the text, which is UTF-8, begins with. */
static uint32_t character(struct text text, size_t *ret_len)
{
    uint8_t first = (uint8_t)text.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t value = len == 1 ? first : first & (0x7fU >> len);

    for (size_t i = 1; i < len; i++) {
        value = value << 6 | ((uint8_t)text.at[i] & 0x3f);
    }
    *ret_len = len;
    return value;
}

/* Line ends of Unicode and what YAML's readers refuse or skip. */
static bool is_escaped(uint32_t value)
{
    return value < 0x20 || (value >= 0x7f && value <= 0xa0) || value == 0x2028
           || value == 0x2029 || value == 0xfeff || value >= 0xfffe;
}

void yaml_add_text(struct buffer *to, struct text text)
{
    buffer_add_byte(to, '"');
    while (text.len > 0) {
        size_t len = 0;
        uint32_t value = character(text, &len);

        if (value == '"' || value == '\\') {
            buffer_printf(to, "\\%c", (int)value);
        } else if (is_escaped(value)) {
            buffer_printf(to, "\\U%08x", value);
        } else {
            buffer_add(to, text_first(text, len));
        }
        text = text_after(text, len);
    }
    buffer_add_byte(to, '"');
}

/* --- Settings. */

static void print_list(const struct text_list *list, struct buffer *to)
{
    buffer_add_byte(to, '[');
    for (size_t i = 0; i < list->count; i++) {
        buffer_add_string(to, i > 0 ? ", " : "");
        yaml_add_text(to, list->items[i]);
    }
    buffer_add_byte(to, ']');
}

static void print_value(const struct settings *settings, const struct setting *setting,
                        struct buffer *to)
{
    const void *member = (const char *)settings + setting->offset;

    switch (setting->type) {
    case SETTING_TEXT: yaml_add_text(to, *(const struct text *)member); break;
    case SETTING_LIST: print_list(member, to); break;
    case SETTING_BOOLEAN:
        buffer_add_string(to, *(const bool *)member ? "true" : "false");
        break;
    case SETTING_NUMBER: buffer_add_int64(to, *(const int64_t *)member); break;
    case SETTING_SIZE: units_write(to, *(const int64_t *)member, units_of_size); break;
    case SETTING_DURATION: units_write(to, *(const int64_t *)member, units_of_duration); break;
    }
}

void settings_print(const struct settings *settings, struct buffer *to)
{
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        struct buffer form;

        buffer_init(&form, 4096);
        setting_form(row, &form);
        buffer_printf(to, "# %s%s%.*s\n%s: ", row->help, form.len > 0 ? "; " : "",
                      (int)form.len, form.at == NULL ? "" : form.at, row->name);
        print_value(settings, row, to);
        buffer_add_byte(to, '\n');
        buffer_free(&form);
    }
    options_print(settings, to);
}
