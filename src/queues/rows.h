/* A message's two rows, and their keys (rows.c).  To store something more: at the end of the
 * entry's texts, with a new version. */
#ifndef QUEUES_ROWS_H
#define QUEUES_ROWS_H

#include "base/blob.h"
#include "base/text.h"
#include "store/keys.h"

enum {
    REDUCED_ROW = 256, /* enough of an entry to know all but its texts, its group included */
    READY_SEQUENCE_AT = 5,  /* in a key of TABLE_READY ... */
    READY_PART_AT = 13,     /* ... 0: the entry, 1: its lease */
    DELAYED_VISIBLE_AT = 5, /* in a key of TABLE_DELAYED */
    DELAYED_SEQUENCE_AT = 13
};

enum entry_flag {
    ENTRY_REFERENCE = 1, /* to a topic's message */
    ENTRY_RAW = 2,
    ENTRY_DEAD_LETTER = 4, /* a topic's dead letter */
    ENTRY_MOVED = 8,       /* keeps an older send time: has a row in TABLE_EXPIRY */
    ENTRY_SEALED = 16      /* its queue encrypted when it was sent: so it is wherever it goes */
};

/* A row of TABLE_READY part 0: never changes. A borrowed view. */
struct entry {
    uint8_t flags;
    uint8_t protocol;
    int64_t sent_ms;
    int64_t visible_ms; /* delayed until; 0: not delayed */
    uint8_t id[16];
    uint64_t message;            /* of a reference */
    uint8_t subscription_id[16]; /* of a reference */
    struct text group_id, deduplication_id, sender_id, trace_header;
    struct text source; /* ARN of the queue that it died in */
    struct text attributes, body;
};

/* A row of TABLE_READY part 1: who has it, and how often somebody had it. */
struct lease {
    uint32_t receive_count;
    int64_t first_received_ms;
    int64_t received_ms;
    int64_t visible_ms; /* 0: given back */
};

struct blob *entry_encode(const struct entry *entry);
/* Up to its group: what entry_decode_head reads. */
size_t entry_head_size(const struct entry *entry);
MUST_CHECK bool entry_decode(struct text row, struct entry *ret_entry);
/* Of a row that was cut after REDUCED_ROW bytes: everything up to the group. */
MUST_CHECK bool entry_decode_head(struct text row, struct entry *ret_entry);
struct blob *lease_encode(const struct lease *lease);
MUST_CHECK bool lease_decode(struct text row, struct lease *ret_lease);
struct key entry_key(uint32_t store, uint64_t sequence);
struct key lease_key(uint32_t store, uint64_t sequence);
struct key delayed_key(uint32_t store, int64_t visible_ms, uint64_t sequence);
struct key expiry_key(uint32_t store, int64_t sent_ms, uint64_t sequence);

#endif
