/* One delivery's POST: what is sent, and to which address. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT        "Amazon Simple Notification Service Agent"
#define RECEIVE_BUFFER    4096L  /* answers are short */
#define SEND_BUFFER       16384L /* libcurl's least: TLS takes one per handle, and keeps it */
#define SPARE_EASY_MAX    128U   /* handles kept after a burst */
#define CONNECTION_LIFE_S 300L   /* then its name is asked for again */
#define CONNECTION_IDLE_S 118L
#define DNS_REMEMBERED_S  60L
#define HEADER_TEXT_OVER  ((size_t)-1)

/* What every request says alike.  A name alone takes away a header of libcurl's own. */
static struct curl_slist common_headers[] = {
    {(char[]){"Connection: Keep-Alive"}, &common_headers[1]},
    {(char[]){"Accept-Encoding: gzip,deflate"}, &common_headers[2]},
    {(char[]){"Accept:"}, &common_headers[3]},
    {(char[]){"Expect:"}, NULL},
};

/* --- Its memory and its handle. */

static bool easy_open(struct request *request)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL) {
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even that of the environment */
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_REMEMBERED_S);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, request->http->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    transfers_adopt(&request->http->transfers, easy);
    if (request->http->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->http->ca_file);
    }
    request->easy = easy;
    return true;
}

static struct request *request_create(struct http *http)
{
    struct request **requests =
        realloc(http->requests, (http->request_count + 1) * sizeof(struct request *));

    if (requests == NULL) {
        return NULL;
    }
    http->requests = requests;
    struct request *request = calloc(1, sizeof *request);

    if (request == NULL) {
        return NULL;
    }
    request->http = http;
    request->slot = http->request_count;
    requests[http->request_count++] = request;
    return request;
}

struct request *request_take(struct http *http)
{
    struct request *request = http->spare;

    if (request != NULL) {
        http->spare = request->next_spare;
        http->spare_count--;
        return request;
    }
    return request_create(http);
}

void request_give_back(struct request *request)
{
    struct http *http = request->http;

    /* What a handle has learned of a Digest challenge is for that endpoint alone. */
    if (request->url.has_user || http->spare_count >= SPARE_EASY_MAX) {
        curl_easy_cleanup(request->easy);
        request->easy = NULL;
    }
    request->state = REQUEST_SPARE;
    request->turn++;
    request->delivery = NULL;
    request->next_spare = http->spare;
    http->spare = request;
    http->spare_count++;
}

void request_free(struct request *request)
{
    curl_easy_cleanup(request->easy);
    free(request);
}

/* --- Headers. */

/* Where the next header is written, and how many there are. */
struct header_writer {
    struct request *request;
    size_t used; /* of header_text; HEADER_TEXT_OVER: it did not fit */
    size_t count;
};

static bool is_header_value(const char *value)
{
    for (; *value != '\0'; value++) {
        if ((unsigned char)*value < ' ' || *value == 0x7f) {
            return false;
        }
    }
    return true;
}

static void header_add(struct header_writer *writer, const char *name, const char *value)
{
    struct request *request = writer->request;

    if (writer->used == HEADER_TEXT_OVER) {
        return;
    }
    size_t room = sizeof request->header_text - writer->used;
    char *line = request->header_text + writer->used;
    int len = snprintf(line, room, "%s: %s", name, value);

    if (len < 0 || (size_t)len >= room || !is_header_value(value)) {
        writer->used = HEADER_TEXT_OVER;
        return;
    }
    writer->used += (size_t)len + 1;
    request->headers[writer->count] = (struct curl_slist){.data = line, .next = common_headers};
    if (writer->count > 0) {
        request->headers[writer->count - 1].next = &request->headers[writer->count];
    }
    writer->count++;
}

static bool prepare_headers(struct request *request)
{
    const struct delivery *delivery = request->delivery;
    struct header_writer writer = {.request = request};

    header_add(&writer, "x-amz-sns-message-type", delivery->message_type);
    header_add(&writer, "x-amz-sns-message-id", delivery->message_id);
    header_add(&writer, "x-amz-sns-topic-arn", delivery->topic_arn);
    if (delivery->subscription_arn[0] != '\0') {
        header_add(&writer, "x-amz-sns-subscription-arn", delivery->subscription_arn);
    }
    if (delivery->raw) {
        header_add(&writer, "x-amz-sns-rawdelivery", "true");
    }
    header_add(&writer, "Content-Type", delivery->content_type);
    (void)curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
    return writer.used != HEADER_TEXT_OVER;
}

/* --- The rest. */

/* As AWS does it: first without, then what a 401 asks for. */
static void prepare_user(struct request *request)
{
    if (!request->url.has_user) {
        return;
    }
    (void)curl_easy_setopt(request->easy, CURLOPT_HTTPAUTH,
                           (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    (void)curl_easy_setopt(request->easy, CURLOPT_USERNAME, request->url.user);
    (void)curl_easy_setopt(request->easy, CURLOPT_PASSWORD, request->url.password);
}

bool request_prepare(struct request *request)
{
    const struct delivery *delivery = request->delivery;

    if (request->easy == NULL && !easy_open(request)) {
        return false;
    }
    answer_forget(request);
    vetted_apply(&request->vetted, &request->url, request->easy);
    prepare_user(request);
    (void)curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, (long)delivery->timeout_ms);
    (void)curl_easy_setopt(request->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)delivery->payload_size);
    (void)curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS,
                           delivery->payload_size > 0 ? delivery->payload : "");
    return prepare_headers(request)
           && curl_easy_setopt(request->easy, CURLOPT_URL, request->url.plain) == CURLE_OK;
}
