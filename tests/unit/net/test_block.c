/* Blocks and chains. */
#include "base/buffer.h"
#include "net/internal.h"

#include <criterion/criterion.h>

#include <string.h>

Test(block, comes_back_from_its_pool)
{
    struct block_pool pool = {0};
    struct block *block = block_take(&pool, 100);

    cr_expect_eq(block->room, (size_t)BLOCK_SMALL);
    block->len = 7;
    (void)block_ref(block);
    block_release(&pool, block);
    cr_expect_eq(pool.count[0], 0);
    block_release(&pool, block);
    cr_expect_eq(pool.count[0], 1);
    cr_expect_eq(block_take(&pool, 1), block);
    cr_expect_eq(block->len, 0);
    block_release(&pool, block);
    block = block_take(&pool, 100000);
    cr_expect_eq(block->room, 100000, "large ones are as large as asked");
    block_release(&pool, block);
    block_pool_free(&pool);
}

/* Sends the chain in pieces of `step` bytes, as a socket might. */
static void chain_drain(struct block_pool *pool, struct chain *chain, size_t step,
                        struct buffer *to)
{
    while (chain->bytes > 0 && to->len < to->max) {
        struct iovec vectors[2];
        int count = chain_vectors(chain, vectors, 2);
        size_t left = step < chain->bytes ? step : chain->bytes;
        size_t sent = 0;

        for (int i = 0; i < count && left > 0; i++) {
            size_t part = vectors[i].iov_len < left ? vectors[i].iov_len : left;

            buffer_add(to, text_make(vectors[i].iov_base, part));
            sent += part;
            left -= part;
        }
        chain_consume(pool, chain, sent);
    }
}

Test(chain, gives_out_what_was_put_in_whatever_the_pieces)
{
    static const size_t steps[] = {1, 7, 4031, 4032, 4033, 100000};
    struct block_pool pool = {0};

    for (size_t i = 0; i < countof(steps); i++) {
        struct chain chain = {0};
        struct chain other = {0};
        struct buffer expected;
        struct buffer got;

        buffer_init(&expected, 1 << 20);
        buffer_init(&got, 1 << 20);
        for (int n = 0; n < 3000; n++) {
            buffer_printf(&expected, "%d ", n);
        }
        for (size_t at = 0; at < expected.len; at += 777) {
            struct text part = text_first(text_after(buffer_text(&expected), at), 777);

            chain_add(&pool, at % 2 == 0 ? &other : &chain, part);
            chain_move(&chain, &other);
        }
        cr_expect_eq(chain.bytes, expected.len);
        chain_drain(&pool, &chain, steps[i], &got);
        cr_expect(text_equal(buffer_text(&got), buffer_text(&expected)), "%zu", steps[i]);
        cr_expect_null(chain.first);
        buffer_free(&expected);
        buffer_free(&got);
    }
    block_pool_free(&pool);
}

Test(chain, is_freed_half_sent)
{
    struct chain chain = {0};

    for (int i = 0; i < 10; i++) {
        chain_add(NULL, &chain, T("some bytes"));
        memset(chain_reserve(NULL, &chain, 3000), 'x', 3000);
        chain_commit(&chain, 3000);
    }
    chain_consume(NULL, &chain, 5000);
    cr_expect_eq(chain.bytes, 25100);
    chain_free(NULL, &chain);
    cr_expect_null(chain.first);
    cr_expect_eq(chain.bytes, 0);
}
