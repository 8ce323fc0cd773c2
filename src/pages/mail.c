/* Pages for people, out of links in mails: confirm a subscription, end one.  A GET only asks,
 * so that no link scanner answers in their place; the POST does it (RFC 8058's one-click, too).
 */
#include "base/encoding.h"
#include "base/memory.h"
#include "pages/internal.h"

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
    struct text arn; /* the request's */
    struct buffer form;
};

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
                press->arn, NULL);
    buffer_free(&press->form);
    memory_free(press);
}

static void press_start(struct pages *pages, struct http_request *http,
                        const struct wording *wording, struct text arn, struct text token)
{
    struct press *press = memory_zero(sizeof *press);

    press->http = http;
    press->wording = wording;
    press->arn = arn;
    buffer_init(&press->form, FORM_MAX);
    buffer_printf(&press->form, "Action=%s&%s=", wording->action, wording->parameter);
    percent_encode(&press->form, arn);
    buffer_add_string(&press->form, "&Token=");
    percent_encode(&press->form, token);
    press->own.service = T("sns");
    press->own.form = buffer_text(&press->form);
    press->own.done = on_pressed;
    api_own_call(pages->options.api, &press->own);
}

static void show(struct pages *pages, struct http_request *http, const struct wording *wording)
{
    struct text arn = form_find(http->arena, http->query, text_from(wording->parameter), NULL);
    struct text token = form_find(http->arena, http->query, T("Token"), NULL);
    bool is_whole = arn.len > 0 && token.len > 0;
    bool is_pressed = text_equal(http->method, T("POST"));

    if (is_whole && is_pressed && !pages_are_ready(pages)) {
        answer_page(http, 503, busy, arn, NULL);
    } else if (is_whole && is_pressed) {
        press_start(pages, http, wording, arn, token);
    } else {
        answer_page(http, is_whole ? 200 : 400, is_whole ? wording->question : wording->failed,
                    arn, is_whole ? wording->button : NULL);
    }
}

static void show_confirm(struct pages *pages, struct http_request *http)
{
    show(pages, http, &confirmation);
}

static void show_unsubscribe(struct pages *pages, struct http_request *http)
{
    show(pages, http, &ending);
}

#define MAIL_PAGE(name, method_, word) \
    const struct page name = {         \
        .path = "/_fanfare/" #word, .method = method_, .is_open = true, .show = show_##word}

MAIL_PAGE(page_confirm_ask, "GET", confirm);
MAIL_PAGE(page_confirm, "POST", confirm);
MAIL_PAGE(page_unsubscribe_ask, "GET", unsubscribe);
MAIL_PAGE(page_unsubscribe, "POST", unsubscribe);
