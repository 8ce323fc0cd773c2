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
        {"dev: maybe\nlisten: [a]\n", ":1: dev: \"maybe\" is not true or false\n"},
        {"dev: maybe\nlisten: [a]\n", ":2: \"listen\" takes one value\n"},
        {"queues:\n  - {delay: 1}\n", ":2: a queue needs a name\n"},
        {"queues: {}\n", ":1: expected a list\n"},
        {"queues:\n  - {name: a, speed: 1}\n", ":2: unknown member \"speed\"\n"},
        {"- a\n", ":1: expected settings, like"},
        {"dev: true\nlisten: a\ndev: true\n", ":3: \"dev\" is there already, on line 1\n"},
        {"topics: []\nqueues: []\ntopics: []\n", ":3: \"topics\" is there already"},
        {"queues:\n  - {name: a, delay: 1, name: b}\n", ":2: \"name\" is there already"},
        {"topics:\n  - name: t\n    subscriptions:\n      - {protocol: sqs, endpoint: q,\n"
         "         filter: {a: [1],\n                  a: [2]}}\n",
         ":6: \"a\" is there already, on line 5\n"},
        {"http:\n  ca_file: /a\n  ca_file: /b\n", ":3: \"ca_file\" is there already"},
        {"allowed_hosts: [[a]]\n", ":1: \"allowed_hosts\" takes a list of texts\n"},
        {"dev: true\n---\nlisten: a\n", ":3: a second document: there may be one\n"},
        {"data: \"a\\0b\"\n", ":1: data: the value is no text\n"},
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

Test(file, refuses_a_policy_that_is_larger_than_it_can_hold)
{
    struct sample sample;
    struct buffer yaml;

    buffer_init(&yaml, 4 << 20);
    buffer_add_string(&yaml, "topics:\n  - name: t\n    subscriptions:\n"
                             "      - {protocol: sqs, endpoint: q, filter: {a: [\"");
    for (size_t i = 0; i < (1 << 20); i++) {
        buffer_add_byte(&yaml, 'x');
    }
    buffer_add_string(&yaml, "\"]}}\n");
    buffer_add_byte(&yaml, '\0');
    sample_load(&sample, yaml.at);
    cr_expect_eq(sample.status, STATUS_INVALID);
    cr_expect(sample_says(&sample, ":4: it is more than 1 MiB as JSON\n"), "%s",
              sample.errors.at);
    buffer_free(&yaml);
    sample_close(&sample);
}
