/* Receipt handles. */
#ifndef QUEUES_HANDLE_H
#define QUEUES_HANDLE_H

#include "base/arena.h"
#include "base/text.h"

struct queues;

struct handle {
    uint32_t queue, store, receive_number;
    uint64_t sequence;
};

struct text handle_encode(const struct queues *queues, const struct handle *handle,
                          struct arena *arena);
MUST_CHECK bool handle_decode(const struct queues *queues, struct text text,
                              struct handle *ret_handle);

#endif
