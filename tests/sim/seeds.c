/* One seed after another, each twice. */
#include "seeds.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t run_twice(uint64_t seed, struct seed_run (*run)(uint64_t seed),
                          struct seed_run *ret_first)
{
    struct seed_run first = run(seed);
    struct seed_run again = run(seed);
    uint64_t findings = first.findings + again.findings;

    if (first.trace != again.trace) {
        (void)fprintf(stderr, "  two runs left different traces\n");
        findings++;
    }
    if (findings > 0) {
        (void)fprintf(stderr, "seed %llu: %llu findings\n", (unsigned long long)seed,
                      (unsigned long long)findings);
    }
    *ret_first = first;
    return findings;
}

int seeds_run(int argc, char **argv, uint64_t count, struct seed_run (*run)(uint64_t seed))
{
    const uint64_t prime = 1099511628211U; /* FNV-1a's, over whole traces */
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t failed = 0;
    uint64_t steps = 0;
    uint64_t traces = 0;

    count = argc > 2 ? strtoull(argv[2], NULL, 10) : count;
    bool until_first = argc > 3 && strcmp(argv[3], "first") == 0;

    for (uint64_t seed = first; seed < first + count && !(until_first && failed > 0); seed++) {
        struct seed_run once;

        failed += run_twice(seed, run, &once) > 0;
        steps += once.steps;
        traces = (traces ^ once.trace) * prime;
    }
    (void)printf("%llu seeds, %llu failed, %llu steps, traces %016llx\n",
                 (unsigned long long)count, (unsigned long long)failed,
                 (unsigned long long)steps, (unsigned long long)traces);
    return failed == 0 ? 0 : 1;
}
