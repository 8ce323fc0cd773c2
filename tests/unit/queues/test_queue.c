/* The registry of queues: names, order, settings, attributes, fairness. */
#include "rig.h"

Test(queue, is_found_by_name_arn_and_number_also_after_a_crash)
{
    static const struct queue_attribute attributes[] = {
        {TEXT("tag:team"), TEXT("a")},
        {TEXT("Policy"), TEXT("{}")},
    };
    struct rig rig;
    struct queue_settings settings = queue_settings_default;
    struct queue_name name = rig_name("one");
    struct queue *queue = NULL;

    rig_open(&rig);
    settings.visibility_timeout_s = 7;
    settings.max_receive_count = 3;
    settings.throughput_per_group = true;
    cr_assert_eq(queue_create(&rig.step, &name, &settings, attributes, 2, &queue, NULL),
                 STATUS_OK);
    uint32_t number = queue->number;

    rig_settle(&rig);
    rig_crash(&rig);
    queue = queue_find_arn(rig.queues, T("arn:aws:sqs:us-east-1:000000000000:one"));
    cr_assert_not_null(queue);
    cr_expect_eq(queue, rig_queue(&rig, "one"));
    cr_expect_eq(queue, queue_find_number(rig.queues, number));
    cr_expect_eq(queue->settings.visibility_timeout_s, 7);
    cr_expect_eq(queue->settings.max_receive_count, 3);
    cr_expect(queue->settings.throughput_per_group);
    cr_expect_eq(queue->created_ms, RIG_START_MS);
    cr_expect(text_equal(queue_attribute(queue, T("Policy")), T("{}")));
    cr_expect(text_equal(queue->attributes[0].name, T("Policy")), "sorted");
    cr_expect_eq(queue_attribute(queue, T("none")).len, 0);
    cr_expect_null(queue_find_arn(rig.queues, T("arn:aws:sns:us-east-1:000000000000:one")));
    cr_expect_null(queue_find_arn(rig.queues, T("")));
    rig_close(&rig);
}

Test(queue, lists_names_in_order_by_prefix)
{
    static const char *const names[] = {"b", "ab", "a", "abc", "c", "abd"};
    static const char *const expected[] = {"ab", "abc", "abd"};
    struct rig rig;
    struct queue_name after = rig_name("");
    struct queue *queue = NULL;
    size_t count = 0;

    rig_open(&rig);
    for (size_t i = 0; i < countof(names); i++) {
        (void)rig_create(&rig, names[i], &queue_settings_default);
    }
    while ((queue = queue_after(rig.queues, &after, T("ab"))) != NULL) {
        cr_assert_lt(count, countof(expected));
        cr_expect(text_equal(queue->name, text_from(expected[count])));
        after.name = queue->name;
        count++;
    }
    cr_expect_eq(count, countof(expected));
    after = rig_name("");
    after.account = T("111111111111");
    cr_expect_null(queue_after(rig.queues, &after, T("")));
    rig_close(&rig);
}

Test(queue, refuses_messages_that_are_too_big)
{
    struct rig rig;
    struct queue_settings settings = queue_settings_default;
    struct queue_message_attribute attribute = {T("name"), T("String"), T("value")};
    struct rig_call call = {.queue = "small", .run = rig_run_send};

    char body[1024];

    memset(body, 'x', sizeof body);
    rig_open(&rig);
    settings.maximum_message_size = 1024;
    (void)rig_create(&rig, "small", &settings);
    call.message =
        (struct queue_message){.body = text_make(body, sizeof body - 15),
                               .attributes = queue_attributes_encode(&rig.arena, &attribute, 1),
                               .delay_ms = -1};
    rig_call(&rig, &call);
    cr_expect_eq(call.status, STATUS_OK, "name, type and value are 15 bytes");
    call.message.body.len++;
    rig_call(&rig, &call);
    cr_expect_eq(call.status, STATUS_INVALID);
    cr_expect_str_eq(call.why.text, "Message must be shorter than 1024 bytes.");
    rig_close(&rig);
}

Test(queue, message_attributes_come_back_as_they_went)
{
    static const struct queue_message_attribute attributes[] = {
        {TEXT("one"), TEXT("String"), TEXT("a")},
        {TEXT("two"), TEXT("Binary.png"), TEXT("\0\1\2")},
    };
    struct arena arena = {0};
    struct queue_message_attribute *decoded = NULL;
    size_t count = 0;
    struct text encoded = queue_attributes_encode(&arena, attributes, 2);

    cr_assert(queue_attributes_decode(encoded, &arena, &decoded, &count));
    cr_assert_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        cr_expect(text_equal(decoded[i].name, attributes[i].name));
        cr_expect(text_equal(decoded[i].type, attributes[i].type));
        cr_expect(text_equal(decoded[i].value, attributes[i].value));
    }
    cr_expect_eq(queue_attributes_size(encoded), 3 + 6 + 1 + 3 + 10 + 3);
    cr_assert(queue_attributes_decode(T(""), &arena, &decoded, &count));
    cr_expect_eq(count, 0);
    for (size_t len = 1; len < encoded.len; len++) {
        if (queue_attributes_decode(text_first(encoded, len), &arena, &decoded, &count)) {
            cr_expect_eq(count, 1);
        }
    }
    arena_free(&arena);
}

