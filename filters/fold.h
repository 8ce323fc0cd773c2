/* Case folding, one character to one character (É and é, Α and α; never ß to ss). */
#ifndef FILTERS_FOLD_H
#define FILTERS_FOLD_H

#include "slice.h"

/* Bytes that fold_case may write for a text of `len` bytes. */
#define FOLD_ROOM(len) ((len) + (len) / 2 + 4)

/* Writes the folded text and returns its length.  Bytes that are not UTF-8 stay as they are. */
size_t fold_case(struct slice text, char *to);

#endif
