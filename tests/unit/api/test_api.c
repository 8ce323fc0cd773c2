/* The life of a request through a cell, by way of the daemon's own calls. */
#include "sample.h"

#include <criterion/criterion.h>

/* An api over a cell that nothing is stored in, and what it answered last. */
struct bed {
    struct random *random;
    struct cell *cell;
    struct api *api;
    struct own_call call;
    int status;
    char body[4096];
};

static void on_done(struct own_call *call, int http_status, struct text body)
{
    struct bed *bed = container_of(call, struct bed, call);

    NEED(body.len < sizeof bed->body);
    bed->status = http_status;
    memcpy(bed->body, body.at, body.len);
    bed->body[body.len] = '\0';
}

static void bed_open(struct bed *bed)
{
    struct cell_options options = {.cache_bytes = 1 << 20};

    memset(bed, 0, sizeof *bed);
    bed->random = random_seeded(1);
    options.random = bed->random;
    bed->cell = cell_create(&options);
    bed->api = sample_api(bed->random, bed->cell);
}

static void bed_close(struct bed *bed)
{
    api_free(bed->api);
    cell_free(bed->cell);
    memory_free(bed->random);
}

static int ask(struct bed *bed, const char *form)
{
    bed->status = 0;
    bed->call =
        (struct own_call){.service = T("beta"), .form = text_from(form), .done = on_done};
    api_own_call(bed->api, &bed->call);
    return bed->status;
}

Test(api, answers_what_the_handler_gives)
{
    struct bed bed;

    bed_open(&bed);
    cr_expect_eq(ask(&bed, "Action=Echo&Name=a%26b"), 200);
    cr_expect_not_null(strstr(bed.body, "<Name>a&amp;b</Name>"), "%s", bed.body);
    cr_expect_eq(api_counters(bed.api).requests, 1);
    cr_expect_eq(api_counters(bed.api).under_way, 0);
    bed_close(&bed);
}

Test(api, answers_errors_of_every_stage)
{
    static const struct {
        const char *form;
        int status;
        const char *says;
    } rows[] = {
        {"Action=Echo&Name=%", 400, "<Code>MalformedInput</Code>"},
        {"Action=None", 400, "The action None is not valid for this endpoint."},
        {"Name=x", 400, "<Code>MissingAction</Code>"},
        {"Action=Need", 400, "Need needs Name"},
        {"Action=Need&Name=", 200, "<NeedResponse"},
        {"Action=Fail", 503, "<Code>ServiceUnavailable</Code>"},
    };
    struct bed bed;

    bed_open(&bed);
    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(ask(&bed, rows[i].form), rows[i].status, "%s", rows[i].form);
        cr_expect_not_null(strstr(bed.body, rows[i].says), "%s: %s", rows[i].form, bed.body);
    }
    cr_expect_eq(api_counters(bed.api).errors_client, 4);
    cr_expect_eq(api_counters(bed.api).errors_server, 1);
    bed_close(&bed);
}

Test(api, refuses_while_there_is_no_cell_and_while_stopping)
{
    struct bed bed;

    bed_open(&bed);
    api_set_cell(bed.api, NULL);
    cr_expect_eq(ask(&bed, "Action=Echo"), 503);
    api_set_cell(bed.api, bed.cell);
    cr_expect_eq(ask(&bed, "Action=Echo"), 200);
    api_stop(bed.api);
    cr_expect_eq(ask(&bed, "Action=Echo"), 503);
    cr_expect_not_null(strstr(bed.body, "The server is stopping"));
    bed_close(&bed);
}
