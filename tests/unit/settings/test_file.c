/* What the configuration file says. */
#include "sample.h"

Test(file, fills_settings_of_every_type)
{
    struct sample sample;

    sample_load(&sample, "listen: 127.0.0.1:1\ndev: yes\nheader_max: 64KiB\npipeline_max: 7\n"
                         "idle_timeout: 2m\nallowed_hosts: [a, \"*.b\"]\n");
    const struct settings *settings = &sample.settings;

    cr_assert_eq(sample.status, STATUS_OK, "%s", sample.errors.at);
    cr_expect(text_equal(settings->listen, T("127.0.0.1:1")));
    cr_expect(settings->dev);
    cr_expect_eq(settings->header_max, 65536);
    cr_expect_eq(settings->pipeline_max, 7);
    cr_expect_eq(settings->idle_timeout_ms, 120000);
    cr_expect_eq(settings->allowed_hosts.count, 2);
    cr_expect(text_equal(settings->allowed_hosts.items[1], T("*.b")));
    cr_expect_eq(settings->slow_timeout_ms, 30000, "the default");
    sample_close(&sample);
}

Test(file, declares_resources)
{
    struct sample sample;

    sample_load(&sample,
                "queues:\n  - {name: q, delay: 5}\n"
                "topics:\n  - name: t\n    subscriptions:\n"
                "      - {protocol: sqs, endpoint: q, raw: true, filter: {a: [1, x]}}\n");
    const struct declared *declared = sample.settings.declared;

    cr_assert_eq(sample.status, STATUS_OK, "%s", sample.errors.at);
    cr_assert_eq(declared->queue_count, 1);
    cr_expect(text_equal(declared->queues[0].attributes[0].name, T("DelaySeconds")));
    cr_assert_eq(declared->topic_count, 1);
    cr_assert_eq(declared->topics[0].subscription_count, 1);
    const struct declared_subscription *one = &declared->topics[0].subscriptions[0];

    cr_assert_eq(one->attribute_count, 2);
    cr_expect(text_equal(one->attributes[1].value, T("{\"a\":[1,\"x\"]}")));
    cr_expect_eq(one->line, 6);
    sample_close(&sample);
}

Test(file, is_told_all_its_mistakes_with_their_lines)
{
    static const struct {
        const char *yaml, *error;
    } rows[] = {
        {"x: 1\n", ":1: there is no setting \"x\"\n"},
        {"dev: maybe\nlisten: [a]\n", ":1: dev: \"maybe\" is neither true nor false\n"},
        {"dev: maybe\nlisten: [a]\n", ":2: \"listen\" takes one value\n"},
        {"queues:\n  - {delay: 1}\n", ":2: a queue needs a name\n"},
        {"queues: {}\n", ":1: expected a list\n"},
        {"queues:\n  - {name: a, speed: 1}\n", ":2: unknown member \"speed\"\n"},
        {"- a\n", ":1: expected settings, like"},
        {"a: [\n", ":2: did not find expected node content\n"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample sample;

        sample_load(&sample, rows[i].yaml);
        cr_expect_neq(sample.status, STATUS_OK, "%s", rows[i].yaml);
        cr_expect(sample_says(&sample, rows[i].error), "\"%s\": %s", rows[i].yaml,
                  sample.errors.at);
        sample_close(&sample);
    }
}
