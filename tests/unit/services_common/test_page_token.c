/* NextToken. */
#include "services/common/page_token.h"

#include <criterion/criterion.h>

Test(page_token, comes_back_as_it_went)
{
    static const struct text places[] = {TEXT(""), TEXT("orders"), TEXT("17:\xc3\xa4 b")};
    struct arena arena = {0};

    for (size_t i = 0; i < countof(places); i++) {
        struct text token = page_token_encode(&arena, places[i]);
        struct text place;

        cr_assert(page_token_decode(&arena, token, &place), "row %zu", i);
        cr_expect(text_equal(place, places[i]), "row %zu", i);
    }
    arena_free(&arena);
}

Test(page_token, refuses_what_is_not_ours)
{
    static const struct text tokens[] = {TEXT(""), TEXT("abc"), TEXT("AAAAAG9yZGVycw=="),
                                         TEXT("!!!!"), TEXT("AAAA")};
    struct arena arena = {0};
    struct text place;

    for (size_t i = 0; i < countof(tokens); i++) {
        cr_expect_not(page_token_decode(&arena, tokens[i], &place), "row %zu", i);
    }
    arena_free(&arena);
}
