/* What a setting takes, and from where. */
/* NOLINTBEGIN(concurrency-mt-unsafe): the environment of one thread */
#include "sample.h"

#include "settings/internal.h"

static const struct {
    const char *name, *value, *why;
} refused[] = {
    {"pipeline_max", "0", "pipeline_max: \"0\" is not a whole number from 1 to 10000"},
    {"connections_max", "4294967296",
     "connections_max: \"4294967296\" is not a whole number from 1 to 1000000"},
    {"idle_timeout", "0",
     "idle_timeout: \"0\" is not a time (ms, s, m, h, d) from 100ms to 7d"},
    {"header_max", "10",
     "header_max: \"10\" is not a size (bytes, KiB, MiB, GiB) from 1KiB to 16MiB"},
    {"header_max", "", "header_max: \"\" is not a size"},
    {"account", "abc", "account: \"abc\" is not 12 digits"},
    {"account", "x y", "account: \"x y\" is not 12 digits"},
    {"region", "a:b", "region: \"a:b\" is not 1 to 32 letters, digits and hyphens"},
    {"dev", "maybe", "dev: \"maybe\" is not true or false"},
    {"attempts", "some", "attempts: \"some\" is not all or failures"},
    {"log_level", "loud", "log_level: \"loud\" is not error, warn, info or debug"},
    {"message_size_max", "2MiB", "message_size_max: \"2MiB\" is not a size"},
    {"lane_window_max", "-1", "lane_window_max: \"-1\" is not a whole number"},
    {"policies_per_topic", "4294967296", "from 0 to 4294967295"},
    {"park_max", "9223372036854775807d", "from 0 to 3650d"},
    {"data", "\xff", "data: the value is no text"},
    {"listen", "4566", "listen: \"4566\" is not ADDRESS:PORT"},
    {"listen", "localhost:4566", "listen: \"localhost:4566\" is not ADDRESS:PORT"},
    {"listen", "127.0.0.1:65536", "is not ADDRESS:PORT"},
    {"listen", "::1:4566", "is not ADDRESS:PORT"},
    {"public_url", "sns.example.com", "public_url: \"sns.example.com\" is not http://HOST"},
    {"public_url", "ftp://sns.example.com", "is not http://HOST"},
    {"public_url", "https://u:p@sns.example.com", "is not http://HOST"},
    {"public_url", "https://sns.example.com/?x", "is not http://HOST"},
    {"egress_loopback", "maybe", "egress_loopback: \"maybe\" is not auto, yes or no"},
    {"no_such", "1", "there is no setting \"no_such\""},
};

Test(values, are_refused_by_name_value_and_range_on_the_command_line)
{
    struct sample sample;

    sample_load(&sample, "");
    for (size_t i = 0; i < countof(refused); i++) {
        struct why why;

        cr_expect_eq(settings_set(&sample.settings, text_from(refused[i].name),
                                  text_from(refused[i].value), &why),
                     STATUS_INVALID, "%s", refused[i].name);
        cr_expect_not_null(strstr(why.text, refused[i].why), "%s", why.text);
    }
    sample_close(&sample);
}

Test(values, are_refused_in_the_file_and_the_environment_too)
{
    struct sample sample;

    (void)setenv("FANFARE_PIPELINE_MAX", "0", 1);
    sample_load(&sample, "connections_max: 4294967296\naccount: abc\n");
    cr_expect_eq(sample.status, STATUS_INVALID);
    cr_expect(sample_says(&sample, ":1: connections_max: \"4294967296\" is not a whole number"),
              "%s", sample.errors.at);
    cr_expect(sample_says(&sample, ":2: account: \"abc\" is not 12 digits\n"));
    cr_expect(sample_says(&sample, "$FANFARE_PIPELINE_MAX: \"0\" is not a whole number"));
    (void)unsetenv("FANFARE_PIPELINE_MAX");
    sample_close(&sample);
}

Test(values, the_table_takes_its_own_defaults_and_limits)
{
    struct sample sample;

    sample_load(&sample, "");
    cr_assert_eq(sample.status, STATUS_OK, "%s", sample.errors.at);
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        const char *const values[] = {row->value, row->least, row->most};
        bool is_ranged = row->type == SETTING_NUMBER || row->type == SETTING_SIZE
                         || row->type == SETTING_DURATION;

        cr_expect_eq(is_ranged, row->least != NULL && row->most != NULL, "%s", row->name);
        for (size_t i = 0; i < countof(values); i++) {
            struct why why = {""};

            cr_expect(values[i] == NULL
                          || setting_read(&sample.settings, row, text_from(values[i]), &why)
                                 == STATUS_OK,
                      "%s: %s", row->name, why.text);
        }
    }
    sample_close(&sample);
}

/* --- Variables. */

static void finish(struct sample *sample)
{
    sample->status = settings_finish(&sample->settings, &sample->errors);
    buffer_add_byte(&sample->errors, '\0');
    sample->errors.len--;
}

