/* The commit thread, the reader threads, and the queues on either side of them. */
#include "store/store.h"

#include "base/faults.h"
#include "base/memory.h"
#include "base/signals.h"
#include "store/keys.h"
#include "store/priority.h"
#include "store/upgrade.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define FREE_SPACE_SECONDS 2

/* A batch on its way, and how it ended. */
struct ticket {
    struct batch *batch;
    struct list_node node;
    uint64_t epoch; /* failures that had been reported when it was handed in */
    enum status status;
    bool is_fatal;
    bool is_first; /* the failure began with it */
    struct why why;
};

/* The last commit that failed; the commit thread's. */
struct failure {
    uint64_t count; /* of failures so far */
    enum status status;
    bool is_fatal;
    struct why why;
};

/* Reads that wait for one thread. */
struct desk {
    struct store *store;
    pthread_t thread;
    bool has_thread;
    pthread_cond_t has_reads;
    struct list reads; /* under the store's lock, like what has_reads says */
};

struct store {
    const struct engine *engine;
    void *self;
    struct engine_opening opening;
    uint64_t room_wanted;
    void (*wake)(void *context);
    void *wake_context;
    pthread_t committer;
    bool has_committer;
    /* One for single keys, for which somebody waits, and one for all that takes longer. */
    struct desk points;
    struct desk scans;
    uint64_t reported; /* failures that store_poll has told of; the loop thread's */
    struct failure failure;
    time_t relieved_s; /* when relief was asked for (monotonic); the commit thread's */
    _Atomic(uint64_t) free_bytes;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t has_commits;
    struct list commits;   /* tickets handed in */
    struct list committed; /* tickets for store_poll */
    struct list answered;  /* reads for store_poll */
    bool stopping;
};

static void sample_free_bytes(struct store *store)
{
    atomic_store_explicit(&store->free_bytes, store->engine->free_bytes(store->self),
                          memory_order_relaxed);
}

uint64_t store_free_bytes(const struct store *store)
{
    return atomic_load_explicit(&store->free_bytes, memory_order_relaxed);
}

/* Puts a finished piece of work where store_poll finds it, and says so if nothing was there. */
static void finish(struct store *store, struct list *finished, struct list_node *node)
{
    (void)pthread_mutex_lock(&store->lock);
    bool was_empty = list_is_empty(&store->committed) && list_is_empty(&store->answered);

    list_push(finished, node);
    (void)pthread_mutex_unlock(&store->lock);
    if (was_empty && store->wake != NULL) {
        store->wake(store->wake_context);
    }
}

static enum status try_commit(struct store *store, struct ticket *ticket)
{
    (void)fault_point("store.commit.held");
    if (fault_point("store.commit.fail")) {
        return fail(&ticket->why, STATUS_STORAGE, "fault point store.commit.fail");
    }
    if (fault_point("store.commit.full")) {
        return fail(&ticket->why, STATUS_FULL, "fault point store.commit.full");
    }
    return store->engine->commit(store->self, ticket->batch, &ticket->is_fatal, &ticket->why);
}

static time_t monotonic_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* What was deleted last may still occupy the room that new work wants, and without new work
 * nothing else would make it free. */
static void relieve_if_short(struct store *store)
{
    time_t now_s = monotonic_s();
    struct failure *failure = &store->failure;
    struct why why = {.text = ""};
    bool is_fatal = false;

    if (store->engine->relieve == NULL || failure->is_fatal
        || store_free_bytes(store) >= store->room_wanted
        || now_s - store->relieved_s < FREE_SPACE_SECONDS) {
        return;
    }
    store->relieved_s = now_s;
    enum status status = store->engine->relieve(store->self, &is_fatal, &why);

    if (is_fatal) { /* the next commit tells */
        *failure = (struct failure){
            .count = failure->count + 1, .status = status, .is_fatal = true, .why = why};
    }
}

