/* What the endpoint says, and what that means.  The status counts as soon as its head is
 * complete, whatever becomes of the body: nobody needs that. */
#include "http.h"

#include "deliverers/common/mutants.h"
#include "deliverers/common/outcomes.h"

#include <stdio.h>
#include <string.h>

#define HEAD_MAX ((size_t)64 * 1024) /* of all heads, 1xx included */
#define BODY_MAX ((size_t)64 * 1024)
/* The rest of an answer whose head is here may not be slower than this, for so long. */
#define SLOW_BYTES_S 64L
#define SLOW_S       3L

void answer_forget(struct request *request)
{
    request->status = 0;
    request->has_head = false;
    request->head_size = 0;
    request->body_size = 0;
    request->answer_size = 0;
    request->error[0] = '\0';
}

static bool is_blank_line(const char *line, size_t size)
{
    return (size == 2 && line[0] == '\r' && line[1] == '\n') || (size == 1 && line[0] == '\n');
}

/* A head begins: also the second one, of a request that was authenticated on demand. */
static void begin_head(struct request *request)
{
    long status = 0;

    (void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    request->status = (int)status;
    request->has_head = false;
    request->body_size = 0;
    request->answer_size = 0;
}

size_t on_header(char *at, size_t size, size_t count, void *context)
{
    struct request *request = context;
    size_t len = size * count;

    request->head_size += len;
    if (request->head_size > HEAD_MAX) {
        return 0;
    }
    if (len >= 5 && memcmp(at, "HTTP/", 5) == 0) {
        begin_head(request);
    } else if (is_blank_line(at, len)) {
        request->has_head =
            request->status >= 200 || mutant("deliverers.continue-is-an-answer");
        (void)curl_easy_setopt(request->easy, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
        (void)curl_easy_setopt(request->easy, CURLOPT_LOW_SPEED_TIME, SLOW_S);
    }
    return len;
}

size_t on_body(char *at, size_t size, size_t count, void *context)
{
    struct request *request = context;
    size_t len = size * count;
    size_t room = ANSWER_KEPT - request->answer_size;
    size_t kept = len < room ? len : room;

    memcpy(request->answer + request->answer_size, at, kept);
    request->answer_size += kept;
    request->body_size += len;
    return request->body_size > BODY_MAX ? 0 : len;
}

/* --- The outcome. */

static int64_t info_us(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;

    (void)curl_easy_getinfo(easy, info, &us);
    return us;
}

static int32_t span_us(int64_t from_us, int64_t to_us)
{
    int64_t us = to_us > from_us ? to_us - from_us : 0;

    return us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

static void tell_times(const struct request *request, struct outcome *outcome)
{
    CURL *easy = request->easy;
    int64_t connected_us = info_us(easy, CURLINFO_CONNECT_TIME_T);
    int64_t secured_us = info_us(easy, CURLINFO_APPCONNECT_TIME_T);

    outcome->dns_us = span_us(0, request->resolved_us);
    outcome->connect_us = span_us(info_us(easy, CURLINFO_NAMELOOKUP_TIME_T), connected_us);
    outcome->tls_us = span_us(connected_us, secured_us);
    outcome->first_byte_us =
        span_us(0, request->resolved_us + info_us(easy, CURLINFO_STARTTRANSFER_TIME_T));
    outcome->total_us = span_us(0, request->resolved_us + info_us(easy, CURLINFO_TOTAL_TIME_T));
}

static void tell_peer(const struct request *request, char *ret_peer, size_t room)
{
    const char *address = NULL;
    long port = 0;

    (void)curl_easy_getinfo(request->easy, CURLINFO_PRIMARY_IP, &address);
    (void)curl_easy_getinfo(request->easy, CURLINFO_PRIMARY_PORT, &port);
    if (address != NULL && address[0] != '\0') {
        (void)snprintf(ret_peer, room, strchr(address, ':') != NULL ? "[%s]:%ld" : "%s:%ld",
                       address, port);
    }
}

static void tell_failure(const struct request *request, CURLcode code, struct outcome *outcome,
                         char *reason, size_t room)
{
    const char *meaning = "";

    outcome->verdict = outcome_of_curl((int)code, &meaning);
    (void)snprintf(reason, room, "%s%s%s", meaning, request->error[0] != '\0' ? ": " : "",
                   request->error);
}

/* --- What some endpoints say beside the status. */

static bool answer_begins(const struct request *request, const char *text)
{
    size_t size = strlen(text);

    return request->answer_size >= size && memcmp(request->answer, text, size) == 0;
}

/* Slack says "ok", and those that speak like it an object; another text is a refusal. */
static enum verdict slack_verdict(const struct request *request, const char **ret_reason)
{
    bool is_ok = request->answer_size == 0 || answer_begins(request, "ok")
                 || answer_begins(request, "{");

    if (request->status == 200 && !is_ok) {
        *ret_reason = "HTTP 200, but not ok";
        return VERDICT_REFUSED;
    }
    if (request->status == 404 && answer_begins(request, "no_service")) {
        *ret_reason = "HTTP 404 no_service: the webhook was removed";
        return VERDICT_GONE;
    }
    return outcome_of_status(request->status);
}

static const struct {
    const char *format;
    enum verdict (*verdict)(const struct request *request, const char **ret_reason);
} rules[] = {{"slack", slack_verdict}};

static enum verdict verdict_of(const struct request *request, const char **ret_reason)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(request->delivery->format, rules[i].format) == 0) {
            return rules[i].verdict(request, ret_reason);
        }
    }
    return outcome_of_status(request->status);
}

static void tell_status(const struct request *request, struct outcome *outcome, char *reason,
                        size_t room)
{
    const char *text = outcome_status_text(request->status);
    const char *special = NULL;
    curl_off_t seconds = 0;

    outcome->verdict = verdict_of(request, &special);
    outcome->status_code = request->status;
    outcome->answer = request->answer;
    outcome->answer_size = request->answer_size;
    (void)snprintf(reason, room, "HTTP %d%s%s", request->status, text[0] != '\0' ? " " : "",
                   text);
    if (special != NULL) {
        (void)snprintf(reason, room, "%s", special);
    }
    if (outcome->verdict == VERDICT_RETRY) {
        (void)curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &seconds);
        outcome->retry_after_ms = outcome_retry_after(seconds);
    }
}

void answer_settle(struct request *request, CURLcode code)
{
    struct deliverer_host *host = request->http->host;
    char reason[CURL_ERROR_SIZE + 128];
    char peer[INET6_ADDRSTRLEN + 16] = "";
    struct outcome outcome = {.reason = reason, .peer = peer, .answer = ""};

    if (request->has_head) {
        tell_status(request, &outcome, reason, sizeof reason);
    } else {
        tell_failure(request, code, &outcome, reason, sizeof reason);
    }
    tell_peer(request, peer, sizeof peer);
    tell_times(request, &outcome);
    host->settle(host, request->delivery->id, &outcome);
}
