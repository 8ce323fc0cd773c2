/* {"wildcard": "a*b"}: a star is any bytes; \* and \\ are the characters themselves. */
#include "mutants.h"
#include "text.h"

static bool pattern_fails(struct compiler *compiler, uint32_t value, const char *what,
                          size_t at)
{
    /* AWS counts positions in the quoted operand. */
    return compiler_fails(compiler, compiler_token(compiler, value)->end, "%s at pos %zu", what,
                          at + 1);
}

static void stars_count(struct compiler *compiler, uint32_t stars)
{
    compiler->wildcard_patterns++;
    compiler->wildcard_points += stars == 1 ? 1 : 3 * stars;
    if (stars > compiler->wildcard_stars_max) {
        compiler->wildcard_stars_max = stars;
    }
}

bool wildcard_test(struct compiler *compiler, uint32_t value, struct slice text,
                   struct test *ret_test)
{
    char *to = arena_take(compiler->arena, text.len + 1);
    size_t len = 0;
    uint32_t stars = 0;

    if (to == NULL) {
        return compiler_starves(compiler);
    }
    for (size_t i = 0; i < text.len; i++) {
        char next = (char)(i + 1 < text.len ? text.at[i + 1] : '\0');

        if (text.at[i] == '*' && next == '*') {
            return pattern_fails(compiler, value, "Consecutive wildcard characters", i);
        }
        if (text.at[i] == '\\' && next != '*' && next != '\\') {
            return pattern_fails(compiler, value, "Invalid escape character", i);
        }
        if (text.at[i] == '*') {
            to[len++] = WILDCARD_STAR;
            stars++;
            continue;
        }
        i += text.at[i] == '\\' ? 1 : 0;
        to[len++] = text.at[i];
    }
    stars_count(compiler, stars);
    *ret_test = (struct test){.operand = {.kind = TEST_WILDCARD, .bytes = slice_make(to, len)}};
    return true;
}

bool wildcard_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    struct slice text = {"", 0};

    return text_operand(compiler, value, "wildcard", &text)
           && wildcard_test(compiler, value, text, ret_test);
}

/* Cuts the piece before the first star off *pattern; false when there was no star. */
static bool piece_cut(struct slice *pattern, struct slice *ret_piece)
{
    const char *star =
        pattern->len == 0 ? NULL : memchr(pattern->at, WILDCARD_STAR, pattern->len);

    *ret_piece = *pattern;
    if (star == NULL) {
        *pattern = slice_make(pattern->at + pattern->len, 0);
        return false;
    }
    ret_piece->len = (size_t)(star - pattern->at);
    *pattern = slice_make(star + 1, pattern->len - ret_piece->len - 1);
    return true;
}

/* The first piece is a prefix, the last a suffix, and those between are found leftmost first:
 * no pattern needs to be tried twice. */
bool wildcard_matches(const struct operand *operand, const struct leaf *leaf)
{
    struct slice pattern = operand->bytes;
    struct slice text = leaf->text;
    struct slice piece;

    if (leaf->type != LEAF_STRING) {
        return false;
    }
    if (!piece_cut(&pattern, &piece)) {
        return slice_equal(text, piece);
    }
    if (!slice_starts_with(text, piece)) {
        return false;
    }
    text = slice_make(text.at + piece.len, text.len - piece.len);
    while (piece_cut(&pattern, &piece)) {
        const char *found =
            piece.len == 0 ? text.at : memmem(text.at, text.len, piece.at, piece.len);

        if (found == NULL) {
            return false;
        }
        found += piece.len;
        text = slice_make(found, text.len - (size_t)(found - text.at));
    }
    return slice_ends_with(text, piece) || mutant("filters.wildcard-open-end");
}
