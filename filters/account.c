/* Counted allocation over malloc. */
#include "account.h"

#include <sys/mman.h>

#include <stdlib.h>

/* Less does not gain a large page. */
#define ACCOUNT_LARGE ((size_t)2 << 20)
#define ACCOUNT_PAGE  ((size_t)4096)

void *account_take(struct account *account, size_t size)
{
    void *memory = malloc(size);

    if (memory != NULL) {
        account->bytes += size;
    }
    return memory;
}

void *account_zero(struct account *account, size_t size)
{
    void *memory = calloc(1, size);

    if (memory != NULL) {
        account->bytes += size;
    }
    return memory;
}

void account_advise(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    size_t skip = ACCOUNT_PAGE - (uintptr_t)memory % ACCOUNT_PAGE;

    if (size >= ACCOUNT_LARGE) {
        (void)madvise((char *)memory + skip, size - skip, MADV_HUGEPAGE);
    }
#else
    (void)memory;
    (void)size;
#endif
}

void *account_resize(struct account *account, void *memory, size_t old_size, size_t new_size)
{
    void *resized = realloc(memory, new_size);

    if (resized != NULL) {
        account->bytes = account->bytes - old_size + new_size;
    }
    return resized;
}

void account_free(struct account *account, void *memory, size_t size)
{
    if (memory != NULL) {
        account->bytes -= size;
        free(memory);
    }
}

void *account_grow(struct account *account, void *memory, uint32_t *room, size_t size,
                   uint32_t wanted)
{
    uint64_t grown = *room < 8 ? 8 : (uint64_t)*room + *room / 2;
    void *resized;

    if (wanted <= *room) {
        return memory;
    }
    if (grown < wanted) {
        grown = wanted;
    }
    if (grown > UINT32_MAX) {
        return NULL;
    }
    resized = account_resize(account, memory, *room * size, (size_t)grown * size);
    if (resized != NULL) {
        *room = (uint32_t)grown;
    }
    return resized;
}
