/* Allocate or abort: accepted work is already durable, so dying is safe and running on is not.
 * The only caller of malloc in the daemon. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/text.h"

void *memory_take(size_t size);                 /* uninitialised; free with memory_free */
void *memory_zero(size_t size);                 /* zeroed */
void *memory_array(size_t count, size_t size);  /* zeroed, overflow-checked */
void *memory_resize(void *memory, size_t size); /* NULL is a fresh allocation */
char *memory_copy_text(struct text text);       /* NUL-terminated copy */
void memory_free(void *memory);                 /* NULL is fine */

#endif
