/* Queues of other servers (protocol "sqs"): deliveries become SendMessageBatch requests. */
#include "sqs.h"

#include "deliverers/common/options.h"
#include "deliverers/common/outcomes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS          "servers"
#define CONNECT_TIMEOUT  "connect_timeout_ms"
#define ANSWER_MAX       ((size_t)256 * 1024)
#define CONNECTION_LIFE  300L
#define IDLE_CONNECTIONS 64L
#define EXPECT_WAIT_MS   200L /* for a 100 that few servers send */

struct sqs {
    struct deliverer_host *host;
    struct transfers transfers;
    struct servers servers;
    long connect_timeout_ms;
    struct sqs_batch *first; /* oldest first */
    struct sqs_batch *last;
    uint64_t next_ticket;
    char why[WHY_ROOM];
};

enum batch_state {
    BATCH_WAITING, /* for the one before it into the same FIFO queue */
    BATCH_RESOLVING,
    BATCH_SENDING
};

/* One request. */
struct sqs_batch {
    struct sqs *sqs;
    struct sqs_batch *next;
    struct sqs_batch *previous;
    enum batch_state state;
    uint64_t ticket; /* names it to the resolver */
    const struct sqs_server *server;
    char *queue_url;
    char *url; /* that is asked */
    struct sqs_entry entries[BATCH_MAX];
    size_t count;
    size_t payload_size; /* of all entries */
    struct body body;
    struct body answer;
    bool is_answer_long;
    int64_t timeout_ms;
    uint64_t started_ns;
    CURL *easy;
    struct vetted vetted;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
};

/* --- Its end. */

static void settle(struct sqs *sqs, uint64_t id, const struct verdict_of *of,
                   const struct outcome *base)
{
    struct outcome outcome = *base;

    outcome.verdict = of->verdict;
    outcome.reason = of->reason;
    sqs->host->settle(sqs->host, id, &outcome);
}

static const struct outcome no_answer = {.peer = "", .answer = ""};

static void batch_settle(struct sqs_batch *batch, const struct verdict_of *verdicts,
                         const struct outcome *base)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct delivery *delivery = batch->entries[i].delivery;

        batch->entries[i].delivery = NULL;
        if (delivery != NULL) {
            settle(batch->sqs, delivery->id, &verdicts[i], base);
        }
    }
}

static void batch_unlink(struct sqs_batch *batch)
{
    struct sqs *sqs = batch->sqs;
    struct sqs_batch **to_next = batch->previous == NULL ? &sqs->first : &batch->previous->next;
    struct sqs_batch **to_previous = batch->next == NULL ? &sqs->last : &batch->next->previous;

    *to_next = batch->next;
    *to_previous = batch->previous;
}

static void batch_free(struct sqs_batch *batch)
{
    if (batch->state == BATCH_SENDING) {
        (void)curl_multi_remove_handle(batch->sqs->transfers.multi, batch->easy);
    }
    curl_easy_cleanup(batch->easy);
    curl_slist_free_all(batch->headers);
    body_free(&batch->body);
    body_free(&batch->answer);
    free(batch->queue_url);
    free(batch->url);
    free(batch);
}

static void next_start(struct sqs *sqs, char *take_queue_url);

/* It is over: the next into its queue may begin. */
static void batch_end(struct sqs_batch *batch)
{
    struct sqs *sqs = batch->sqs;
    char *queue_url = batch->queue_url;

    batch->queue_url = NULL;
    batch_unlink(batch);
    batch_free(batch);
    next_start(sqs, queue_url);
}

static void batch_fail(struct sqs_batch *batch, enum verdict verdict, const char *reason)
{
    struct verdict_of verdicts[BATCH_MAX];

    for (size_t i = 0; i < batch->count; i++) {
        verdicts[i].verdict = verdict;
        (void)snprintf(verdicts[i].reason, sizeof verdicts[i].reason, "%s", reason);
    }
    batch_settle(batch, verdicts, &no_answer);
    batch_end(batch);
}

