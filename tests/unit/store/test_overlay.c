/* The overlay: versions in order, each view at its moment. */
#include "store/overlay.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void add(struct overlay *overlay, uint64_t sequence, const char *key, const char *value)
{
    struct overlay_change change = {
        .key = text_from(key), .value = text_from(value), .is_deleted = value == NULL};

    overlay_add(overlay, sequence, &change);
}

/* "key=value " per row, deleted ones as "key! ". */
static const char *list(const struct overlay *overlay, uint64_t sequence,
                        struct row_range range)
{
    static char text[4096];
    size_t len = 0;
    struct overlay_view view;

    overlay_view_open(overlay, sequence, range, &view);
    text[0] = '\0';
    while (view.rows.advance(&view.rows)) {
        int added = snprintf(
            text + len, sizeof text - len, "%.*s%s%.*s ", TEXT_PRINTF(view.rows.row.key),
            view.rows.row.is_deleted ? "!" : "=", TEXT_PRINTF(view.rows.row.value));

        len += (size_t)added;
    }
    return text;
}

Test(overlay, shows_each_moment_as_it_was)
{
    struct overlay *overlay = overlay_create();
    struct row_range all = {.reverse = false};
    struct row_range back = {.reverse = true};

    add(overlay, 1, "b", "1");
    add(overlay, 1, "d", "1");
    add(overlay, 2, "a", "2");
    add(overlay, 2, "b", NULL);
    add(overlay, 3, "b", "3");
    add(overlay, 3, "c", "3");
    cr_expect_str_eq(list(overlay, 0, all), "");
    cr_expect_str_eq(list(overlay, 0, back), "");
    cr_expect_str_eq(list(overlay, 1, all), "b=1 d=1 ");
    cr_expect_str_eq(list(overlay, 1, back), "d=1 b=1 ");
    cr_expect_str_eq(list(overlay, 2, all), "a=2 b! d=1 ");
    cr_expect_str_eq(list(overlay, 2, back), "d=1 b! a=2 ");
    cr_expect_str_eq(list(overlay, 3, all), "a=2 b=3 c=3 d=1 ");
    cr_expect_str_eq(list(overlay, 9, back), "d=1 c=3 b=3 a=2 ");
    overlay_free(overlay);
    overlay_free(NULL);
}

Test(overlay, keeps_to_the_range)
{
    struct overlay *overlay = overlay_create();
    struct row_range range = {.from = T("b"), .to = T("d")};

    add(overlay, 1, "a", "1");
    add(overlay, 1, "b", "1");
    add(overlay, 1, "c", "1");
    add(overlay, 1, "d", "1");
    cr_expect_str_eq(list(overlay, 1, range), "b=1 c=1 ");
    range.reverse = true;
    cr_expect_str_eq(list(overlay, 1, range), "c=1 b=1 ");
    range = (struct row_range){.from = T("bb")};
    cr_expect_str_eq(list(overlay, 1, range), "c=1 d=1 ");
    overlay_free(overlay);
}

/* Many keys in a scattered order, so that every level and every remembered path is used. */
Test(overlay, sorts_thousands)
{
    enum {
        COUNT = 5003
    };
    struct overlay *overlay = overlay_create();
    struct overlay_view view;
    uint32_t seen = 0;

    for (uint32_t i = 0; i < COUNT; i++) {
        char key[16];

        (void)snprintf(key, sizeof key, "%08u", i * 1777U % COUNT);
        add(overlay, i + 1, key, "");
    }
    overlay_view_open(overlay, COUNT, (struct row_range){.reverse = false}, &view);
    for (; view.rows.advance(&view.rows); seen++) {
        char key[16];

        (void)snprintf(key, sizeof key, "%08u", seen);
        cr_assert(text_equal(view.rows.row.key, text_from(key)));
    }
    cr_expect_eq(seen, COUNT);
    overlay_view_open(overlay, COUNT, (struct row_range){.reverse = true}, &view);
    for (; view.rows.advance(&view.rows); seen--) {
        char key[16];

        (void)snprintf(key, sizeof key, "%08u", seen - 1);
        cr_assert(text_equal(view.rows.row.key, text_from(key)));
    }
    cr_expect_eq(seen, 0);
    overlay_free(overlay);
}
