/* Inside story/: a replay that runs. */
#ifndef STORY_REPLAYS_H
#define STORY_REPLAYS_H

#include "story/replay.h"

struct replay_run {
    struct replay replay;
    uint64_t number; /* of its row */
    /* Where it goes on: the next message's number; or, through failures, the next row of
     * attempts and the place in it. */
    uint64_t cursor;
    uint32_t index;
    uint64_t last_message, last_attempt; /* when it was started: not further */
    struct list_node node;
    struct sealed sealed; /* writes its row */
    struct task task;
    struct timer timer;
    struct hook hook;
    struct range range;
    uint32_t at;    /* in the range's rows */
    uint32_t chunk; /* looked at since it last paused */
    uint64_t chunk_bytes;
    int64_t moment_ms;  /* when it last went on: its deliveries are due since then */
    int64_t resumed_ms; /* since when the rate is counted */
    uint64_t sent_before;
};

struct replays {
    struct list runs; /* newest first */
    size_t count;
    bool is_loaded;
};

/* replay.c */
void replay_run_begin(struct step *step, struct replay_run *run);
/* It does nothing more; `step` NULL when the cell goes. */
void replay_run_end(struct replay_run *run, struct step *step);
void replay_run_conclude(struct step *step, struct replay_run *run, enum replay_state state);

#endif