Test(queue, quiet_groups_are_served_before_noisy_ones)
{
    struct rig rig;
    struct queue_message message = {.body = T("noisy"), .group_id = T("noisy"), .delay_ms = -1};

    rig_open(&rig);
    (void)rig_create(&rig, "fair", &queue_settings_default);
    for (size_t i = 0; i < 100; i++) {
        (void)rig_send_call(&rig, "fair", &message);
    }
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(rig_receive(&rig, "fair", 10, -1).count, 10);
    }
    message.body = T("quiet");
    message.group_id = T("quiet");
    (void)rig_send_call(&rig, "fair", &message);
    (void)rig_send(&rig, "fair", "of no group");
    struct rig_batch batch = rig_receive(&rig, "fair", 3, -1);

    cr_assert_eq(batch.count, 3);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "quiet");
    cr_expect_str_eq(rig_body(&rig, &batch, 1), "of no group");
    cr_expect_str_eq(rig_body(&rig, &batch, 2), "noisy");
    rig_close(&rig);
}

Test(queue, a_quiet_group_is_found_behind_the_whole_backlog_of_a_noisy_one)
{
    struct rig rig;
    struct queue_message message = {.body = T("noisy"), .group_id = T("noisy"), .delay_ms = -1};

    rig_open(&rig);
    queues_set_window(rig.queues, 16);
    (void)rig_create(&rig, "fair", &queue_settings_default);
    for (size_t i = 0; i < 500; i++) {
        (void)rig_send_call(&rig, "fair", &message);
    }
    message.body = T("quiet");
    message.group_id = T("quiet");
    (void)rig_send_call(&rig, "fair", &message);
    rig_crash(&rig);
    queues_set_window(rig.queues, 16);
    cr_assert_eq(rig_receive(&rig, "fair", 10, -1).count, 10);
    struct rig_batch batch = rig_receive(&rig, "fair", 1, -1);

    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "quiet");
    rig_close(&rig);
}

Test(queue, a_deleted_queues_name_rests_as_long_as_the_operator_says)
{
    struct queues_limits limits = {.name_pause_ms = 60000};
    struct queue_name name = rig_name("short-lived");
    struct queue_name other = rig_name("other");
    struct rig rig;

    rig_open_with(&rig, &limits);
    (void)rig_create(&rig, "short-lived", &queue_settings_default);
    cr_expect_not(queue_name_rests(rig.queues, &name, rig.step.now_ms));
    queue_delete(&rig.step, rig_queue(&rig, "short-lived"));
    rig_pass(&rig, 59999);
    cr_expect(queue_name_rests(rig.queues, &name, rig.step.now_ms));
    cr_expect_not(queue_name_rests(rig.queues, &other, rig.step.now_ms));
    rig_pass(&rig, 1);
    cr_expect_not(queue_name_rests(rig.queues, &name, rig.step.now_ms));
    rig_close(&rig);
}

Test(queue, a_deleted_queues_name_is_free_at_once_unless_asked_otherwise)
{
    struct queue_name name = rig_name("short-lived");
    struct rig rig;

    rig_open(&rig);
    (void)rig_create(&rig, "short-lived", &queue_settings_default);
    queue_delete(&rig.step, rig_queue(&rig, "short-lived"));
    cr_expect_not(queue_name_rests(rig.queues, &name, rig.step.now_ms));
    cr_expect_eq(queues_limits(rig.queues)->message_size_max, 1048576);
    rig_close(&rig);
}

Test(queue, refuses_new_messages_when_the_disk_is_nearly_full)
{
    struct rig rig;
    struct rig_call call = {
        .queue = "plain", .run = rig_run_send, .message = {.body = T("x"), .delay_ms = -1}};

    rig_open(&rig);
    (void)rig_create(&rig, "plain", &queue_settings_default);
    (void)rig_send(&rig, "plain", "before");
    records_set_space(rig.step.records, 10, 100);
    rig_call(&rig, &call);
    cr_expect_eq(call.status, STATUS_FULL);
    struct rig_batch batch = rig_receive(&rig, "plain", 10, -1);

    cr_assert_eq(batch.count, 1, "what is there can still be settled");
    cr_expect_eq(rig_delete(&rig, "plain", batch.handles[0]), STATUS_OK);
    rig_close(&rig);
}

Test(takes, what_a_queue_holds_whoever_brings_it)
{
    struct rig rig;
    struct queue_settings settings = queue_settings_default;
    struct why why = {.text = ""};

    settings.maximum_message_size = 1024;
    rig_open(&rig);
    struct queue *queue = rig_create(&rig, "small", &settings);

    cr_expect_eq(queue_takes(queue, T("fine \t\r\n \xc3\xa4"), 1024, &why), STATUS_OK);
    cr_expect_eq(queue_takes(queue, T("x"), 1025, &why), STATUS_INVALID);
    cr_expect_str_eq(why.text, "Message must be shorter than 1024 bytes.");
    cr_expect_eq(queue_takes(queue, T("\x1b[31mred"), 8, &why), STATUS_INVALID);
    cr_expect_eq(queue_takes(queue, T("\xef\xbf\xbf"), 3, NULL), STATUS_INVALID);
    rig_close(&rig);
}
