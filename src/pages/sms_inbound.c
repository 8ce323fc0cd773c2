/* What phones answer, passed on by the gateway (Kannel's sms-service get-url, Twilio's
 * webhook): who says STOP gets nothing more.  Closed until sms.inbound_key is set. */
#include "base/digest.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/memory.h"
#include "pages/internal.h"

#include <string.h>

#define FORM_MAX ((size_t)16 * 1024)
#define WORD_MAX 16

static const char *const stop_words[] = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL",
                                         "END",  "QUIT",    "ARRET"};

/* Under either of its names, of the query or a posted form; at == NULL: not there. */
static struct text form_get(const struct http_request *http, struct text name,
                            struct text other)
{
    const struct text places[] = {http->query, http->body};
    struct text value = {0};

    for (size_t i = 0; i < countof(places) && value.at == NULL; i++) {
        value = form_find(http->arena, places[i], name, NULL);
        value = value.at != NULL ? value : form_find(http->arena, places[i], other, NULL);
    }
    return value;
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

static void opt_out(struct pages *pages, struct http_request *http, struct text number)
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
    api_own_call(pages->options.api, &stop->own);
}

static void show(struct pages *pages, struct http_request *http)
{
    const char *wanted = settings_option(pages->options.settings, "sms", "inbound_key");
    struct text key = form_get(http, T("key"), T("key"));
    struct text number = form_get(http, T("from"), T("From"));
    struct text text = form_get(http, T("text"), T("Body"));

    if (wanted == NULL || wanted[0] == '\0' || !digest_equal(key, text_from(wanted))) {
        respond(http, 403);
    } else if (number.at == NULL || text.at == NULL) {
        respond(http, 400);
    } else if (!is_stop(text)) {
        respond(http, 200);
    } else if (!pages_are_ready(pages)) {
        respond(http, 503);
    } else {
        opt_out(pages, http, number);
    }
}

const struct page page_sms_inbound = {
    .path = "/_fanfare/sms/inbound", .method = "GET", .show = show};
const struct page page_sms_inbound_post = {
    .path = "/_fanfare/sms/inbound", .method = "POST", .show = show};
