/* Chance, replaceable. */
#include "base/memory.h"
#include "base/random.h"

#include <criterion/criterion.h>

#include <string.h>

Test(random, a_seed_repeats_itself)
{
    struct random *one = random_seeded(42);
    struct random *same = random_seeded(42);
    struct random *other = random_seeded(43);
    size_t equal = 0;

    for (int i = 0; i < 100; i++) {
        uint64_t value = random_u64(one);

        cr_expect_eq(value, random_u64(same));
        equal += value == random_u64(other) ? 1 : 0;
    }
    cr_expect_eq(equal, 0);
    memory_free(one);
    memory_free(same);
    memory_free(other);
}

Test(random, the_kernel_fills_any_length)
{
    static uint8_t first[5000];
    static uint8_t second[5000];
    static const uint8_t zeros[64];
    struct random *random = random_system();

    random->fill(random, first, sizeof(first));
    random->fill(random, second, sizeof(second));
    random->fill(random, second, 0);
    cr_expect_neq(memcmp(first, second, sizeof(first)), 0);
    cr_expect_neq(memcmp(first + sizeof(first) - sizeof(zeros), zeros, sizeof(zeros)), 0);
    memory_free(random);
}

Test(random, stays_below_the_bound_and_reaches_every_value)
{
    struct random *random = random_seeded(1);
    size_t counts[7] = {0};

    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_below(random, 7);

        cr_assert_lt(value, 7);
        counts[value]++;
    }
    for (size_t i = 0; i < countof(counts); i++) {
        cr_expect(counts[i] > 850 && counts[i] < 1150, "%zu came %zu times", i, counts[i]);
    }
    cr_expect_eq(random_below(random, 1), 0);
    cr_expect_lt(random_below(random, UINT64_MAX), UINT64_MAX);
    memory_free(random);
}