/* --- The answer. */

static size_t on_body(char *at, size_t size, size_t count, void *context)
{
    struct sqs_batch *batch = context;
    size_t len = size * count;

    if (batch->answer.len + len > ANSWER_MAX) {
        batch->is_answer_long = true;
        return 0;
    }
    body_add(&batch->answer, at, len);
    return len;
}

static int32_t time_us(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;

    (void)curl_easy_getinfo(easy, info, &us);
    return us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

static void tell_transfer(const struct sqs_batch *batch, struct outcome *base, char *peer,
                          size_t room)
{
    const char *address = NULL;
    long port = 0;

    (void)curl_easy_getinfo(batch->easy, CURLINFO_PRIMARY_IP, &address);
    (void)curl_easy_getinfo(batch->easy, CURLINFO_PRIMARY_PORT, &port);
    if (address != NULL && address[0] != '\0') {
        (void)snprintf(peer, room, strchr(address, ':') != NULL ? "[%s]:%ld" : "%s:%ld",
                       address, port);
    }
    base->peer = peer;
    base->answer = batch->answer.at == NULL ? "" : batch->answer.at;
    base->answer_size = batch->answer.len < ANSWER_KEPT ? batch->answer.len : ANSWER_KEPT;
    base->first_byte_us = time_us(batch->easy, CURLINFO_STARTTRANSFER_TIME_T);
    base->connect_us = time_us(batch->easy, CURLINFO_CONNECT_TIME_T);
    base->total_us = time_us(batch->easy, CURLINFO_TOTAL_TIME_T);
}

static void on_finished(void *context, void *transfer, CURLcode code)
{
    struct sqs_batch *batch = transfer;
    struct verdict_of verdicts[BATCH_MAX];
    struct outcome base = no_answer;
    char peer[INET6_ADDRSTRLEN + 16] = "";
    char reason[CURL_ERROR_SIZE + 128];
    const char *meaning = "";
    long status = 0;
    curl_off_t wait_s = 0;

    (void)context;
    if (code != CURLE_OK) {
        enum verdict verdict = outcome_of_curl((int)code, &meaning);

        (void)snprintf(reason, sizeof reason, "%s%s%s",
                       batch->is_answer_long ? "the answer is too long" : meaning,
                       batch->error[0] != '\0' ? ": " : "", batch->error);
        batch_fail(batch, verdict, reason);
        return;
    }
    (void)curl_easy_getinfo(batch->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(batch->easy, CURLINFO_RETRY_AFTER, &wait_s);
    tell_transfer(batch, &base, peer, sizeof peer);
    base.status_code = (int)status;
    base.retry_after_ms = outcome_retry_after(wait_s);
    answer_read(batch->server, (int)status, &batch->answer, batch->entries, batch->count,
                verdicts);
    batch_settle(batch, verdicts, &base);
    batch_end(batch);
}

/* --- The request. */

/* No name alone to take a header away: libcurl 7.88 would sign it. */
static bool headers_make(struct sqs_batch *batch)
{
    static const char *const json[] = {"Content-Type: application/x-amz-json-1.0",
                                       "X-Amz-Target: AmazonSQS.SendMessageBatch", NULL};
    static const char *const query[] = {
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8", NULL};

    for (const char *const *next = batch->server->is_query ? query : json; *next != NULL;
         next++) {
        struct curl_slist *longer = curl_slist_append(batch->headers, *next);

        if (longer == NULL) {
            return false;
        }
        batch->headers = longer;
    }
    return true;
}

static void sign(struct sqs_batch *batch)
{
    const struct sqs_server *server = batch->server;
    char provider[128];

    if (server->access_key == NULL) {
        return;
    }
    (void)snprintf(provider, sizeof provider, "aws:amz:%s:sqs", server->region);
    (void)curl_easy_setopt(batch->easy, CURLOPT_AWS_SIGV4, provider);
    (void)curl_easy_setopt(batch->easy, CURLOPT_USERNAME, server->access_key);
    (void)curl_easy_setopt(batch->easy, CURLOPT_PASSWORD, server->secret);
}

static bool easy_make(struct sqs_batch *batch, int64_t left_ms)
{
    struct sqs *sqs = batch->sqs;
    CURL *easy = transfers_easy(&batch->sqs->transfers, "http,https");

    batch->easy = easy;
    if (easy == NULL || !headers_make(batch)) {
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, batch);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "fanfare");
    (void)curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_WAIT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, sqs->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, batch->error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, batch);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, batch->headers);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)batch->body.len);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, batch->body.at);
    if (batch->server->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, batch->server->ca_file);
    }
    sign(batch);
    vetted_apply(&batch->vetted, &batch->server->url, easy);
    return curl_easy_setopt(easy, CURLOPT_URL, batch->url) == CURLE_OK;
}