/* A batch that was handed in before a failure was reported may build on what has failed. */
static void commit_ticket(struct store *store, struct ticket *ticket)
{
    struct failure *failure = &store->failure;

    if (ticket->epoch != failure->count || failure->is_fatal) {
        ticket->status = failure->status;
        ticket->is_fatal = failure->is_fatal;
        ticket->why = failure->why;
        return;
    }
    ticket->status = try_commit(store, ticket);
    ticket->is_fatal = ticket->is_fatal || ticket->status == STATUS_FENCED;
    if (ticket->status != STATUS_OK) {
        ticket->is_first = true;
        failure->count++;
        failure->status = ticket->status;
        failure->is_fatal = ticket->is_fatal;
        failure->why = ticket->why;
    }
}

/* The next ticket; NULL when it is time to sample the free space, or at the end (*ret_stop). */
static struct ticket *next_ticket(struct store *store, bool *ret_stop)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FREE_SPACE_SECONDS;
    (void)pthread_mutex_lock(&store->lock);
    if (list_is_empty(&store->commits) && !store->stopping) {
        (void)pthread_cond_timedwait(&store->has_commits, &store->lock, &until);
    }
    struct list_node *node = list_pop(&store->commits);

    *ret_stop = node == NULL && store->stopping;
    (void)pthread_mutex_unlock(&store->lock);
    return node == NULL ? NULL : container_of(node, struct ticket, node);
}

static void *committer_run(void *context)
{
    struct store *store = context;
    bool stop = false;

    priority_raise();
    while (!stop) {
        struct ticket *ticket = next_ticket(store, &stop);

        if (ticket != NULL) {
            commit_ticket(store, ticket);
        }
        sample_free_bytes(store);
        if (ticket != NULL) {
            finish(store, &store->committed, &ticket->node);
        }
        relieve_if_short(store);
    }
    return NULL;
}

static struct read *next_read(struct desk *desk)
{
    struct store *store = desk->store;

    (void)pthread_mutex_lock(&store->lock);
    while (list_is_empty(&desk->reads) && !store->stopping) {
        (void)pthread_cond_wait(&desk->has_reads, &store->lock);
    }
    struct list_node *node = list_pop(&desk->reads);

    (void)pthread_mutex_unlock(&store->lock);
    return node == NULL ? NULL : container_of(node, struct read, node);
}

static void *reader_run(void *context)
{
    struct desk *desk = context;
    struct store *store = desk->store;

    for (struct read *read = next_read(desk); read != NULL; read = next_read(desk)) {
        read_execute(read, store->engine, store->self);
        finish(store, &store->answered, &read->node);
    }
    return NULL;
}

static void desk_init(struct store *store, struct desk *desk)
{
    desk->store = store;
    list_init(&desk->reads);
    (void)pthread_cond_init(&desk->has_reads, NULL);
}

static void init_queues(struct store *store)
{
    pthread_condattr_t monotonic;

    list_init(&store->commits);
    list_init(&store->committed);
    list_init(&store->answered);
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&store->has_commits, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    desk_init(store, &store->points);
    desk_init(store, &store->scans);
}

static bool desk_open(struct desk *desk)
{
    desk->has_thread = pthread_create(&desk->thread, NULL, reader_run, desk) == 0;
    return desk->has_thread;
}

static enum status start_threads(struct store *store, struct why *why)
{
    store->has_committer = pthread_create(&store->committer, NULL, committer_run, store) == 0;
    return store->has_committer && desk_open(&store->points) && desk_open(&store->scans)
               ? STATUS_OK
               : fail(why, STATUS_STORAGE, "no threads for the store");
}

/* Opens the engine and starts the threads, all of them deaf to signals. */
static enum status begin(struct store *store, const struct store_options *options,
                         struct why *why)
{
    sigset_t before;

    signals_block(&before);
    enum status status =
        store->engine->open(options->location, options->map_bytes, &store->self, why);

    if (status == STATUS_OK) {
        status = upgrade_run(store->engine, store->self, why);
    }
    if (status == STATUS_OK && store->engine->opening != NULL) {
        store->engine->opening(store->self, &store->opening);
    }
    if (status == STATUS_OK) {
        sample_free_bytes(store);
        status = start_threads(store, why);
    }
    signals_restore(&before);
    return status;
}

