/* Named fault points for the crash tests, set by the environment variable FAULTS. */
#include "base/faults.h"

#ifdef ENABLE_FAULTS

#    include <pthread.h>
#    include <signal.h>
#    include <stdatomic.h>
#    include <stdlib.h>
#    include <time.h>

enum {
    FAULTS_MAX = 16
};

enum action {
    ACTION_KILL,
    ACTION_FAIL,
    ACTION_DELAY,
    ACTION_HOLD
};

struct fault {
    struct text name;
    enum action action;
    int64_t when; /* the how-manieth passage; 0 is each */
    atomic_llong passed;
};

static const struct text action_names[] = {
    [ACTION_KILL] = TEXT("kill"),
    [ACTION_FAIL] = TEXT("fail"),
    [ACTION_DELAY] = TEXT("delay"),
    [ACTION_HOLD] = TEXT("hold"),
};

static struct fault faults[FAULTS_MAX];
static size_t fault_count;
static pthread_once_t faults_once = PTHREAD_ONCE_INIT;

static enum action action_parse(struct text name)
{
    for (size_t i = 0; i < countof(action_names); i++) {
        if (text_equal(action_names[i], name)) {
            return (enum action)i;
        }
    }
    abort(); /* a test that asks for an unknown fault would prove nothing */
}

static void faults_parse(void)
{
    struct text rest = text_from(secure_getenv("FAULTS"));

    while (rest.len > 0) {
        struct text entry = text_cut(&rest, ',');
        struct fault *fault = &faults[fault_count];

        if (fault_count == FAULTS_MAX) {
            abort();
        }
        fault->name = text_cut(&entry, ':');
        if (!text_to_int64(text_cut(&entry, ':'), &fault->when)) {
            abort();
        }
        fault->action = action_parse(entry);
        fault_count++;
    }
}

static bool fault_act(enum action action)
{
    static const struct timespec delay = {.tv_nsec = 10000000};
    static const struct timespec hold = {.tv_sec = 1};

    if (action == ACTION_KILL) {
        (void)raise(SIGKILL);
    }
    if (action == ACTION_DELAY) {
        (void)nanosleep(&delay, NULL);
    }
    if (action == ACTION_HOLD) {
        (void)nanosleep(&hold, NULL);
    }
    return action == ACTION_FAIL;
}

bool fault_point(const char *name)
{
    bool failed = false;

    if (pthread_once(&faults_once, faults_parse) != 0) {
        abort();
    }
    for (size_t i = 0; i < fault_count; i++) {
        struct fault *fault = &faults[i];

        if (!text_equal(fault->name, text_from(name))) {
            continue;
        }
        int64_t passed = atomic_fetch_add(&fault->passed, 1) + 1;

        if (fault->when == 0 || fault->when == passed) {
            failed = fault_act(fault->action) || failed;
        }
    }
    return failed;
}

#endif
