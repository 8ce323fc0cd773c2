/* Messages going: every end of one passes here. */
#ifndef QUEUES_ERASE_H
#define QUEUES_ERASE_H

#include "step/step.h"

enum {
    EXPECTED_ROWS = 64 /* whose releases are read ahead of a discard */
};

struct queue_state;
struct queues;
struct queued;
struct entry;

/* What must be known of an entry to take it out. */
struct remains {
    uint64_t sequence;
    int64_t sent_ms;
    int64_t delayed_ms; /* 0: not delayed any more */
    uint8_t flags;
    bool has_lease; /* a state row, perhaps */
};

/* Removes its rows and what memory knows of it. */
void entry_erase(struct step *step, struct queue_state *state, const struct remains *remains);
/* The same by what is in memory. */
void queued_erase(struct step *step, struct queue_state *state, struct queued *message);
/* Erases it, and drops its reference first.  May STATUS_WAIT before changing anything. */
MUST_CHECK enum status queued_discard(struct step *step, struct queue_state *state,
                                      struct queued *message);
/* The same of any entry, in memory or not. */
MUST_CHECK enum status entry_discard(struct step *step, struct queue_state *state,
                                     uint64_t sequence, const struct entry *entry);
/* Its entry or its body is missing or cannot be read: it leaves the queue, and that is said.
 * `row` is what there is of the entry (lent), or NULL. */
void queued_lose(struct step *step, struct queue_state *state, struct queued *message,
                 const struct blob *row, const char *what);
/* The same of an entry that cannot be read, in memory or not. */
void entry_lose(struct step *step, struct queue_state *state, uint64_t sequence,
                const struct blob *row);
/* The row is about to be discarded if it was sent by then: what that needs is read ahead. */
void entry_expect(struct step *step, const struct queues *queues, const struct row *row,
                  int64_t sent_max_ms);
/* The message's entry row, read if need be; *ret_entry points into *ret_row. */
MUST_CHECK enum status queued_entry(struct step *step, struct queue_state *state,
                                    struct queued *message, struct entry *ret_entry,
                                    struct blob **ret_row);

#endif
