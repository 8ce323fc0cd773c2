/* Memory that is counted: every allocation of an index goes through its account. */
#ifndef FILTERS_ACCOUNT_H
#define FILTERS_ACCOUNT_H

#include "slice.h"

struct account {
    size_t bytes; /* asked for and not yet given back */
};

/* NULL when out of memory; the account is then unchanged.  `size` must not be 0. */
void *account_take(struct account *account, size_t size);
void *account_zero(struct account *account, size_t size);
/* Like realloc; on NULL the old memory is still there. */
void *account_resize(struct account *account, void *memory, size_t old_size, size_t new_size);
/* Before memory is first touched: large pages, if it is large and the system has them. */
void account_advise(void *memory, size_t size);
void account_free(struct account *account, void *memory, size_t size);

/* Makes room for `wanted` items (at least one) in a growable array of items of `size` bytes.
 * Returns the array, perhaps moved, and sets *room; NULL when out of memory, nothing changed.
 */
void *account_grow(struct account *account, void *memory, uint32_t *room, size_t size,
                   uint32_t wanted);

#endif
