/* Asks an HTTP gateway to send, one request per message, by libcurl on the loop.  Its address
 * passes the egress guard like any endpoint's. */
#include "sms.h"

#include "deliverers/common/outcomes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)64 * 1024)

/* One message under way. */
struct asking {
    struct asking *next; /* in sms.askings */
    struct sms *sms;
    const struct delivery *delivery;
    struct short_message message;
    uint64_t ticket; /* for the resolver */
    bool is_sending;
    CURL *easy;
    struct vetted vetted;
    struct text_buffer url, body;
    struct curl_slist *headers;
    char answer[ANSWER_KEPT];
    size_t answer_size, answer_seen;
    char error[CURL_ERROR_SIZE];
};

static void asking_free(struct asking *asking)
{
    struct asking **place = &asking->sms->askings;

    while (*place != asking) {
        place = &(*place)->next;
    }
    *place = asking->next;
    if (asking->is_sending) {
        (void)curl_multi_remove_handle(asking->sms->transfers.multi, asking->easy);
    }
    curl_easy_cleanup(asking->easy);
    curl_slist_free_all(asking->headers);
    message_end(&asking->message);
    free(asking->url.at);
    free(asking->body.at);
    free(asking);
}

static void asking_end(struct asking *asking, enum verdict verdict, const char *reason)
{
    sms_settle(asking->sms, asking->delivery->id, verdict, reason);
    asking_free(asking);
}

/* --- The request. */

static size_t on_answer(char *at, size_t size, size_t count, void *context)
{
    struct asking *asking = context;
    size_t len = size * count;
    size_t room = ANSWER_KEPT - asking->answer_size;
    size_t kept = len < room ? len : room;

    memcpy(asking->answer + asking->answer_size, at, kept);
    asking->answer_size += kept;
    asking->answer_seen += len;
    return asking->answer_seen > ANSWER_MAX ? 0 : len;
}

static void write_request(struct asking *asking)
{
    const struct sms *sms = asking->sms;
    const struct gateway_shape *shape = sms->shape;

    put_string(&asking->url, sms->url.plain);
    if (shape->query != NULL) {
        put_string(&asking->url, strchr(sms->url.plain, '?') == NULL ? "?" : "&");
        template_fill(&asking->url, shape->query, ESCAPE_FORM, &asking->message, sms->user,
                      sms->password);
    }
    put(&asking->url, "", 1);
    if (shape->body != NULL) {
        template_fill(&asking->body, sms->body[0] != '\0' ? sms->body : shape->body,
                      shape->escape, &asking->message, sms->user, sms->password);
    }
}

/* false: out of memory. */
static bool add_header(struct asking *asking, const char *line)
{
    struct curl_slist *longer = curl_slist_append(asking->headers, line);

    asking->headers = longer == NULL ? asking->headers : longer;
    return longer != NULL;
}

static bool set_headers(struct asking *asking)
{
    const struct sms *sms = asking->sms;
    const char *type = sms->shape->content_type;

    if (!add_header(asking, "Expect:") || (type != NULL && !add_header(asking, type))
        || (sms->header[0] != '\0' && !add_header(asking, sms->header))) {
        return false;
    }
    (void)curl_easy_setopt(asking->easy, CURLOPT_HTTPHEADER, asking->headers);
    return true;
}

static void set_body(struct asking *asking)
{
    const struct sms *sms = asking->sms;

    if (sms->shape->body != NULL) {
        (void)curl_easy_setopt(asking->easy, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(asking->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)asking->body.len);
        (void)curl_easy_setopt(asking->easy, CURLOPT_POSTFIELDS, asking->body.at);
    }
    if (sms->shape->signs_in && sms->user[0] != '\0') {
        (void)curl_easy_setopt(asking->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(asking->easy, CURLOPT_USERNAME, sms->user);
        (void)curl_easy_setopt(asking->easy, CURLOPT_PASSWORD, sms->password);
    }
}

static bool asking_prepare(struct asking *asking)
{
    const struct sms *sms = asking->sms;
    CURL *easy = transfers_easy(&asking->sms->transfers, "http,https");

    asking->easy = easy;
    write_request(asking);
    if (easy == NULL || asking->url.is_broken || asking->body.is_broken) {
        return false;
    }
    vetted_apply(&asking->vetted, &sms->url, easy);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, asking);
    (void)curl_easy_setopt(easy, CURLOPT_URL, asking->url.at);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)asking->delivery->timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, asking->error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, asking);
    if (sms->ca_file[0] != '\0') {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, sms->ca_file);
    }
    set_body(asking);
    return set_headers(asking);
}

