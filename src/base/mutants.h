/* Planted bugs, to see whether the tests find them; nothing at all without ENABLE_MUTANTS.
 * One build holds them all: FANFARE_MUTANT=<name> in the environment turns one on.
 * tests/mutants has the list and the command that tries them.  Name: folder.what-is-wrong. */
#ifndef BASE_MUTANTS_H
#define BASE_MUTANTS_H

#include <stdbool.h>

#ifdef ENABLE_MUTANTS
bool mutant(const char *name);
#else
#    define mutant(name) false
#endif

#endif