Test(variables, that_are_of_no_setting_are_refused_with_the_nearest_name)
{
    static const struct {
        const char *name, *error;
    } rows[] = {
        {"FANFARE_PIPLINE_MAX", "$FANFARE_PIPLINE_MAX: there is no such setting; did you mean "
                                "FANFARE_PIPELINE_MAX?\n"},
        {"FANFARE_HTTP_IDLE_CONECTIONS", "did you mean FANFARE_HTTP_IDLE_CONNECTIONS?\n"},
        {"FANFARE_ENDPONT", "did you mean FANFARE_ENDPOINT?\n"},
        {"FANFARE_SOMETHING_WHOLLY_DIFFERENT",
         "$FANFARE_SOMETHING_WHOLLY_DIFFERENT: there is no such setting\n"},
        {"FANFARE_SMTPP_PORT", "did you mean FANFARE_SMTP_PORT?\n"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample sample;

        sample_load(&sample, "");
        (void)setenv(rows[i].name, "1", 1);
        finish(&sample);
        (void)unsetenv(rows[i].name);
        cr_expect_eq(sample.status, STATUS_INVALID);
        cr_expect(sample_says(&sample, rows[i].error), "%s", sample.errors.at);
        sample_close(&sample);
    }
}

Test(variables, of_clients_of_options_and_of_kubernetes_are_well)
{
    static const char *const names[][2] = {
        {"FANFARE_ENDPOINT", "http://127.0.0.1:1"},     {"FANFARE_DEV", "true"},
        {"FANFARE_HTTP_IDLE_CONNECTIONS", "5"},         {"FANFARE_SERVICE_HOST", "10.0.0.1"},
        {"FANFARE_SERVICE_PORT_HTTP", "4566"},          {"FANFARE_PORT", "tcp://10.0.0.1:4566"},
        {"FANFARE_API_PORT_4566_TCP_ADDR", "10.0.0.1"},
    };
    struct sample sample;

    for (size_t i = 0; i < countof(names); i++) {
        (void)setenv(names[i][0], names[i][1], 1);
    }
    sample_load(&sample, "");
    finish(&sample);
    cr_expect_eq(sample.status, STATUS_OK, "%s", sample.errors.at);
    cr_expect(sample.settings.dev);
    sample_close(&sample);
    for (size_t i = 0; i < countof(names); i++) {
        (void)unsetenv(names[i][0]);
    }
}

/* --- Printed and read back. */

Test(printed, settings_are_read_back_as_they_were)
{
    struct sample sample;
    struct sample again;
    struct buffer first;
    struct buffer second;
    struct why why;

    sample_load(&sample, "allowed_hosts: [\"a\\\"b\", \"c, d\", \"\"]\nidle_timeout: 1500ms\n");
    cr_assert_eq(
        settings_set(&sample.settings, T("data"),
                     T("a\"b: c\\ # \n\t\x01\x7f\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xc3\xa9 "
                       "\xf0\x9f\x8e\xba{[&*!|>'%@`"),
                     &why),
        STATUS_OK);
    cr_assert_eq(settings_set(&sample.settings, T("http.ca_file"), T("/a\"b\\c"), &why),
                 STATUS_OK);
    cr_assert_eq(settings_set(&sample.settings, T("sqs.servers"),
                              T("{\"a\":{\"url\":\"http://127.0.0.1:1\"}}"), &why),
                 STATUS_OK);
    finish(&sample);
    cr_assert_eq(sample.status, STATUS_OK, "%s", sample.errors.at);
    buffer_init(&first, 1 << 20);
    buffer_init(&second, 1 << 20);
    settings_print(&sample.settings, &first);
    sample_load(&again, arena_copy(&sample.settings.arena, buffer_text(&first)).at);
    finish(&again);
    cr_assert_eq(again.status, STATUS_OK, "%s", again.errors.at);
    cr_expect(text_equal(again.settings.data, sample.settings.data));
    cr_expect_eq(again.settings.allowed_hosts.count, 3);
    settings_print(&again.settings, &second);
    cr_expect(text_equal(buffer_text(&first), buffer_text(&second)));
    buffer_free(&first);
    buffer_free(&second);
    sample_close(&again);
    sample_close(&sample);
}

static const struct {
    const char *listen, *public_url, *egress_loopback;
    bool on_loopback, is_private, may_reach_loopback;
} exposures[] = {
    {"127.0.0.1:4566", "", "auto", true, true, true},
    {"[::1]:4566", "", "auto", true, true, true},
    {"127.0.0.1:4566", "http://localhost:4566", "auto", true, true, true},
    {"127.0.0.1:4566", "https://127.0.0.1", "auto", true, true, true},
    {"127.0.0.1:4566", "https://sns.example.com", "auto", true, false, false},
    {"127.0.0.1:4566", "https://sns.example.com", "yes", true, false, true},
    {"127.0.0.1:4566", "", "no", true, true, false},
    {"0.0.0.0:4566", "", "auto", false, false, false},
    {"[::]:4566", "http://localhost", "auto", false, false, false},
    {"0.0.0.0:4566", "", "yes", false, false, true},
};

Test(values, say_whether_this_machine_may_be_reached_from_others_and_by_deliveries)
{
    struct sample sample;

    sample_load(&sample, "");
    for (size_t i = 0; i < countof(exposures); i++) {
        struct settings *settings = &sample.settings;
        struct why why = {""};

        cr_assert_eq(settings_set(settings, T("listen"), text_from(exposures[i].listen), &why),
                     STATUS_OK, "%s", why.text);
        cr_assert_eq(
            settings_set(settings, T("public_url"), text_from(exposures[i].public_url), &why),
            STATUS_OK, "%s", why.text);
        cr_assert_eq(settings_set(settings, T("egress_loopback"),
                                  text_from(exposures[i].egress_loopback), &why),
                     STATUS_OK, "%s", why.text);
        cr_expect_eq(settings_on_loopback(settings), exposures[i].on_loopback, "row %zu", i);
        cr_expect_eq(settings_are_private(settings), exposures[i].is_private, "row %zu", i);
        cr_expect_eq(settings_egress_loopback(settings), exposures[i].may_reach_loopback,
                     "row %zu", i);
    }
    sample_close(&sample);
}

/* NOLINTEND(concurrency-mt-unsafe) */
