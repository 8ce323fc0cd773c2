/* Scheduling of the commit thread; measured beside busy threads, see store/README.md. */
#include "store/priority.h"

#include <sys/syscall.h>

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

#define SLICE_NS 100000

/* The kernel's struct sched_attr, first version: its header and the C library's exclude each
 * other on Debian 12. */
struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* the slice */
    uint64_t deadline;
    uint64_t period;
};

void priority_raise(void)
{
    struct sched_param param = {.sched_priority = 1};

    if (pthread_setschedparam(pthread_self(), SCHED_RR, &param) == 0) {
        return;
    }
    /* Kernels since 6.12 take a slice for ordinary threads; a short one is scheduled sooner. */
    struct scheduling scheduling = {
        .size = sizeof scheduling, .policy = SCHED_OTHER, .runtime = SLICE_NS};

    (void)syscall(SYS_sched_setattr, 0, &scheduling, 0);
}