static void batch_send(struct sqs_batch *batch)
{
    int64_t waited_ms = (int64_t)((uv_hrtime() - batch->started_ns) / 1000000);

    if (waited_ms >= batch->timeout_ms) {
        batch_fail(batch, VERDICT_RETRY, "those before it into the queue took too long");
        return;
    }
    if (!easy_make(batch, batch->timeout_ms - waited_ms)
        || curl_multi_add_handle(batch->sqs->transfers.multi, batch->easy) != CURLM_OK) {
        batch_fail(batch, VERDICT_RETRY, "libcurl took no further request");
        return;
    }
    batch->state = BATCH_SENDING;
}

/* --- Where to. */

static void on_resolved(void *self, uint64_t ticket, const struct resolved *resolved)
{
    struct sqs *sqs = self;
    struct sqs_batch *batch = sqs->first;

    while (batch != NULL && batch->ticket != ticket) {
        batch = batch->next;
    }
    if (batch == NULL) {
        return;
    }
    if (resolved->count == 0) {
        batch_fail(batch, resolved->denied ? VERDICT_REFUSED : VERDICT_RETRY, resolved->why);
        return;
    }
    vetted_take(&batch->vetted, resolved);
    batch_send(batch);
}

static void batch_start(struct sqs_batch *batch)
{
    struct deliverer_host *host = batch->sqs->host;
    const struct url *url = &batch->server->url;
    const char *why = "";

    batch->state = BATCH_RESOLVING;
    if (url->kind == URL_NAME) {
        host->resolve(host, url->host, url->port, on_resolved, batch->sqs, batch->ticket);
    } else if (!host->may_connect(host, url->host, url->port, &why)) {
        batch_fail(batch, VERDICT_REFUSED, why);
    } else {
        vetted_take_one(&batch->vetted, url->host);
        batch_send(batch);
    }
}

/* Into a FIFO queue one at a time: they arrive in the order in which they were given. */
static bool has_to_wait(const struct sqs_batch *batch)
{
    size_t len = strlen(batch->queue_url);

    if (len < 5 || strcmp(batch->queue_url + len - 5, ".fifo") != 0) {
        return false;
    }
    for (const struct sqs_batch *other = batch->previous; other != NULL;
         other = other->previous) {
        if (other->queue_url != NULL && strcmp(other->queue_url, batch->queue_url) == 0) {
            return true;
        }
    }
    return false;
}

static void next_start(struct sqs *sqs, char *take_queue_url)
{
    struct sqs_batch *batch = sqs->first;

    while (batch != NULL
           && (batch->state != BATCH_WAITING || batch->queue_url == NULL
               || strcmp(batch->queue_url, take_queue_url) != 0)) {
        batch = batch->next;
    }
    free(take_queue_url);
    if (batch != NULL) {
        batch_start(batch);
    }
}

/* --- From deliveries to batches. */

static void body_begin(struct sqs_batch *batch)
{
    if (batch->server->is_query) {
        body_text(&batch->body, "Action=SendMessageBatch&Version=2012-11-05&QueueUrl=");
        body_form(&batch->body, batch->queue_url, strlen(batch->queue_url));
    } else {
        body_text(&batch->body, "{\"QueueUrl\":");
        body_json(&batch->body, batch->queue_url, strlen(batch->queue_url));
        body_text(&batch->body, ",\"Entries\":[");
    }
}

