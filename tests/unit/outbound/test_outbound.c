/* An attempt's way: records, signature, payload, deliverer, outcome. */
#include "outbound_bench.h"

#include "base/json.h"
#include "tests/support/hostile_endpoint.h"

#include <criterion/criterion.h>

#define LIMIT_MS 60000 /* far more than any of it takes, on a busy machine, too */

static struct bench bench;

static struct hostile_endpoint *endpoint_start(const char *mode, char ret_url[64])
{
    const struct hostile_options options = {.mode = mode};
    struct hostile_endpoint *endpoint = hostile_start(&options);

    cr_assert_not_null(endpoint);
    (void)snprintf(ret_url, 64, "http://127.0.0.1:%u/hook", hostile_port(endpoint));
    return endpoint;
}

static void open_bench(const char *plugins)
{
    struct why why = {""};

    cr_assert_eq(bench_open(&bench, plugins, &why), STATUS_OK, "%s", why.text);
}

static void expect_each_once(void)
{
    for (uint32_t i = 0; i < bench.started; i++) {
        cr_expect_eq(bench.times[i], 1, "attempt %u ended %u times", i, bench.times[i]);
    }
}

Test(outbound, delivers_a_signed_envelope)
{
    char url[64];
    char request[8192];
    struct hostile_endpoint *endpoint = endpoint_start("ok", url);
    const struct bench_wish wish = {
        .protocol = PROTOCOL_HTTP, .endpoint = url, .body = "hello", .subject = "greeting"};

    open_bench(NULL);
    bench_start(&bench, &wish);
    bench_run(&bench, LIMIT_MS);
    expect_each_once();
    cr_expect_eq(bench.verdict, ATTEMPT_DELIVERED, "%s", bench.reason);
    (void)hostile_last_request(endpoint, request, sizeof request);
    char *body = strstr(request, "\r\n\r\n");

    cr_assert_not_null(body);
    cr_expect(json_is_valid(text_from(body + 4)), "%s", body);
    cr_expect_not_null(strstr(body, "\"Message\" : \"hello\""));
    cr_expect_not_null(strstr(body, "\"Subject\" : \"greeting\""));
    cr_expect_not_null(strstr(body, "\"SignatureVersion\" : \"2\""));
    cr_expect_not_null(
        strstr(body, "\"SigningCertURL\" : \"http://fanfare.test/SimpleNotificationService-"));
    cr_expect_not_null(strstr(request, "\r\nx-amz-sns-subscription-arn: "
                                       "arn:aws:sns:us-east-1:000000000000:t:aabb0000-"));
    cr_expect_not_null(strstr(bench.peer, "127.0.0.1:"));
    cr_expect_eq(outbound_counters(bench.outbound).delivered, 1);
    cr_expect_eq(outbound_counters(bench.outbound).under_way, 0);
    bench_close(&bench);
    hostile_stop(endpoint);
}

Test(outbound, delivers_raw_what_was_published)
{
    static const struct attribute raw[] = {
        {TEXT("DeliveryPolicy"),
         TEXT("{\"requestPolicy\":{\"headerContentType\":\"application/json\"}}")},
        {TEXT("RawMessageDelivery"), TEXT("true")}};
    char url[64];
    char request[8192];
    struct hostile_endpoint *endpoint = endpoint_start("ok", url);
    const struct bench_wish wish = {.protocol = PROTOCOL_HTTP,
                                    .endpoint = url,
                                    .body = "{\"a\":1}",
                                    .attributes = raw,
                                    .attribute_count = countof(raw)};

    open_bench(NULL);
    bench_start(&bench, &wish);
    bench_run(&bench, LIMIT_MS);
    cr_expect_eq(bench.verdict, ATTEMPT_DELIVERED, "%s", bench.reason);
    (void)hostile_last_request(endpoint, request, sizeof request);
    cr_expect(text_ends_with(text_from(request), T("\r\n\r\n{\"a\":1}")), "%s", request);
    cr_expect_not_null(strstr(request, "\r\nx-amz-sns-rawdelivery: true\r\n"));
    cr_expect_not_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    bench_close(&bench);
    hostile_stop(endpoint);
}

