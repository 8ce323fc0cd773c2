/* A deliverer under test, and a host for it that remembers what was settled. */
#ifndef TESTS_CONFORMANCE_DELIVERERS_RIG_H
#define TESTS_CONFORMANCE_DELIVERERS_RIG_H

#include "deliverers/deliverer.h"

#include <uv.h>

#define RIG_DELIVERIES 128

extern const struct deliverer *const deliverers_builtin[];

struct rig_delivery {
    struct delivery delivery;
    char endpoint[512];
    char *payload;    /* owned, gone once it is settled */
    uint32_t settled; /* how often */
    struct outcome outcome;
    char reason[512];
    char peer[64];
    char answer[2048];
};

struct rig {
    uv_loop_t loop;
    uv_timer_t limit;
    bool is_over; /* the limit passed */
    struct deliverer_host host;
    const struct deliverer *deliverer;
    void *self;
    struct rig_delivery deliveries[RIG_DELIVERIES]; /* id is index + 1 */
    size_t count;
    uint32_t strangers;                      /* settled ids that were never delivered */
    const char *ca_file;                     /* the option of that name, or NULL */
    const char *commands;                    /* likewise */
    const char *(*option)(const char *name); /* any other; NULL, or its NULL: the default */
    const char *addresses;                   /* what every name resolves to; NULL: denied */
    const char *denied; /* an address that may not be connected to, or NULL */
};

/* The built-in of that name, or NULL. */
const struct deliverer *rig_find(const char *name);
/* `rig` is zeroed, or has some of its last members set. */
void rig_open(struct rig *rig, const struct deliverer *deliverer);
void rig_close(struct rig *rig);
/* Closes the deliverer only, with what is under way. */
void rig_close_deliverer(struct rig *rig);
/* Prepares a delivery; `...` makes its endpoint. */
struct rig_delivery *rig_prepare(struct rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void rig_deliver(struct rig *rig, struct rig_delivery *delivery);
/* Runs the loop until all is settled or `limit_ms` have passed. */
void rig_run(struct rig *rig, uint64_t limit_ms);
/* Runs it for so long. */
void rig_run_for(struct rig *rig, uint64_t ms);

#endif
