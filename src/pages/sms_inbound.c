/* What phones answer, passed on by the gateway (Kannel's sms-service get-url, Twilio's
 * webhook): who says STOP gets nothing more.  Closed until sms.inbound_key is set. */
#include "base/digest.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/memory.h"
#include "daemon/server.h"

#include <string.h>

#define FORM_MAX ((size_t)16 * 1024)
#define WORD_MAX 16

static const char *const stop_words[] = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL",
                                         "END",  "QUIT",    "ARRET"};

/* The undecoded value under either of its names; false: neither is there. */
static bool form_find(struct text form, const char *name, const char *other,
                      struct text *ret_value)
{
    while (form.len > 0) {
        struct text value = text_cut(&form, '&');
        struct text key = text_cut(&value, '=');

        if (text_equal(key, text_from(name)) || text_equal(key, text_from(other))) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* Of the query, or a posted form. */
static bool form_get(const struct http_request *http, struct buffer *to, const char *name,
                     const char *other)
{
    struct text value;

    return (form_find(http->query, name, other, &value)
            || form_find(http->body, name, other, &value))
           && percent_decode(to, value, true) && !to->overflown;
}

/* The first word, whatever stands around it. */
static bool is_stop(struct text text)
{
    char word[WORD_MAX + 1] = "";
    size_t len = 0;

    for (size_t i = 0; i < text.len && len < WORD_MAX; i++) {
        char c = text.at[i];

        if (c >= 'a' && c <= 'z') {
            c = (char)(c - ('a' - 'A'));
        }
        if (c >= 'A' && c <= 'Z') {
            word[len++] = c;
        } else if (len > 0) {
            break;
        }
    }
    word[len] = '\0';
    for (size_t i = 0; i < countof(stop_words); i++) {
        if (strcmp(word, stop_words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* An empty page: Kannel would send what stands there as an answer. */
static void respond(struct http_request *http, int status)
{
    const struct http_response response = {.status = status, .content_type = T("text/plain")};

    http_respond(http, &response);
}

struct stop {
    struct own_call own;
    struct http_request *http;
    struct buffer form;
};

static void on_stopped(struct own_call *call, int http_status, struct text body)
{
    struct stop *stop = container_of(call, struct stop, own);

    (void)body;
    log_info("sms_opted_out", "status=%d", http_status);
    respond(stop->http, http_status);
    buffer_free(&stop->form);
    memory_free(stop);
}

static void opt_out(struct server *server, struct http_request *http, struct text number)
{
    struct stop *stop = memory_zero(sizeof *stop);
    bool has_plus = number.len > 0 && (number.at[0] == '+' || number.at[0] == ' ');

    stop->http = http;
    buffer_init(&stop->form, FORM_MAX);
    buffer_add_string(&stop->form, "Action=OptOutPhoneNumber&phoneNumber=%2B");
    percent_encode(&stop->form, text_after(number, has_plus ? 1 : 0));
    stop->own.service = T("sns");
    stop->own.form = buffer_text(&stop->form);
    stop->own.done = on_stopped;
    api_own_call(server->api, &stop->own);
}

void page_sms_inbound(struct server *server, struct http_request *http)
{
    const char *wanted = settings_option(server->settings, "sms", "inbound_key");
    struct buffer key;
    struct buffer number;
    struct buffer text;

    buffer_init(&key, FORM_MAX);
    buffer_init(&number, FORM_MAX);
    buffer_init(&text, FORM_MAX);
    bool is_known = wanted != NULL && wanted[0] != '\0' && form_get(http, &key, "key", "key")
                    && digest_equal(buffer_text(&key), text_from(wanted));
    bool is_whole =
        form_get(http, &number, "from", "From") && form_get(http, &text, "text", "Body");

    if (!is_known) {
        respond(http, 403);
    } else if (!is_whole) {
        respond(http, 400);
    } else if (!is_stop(buffer_text(&text))) {
        respond(http, 200);
    } else if (server->cell == NULL || server->is_reloading) {
        respond(http, 503);
    } else {
        opt_out(server, http, buffer_text(&number));
    }
    buffer_free(&key);
    buffer_free(&number);
    buffer_free(&text);
}
