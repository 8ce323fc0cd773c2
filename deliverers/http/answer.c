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

void answer_forget(struct post *post)
{
    post->status = 0;
    post->has_head = false;
    post->head_size = 0;
    post->body_size = 0;
    post->answer_size = 0;
    post->error[0] = '\0';
}

static bool is_blank_line(const char *line, size_t size)
{
    return (size == 2 && line[0] == '\r' && line[1] == '\n') || (size == 1 && line[0] == '\n');
}

/* A head begins: also the second one, of a request that was authenticated on demand. */
static void begin_head(struct post *post)
{
    long status = 0;

    (void)curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    post->status = (int)status;
    post->has_head = false;
    post->body_size = 0;
    post->answer_size = 0;
}

size_t on_header(char *at, size_t size, size_t count, void *context)
{
    struct post *post = context;
    size_t len = size * count;

    post->head_size += len;
    if (post->head_size > HEAD_MAX) {
        return 0;
    }
    if (len >= 5 && memcmp(at, "HTTP/", 5) == 0) {
        begin_head(post);
    } else if (is_blank_line(at, len)) {
        post->has_head = post->status >= 200 || mutant("deliverers.continue-is-an-answer");
        (void)curl_easy_setopt(post->easy, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
        (void)curl_easy_setopt(post->easy, CURLOPT_LOW_SPEED_TIME, SLOW_S);
    }
    return len;
}

size_t on_body(char *at, size_t size, size_t count, void *context)
{
    struct post *post = context;
    size_t len = size * count;
    size_t room = ANSWER_KEPT - post->answer_size;
    size_t kept = len < room ? len : room;

    memcpy(post->answer + post->answer_size, at, kept);
    post->answer_size += kept;
    post->body_size += len;
    return post->body_size > BODY_MAX ? 0 : len;
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

static void tell_times(const struct post *post, struct outcome *outcome)
{
    CURL *easy = post->easy;
    int64_t connected_us = info_us(easy, CURLINFO_CONNECT_TIME_T);
    int64_t secured_us = info_us(easy, CURLINFO_APPCONNECT_TIME_T);

    outcome->dns_us = span_us(0, post->resolved_us);
    outcome->connect_us = span_us(info_us(easy, CURLINFO_NAMELOOKUP_TIME_T), connected_us);
    outcome->tls_us = span_us(connected_us, secured_us);
    outcome->first_byte_us =
        span_us(0, post->resolved_us + info_us(easy, CURLINFO_STARTTRANSFER_TIME_T));
    outcome->total_us = span_us(0, post->resolved_us + info_us(easy, CURLINFO_TOTAL_TIME_T));
}

static void tell_peer(const struct post *post, char *ret_peer, size_t room)
{
    const char *address = NULL;
    long port = 0;

    (void)curl_easy_getinfo(post->easy, CURLINFO_PRIMARY_IP, &address);
    (void)curl_easy_getinfo(post->easy, CURLINFO_PRIMARY_PORT, &port);
    if (address != NULL && address[0] != '\0') {
        (void)snprintf(ret_peer, room, strchr(address, ':') != NULL ? "[%s]:%ld" : "%s:%ld",
                       address, port);
    }
}

static void tell_failure(const struct post *post, CURLcode code, struct outcome *outcome,
                         char *reason, size_t room)
{
    const char *meaning = "";

    outcome->verdict = outcome_of_curl((int)code, &meaning);
    (void)snprintf(reason, room, "%s%s%s", meaning, post->error[0] != '\0' ? ": " : "",
                   post->error);
}

/* --- What some endpoints say beside the status. */

static bool answer_begins(const struct post *post, const char *text)
{
    size_t size = strlen(text);

    return post->answer_size >= size && memcmp(post->answer, text, size) == 0;
}

/* Slack says "ok", and those that speak like it an object; another text is a refusal. */
static enum verdict slack_verdict(const struct post *post, const char **ret_reason)
{
    bool is_ok =
        post->answer_size == 0 || answer_begins(post, "ok") || answer_begins(post, "{");

    if (post->status == 200 && !is_ok) {
        *ret_reason = "HTTP 200, but not ok";
        return VERDICT_REFUSED;
    }
    if (post->status == 404 && answer_begins(post, "no_service")) {
        *ret_reason = "HTTP 404 no_service: the webhook was removed";
        return VERDICT_GONE;
    }
    return outcome_of_status(post->status);
}

static const struct {
    const char *format;
    enum verdict (*verdict)(const struct post *post, const char **ret_reason);
} rules[] = {{"slack", slack_verdict}};

static enum verdict verdict_of(const struct post *post, const char **ret_reason)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(post->delivery->format, rules[i].format) == 0) {
            return rules[i].verdict(post, ret_reason);
        }
    }
    return outcome_of_status(post->status);
}

static void tell_status(const struct post *post, struct outcome *outcome, char *reason,
                        size_t room)
{
    const char *text = outcome_status_text(post->status);
    const char *special = NULL;
    curl_off_t seconds = 0;

    outcome->verdict = verdict_of(post, &special);
    outcome->status_code = post->status;
    outcome->answer = post->answer;
    outcome->answer_size = post->answer_size;
    (void)snprintf(reason, room, "HTTP %d%s%s", post->status, text[0] != '\0' ? " " : "", text);
    if (special != NULL) {
        (void)snprintf(reason, room, "%s", special);
    }
    if (outcome->verdict == VERDICT_RETRY) {
        (void)curl_easy_getinfo(post->easy, CURLINFO_RETRY_AFTER, &seconds);
        outcome->retry_after_ms = outcome_retry_after(seconds);
    }
}

void answer_settle(struct post *post, CURLcode code)
{
    struct deliverer_host *host = post->http->host;
    char reason[CURL_ERROR_SIZE + 128];
    char peer[INET6_ADDRSTRLEN + 16] = "";
    struct outcome outcome = {.reason = reason, .peer = peer, .answer = ""};

    if (post->has_head) {
        tell_status(post, &outcome, reason, sizeof reason);
    } else {
        tell_failure(post, code, &outcome, reason, sizeof reason);
    }
    tell_peer(post, peer, sizeof peer);
    tell_times(post, &outcome);
    host->settle(host, post->delivery->id, &outcome);
}
