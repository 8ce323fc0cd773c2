/* What became of a message: who matched and why, each attempt, where each delivery ended.  For
 * people who ask: pieced together from the history, the attempts and what is still owed. */
#ifndef STORY_STORY_H
#define STORY_STORY_H

#include "router/router.h"

#define STORY_ATTEMPTS_MAX 2000 /* the latest */
#define STORY_MATCHED_MAX  500  /* subscriptions told of at length */
#define STORY_OTHERS_MAX   100  /* and of those that did not match */

/* Where a delivery ended, and its word. */
#define STORY_ENDS(E)                 \
    E(DELIVERED, "delivered")         \
    E(OWED, "queued")                 \
    E(WAITING, "waiting")             \
    E(UNDER_WAY, "under_way")         \
    E(DEAD_LETTERED, "dead_lettered") \
    E(LOST, "lost")                   \
    E(FILTERED_OUT, "filtered_out")   \
    E(UNCONFIRMED, "unconfirmed")     \
    E(LATER, "subscribed_later")      \
    E(UNKNOWN, "unknown")

#define STORY_END_ENUM(name, word) STORY_##name,

enum story_end {
    STORY_ENDS(STORY_END_ENUM) STORY_END_COUNT
};

const char *story_end_word(enum story_end end);

struct story_attempt {
    struct list_node node;
    struct attempt_record record;
};

/* One subscription's part. */
struct story_part {
    struct list_node node;
    uint32_t number;
    bool is_known; /* false: it is deleted; `subscription` says nothing */
    struct subscription subscription;
    bool is_explained;
    struct match_explanation explanation; /* by the policy of today */
    enum story_end end;
    int64_t next_ms;      /* of WAITING: when it is due */
    const char *note;     /* what else to know, or NULL */
    struct list attempts; /* struct story_attempt, oldest first */
};

/* All texts live in `arena` and `body`. */
struct story {
    uint8_t id[16];      /* asked for */
    bool has_only;       /* tell of one subscription alone */
    uint8_t only[16];    /* its id */
    struct arena *arena; /* the caller's */

    uint64_t number;
    bool has_body; /* false: the history does not have it any more */
    struct message message;
    struct blob *body;
    uint32_t references; /* how many still need the body */
    struct topic *topic; /* for this step; NULL: it is deleted */
    bool is_topic_ready;
    struct list parts;  /* struct story_part: with attempts or matching, then others */
    uint64_t matched;   /* subscriptions whose policy lets it through today */
    uint64_t confirmed; /* subscriptions in all */
    bool is_cut_matched, is_cut_others, is_cut_attempts;
    bool records_successes;
    int64_t
        attempts_since_ms; /* the oldest attempt recorded at all ended about then; 0: none */

    /* Private. */
    uint32_t stage;
    struct list attempts;
    uint32_t attempt_count;
    uint32_t *candidates; /* subscriptions */
    size_t candidate_count, candidate_at;
    uint32_t *matching; /* ascending */
    size_t matching_count;
    uint32_t topic_number;
    uint32_t others, since_yield;
    struct range range;
    struct delivery_search search;
    struct story_part *part;
    struct subscription_page page;
    struct timer timer;
    struct list waiters;
};

/* Part of a task that only reads: STATUS_WAIT until it is told, then STATUS_OK; NOT_FOUND: no
 * message of a topic here has had this id. Begins with `id` and `arena` (and `only`). */
MUST_CHECK enum status story_read(struct step *step, struct story *story);
/* Afterwards, also when the task was cancelled; `step` may be NULL. */
void story_end(struct story *story, struct step *step);

#endif
