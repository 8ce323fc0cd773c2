/* What a deliverer is told of a delivery. */
#include "outbound_bench.h"

#include "outbound/internal.h"

#include <criterion/criterion.h>

#define ID_MAX 128 /* SQS's, of a MessageDeduplicationId */

/* Of a message of a FIFO topic, delivered once more at `again_ms` (0: for the first time), as
 * its `attempt`th; the caller frees nothing, `ret_id` has room for ID_MAX + 1. */
static void deduplication_id_of(struct bench *bench, const char *id, int64_t again_ms,
                                uint32_t attempt, char *ret_id)
{
    const struct message message = {
        .kind = MESSAGE_NOTIFICATION,
        .topic_arn = T("arn:aws:sns:us-east-1:000000000000:t.fifo"),
        .body = T("hello"),
        .group_id = T("g"),
        .deduplication_id = text_from(id),
    };
    const struct bench_wish wish = {.protocol = PROTOCOL_SQS,
                                    .endpoint = "http://127.0.0.1:1/000000000000/q.fifo"};
    const struct attempt_start start = {.attempt = attempt,
                                        .again_ms = again_ms,
                                        .subscription_record = bench_subscription(&wish),
                                        .message_record = message_encode(&message)};
    struct sending *sending = sending_take(bench->outbound, &start);

    NEED(sending_decode(sending));
    sending_describe(sending);
    cr_expect_str_eq(sending->delivery.group_id, "g");
    NEED(strlen(sending->delivery.deduplication_id) <= ID_MAX);
    (void)snprintf(ret_id, ID_MAX + 1, "%s", sending->delivery.deduplication_id);
    sending_give_back(sending);
}

static void bench_begin(struct bench *bench)
{
    struct why why;

    NEED(bench_open(bench, NULL, &why) == STATUS_OK);
}

Test(sending, the_first_delivery_has_the_publishers_deduplication_id)
{
    struct bench bench;
    char id[ID_MAX + 1];

    bench_begin(&bench);
    deduplication_id_of(&bench, "order-7", 0, 1, id);
    cr_expect_str_eq(id, "order-7");
    deduplication_id_of(&bench, "order-7", 0, 5, id);
    cr_expect_str_eq(id, "order-7", "a later attempt is the same delivery");
    bench_close(&bench);
}

Test(sending, a_replay_has_an_id_of_its_own_and_keeps_it_over_its_attempts)
{
    struct bench bench;
    char first[ID_MAX + 1];
    char again[ID_MAX + 1];
    char later[ID_MAX + 1];

    bench_begin(&bench);
    deduplication_id_of(&bench, "order-7", 1700000000000, 1, first);
    deduplication_id_of(&bench, "order-7", 1700000000000, 2, again);
    deduplication_id_of(&bench, "order-7", 1700000000001, 1, later);
    cr_expect_str_neq(first, "order-7", "the queue would take it for the first delivery");
    cr_expect_str_eq(first, again, "a second attempt that arrives, too, is a duplicate");
    cr_expect_str_neq(first, later, "another replay is another delivery");
    bench_close(&bench);
}

Test(sending, long_ids_that_differ_at_the_end_stay_apart_in_a_replay)
{
    struct bench bench;
    char one[ID_MAX + 1];
    char other[ID_MAX + 1];
    char ids[2][ID_MAX + 1];

    memset(one, 'x', ID_MAX);
    one[ID_MAX] = '\0';
    memcpy(other, one, sizeof one);
    other[ID_MAX - 1] = 'y';
    bench_begin(&bench);
    deduplication_id_of(&bench, one, 1700000000000, 1, ids[0]);
    deduplication_id_of(&bench, other, 1700000000000, 1, ids[1]);
    cr_expect_str_neq(ids[0], ids[1]);
    for (const char *at = ids[0]; *at != '\0'; at++) {
        cr_expect(*at > ' ' && *at < 127, "SQS takes letters, digits and punctuation");
    }
    bench_close(&bench);
}

Test(sending, a_message_without_an_id_has_none_in_a_replay_either)
{
    struct bench bench;
    char id[ID_MAX + 1];

    bench_begin(&bench);
    deduplication_id_of(&bench, "", 1700000000000, 1, id);
    cr_expect_str_eq(id, "");
    bench_close(&bench);
}