static void asking_send(struct asking *asking)
{
    if (!asking_prepare(asking)
        || curl_multi_add_handle(asking->sms->transfers.multi, asking->easy) != CURLM_OK) {
        asking_end(asking, VERDICT_RETRY, "out of memory");
        return;
    }
    asking->is_sending = true;
}

/* --- Its address. */

static void on_resolved(void *self, uint64_t ticket, const struct resolved *resolved)
{
    struct sms *sms = self;
    struct asking *asking = sms->askings;

    while (asking != NULL && (asking->ticket != ticket || asking->is_sending)) {
        asking = asking->next;
    }
    if (asking == NULL) {
        return; /* it was cancelled meanwhile */
    }
    if (resolved->count == 0) { /* a gateway that is denied is the operator's to allow */
        asking_end(asking, VERDICT_RETRY, resolved->why);
        return;
    }
    vetted_take(&asking->vetted, resolved);
    asking_send(asking);
}

void gateway_ask(struct sms *sms, const struct delivery *delivery,
                 struct short_message *take_message)
{
    struct asking *asking = calloc(1, sizeof *asking);
    const char *why = "";

    if (asking == NULL) {
        message_end(take_message);
        sms_settle(sms, delivery->id, VERDICT_RETRY, "out of memory");
        return;
    }
    *asking = (struct asking){.next = sms->askings,
                              .sms = sms,
                              .delivery = delivery,
                              .message = *take_message,
                              .ticket = ++sms->next_ticket};
    sms->askings = asking;
    if (sms->url.kind == URL_NAME) {
        sms->host->resolve(sms->host, sms->url.host, sms->url.port, on_resolved, sms,
                           asking->ticket);
    } else if (!sms->host->may_connect(sms->host, sms->url.host, sms->url.port, &why)) {
        asking_end(asking, VERDICT_RETRY, why);
    } else {
        vetted_take_one(&asking->vetted, sms->url.host);
        asking_send(asking);
    }
}

/* --- What it said. */

/* Of an error: 4xx is about the message, but for those that are about who asks and how. */
static enum verdict verdict_of(int status, const char **ret_advice)
{
    static const int operators[] = {401, 402, 403, 404, 405, 407, 408, 425};

    *ret_advice = "";
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (operators[i] == status) {
            *ret_advice = ": see sms.url, sms.user, sms.password";
            return VERDICT_RETRY;
        }
    }
    enum verdict verdict = outcome_of_status(status);

    return verdict == VERDICT_GONE ? VERDICT_REFUSED : verdict;
}

/* Its first line, for people. */
static int first_line(const struct asking *asking)
{
    size_t len = 0;

    while (len < asking->answer_size && len < 200
           && (unsigned char)asking->answer[len] >= ' ') {
        len++;
    }
    return (int)len;
}

void gateway_on_finished(void *context, void *transfer, CURLcode code)
{
    struct sms *sms = context;
    struct asking *asking = transfer;
    char reason[512];
    const char *meaning = "";
    const char *advice = "";
    const char *address = NULL;
    long status = 0;
    struct outcome outcome = {.verdict = VERDICT_RETRY,
                              .reason = reason,
                              .answer = asking->answer,
                              .answer_size = asking->answer_size};

    (void)curl_easy_getinfo(asking->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(asking->easy, CURLINFO_PRIMARY_IP, &address);
    outcome.peer = address == NULL ? "" : address;
    if (status >= 200 && (code == CURLE_OK || code == CURLE_WRITE_ERROR)) {
        curl_off_t retry_after = 0;

        outcome.status_code = (int)status;
        outcome.verdict = verdict_of((int)status, &advice);
        (void)curl_easy_getinfo(asking->easy, CURLINFO_RETRY_AFTER, &retry_after);
        outcome.retry_after_ms =
            outcome.verdict == VERDICT_RETRY ? outcome_retry_after(retry_after) : 0;
        (void)snprintf(reason, sizeof reason, "the gateway said HTTP %ld %.*s%s", status,
                       first_line(asking), asking->answer, advice);
    } else {
        (void)outcome_of_curl((int)code, &meaning);
        (void)snprintf(reason, sizeof reason, "%s, at the gateway: %s", meaning, asking->error);
    }
    sms->host->settle(sms->host, asking->delivery->id, &outcome);
    asking_free(asking);
}

/* --- The end. */

void gateway_cancel(struct sms *sms, uint64_t delivery_id)
{
    for (struct asking *asking = sms->askings; asking != NULL; asking = asking->next) {
        if (asking->delivery->id == delivery_id) {
            asking_end(asking, VERDICT_RETRY, "cancelled");
            return;
        }
    }
}

void gateway_drop(struct sms *sms)
{
    struct asking *asking = sms->askings;

    while (asking != NULL) {
        struct asking *next = asking->next;

        asking_free(asking);
        asking = next;
    }
}