/* Takes over `take_queue_url`; NULL: out of memory. */
static struct sqs_batch *batch_create(struct sqs *sqs, const struct sqs_server *server,
                                      char *take_queue_url)
{
    struct sqs_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL) {
        free(take_queue_url);
        return NULL;
    }
    batch->sqs = sqs;
    batch->server = server;
    batch->queue_url = take_queue_url;
    batch->ticket = ++sqs->next_ticket;
    batch->started_ns = uv_hrtime();
    batch->previous = sqs->last;
    if (sqs->last == NULL) {
        sqs->first = batch;
    } else {
        sqs->last->next = batch;
    }
    sqs->last = batch;
    if (asprintf(&batch->url, "%s%s", server->url.plain,
                 server->is_query ? url_path(take_queue_url) + 1 : "")
        < 0) {
        batch->url = NULL;
    }
    body_begin(batch);
    return batch;
}

static bool has_room(const struct sqs_batch *batch, const struct delivery *delivery)
{
    return batch->count == 0
           || (batch->count < batch->server->batch_max
               && batch->payload_size + delivery->payload_size
                      <= batch->server->batch_bytes_max);
}

static void settle_alone(struct sqs *sqs, const struct delivery *delivery, enum verdict verdict,
                         const char *reason)
{
    struct verdict_of of = {.verdict = verdict};

    (void)snprintf(of.reason, sizeof of.reason, "%s", reason);
    settle(sqs, delivery->id, &of, &no_answer);
}

static void batch_add(struct sqs_batch *batch, const struct delivery *delivery)
{
    const char *why = "";

    if (!entry_write(&batch->body, batch->server, batch->count, delivery,
                     &batch->entries[batch->count], &why)) {
        settle_alone(batch->sqs, delivery, VERDICT_REFUSED, why);
        return;
    }
    batch->payload_size += delivery->payload_size;
    batch->timeout_ms = delivery->timeout_ms;
    batch->count++;
}

static void batch_seal(struct sqs_batch *batch)
{
    body_text(&batch->body, batch->server->is_query ? "" : "]}");
    if (batch->count == 0) {
        batch_end(batch);
    } else if (batch->body.is_short_of_memory || batch->url == NULL) {
        batch_fail(batch, VERDICT_RETRY, "out of memory");
    } else if (!has_to_wait(batch)) {
        batch_start(batch);
    }
}

/* Makes one batch of the first ones; how many. */
static size_t deliver_some(struct sqs *sqs, const struct delivery *const *deliveries,
                           size_t count)
{
    const struct sqs_server *server = NULL;
    char *queue_url = NULL;
    size_t taken = 0;

    if (!servers_find(&sqs->servers, deliveries[0]->endpoint, &server, &queue_url, sqs->why)) {
        /* It was there at Subscribe, and may come back. */
        settle_alone(sqs, deliveries[0], VERDICT_RETRY, sqs->why);
        return 1;
    }
    struct sqs_batch *batch = batch_create(sqs, server, queue_url);

    if (batch == NULL) {
        settle_alone(sqs, deliveries[0], VERDICT_RETRY, "out of memory");
        return 1;
    }
    while (taken < count && has_room(batch, deliveries[taken])
           && strcmp(deliveries[taken]->endpoint, deliveries[0]->endpoint) == 0) {
        batch_add(batch, deliveries[taken++]);
    }
    batch_seal(batch);
    return taken;
}

static void sqs_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    for (size_t done = 0; done < count;) {
        done += deliver_some(self, deliveries + done, count - done);
    }
}

/* --- The deliverer. */

static struct sqs_entry *entry_find(struct sqs_batch *batch, uint64_t delivery_id)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct delivery *delivery = batch->entries[i].delivery;

        if (delivery != NULL && delivery->id == delivery_id) {
            return &batch->entries[i];
        }
    }
    return NULL;
}

