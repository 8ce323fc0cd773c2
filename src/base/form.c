#include "base/form.h"

#include "base/encoding.h"

/* Nothing to decode is lent as it stands, the rest goes into the arena. */
static bool decode(struct arena *arena, struct text text, struct text *ret)
{
    if (text_find(text, '%') == text.len && text_find(text, '+') == text.len) {
        *ret = text.at == NULL ? T("") : text;
        return true;
    }
    /* Decoded it is no longer than before, so this never grows out of the arena's bytes. */
    struct buffer buffer = buffer_over(arena_take(arena, text.len), text.len);
    bool is_good = percent_decode(&buffer, text, true);

    *ret = buffer_text(&buffer);
    return is_good;
}

/* NULL, or what is wrong with it. */
static const char *part_read(struct arena *arena, struct text raw, struct text *ret)
{
    if (!decode(arena, raw, ret)) {
        return "a percent escape is broken";
    }
    return text_is_utf8(*ret) ? NULL : "a parameter is not valid UTF-8";
}

/* As they stand in the form; false: no more. */
static bool pair_cut(struct text *io_form, struct text *ret_name, struct text *ret_value)
{
    while (io_form->len > 0) {
        *ret_value = text_cut(io_form, '&');
        *ret_name = text_cut(ret_value, '=');
        if (ret_name->len > 0) {
            return true;
        }
    }
    return false;
}

bool form_next(struct arena *arena, struct text *io_form, struct text *ret_name,
               struct text *ret_value, const char **ret_reason)
{
    struct text name;
    struct text value;

    if (!pair_cut(io_form, &name, &value)) {
        return false;
    }
    const char *reason = part_read(arena, name, ret_name);

    reason = reason != NULL ? reason : part_read(arena, value, ret_value);
    if (reason != NULL) {
        *ret_reason = reason;
    }
    return reason == NULL;
}

struct text form_find(struct arena *arena, struct text form, struct text name,
                      const char **ret_reason)
{
    const char *reason = NULL;
    struct text found = {0};
    struct text value = {0};

    while (pair_cut(&form, &found, &value)) {
        if (part_read(arena, found, &found) == NULL && text_equal(found, name)) {
            reason = part_read(arena, value, &value);
            break;
        }
        value = (struct text){0};
    }
    if (reason != NULL && ret_reason != NULL) {
        *ret_reason = reason;
    }
    return reason == NULL ? value : (struct text){0};
}
