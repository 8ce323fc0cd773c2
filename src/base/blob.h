/* Immutable bytes with a reference count, so that the core, a batch on its way to disk and an
 * answer can share one copy.  Counts are changed on the loop thread only; other threads may
 * read the bytes while somebody on the loop thread holds a reference for them. */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include "base/text.h"

struct blob {
    uint32_t references;
    uint32_t len; /* at most 4 GiB - 1 */
    char at[];
};

struct blob *blob_new(size_t len); /* bytes uninitialised, one reference: fill before sharing */
struct blob *blob_copy(struct text text);
struct blob *blob_ref(struct blob *blob);       /* the same pointer; NULL is fine */
void blob_unref(struct blob *blob);             /* NULL is fine */
struct text blob_text(const struct blob *blob); /* NULL is empty text */

#endif