/* What is on its way stays so: the others of its batch need it. */
static void sqs_cancel(void *self, uint64_t delivery_id)
{
    struct sqs *sqs = self;
    struct sqs_batch *batch = sqs->first;
    struct sqs_entry *entry = NULL;

    while (batch != NULL && (entry = entry_find(batch, delivery_id)) == NULL) {
        batch = batch->next;
    }
    if (entry != NULL) {
        const struct delivery *delivery = entry->delivery;

        entry->delivery = NULL;
        settle_alone(sqs, delivery, VERDICT_RETRY, "cancelled");
    }
}

static bool sqs_accepts(void *self, const char *protocol, const char *endpoint,
                        const char **ret_why)
{
    struct sqs *sqs = self;
    const struct sqs_server *server = NULL;
    char *queue_url = NULL;

    (void)protocol;
    *ret_why = sqs->why;
    if (!servers_find(&sqs->servers, endpoint, &server, &queue_url, sqs->why)) {
        return false;
    }
    free(queue_url);
    return sqs->host->may_connect(sqs->host, server->url.host, server->url.port, ret_why);
}

static void sqs_close(void *self)
{
    struct sqs *sqs = self;

    struct sqs_batch *batch = sqs->first;

    while (batch != NULL) {
        struct sqs_batch *next = batch->next;

        batch_free(batch);
        batch = next;
    }
    transfers_close(&sqs->transfers);
    servers_free(&sqs->servers);
    free(sqs);
}

static int sqs_open(struct deliverer_host *host, void **ret_self)
{
    struct sqs *sqs = calloc(1, sizeof *sqs);

    if (sqs == NULL) {
        return -1;
    }
    sqs->host = host;
    sqs->connect_timeout_ms = strtol(host->option(host, CONNECT_TIMEOUT), NULL, 10);
    sqs->transfers.finished = on_finished;
    sqs->transfers.context = sqs;
    bool is_good = servers_read(host->option(host, SERVERS), &sqs->servers, sqs->why)
                   && servers_read_secrets(&sqs->servers, sqs->why);

    if (!is_good) {
        host->log(host, LEVEL_WARN, sqs->why);
    }
    if (!is_good || !transfers_open(&sqs->transfers, host->loop)) {
        servers_free(&sqs->servers);
        free(sqs);
        return -1;
    }
    (void)curl_multi_setopt(sqs->transfers.multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
    *ret_self = sqs;
    return 0;
}

static bool sqs_check(const char *option, const char *value, const char **ret_why)
{
    static char why[WHY_ROOM];
    struct servers servers;

    *ret_why = why;
    if (strcmp(option, SERVERS) != 0) {
        return true;
    }
    if (!servers_read(value, &servers, why)) {
        return false;
    }
    servers_free(&servers);
    return true;
}

static const char *const sqs_protocols[] = {"sqs", NULL};
static const struct deliverer_option sqs_options[] = {
    {SERVERS, "{}",
     "other servers whose queues may be subscribed, by a name of yours: {aws: {url: "
     "\"https://sqs.eu-west-1.amazonaws.com\", region: eu-west-1, access_key: AKIA..., "
     "secret_key_file: /etc/fanfare/aws-secret}}; deliverers/README.md has all settings",
     OPTION_JSON},
    {CONNECT_TIMEOUT, "5000", "how long a connection may take, TLS included", OPTION_NUMBER},
    {.name = NULL},
};

extern const struct deliverer deliverer_sqs;

const struct deliverer deliverer_sqs = {
    .abi = DELIVERER_ABI,
    .name = "sqs",
    .protocols = sqs_protocols,
    .options = sqs_options,
    .max_batch = BATCH_MAX,
    .open = sqs_open,
    .accepts = sqs_accepts,
    .deliver = sqs_deliver,
    .cancel = sqs_cancel,
    .close = sqs_close,
    .check = sqs_check,
};
