/* Batches that are known by their numbers, so that whoever finds a store can tell whether it is
 * whole.  Batch n writes rows (n, 0), (n, 1), ... and the row "last", and deletes what batch
 * n - kept wrote. */
#ifndef TESTS_CONFORMANCE_NUMBERED_H
#define TESTS_CONFORMANCE_NUMBERED_H

#include "trial.h"

void numbered_commit(struct trial *trial, uint64_t batch, uint64_t kept);
/* Ends the program unless all that was acknowledged is there, whole, and no other half; returns
 * the last batch that is there. */
uint64_t numbered_check(struct trial *trial, uint64_t acknowledged, uint64_t kept);

#endif