Test(outbound, wraps_a_confirmation_even_where_delivery_is_raw)
{
    static const struct attribute raw[] = {{TEXT("RawMessageDelivery"), TEXT("true")}};
    char url[64];
    char request[8192];
    struct hostile_endpoint *endpoint = endpoint_start("ok", url);
    const struct bench_wish wish = {.protocol = PROTOCOL_HTTP,
                                    .endpoint = url,
                                    .body = "Confirm?",
                                    .kind = MESSAGE_SUBSCRIPTION_CONFIRMATION,
                                    .attributes = raw,
                                    .attribute_count = 1};

    open_bench(NULL);
    bench_start(&bench, &wish);
    bench_run(&bench, LIMIT_MS);
    (void)hostile_last_request(endpoint, request, sizeof request);
    cr_expect_not_null(strstr(request, "\"SubscribeURL\" : \"http://fanfare.test/?Action="
                                       "ConfirmSubscription&"));
    cr_expect_null(strstr(request, "x-amz-sns-subscription-arn"));
    cr_expect_null(strstr(request, "rawdelivery"));
    bench_close(&bench);
    hostile_stop(endpoint);
}

Test(outbound, ends_every_one_of_many_attempts_once)
{
    char good[64];
    char bad[64];
    struct hostile_endpoint *ok = endpoint_start("ok", good);
    struct hostile_endpoint *broken = endpoint_start("status-500", bad);

    open_bench(NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        const struct bench_wish wish = {
            .protocol = PROTOCOL_HTTP, .endpoint = i % 10 == 0 ? bad : good, .body = "hello"};

        bench_start(&bench, &wish);
        if (i % 50 == 49) {
            bench_run(&bench, LIMIT_MS);
        }
    }
    expect_each_once();
    cr_expect_eq(outbound_counters(bench.outbound).delivered, 900);
    cr_expect_eq(outbound_counters(bench.outbound).retried, 100);
    cr_expect_eq(hostile_requests(ok), 900);
    bench_close(&bench);
    hostile_stop(ok);
    hostile_stop(broken);
}

Test(outbound, refuses_what_cannot_be_delivered_here)
{
    struct bench_wish wish = {
        .protocol = PROTOCOL_SMS, .endpoint = "+41790000000", .body = "x"};
    const struct attempt_start unreadable = {.id = 1,
                                             .subscription_record = blob_copy(T("junk")),
                                             .message_record = blob_copy(T(""))};

    open_bench(NULL);
    bench_start(&bench, &wish);
    bench_run(&bench, LIMIT_MS);
    cr_expect_eq(bench.verdict, ATTEMPT_RETRY, "a plug-in for it may come");
    bench.started++;
    outbound_start(bench.outbound, &unreadable);
    bench_run(&bench, LIMIT_MS);
    cr_expect_eq(bench.verdict, ATTEMPT_REFUSED);
    wish = (struct bench_wish){
        .protocol = PROTOCOL_HTTP, .endpoint = "http://10.0.0.1/", .body = "x"};
    bench_start(&bench, &wish);
    bench_run(&bench, LIMIT_MS);
    cr_expect_eq(bench.verdict, ATTEMPT_REFUSED);
    cr_expect_not_null(strstr(bench.reason, "egress_allow"), "%s", bench.reason);
    expect_each_once();
    bench_close(&bench);
}

struct acceptance {
    const char *protocol, *endpoint;
    const char *reason; /* a part of it; NULL: accepted */
};

Test(outbound, tells_a_subscriber_what_can_never_be_delivered)
{
    static const struct acceptance rows[] = {
        {"http", "http://127.0.0.1:8080/", NULL},
        {"http", "http://localhost/", NULL},
        {"https", "https://example.com/", NULL},
        {"http", "https://example.com/", "scheme"},
        {"https", "http://example.com/", "scheme"},
        {"http", "http://10.0.0.1/", "--dev"},
        {"http", "http://[fd00::1]/", "--dev"},
        {"http", "http://169.254.169.254/", "egress_allow"},
        {"http", "http://metadata.google.internal/", "egress_allow"},
        {"http", "http://127.1/", "four decimal numbers"},
        {"http", "nonsense", "http://"},
        {"firehose", "+41790000000", "nothing here delivers to firehose"},
    };

    open_bench(NULL);
    for (size_t i = 0; i < countof(rows); i++) {
        struct why why = {""};
        bool accepts = outbound_accepts(bench.outbound, text_from(rows[i].protocol),
                                        text_from(rows[i].endpoint), &why);

        cr_expect_eq(accepts, rows[i].reason == NULL, "%s: %s", rows[i].endpoint, why.text);
        cr_expect(rows[i].reason == NULL || strstr(why.text, rows[i].reason) != NULL, "%s: %s",
                  rows[i].endpoint, why.text);
    }
    struct why why = {""};

    cr_expect_not(outbound_accepts(bench.outbound, T("http"), T("http://ok/\0x"), &why));
    bench_close(&bench);
}

