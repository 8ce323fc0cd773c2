/* Messages that are in memory, and their groups. */
#ifndef QUEUES_QUEUED_H
#define QUEUES_QUEUED_H

#include "base/heap.h"
#include "base/text.h"

struct queue_state;
struct entry;
struct lease;

enum place {
    PLACE_NONE, /* on its way to disk, or picked by a receive */
    PLACE_READY,
    PLACE_LENT,
    PLACE_DELAYED
};

/* A message in memory; everything else about it is in its row. */
struct queued {
    /* READY: in its group by turn (standard) or sequence (FIFO); LENT: in leases by visible at;
     * DELAYED: in delayed. */
    struct heap_node node;
    struct queued *next;      /* in its bucket, or in its arrivals */
    struct queued *lent_next; /* of its FIFO group, by sequence */
    struct group *group;
    uint64_t sequence;
    int64_t sent_ms;
    int64_t first_received_ms;
    int64_t received_ms;
    uint32_t receive_count;
    uint8_t flags; /* enum entry_flag */
    uint8_t place;
    bool is_listed;   /* in the table */
    bool is_returned; /* it was lent and came back since it is in memory */
};

/* Messages that share a MessageGroupId (number 0: have none). */
struct group {
    struct heap_node node; /* in window.groups while something of it may be received */
    struct group *next;    /* in its bucket */
    struct heap ready;
    uint64_t number; /* hash of the id */
    uint32_t members;
    uint32_t lent;
    int64_t turn;              /* of a FIFO group: when it is served next; 0: not known yet */
    struct queued *lent_first; /* of a FIFO group */
};

struct queued_table {
    struct queued **buckets;
    size_t bucket_count;
    size_t count;
};

struct group_table {
    struct group **buckets;
    size_t bucket_count;
    size_t count;
};

uint64_t group_number(struct text group_id);
struct queued *queued_new(struct queue_state *state, uint64_t sequence, uint64_t group,
                          uint8_t flags, int64_t sent_ms);
/* Takes it out of wherever it is. NULL is fine. */
void queued_free(struct queue_state *state, struct queued *message);
/* What its rows say. */
struct queued *queued_from(struct queue_state *state, uint64_t sequence,
                           const struct entry *entry, const struct lease *lease);
/* From now on queued_find knows it. */
void queued_list(struct queue_state *state, struct queued *message);
struct queued *queued_find(const struct queue_state *state, uint64_t sequence);
void queued_free_all(struct queue_state *state);

#endif
