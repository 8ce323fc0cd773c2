/* What comes back goes behind: a message or a group that fails again and again starves nobody.
 */
#include "rig.h"

static const char *const plain = "plain";
static const char *const orders = "orders.fifo";

static void open_both(struct rig *rig)
{
    struct queue_settings settings = queue_settings_default;

    rig_open(rig);
    (void)rig_create(rig, plain, &settings);
    settings.is_fifo = true;
    (void)rig_create(rig, orders, &settings);
    rig_settle(rig);
}

static void send_many(struct rig *rig, const char *name, const char *body, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)rig_send(rig, name, body);
    }
}

/* Receives by ten; "good" ones are deleted, the others fail: they are given back, or run out of
 * their time. How many good ones there were. */
static size_t receive_and_fail(struct rig *rig, const char *name, bool gives_back)
{
    struct rig_batch batch = rig_receive(rig, name, 10, 1000);
    size_t good = 0;

    for (size_t i = 0; i < batch.count; i++) {
        if (strcmp(rig_body(rig, &batch, i), "good") == 0) {
            cr_assert_eq(rig_delete(rig, name, batch.handles[i]), STATUS_OK);
            good++;
        } else if (gives_back) {
            cr_assert_eq(rig_change(rig, name, batch.handles[i], 0), STATUS_OK);
        }
    }
    rig_pass(rig, gives_back ? 1 : 1000);
    return good;
}

Test(fairness, failing_messages_do_not_stop_a_queue)
{
    for (int gives_back = 0; gives_back < 2; gives_back++) {
        struct rig rig;
        size_t good = 0;

        open_both(&rig);
        send_many(&rig, plain, "bad", 10);
        send_many(&rig, plain, "good", 5);
        for (size_t i = 0; i < 3; i++) {
            good += receive_and_fail(&rig, plain, gives_back);
        }
        cr_expect_eq(good, 5U);
        rig_expect_counts(&rig, plain, 10, 0, 0);
        rig_close(&rig);
    }
}

/* More of them than may be in memory; and it starts again in between. */
Test(fairness, a_window_full_of_failing_messages_reads_on)
{
    struct rig rig;
    size_t good = 0;

    open_both(&rig);
    queues_set_window(rig.queues, 16);
    send_many(&rig, plain, "bad", 100);
    send_many(&rig, plain, "good", 5);
    for (size_t i = 0; i < 15; i++) {
        good += receive_and_fail(&rig, plain, true);
    }
    cr_expect_eq(good, 5U);
    rig_expect_counts(&rig, plain, 100, 0, 0);
    rig_crash(&rig);
    queues_set_window(rig.queues, 16);
    send_many(&rig, plain, "good", 5);
    for (size_t i = 0; i < 15; i++) {
        good += receive_and_fail(&rig, plain, false);
    }
    cr_expect_eq(good, 10U);
    rig_close(&rig);
}

/* What was left behind on disk comes again, too. */
Test(fairness, every_failing_message_has_its_turn)
{
    struct rig rig;
    size_t deleted = 0;

    open_both(&rig);
    queues_set_window(rig.queues, 16);
    send_many(&rig, plain, "bad", 100);
    for (size_t i = 0; i < 20; i++) {
        (void)receive_and_fail(&rig, plain, true);
    }
    for (size_t i = 0; i < 40; i++) {
        struct rig_batch batch = rig_receive(&rig, plain, 10, 60000);

        for (size_t k = 0; k < batch.count; k++) {
            cr_assert_eq(rig_delete(&rig, plain, batch.handles[k]), STATUS_OK);
            deleted++;
        }
    }
    cr_expect_eq(deleted, 100U);
    rig_expect_counts(&rig, plain, 0, 0, 0);
    rig_close(&rig);
}

Test(fairness, a_restart_leaves_those_that_failed_behind)
{
    struct rig rig;

    open_both(&rig);
    send_many(&rig, plain, "bad", 10);
    send_many(&rig, plain, "good", 5);
    cr_expect_eq(receive_and_fail(&rig, plain, true), 0U);
    rig_crash(&rig);
    cr_expect_eq(receive_and_fail(&rig, plain, true), 5U);
    rig_close(&rig);
}

Test(fairness, groups_take_turns)
{
    for (int gives_back = 0; gives_back < 2; gives_back++) {
        struct rig rig;
        char order[7] = "";

        open_both(&rig);
        (void)rig_send_group(&rig, orders, "a", "a1");
        (void)rig_send_group(&rig, orders, "a", "a2");
        (void)rig_send_group(&rig, orders, "b", "b1");
        (void)rig_send_group(&rig, orders, "c", "c1");
        for (size_t i = 0; i < 6; i++) {
            struct rig_batch batch = rig_receive(&rig, orders, 1, gives_back ? 10000 : 10);

            cr_assert_eq(batch.count, 1);
            order[i] = rig_body(&rig, &batch, 0)[0];
            if (gives_back) {
                cr_expect_eq(rig_change(&rig, orders, batch.handles[0], 0), STATUS_OK);
            }
            rig_pass(&rig, 20);
        }
        cr_expect_str_eq(order, "abcabc");
        rig_close(&rig);
    }
}

/* More groups that fail than the window wants to hold. */
Test(fairness, failing_groups_do_not_keep_others_out_of_memory)
{
    struct rig rig;
    bool is_served = false;

    open_both(&rig);
    queues_set_window(rig.queues, 8);
    for (size_t i = 0; i < 40; i++) {
        char group[16];

        (void)snprintf(group, sizeof group, "bad-%zu", i);
        (void)rig_send_group(&rig, orders, group, group);
    }
    (void)rig_send_group(&rig, orders, "good", "good");
    for (size_t i = 0; i < 200 && !is_served; i++) {
        struct rig_batch batch = rig_receive(&rig, orders, 1, 10);

        cr_assert_eq(batch.count, 1);
        is_served = strcmp(rig_body(&rig, &batch, 0), "good") == 0;
        rig_pass(&rig, 20);
    }
    cr_expect(is_served);
    rig_close(&rig);
}