Test(outbound, tells_nobody_of_attempts_that_were_forgotten_or_under_way_at_the_end)
{
    char url[64];
    struct hostile_endpoint *endpoint = endpoint_start("hang", url);
    const struct bench_wish wish = {.protocol = PROTOCOL_HTTP, .endpoint = url, .body = "x"};

    open_bench(NULL);
    bench_start(&bench, &wish);
    outbound_forget(bench.outbound);
    for (int i = 0; i < 40 && outbound_counters(bench.outbound).under_way > 0; i++) {
        bench_run(&bench, 500); /* its time limit is 1000 ms, of a machine with time */
    }
    cr_expect_eq(bench.ended, 0);
    cr_expect_eq(outbound_counters(bench.outbound).under_way, 0);
    bench_start(&bench, &wish);
    bench_run(&bench, 100);
    bench_start(&bench, &wish); /* not even begun */
    bench_close(&bench);
    cr_expect_eq(bench.ended, 0);
    hostile_stop(endpoint);
}

/* --- Plug-ins. */

Test(outbound, loads_a_plugin_that_was_built_elsewhere)
{
    static const struct attribute named[] = {{TEXT(SUBSCRIPTION_PROTOCOL), TEXT("append")}};
    char path[TEMP_DIR_ROOM + 16];
    char endpoint[TEMP_DIR_ROOM + 32];
    char line[4096] = "";
    struct why why = {""};

    open_bench(EXAMPLE_PLUGINS "/append");
    (void)snprintf(path, sizeof path, "%s/appended", bench.dir.path);
    (void)snprintf(endpoint, sizeof endpoint, "file:%s", path);
    cr_expect(outbound_accepts(bench.outbound, T("append"), text_from(endpoint), &why));
    cr_expect_not(outbound_accepts(bench.outbound, T("append"), T("nonsense"), &why));
    cr_expect(outbound_delivers(bench.outbound, T("append")));
    cr_expect_not(outbound_delivers(bench.outbound, T("")));
    cr_expect_str_eq(why.text, "the endpoint must be file: and an absolute path");
    const struct bench_wish wish = {.protocol = PROTOCOL_PLUGIN,
                                    .endpoint = endpoint,
                                    .body = "hello",
                                    .attributes = named,
                                    .attribute_count = 1};

    for (int i = 0; i < 20; i++) {
        bench_start(&bench, &wish);
    }
    bench_run(&bench, LIMIT_MS);
    expect_each_once();
    cr_expect_eq(bench.verdict, ATTEMPT_DELIVERED, "%s", bench.reason);
    FILE *file = fopen(path, "r");

    cr_assert_not_null(file);
    cr_assert_not_null(fgets(line, sizeof line, file));
    cr_expect_str_eq(line, "{\n");
    (void)fclose(file);
    bench_close(&bench);
}

Test(outbound, survives_a_plugin_that_settles_what_it_should_not)
{
    static const char *const endpoints[] = {"twice", "stranger", "fine"};

    open_bench(EXAMPLE_PLUGINS "/misbehaving");
    for (size_t i = 0; i < countof(endpoints); i++) {
        const struct bench_wish wish = {
            .protocol = PROTOCOL_APPLICATION, .endpoint = endpoints[i], .body = "x"};

        bench_start(&bench, &wish);
    }
    bench_run(&bench, LIMIT_MS);
    for (int i = 0; i < 300 && outbound_counters(bench.outbound).bugs < 2; i++) {
        bench_pass(&bench, 20); /* what it says too much may come later */
    }
    expect_each_once();
    cr_expect_eq(outbound_counters(bench.outbound).bugs, 2);
    bench_close(&bench);
}

Test(outbound, gives_up_on_a_deliverer_that_keeps_nobody_informed)
{
    const struct bench_wish wish = {
        .protocol = PROTOCOL_APPLICATION, .endpoint = "never", .body = "x"};

    open_bench(EXAMPLE_PLUGINS "/misbehaving");
    bench_start(&bench, &wish);
    bench_run(&bench, LIMIT_MS); /* its second and the margin of five */
    expect_each_once();
    cr_expect_eq(bench.verdict, ATTEMPT_RETRY);
    cr_expect_eq(outbound_counters(bench.outbound).overdue, 1);
    bench_close(&bench);
}

Test(outbound, refuses_a_plugin_of_another_version)
{
    struct why why = {""};

    cr_expect_eq(bench_open(&bench, EXAMPLE_PLUGINS "/outdated", &why), STATUS_INVALID);
    cr_expect_not_null(strstr(why.text, "build it again"), "%s", why.text);
    bench_close(&bench);
}

Test(outbound, needs_no_plugin_directory)
{
    open_bench("/nowhere/at/all");
    bench_close(&bench);
}
