/* Pages for people, out of links in mails: confirm a subscription, end one.  A GET only asks,
 * so that no link scanner answers in their place; the POST does it (RFC 8058's one-click, too).
 */
#include "base/encoding.h"
#include "base/memory.h"
#include "daemon/server.h"

#define HTML_MAX ((size_t)64 * 1024)
#define FORM_MAX ((size_t)64 * 1024)

struct wording {
    const char *action;    /* of the API */
    const char *parameter; /* beside Token */
    const char *question, *button, *done, *failed;
};

static const struct wording confirmation = {
    .action = "ConfirmSubscription",
    .parameter = "TopicArn",
    .question = "Do you want to receive what is published to this topic?",
    .button = "Confirm subscription",
    .done = "The subscription is confirmed.",
    .failed = "This link is not valid (any more). It works for two days: ask to be subscribed "
              "again.",
};

static const struct wording ending = {
    .action = "Unsubscribe",
    .parameter = "SubscriptionArn",
    .question = "Do you want to receive nothing more by this subscription?",
    .button = "Unsubscribe",
    .done =
        "The subscription has ended. A mail with a link by which you can take that back for "
        "two days is on its way.",
    .failed = "This link is not valid.",
};

static const char busy[] = "The server cannot do that now. Try again later.";

/* --- Parameters out of the query. */

/* Decoded; false: absent, empty or no text. */
static bool query_get(struct text query, const char *name, struct buffer *to)
{
    while (query.len > 0) {
        struct text value = text_cut(&query, '&');
        struct text key = text_cut(&value, '=');

        if (text_equal(key, text_from(name))) {
            return percent_decode(to, value, true) && to->len > 0 && !to->overflown
                   && text_is_utf8(buffer_text(to));
        }
    }
    return false;
}

/* --- Answers. */

static void add_escaped(struct buffer *to, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '&': buffer_add_string(to, "&amp;"); break;
        case '<': buffer_add_string(to, "&lt;"); break;
        case '>': buffer_add_string(to, "&gt;"); break;
        case '"': buffer_add_string(to, "&quot;"); break;
        default: buffer_add_byte(to, text.at[i]);
        }
    }
}

/* `button`: NULL, or what posts to the same address. */
static void answer_page(struct http_request *http, int status, const char *text,
                        struct text subject, const char *button)
{
    static const struct http_header headers[] = {
        {TEXT("Content-Security-Policy"),
         TEXT("default-src 'none'; form-action 'self'; frame-ancestors 'none'")},
        {TEXT("Referrer-Policy"), TEXT("no-referrer")},
        {TEXT("Cache-Control"), TEXT("no-store")},
    };
    struct buffer html;

    buffer_init(&html, HTML_MAX);
    buffer_printf(&html,
                  "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width\">"
                  "<meta name=\"robots\" content=\"noindex\">"
                  "<title>Notifications</title></head>\n<body><p>%s</p>\n<p><code>",
                  text);
    add_escaped(&html, subject);
    buffer_add_string(&html, "</code></p>\n");
    if (button != NULL) {
        buffer_printf(&html, "<form method=\"post\"><button>%s</button></form>\n", button);
    }
    buffer_add_string(&html, "</body></html>\n");
    const struct http_response response = {.status = status,
                                           .headers = headers,
                                           .header_count = countof(headers),
                                           .content_type = T("text/html; charset=utf-8"),
                                           .body = buffer_text(&html)};

    http_respond(http, &response);
    buffer_free(&html);
}

/* --- What the button does. */

struct press {
    struct own_call own;
    struct http_request *http;
    const struct wording *wording;
    struct buffer arn;
    struct buffer form;
};

static void press_free(struct press *press)
{
    buffer_free(&press->arn);
    buffer_free(&press->form);
    memory_free(press);
}

static void on_pressed(struct own_call *call, int http_status, struct text body)
{
    struct press *press = container_of(call, struct press, own);
    const struct wording *wording = press->wording;
    bool is_ours = http_status >= 500;

    (void)body;
    answer_page(press->http, http_status,
                http_status < 300 ? wording->done
                : is_ours         ? busy
                                  : wording->failed,
                buffer_text(&press->arn), NULL);
    press_free(press);
}

static void show(struct server *server, struct http_request *http,
                 const struct wording *wording)
{
    struct press *press = memory_zero(sizeof *press);
    struct buffer token;

    press->http = http;
    press->wording = wording;
    buffer_init(&press->arn, FORM_MAX);
    buffer_init(&press->form, FORM_MAX);
    buffer_init(&token, FORM_MAX);
    bool is_whole = query_get(http->query, wording->parameter, &press->arn)
                    && query_get(http->query, "Token", &token);
    bool is_pressed = text_equal(http->method, T("POST"));

    if (is_whole && is_pressed && (server->cell == NULL || server->is_reloading)) {
        answer_page(http, 503, busy, buffer_text(&press->arn), NULL);
        press_free(press);
    } else if (is_whole && is_pressed) {
        buffer_printf(&press->form, "Action=%s&%s=", wording->action, wording->parameter);
        percent_encode(&press->form, buffer_text(&press->arn));
        buffer_add_string(&press->form, "&Token=");
        percent_encode(&press->form, buffer_text(&token));
        press->own.service = T("sns");
        press->own.form = buffer_text(&press->form);
        press->own.done = on_pressed;
        api_own_call(server->api, &press->own);
    } else {
        answer_page(http, is_whole ? 200 : 400, is_whole ? wording->question : wording->failed,
                    buffer_text(&press->arn), is_whole ? wording->button : NULL);
        press_free(press);
    }
    buffer_free(&token);
}

void page_confirm(struct server *server, struct http_request *http)
{
    show(server, http, &confirmation);
}

void page_unsubscribe(struct server *server, struct http_request *http)
{
    show(server, http, &ending);
}
