/* An engine for tests that wraps another one and goes wrong on demand. */
#ifndef TESTS_SUPPORT_FAULTY_ENGINE_H
#define TESTS_SUPPORT_FAULTY_ENGINE_H

#include "store/engine.h"

#include <stdatomic.h>

/* What goes wrong; numbers count the commits from 1, 0 is never.  May be changed between
 * commits (the fields are read when a commit begins). */
struct faulty_plan {
    const struct engine *inner;
    uint64_t fail_at;   /* this commit fails with `status`, and nothing of it happens */
    uint64_t fatal_at;  /* this one like a failed sync: it happened, and is reported as fatal */
    uint64_t full_from; /* from this one on the disk is full, until it is set to 0 */
    enum status status; /* of fail_at */
    uint32_t delay_ms;  /* before every commit */
    uint64_t commits;   /* so far, the upgrade's included */
    _Atomic(uint64_t) reliefs; /* asked for so far */
};

/* The engine that follows `plan`, which must outlive it; one at a time. */
const struct engine *faulty_engine(struct faulty_plan *plan);

#endif
