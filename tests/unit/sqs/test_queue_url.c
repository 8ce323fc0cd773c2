/* Queue URLs as paths. */
#include "services/sqs/internal.h"

#include <criterion/criterion.h>

Test(queue_url, owns_paths_of_an_account_and_a_name)
{
    static const struct {
        struct text path;
        bool is_ours;
    } rows[] = {
        {TEXT("/000000000000/orders"), true},
        {TEXT("/000000000000/orders.fifo"), true},
        {TEXT("/000000000000/orders/"), true},
        {TEXT("/000000000000//"), false},
        {TEXT("/"), false},
        {TEXT("/metrics"), false},
        {TEXT("/000000000000"), false},
        {TEXT("/000000000000/"), false},
        {TEXT("/000000000000/a/b"), false},
        {TEXT("/_fanfare/health"), false},
        {TEXT("/00000000000/orders"), false},
    };
    struct arena arena = {0};
    struct request request = {.arena = &arena};

    for (size_t i = 0; i < countof(rows); i++) {
        struct text url;

        cr_expect_eq(sqs_owns_path(&request, rows[i].path, &url), rows[i].is_ours, "row %zu",
                     i);
    }
    arena_free(&arena);
}

Test(queue_url, is_made_of_base_account_and_name)
{
    struct arena arena = {0};
    struct request request = {.arena = &arena, .base_url = TEXT("http://127.0.0.1:4566")};
    struct queue queue = {.account = TEXT("000000000000"), .name = TEXT("orders")};

    cr_expect(text_equal(sqs_queue_url(&request, &queue),
                         T("http://127.0.0.1:4566/000000000000/orders")));
    arena_free(&arena);
}
