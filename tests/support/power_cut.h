/* The directory as the disk may have it when the power is cut: all that was synced, and any
 * part of what was written besides.  Reads what power_recorder has written down. */
#ifndef TESTS_SUPPORT_POWER_CUT_H
#define TESTS_SUPPORT_POWER_CUT_H

#include "base/random.h"
#include "tests/support/power_events.h"

#include <stdbool.h>
#include <stdint.h>

struct power_cut;

/* Starts before the first event; aborts when the journal cannot be read. */
struct power_cut *power_cut_open(const char *journal);
void power_cut_close(struct power_cut *cut);
/* The number of events in the journal. */
uint64_t power_cut_events(const struct power_cut *cut);
/* Goes forward until `events` have happened. */
void power_cut_advance(struct power_cut *cut, uint64_t events);
/* The greatest number that was acknowledged so far (power_mark). */
uint64_t power_cut_marked(const struct power_cut *cut);
/* Event number `index`, below power_cut_events(). */
const struct power_event *power_cut_event(const struct power_cut *cut, uint64_t index);
/* Makes the files in `directory`, which is there and empty.  With a NULL `random` all that was
 * written is in them. */
void power_cut_build(struct power_cut *cut, struct random *random, const char *directory);

/* Writes down in the journal that `number` was acknowledged. */
void power_mark(const char *journal, uint64_t number);

#endif
