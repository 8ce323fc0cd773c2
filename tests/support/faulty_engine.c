/* The wrapper: counts commits, and consults its plan before each. */
#include "tests/support/faulty_engine.h"

#include <time.h>

/* An engine's open takes no context, so the plan waits here for it. */
static struct faulty_plan *current_plan;

static enum status faulty_open(const char *location, uint64_t map_bytes, void **ret_self,
                               struct why *why)
{
    return current_plan->inner->open(location, map_bytes, ret_self, why);
}

static void wait_ms(uint32_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&left, NULL);
}

static enum status faulty_commit(void *self, const struct batch *batch, bool *ret_fatal,
                                 struct why *why)
{
    struct faulty_plan *plan = current_plan;
    uint64_t number = ++plan->commits;

    if (plan->delay_ms > 0) {
        wait_ms(plan->delay_ms);
    }
    if (number == plan->fail_at) {
        *ret_fatal = plan->status == STATUS_FENCED;
        return fail(why, plan->status, "planned failure of commit %llu",
                    (unsigned long long)number);
    }
    if (plan->full_from != 0 && number >= plan->full_from) {
        return fail(why, STATUS_FULL, "planned: the disk is full");
    }
    enum status status = plan->inner->commit(self, batch, ret_fatal, why);

    if (status == STATUS_OK && number == plan->fatal_at) {
        *ret_fatal = true;
        return fail(why, STATUS_STORAGE, "planned: the sync failed");
    }
    return status;
}

static enum status faulty_scan(void *self, struct text from, struct text to, bool reverse,
                               engine_visit *visit, void *context)
{
    return current_plan->inner->scan(self, from, to, reverse, visit, context);
}

static uint64_t faulty_free_bytes(void *self)
{
    bool is_full =
        current_plan->full_from != 0 && current_plan->commits + 1 >= current_plan->full_from;

    return is_full ? 0 : current_plan->inner->free_bytes(self);
}

static void faulty_opening(void *self, struct engine_opening *ret_opening)
{
    if (current_plan->inner->opening != NULL) {
        current_plan->inner->opening(self, ret_opening);
    }
}

static enum status faulty_relieve(void *self, bool *ret_fatal, struct why *why)
{
    current_plan->reliefs++;
    return current_plan->inner->relieve == NULL
               ? STATUS_OK
               : current_plan->inner->relieve(self, ret_fatal, why);
}

static void faulty_close(void *self)
{
    current_plan->inner->close(self);
}

static const struct engine wrapper = {
    .name = "faulty",
    .open = faulty_open,
    .commit = faulty_commit,
    .scan = faulty_scan,
    .free_bytes = faulty_free_bytes,
    .opening = faulty_opening,
    .relieve = faulty_relieve,
    .close = faulty_close,
};

const struct engine *faulty_engine(struct faulty_plan *plan)
{
    current_plan = plan;
    return &wrapper;
}
