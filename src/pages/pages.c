/* What the pages under /_fanfare/ have in common: calls into the cell, answers, JSON. */
#include "daemon/pages.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <stdarg.h>
#include <stdio.h>

#define CALLS_MAX 16 /* at a time: they are people's */

/* --- Calls. */

static void call_over(struct page_call *call)
{
    call->server->page_call_count--;
    call->drop(call);
}

static void on_done(struct call *call, enum status status)
{
    struct page_call *page = container_of(call, struct page_call, call);

    if (status == STATUS_STORAGE && page->server->is_reloading) {
        page_fail(page->request, 503, "the server lost its data: try again");
    } else {
        page->finish(page, status);
    }
    call_over(page);
}

void page_call_start(struct server *server, struct http_request *request,
                     struct page_call *take_call)
{
    bool is_closed = server->is_stopping || server->is_reloading || server->cell == NULL;

    take_call->server = server;
    take_call->request = request;
    take_call->call.done = on_done;
    server->page_call_count++;
    if (is_closed || server->page_call_count > CALLS_MAX) {
        page_fail(request, 503, "%s: try again",
                  is_closed ? "the server is loading its data or stopping"
                            : "too many of these are under way");
        call_over(take_call);
        return;
    }
    cell_call(server->cell, server_now_ms(server), &take_call->call);
}

/* --- Answers. */

void page_answer(struct http_request *request, int status, struct text type, struct text body)
{
    struct http_response response = {.status = status, .content_type = type, .body = body};

    http_respond(request, &response);
}

void page_answer_json(struct http_request *request, int status, struct buffer *take_body)
{
    buffer_add_byte(take_body, '\n');
    if (take_body->overflown) {
        page_fail(request, 500, "the answer is too large");
    } else {
        page_answer(request, status, T("application/json"), buffer_text(take_body));
    }
    buffer_free(take_body);
}

void page_fail(struct http_request *request, int status, const char *format, ...)
{
    char text[WHY_MAX];
    struct buffer body;
    va_list arguments;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_init(&body, (size_t)16 * WHY_MAX);
    buffer_add_byte(&body, '{');
    json_text(&body, "error", text_from(text));
    buffer_add_byte(&body, '}');
    page_answer_json(request, status, &body);
}

/* --- Parameters. */

static struct text decoded(struct http_request *request, struct text value)
{
    struct buffer buffer;
    struct text text = {0};

    buffer_init(&buffer, value.len + 1);
    if (percent_decode(&buffer, value, true)) {
        text = arena_copy(request->arena, buffer_text(&buffer));
    }
    buffer_free(&buffer);
    return text;
}

struct text page_parameter(struct http_request *request, struct text name)
{
    struct text rest = request->query;

    while (rest.len > 0) {
        struct text value = text_cut(&rest, '&');
        struct text key = text_cut(&value, '=');

        if (text_equal(key, name)) {
            return decoded(request, value);
        }
    }
    return (struct text){0};
}

bool page_subscription_id(struct text arn, uint8_t ret_id[16])
{
    struct text id = arn;

    while (text_find(id, ':') < id.len) {
        id = text_after(id, text_find(id, ':') + 1);
    }
    return text_starts_with(arn, T("arn:")) && uuid_parse(id, ret_id);
}

/* --- JSON. */

void json_comma(struct buffer *to)
{
    int last = to->len == 0 ? '{' : to->at[to->len - 1];

    if (last != '{' && last != '[') {
        buffer_add_byte(to, ',');
    }
}

void json_name(struct buffer *to, const char *name)
{
    json_comma(to);
    buffer_printf(to, "\"%s\":", name);
}

/* Length of the UTF-8 sequence that the text begins with; 0: it is none. */
static size_t sequence_len(struct text text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        if (text_is_utf8(text_first(text, len))) {
            return len;
        }
    }
    return 0;
}

static void write_lossy(struct buffer *to, struct text text)
{
    struct buffer clean;

    buffer_init(&clean, 3 * text.len + 1);
    while (text.len > 0) {
        size_t len = text.at[0] == '\0' ? 0 : sequence_len(text);

        buffer_add(&clean, len > 0 ? text_first(text, len) : T("\xef\xbf\xbd"));
        text = text_after(text, len > 0 ? len : 1);
    }
    json_write_string(to, buffer_text(&clean));
    buffer_free(&clean);
}

void json_text(struct buffer *to, const char *name, struct text value)
{
    json_name(to, name);
    if (text_is_utf8(value) && text_find(value, '\0') == value.len) {
        json_write_string(to, value);
    } else {
        write_lossy(to, value);
    }
}

void json_number(struct buffer *to, const char *name, int64_t value)
{
    json_name(to, name);
    buffer_add_int64(to, value);
}

void json_boolean(struct buffer *to, const char *name, bool value)
{
    json_name(to, name);
    buffer_add_string(to, value ? "true" : "false");
}

void json_time(struct buffer *to, const char *name, int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    json_name(to, name);
    if (time_ms == 0) {
        buffer_add_string(to, "null");
        return;
    }
    timestamp_format(time_ms, text);
    json_write_string(to, text_from(text));
}
