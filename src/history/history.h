/* What is remembered of what is over: the bodies of topics' messages past their last reference,
 * and how attempts ended.  Bounded by age, size and count; old ends go in bounded batches. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include "base/buffer.h"
#include "step/step.h"

struct history;

/* The running cell's. */
static inline struct history *history_of(const struct step *step)
{
    return step->history;
}

struct history_options {
    int64_t max_age_ms;          /* of bodies nobody needs any more; 0: they are not kept */
    uint64_t max_bytes;          /* of all bodies since the oldest that is kept; 0: not kept */
    int64_t attempts_max_age_ms; /* 0: no age is too old */
    uint64_t attempts_max_count; /* 0: none are recorded */
    bool attempts_all;           /* successes at the first attempt, too */
};

struct history_counters {
    uint64_t bytes;    /* of bodies since the oldest that is kept, referenced ones included */
    uint64_t attempts; /* recorded, as far as they are kept */
    uint64_t horizon;  /* messages up to this number are not kept */
};

struct history_counters history_counters(const struct step *step);
const struct history_options *history_options(const struct history *history);
/* Whether a message of this number stays when nobody needs it any more. */
bool history_keeps(const struct step *step, uint64_t message);

/* --- Bodies.  References are kept apart from the body: absent means one, zero that only the
 * history has it.  These may STATUS_WAIT, before changing anything. */

/* Of a message whose body has been put in this step; 0: nobody needs it. */
void body_set_references(struct step *step, uint64_t message, uint32_t count);
MUST_CHECK enum status body_add_references(struct step *step, uint64_t message, uint32_t count);
/* OK: its count is at hand, so that the others do not wait in this step. */
MUST_CHECK enum status body_known(struct step *step, uint64_t message);
MUST_CHECK enum status body_release(struct step *step, uint64_t message);
/* Of a body that cannot be read (lent): it is set aside, and its count goes with it when nobody
 * but the history had it.  Those who need it still find it missing, and release it.  May
 * STATUS_WAIT, before anything has changed. */
MUST_CHECK enum status body_lose(struct step *step, uint64_t message, const struct blob *body,
                                 const char *what);
/* Reads ahead what body_release needs. */
void body_expect_release(struct step *step, uint64_t message);
/* How many still need it. */
MUST_CHECK enum status body_references(struct step *step, uint64_t message,
                                       uint32_t *ret_count);

/* --- Message ids: a UUID that hides the message's number, so that it is found without an
 * index. */

void message_id_make(struct step *step, uint64_t message, uint8_t ret_id[16]);
/* The number that such an id would hide; of a foreign one any number.  0: none of ours. */
uint64_t message_id_number(const struct step *step, const uint8_t id[16]);

/* --- Attempts. */

#define ATTEMPT_ANSWER_MAX 1024

enum attempt_fate { /* stored: only append */
    FATE_DELIVERED,
    FATE_RETRY,         /* another attempt at next_ms */
    FATE_DEAD_LETTERED, /* into the queue `target` */
    FATE_LOST,          /* given up, and there was no dead-letter queue */
    FATE_PARKED         /* it failed as a breaker's probe: not counted, it waits on */
};

/* What the transport heard. */
struct attempt_detail {
    int32_t status_code;
    int32_t dns_us, connect_us, tls_us, first_byte_us, total_us;
    struct text peer;
    struct text answer; /* the first bytes; cut to ATTEMPT_ANSWER_MAX */
};

struct attempt_record {
    uint64_t message;
    uint32_t topic, subscription;
    int64_t ended_ms;
    uint32_t attempt; /* 1 is the first */
    enum attempt_fate fate;
    int64_t next_ms; /* of FATE_RETRY */
    struct attempt_detail detail;
    struct text reason;
    struct text target; /* of FATE_DEAD_LETTERED: a queue's ARN */
};

/* True when such an attempt would be recorded: what it needs may be spared otherwise. */
bool history_wants_attempt(const struct step *step, bool is_plain_success);
/* Durable with the current batch, in one row with the others of that batch.  Copies. */
void history_add_attempt(struct step *step, const struct attempt_record *record);

/* The rows: TABLE_ATTEMPT by the number of the first attempt in it; numbers grow with time. */
struct attempt_row {
    int64_t written_ms; /* none in it ended later */
    uint32_t count;
    struct cursor cursor; /* private */
};

/* false: not such a row.  The bytes must live as long as what attempt_row_next lends. */
MUST_CHECK bool attempt_row_open(struct text value, struct attempt_row *ret_row);
/* The next; false at the end. */
MUST_CHECK bool attempt_row_next(struct attempt_row *row, struct attempt_record *ret_record);

/* --- For core/ only. */
struct history *history_create(const struct history_options *options);
void history_free(struct history *history);
/* Where its own row is. */
struct key history_key(void);
/* Before any message; `row` is its row's value, empty when there is none. */
void history_start(struct step *step, struct text row, const uint8_t secret[16]);
/* Space became scarce: the history makes room. */
void history_shrink(struct step *step);

#endif
