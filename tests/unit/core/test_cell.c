#include "base/memory.h"
#include "core/core.h"

#include <criterion/criterion.h>

#include <string.h>

/* A cell over the memory engine; what it asks for is done when the test says so. */
static struct cell *cell;
static const struct engine *engine;
static void *disk;
static struct random *chance;
static int64_t now_ms;
static struct topic *topic;
static uint8_t subscription_id[16];

static const struct queue_name feed_name = {TEXT("000000000000"), TEXT("us-east-1"),
                                            TEXT("feed")};
static const struct queue_name idle_name = {TEXT("000000000000"), TEXT("us-east-1"),
                                            TEXT("idle")};

static struct read *next_read(void)
{
    struct read *read = cell_next_read(cell);

    if (read != NULL) {
        read_execute(read, engine, disk);
    }
    return read;
}

static bool commit(void)
{
    struct batch *batch = cell_next_batch(cell, now_ms);
    struct why why;
    bool fatal = false;

    if (batch == NULL) {
        return false;
    }
    cr_assert_eq(engine->commit(disk, batch, &fatal, &why), STATUS_OK);
    cell_committed(cell, now_ms, batch, STATUS_OK);
    return true;
}

static void settle(void)
{
    for (bool goes_on = true; goes_on;) {
        struct read *read = next_read();

        if (read != NULL) {
            cell_read_done(cell, now_ms, read);
        }
        goes_on = commit() || read != NULL;
    }
}

static void open_cell(void)
{
    static const struct cell_options options = {
        .cache_bytes = 1 << 16,
        .deliveries = {.in_flight_max = 100, .lane_window_max = 8, .active_message_max = 100},
        .history = {.max_age_ms = 24LL * 3600 * 1000, .max_bytes = 1 << 30},
    };
    struct cell_options with_chance = options;
    struct why why;

    now_ms = 1700000000000LL;
    chance = random_seeded(7);
    with_chance.random = chance;
    engine = engine_find("memory");
    cr_assert_eq(engine->open("", 0, &disk, &why), STATUS_OK);
    cell = cell_create(&with_chance);
    cell_set_space(cell, UINT64_MAX);
    cell_start(cell, now_ms);
    settle();
    cr_assert(cell_is_ready(cell));
}

static void close_cell(void)
{
    cell_free(cell);
    engine->close(disk);
    memory_free(chance);
}

/* --- Calls. */

struct test_call {
    struct call call;
    unsigned dones, leaves;
    enum status status;
    struct queue_receive receive;
    struct queue_lent lent[10];
    struct arena arena;
};

static void on_done(struct call *call, enum status status)
{
    struct test_call *this = container_of(call, struct test_call, call);

    this->dones++;
    this->status = status;
}

static struct test_call *begin(enum status (*run)(struct call *call, struct step *step))
{
    struct test_call *this = memory_zero(sizeof *this);

    this->call.run = run;
    this->call.done = on_done;
    this->receive = (struct queue_receive){.max = 10,
                                           .visibility_ms = -1,
                                           .wait_ms = 20000,
                                           .arena = &this->arena,
                                           .lent = this->lent};
    return this;
}

static void end(struct test_call *this)
{
    arena_free(&this->arena);
    memory_free(this);
}

static void call_through(enum status (*run)(struct call *call, struct step *step))
{
    struct test_call *this = begin(run);

    cell_call(cell, now_ms, &this->call);
    settle();
    cr_assert_eq(this->dones, 1U);
    cr_assert_eq(this->status, STATUS_OK);
    end(this);
}

static enum status set_up(struct call *call, struct step *step)
{
    static const struct topic_name topic_name = {TEXT("000000000000"), TEXT("us-east-1"),
                                                 TEXT("news")};
    struct queue_settings settings = queue_settings_default;
    struct subscription wish = {
        .protocol = PROTOCOL_SQS,
        .endpoint = T("arn:aws:sqs:us-east-1:000000000000:feed"),
        .owner = T("000000000000"),
        .is_confirmed = true,
    };
    struct queue *queue = NULL;
    struct why why;

    (void)call;
    cr_assert_eq(queue_create(step, &feed_name, &settings, NULL, 0, &queue, &why), STATUS_OK);
    cr_assert_eq(queue_create(step, &idle_name, &settings, NULL, 0, &queue, &why), STATUS_OK);
    cr_assert_eq(topic_create(step, &topic_name, NULL, 0, &topic, &why), STATUS_OK);
    cr_assert_eq(subscription_create(step, topic, &wish, &why), STATUS_OK);
    memcpy(subscription_id, wish.id, sizeof wish.id);
    return STATUS_OK;
}