enum status store_open(const struct store_options *options, struct store **ret_store,
                       struct why *why)
{
    const struct engine *engine =
        options->with_engine != NULL ? options->with_engine : engine_find(options->engine);

    if (engine == NULL) {
        return fail(why, STATUS_NOT_FOUND, "no storage engine is called %s", options->engine);
    }
    struct store *store = memory_zero(sizeof *store);

    store->engine = engine;
    store->room_wanted = options->room_wanted;
    store->wake = options->wake;
    store->wake_context = options->wake_context;
    init_queues(store);
    enum status status = begin(store, options, why);

    if (status != STATUS_OK) {
        store_close(store);
        return status;
    }
    *ret_store = store;
    return STATUS_OK;
}

struct engine_opening store_opening(const struct store *store)
{
    return store->opening;
}

static void desk_close(struct desk *desk)
{
    if (desk->has_thread) {
        (void)pthread_join(desk->thread, NULL);
    }
    (void)pthread_cond_destroy(&desk->has_reads);
}

static void stop_threads(struct store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->stopping = true;
    (void)pthread_cond_broadcast(&store->has_commits);
    (void)pthread_cond_broadcast(&store->points.has_reads);
    (void)pthread_cond_broadcast(&store->scans.has_reads);
    (void)pthread_mutex_unlock(&store->lock);
    if (store->has_committer) {
        (void)pthread_join(store->committer, NULL);
    }
    desk_close(&store->points);
    desk_close(&store->scans);
}

static void free_unreported(struct store *store)
{
    list_each (node, &store->committed) {
        struct ticket *ticket = container_of(node, struct ticket, node);

        batch_free(ticket->batch);
        memory_free(ticket);
    }
    list_each (node, &store->answered) {
        read_free(container_of(node, struct read, node));
    }
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    stop_threads(store);
    free_unreported(store);
    if (store->self != NULL) {
        store->engine->close(store->self);
    }
    (void)pthread_cond_destroy(&store->has_commits);
    (void)pthread_mutex_destroy(&store->lock);
    memory_free(store);
}

void store_commit(struct store *store, struct batch *take_batch)
{
    struct ticket *ticket = memory_zero(sizeof *ticket);

    ticket->batch = take_batch;
    ticket->epoch = store->reported;
    (void)pthread_mutex_lock(&store->lock);
    list_push(&store->commits, &ticket->node);
    (void)pthread_cond_signal(&store->has_commits);
    (void)pthread_mutex_unlock(&store->lock);
}

/* The first key behind `from` is its end. */
static bool is_point(const struct read *read)
{
    struct key behind = key_next(&read->from);

    return text_equal(key_text(&behind), key_text(&read->to));
}

void store_read(struct store *store, struct read *take_read)
{
    struct desk *desk = is_point(take_read) ? &store->points : &store->scans;

    (void)pthread_mutex_lock(&store->lock);
    list_push(&desk->reads, &take_read->node);
    (void)pthread_cond_signal(&desk->has_reads);
    (void)pthread_mutex_unlock(&store->lock);
}

static void report_commit(struct store *store, const struct store_events *events,
                          struct ticket *ticket)
{
    store->reported += ticket->is_first;
    events->committed(events->context, ticket->batch, ticket->status, ticket->is_fatal,
                      &ticket->why);
    memory_free(ticket);
}

void store_poll(struct store *store, const struct store_events *events)
{
    struct list committed;
    struct list answered;

    list_init(&committed);
    list_init(&answered);
    (void)pthread_mutex_lock(&store->lock);
    list_move_all(&committed, &store->committed);
    list_move_all(&answered, &store->answered);
    (void)pthread_mutex_unlock(&store->lock);
    for (struct list_node *node = list_pop(&committed); node != NULL;
         node = list_pop(&committed)) {
        report_commit(store, events, container_of(node, struct ticket, node));
    }
    for (struct list_node *node = list_pop(&answered); node != NULL;
         node = list_pop(&answered)) {
        events->read(events->context, container_of(node, struct read, node));
    }
}
