/* The main of a simulator: one seed after another, each twice. */
#ifndef SIM_SEEDS_H
#define SIM_SEEDS_H

#include <stdint.h>

/* What one run of a seed left. */
struct seed_run {
    uint64_t findings;
    uint64_t trace; /* two runs of a seed must leave the same */
    uint64_t steps;
};

/* Runs the seeds that `argv` asks for, [first seed] [count], else `count` from 1 on, and prints
 * what came of them; with "first" behind them it ends at the first seed that fails.  Before and
 * after a change that must not change behaviour the digest of traces is the same.  0 without
 * findings, else 1: main's result. */
int seeds_run(int argc, char **argv, uint64_t count, struct seed_run (*run)(uint64_t seed));

#endif
