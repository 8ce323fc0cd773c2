/* Inside history/. */
#ifndef HISTORY_INTERNAL_H
#define HISTORY_INTERNAL_H

#include "history/history.h"

/* What goes at the old end of the bodies, and how far it has got. */
struct sweep {
    bool is_on;          /* bodies are kept */
    uint64_t horizon;    /* all messages up to this number have been passed */
    uint64_t start;      /* the last message from before bodies were kept (or, when they are
                          * not, from before they were not): passed uncounted, at any age */
    uint64_t swept;      /* bytes passed, on the scale of COUNTER_HISTORY_BYTES */
    bool is_busy;        /* reading, or waiting for the disk or for a moment */
    struct read *bodies; /* back, until the other is, too */
    struct read *references;
    struct sealed sealed;
    struct timer timer;
    struct hook hook;
};

/* Attempts that ended in the filling batch, and the old end of the rows. */
struct journal {
    struct buffer pending;
    uint32_t pending_count;
    uint64_t first;  /* number of the first of the pending */
    uint64_t oldest; /* number of the oldest that is kept, as far as known; 0: none is */
    uint64_t begin;  /* no row with a lower number is left */
    uint64_t gone;   /* of the last that is not kept, when the table was seen empty */
    bool is_busy;
    struct sealed sealed;
    struct timer timer;
    struct hook hook;
};

struct history {
    struct history_options options;
    uint8_t secret[16];
    struct sweep sweep;
    struct journal journal;
};

/* sweep.c */
void sweep_load(struct step *step, struct history *history, struct text row);
void sweep_wake(struct step *step, struct history *history); /* there may be something to do */
void sweep_free(struct sweep *sweep);

/* journal.c */
void journal_create(struct journal *journal);
void journal_start(struct step *step, struct history *history);
void journal_free(struct journal *journal);

#endif