static enum status publish_one(struct call *call, struct step *step)
{
    struct publish publish = {
        .message = {.kind = MESSAGE_NOTIFICATION, .body = T("hello"), .signature_version = 1}};
    struct why why;

    (void)call;
    return topic_publish(step, topic, &publish, &why);
}

static enum status replay_slowly(struct call *call, struct step *step)
{
    struct replay_wish wish = {.until_ms = INT64_MAX, .pick = REPLAY_ALL, .rate = 1};
    uint8_t id[16];
    struct why why;

    (void)call;
    memcpy(wish.subscription, subscription_id, sizeof wish.subscription);
    return replay_start(step, &wish, id, &why);
}

static enum status poll_idle(struct call *call, struct step *step)
{
    struct test_call *this = container_of(call, struct test_call, call);

    return queue_receive(step, queue_find(queues_of(step), &idle_name), &this->receive);
}

static void leave_idle(struct call *call, struct step *step)
{
    struct test_call *this = container_of(call, struct test_call, call);

    this->leaves++;
    queue_receive_end(step, &this->receive);
}

TestSuite(cell, .init = open_cell, .fini = close_cell);

Test(cell, stopping_ends_what_waits_once_and_takes_its_timers_back)
{
    struct test_call *polls[8];

    call_through(set_up);
    for (size_t i = 0; i < countof(polls); i++) {
        polls[i] = begin(poll_idle);
        polls[i]->call.leave = leave_idle;
        cell_call(cell, now_ms, &polls[i]->call);
        settle();
        cr_assert_eq(polls[i]->dones, 0U, "a long poll must wait");
    }
    for (int i = 0; i < 5; i++) {
        call_through(publish_one);
    }
    call_through(replay_slowly); /* pauses on a timer of its own */
    cell_end(cell);
    cell_end(cell);
    for (size_t i = 0; i < countof(polls); i++) {
        cr_expect_eq(polls[i]->dones, 1U);
        cr_expect_eq(polls[i]->leaves, 1U);
        cr_expect_eq(polls[i]->status, STATUS_STORAGE);
        cr_expect_null(polls[i]->receive.timer.heap);
        end(polls[i]); /* gone before the cell is: nothing of it may still point here */
    }
}

Test(cell, a_call_that_waits_for_the_disk_is_ended_too)
{
    call_through(set_up);
    struct test_call *publish = begin(publish_one);

    cell_call(cell, now_ms, &publish->call);
    struct batch *batch = cell_next_batch(cell, now_ms);

    cr_assert_not_null(batch);
    cr_assert_eq(publish->dones, 0U);
    cell_end(cell);
    cr_expect_eq(publish->dones, 1U);
    cr_expect_eq(publish->status, STATUS_STORAGE);
    end(publish);
    batch_free(batch); /* as the store does when it is closed */
}

Test(cell, reads_that_the_store_frees_while_it_closes_are_nobodys)
{
    struct read *reads[16];
    size_t count = 0;

    call_through(set_up);
    for (int i = 0; i < 5; i++) {
        call_through(publish_one);
    }
    call_through(replay_slowly);
    for (int i = 0; i < 4 && count == 0; i++) { /* until the replay reads */
        now_ms += 1000;
        cell_tick(cell, now_ms);
        while (count < countof(reads) && (reads[count] = next_read()) != NULL) {
            count++;
        }
    }
    cell_end(cell);
    for (size_t i = 0; i < count; i++) {
        read_free(reads[i]);
    }
}

Test(cell, its_time_never_goes_back)
{
    call_through(set_up);
    struct test_call *poll = begin(poll_idle);

    poll->call.leave = leave_idle;
    cell_call(cell, now_ms, &poll->call);
    settle();
    int64_t wake_ms = cell_next_wake(cell);

    cell_tick(cell, now_ms - INT64_C(3600) * 1000);
    cr_expect_eq(cell_next_wake(cell), wake_ms);
    cell_tick(cell, now_ms + 20000);
    settle();
    cr_expect_eq(poll->dones, 1U);
    end(poll);
}

Test(cell, its_time_does_not_go_back_over_a_restart_either)
{
    struct cell_options options = {.random = chance, .cache_bytes = 1 << 16};

    int64_t late_ms = now_ms + 5000;

    now_ms = late_ms;
    call_through(set_up);
    cell_end(cell);
    cell_free(cell);
    now_ms -= INT64_C(3600) * 1000; /* the machine's clock says an hour earlier */
    cell = cell_create(&options);
    cell_start(cell, now_ms);
    settle();
    cr_expect_eq(cell_now_ms(cell), late_ms);
    cell_end(cell);
    cell_free(cell);
    options.clock_may_go_back = true;
    cell = cell_create(&options);
    cell_start(cell, now_ms);
    settle();
    cr_expect_eq(cell_now_ms(cell), now_ms);
}
