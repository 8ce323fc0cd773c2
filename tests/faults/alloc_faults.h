/* Link-time allocation faults: the nth allocation from now fails, or that one and all behind
 * it. */
#ifndef TESTS_FAULTS_ALLOC_FAULTS_H
#define TESTS_FAULTS_ALLOC_FAULTS_H

#include <stdbool.h>

/* `nth` counts from 1; `from_then_on` keeps failing. */
void alloc_faults_arm(long nth, bool from_then_on);
/* Allocations succeed again; true when one had failed. */
bool alloc_faults_disarm(void);

#endif
