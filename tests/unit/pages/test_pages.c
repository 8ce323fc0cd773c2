/* The table of pages, and how parameters are read. */
#include "pages/internal.h"

#include <criterion/criterion.h>

#include <string.h>

struct sample_call {
    struct page_call page;
    struct text word;
    int64_t number, time_ms;
    bool flag;
    struct page_id id, subscription;
};

#define AT(member) offsetof(struct sample_call, member)

static const struct page_parameter parameters[] = {
    {"word", PARAMETER_TEXT, AT(word), .is_required = true, .form = "a word"},
    {"number", PARAMETER_NUMBER, AT(number), .least = 1, .most = 9, .otherwise = 5,
     .form = "1 to 9"},
    {"time", PARAMETER_TIME, AT(time_ms), .otherwise = -1, .form = "a time"},
    {"flag", PARAMETER_FLAG, AT(flag), .form = "true or false"},
    {"id", PARAMETER_ID, AT(id), .form = "an id"},
    {"sub", PARAMETER_SUBSCRIPTION, AT(subscription), .form = "an ARN"},
    PARAMETERS_END,
};

static const struct page page = {.parameters = parameters};

#define UUID "12345678-1234-4234-8234-123456789abc"

static bool take(struct arena *arena, const char *query, struct sample_call *ret_call)
{
    static struct http_request request;

    request = (struct http_request){.query = text_from(query), .arena = arena};
    *ret_call = (struct sample_call){.page = {.page = &page, .request = &request}};
    bool is_good = parameters_read(&ret_call->page);

    arena_free(&ret_call->page.arena); /* only `word` is in it */
    return is_good;
}

Test(parameters, are_read_by_their_rows)
{
    struct arena arena = {0};
    struct sample_call call;

    cr_assert(
        take(&arena, "word=a+b&number=9&time=2&flag=true&id=" UUID "&sub=arn:x:" UUID, &call));
    cr_expect_eq(call.number, 9);
    cr_expect_eq(call.time_ms, 2000);
    cr_expect(call.flag && call.id.is_given && call.subscription.is_given);
    cr_expect_eq(call.id.id[0], 0x12);
    cr_expect_eq(call.subscription.id[15], 0xbc);
    arena_free(&arena);
}

Test(parameters, may_be_left_out_or_empty)
{
    struct arena arena = {0};
    struct sample_call call;

    cr_assert(take(&arena, "word=x&number=&time=&id=&unknown=1", &call));
    cr_expect_eq(call.number, 5);
    cr_expect_eq(call.time_ms, -1);
    cr_expect_not(call.flag || call.id.is_given || call.subscription.is_given);
    arena_free(&arena);
}

Test(parameters, are_refused_with_their_name_and_form)
{
    static const struct {
        const char *query, *why;
    } rows[] = {
        {"", "word: a word"},
        {"word=", "word: a word"},
        {"word=%ff", "a parameter is not valid UTF-8"},
        {"word=%zz", "a percent escape is broken"},
        {"word=x&number=0", "number: 1 to 9"},
        {"word=x&number=10", "number: 1 to 9"},
        {"word=x&number=1x", "number: 1 to 9"},
        {"word=x&time=-1", "time: a time"},
        {"word=x&time=yesterday", "time: a time"},
        {"word=x&flag=1", "flag: true or false"},
        {"word=x&id=1", "id: an id"},
        {"word=x&sub=" UUID, "sub: an ARN"},
        {"word=x&sub=arn:aws:sns", "sub: an ARN"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct arena arena = {0};
        struct sample_call call;

        cr_expect_not(take(&arena, rows[i].query, &call), "%s", rows[i].query);
        cr_expect_str_eq(call.page.why.text, rows[i].why);
        arena_free(&arena);
    }
}

Test(pages, are_sound_rows)
{
    for (const struct page *const *at = pages_table; *at != NULL; at++) {
        const struct page *row = *at;
        bool asks = row->run != NULL;

        cr_expect(strcmp(row->method, "GET") == 0 || strcmp(row->method, "POST") == 0, "%s",
                  row->path);
        cr_expect_neq(asks, row->show != NULL, "%s: shows or asks", row->path);
        cr_expect_eq(asks, row->write != NULL, "%s", row->path);
        cr_expect(!asks || row->call_size >= sizeof(struct page_call), "%s", row->path);
        cr_expect(!asks || row->permission != NULL, "%s", row->path);
        cr_expect(!row->only_reads || strcmp(row->method, "GET") == 0,
                  "%s: a POST that changes nothing", row->path);
        cr_expect(!asks || row->only_reads || strcmp(row->method, "POST") == 0,
                  "%s: a GET that changes something", row->path);
        for (const struct page *const *other = pages_table; other != at; other++) {
            cr_expect(strcmp((*other)->path, row->path) != 0
                          || strcmp((*other)->method, row->method) != 0,
                      "%s twice", row->path);
        }
    }
}

Test(pages, that_ask_the_cell_are_for_admins)
{
    for (const struct page *const *at = pages_table; *at != NULL; at++) {
        cr_expect_eq((*at)->is_for_admins, (*at)->run != NULL, "%s", (*at)->path);
        cr_expect(!(*at)->is_for_admins || !(*at)->is_open, "%s", (*at)->path);
    }
}

Test(pages, own_their_folders)
{
    static const struct {
        const char *path;
        bool is_ours, is_open;
    } rows[] = {
        {"/", false, false},
        {"/_fanfare", true, false},
        {"/_fanfare/nothing", true, false},
        {"/_fanfarers", false, false},
        {"/_localstack/x", true, false},
        {"/metrics", true, false},
        {"/metrics/", false, false},
        {"/_fanfare/health", true, true},
        {"/_fanfare/confirm", true, true},
        {"/_fanfare/confirm/", true, false},
        {"/_fanfare/messages/x", true, false},
        {"/SimpleNotificationService-1.pem", true, true},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        const struct http_request request = {.path = text_from(rows[i].path)};

        cr_expect_eq(pages_own(&request), rows[i].is_ours, "%s", rows[i].path);
        cr_expect_eq(pages_are_open(&request), rows[i].is_open, "%s", rows[i].path);
    }
}
