/* What an answer means. */
#include "deliverers/common/outcomes.h"

#include "deliverers/common/mutants.h"

#include <curl/curl.h>

#include <string.h>

struct status_text {
    int status;
    const char *text;
};

static const struct status_text status_texts[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently; redirects are not followed"},
    {302, "Found; redirects are not followed"},
    {303, "See Other; redirects are not followed"},
    {307, "Temporary Redirect; redirects are not followed"},
    {308, "Permanent Redirect; redirects are not followed"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
};

struct curl_row {
    CURLcode code;
    enum verdict verdict;
    const char *reason;
};

/* What is not here is a failure of the connection, and may work later. */
static const struct curl_row curl_rows[] = {
    {CURLE_URL_MALFORMAT, VERDICT_REFUSED, "not a valid URL"},
    {CURLE_COULDNT_RESOLVE_HOST, VERDICT_RETRY, "the host's name was not found"},
    {CURLE_COULDNT_CONNECT, VERDICT_RETRY, "no connection"},
    {CURLE_OPERATION_TIMEDOUT, VERDICT_RETRY, "no answer in time"},
    {CURLE_GOT_NOTHING, VERDICT_RETRY, "the connection was closed without an answer"},
    {CURLE_SEND_ERROR, VERDICT_RETRY, "the connection broke while sending"},
    {CURLE_RECV_ERROR, VERDICT_RETRY, "the connection broke before the answer"},
    {CURLE_PARTIAL_FILE, VERDICT_RETRY, "the answer was cut off"},
    {CURLE_WEIRD_SERVER_REPLY, VERDICT_RETRY, "the answer is not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, VERDICT_RETRY, "the answer is not HTTP"}, /* but HTTP/0.9 */
    {CURLE_HTTP2, VERDICT_RETRY, "the answer is not HTTP/2"},
    {CURLE_HTTP2_STREAM, VERDICT_RETRY, "the HTTP/2 stream was closed"},
    {CURLE_SSL_CONNECT_ERROR, VERDICT_RETRY, "no TLS connection"},
    {CURLE_PEER_FAILED_VERIFICATION, VERDICT_RETRY, "the TLS certificate is not trusted"},
    {CURLE_SSL_CERTPROBLEM, VERDICT_RETRY, "the client certificate cannot be used"},
    {CURLE_SSL_CACERT_BADFILE, VERDICT_RETRY, "the trusted certificates cannot be read"},
    {CURLE_WRITE_ERROR, VERDICT_RETRY, "the answer's head is too long"},
    {CURLE_OUT_OF_MEMORY, VERDICT_RETRY, "out of memory"},
};

enum verdict outcome_of_status(int status)
{
    if (status >= 200 && status <= (mutant("deliverers.redirect-delivers") ? 399 : 299)) {
        return VERDICT_DELIVERED;
    }
    if (status == 410 && !mutant("deliverers.gone-refused")) {
        return VERDICT_GONE;
    }
    return (status == 429 && !mutant("deliverers.too-many-refused"))
                   || (status >= 500 && status <= 599)
               ? VERDICT_RETRY
               : VERDICT_REFUSED;
}

const char *outcome_status_text(int status)
{
    for (size_t i = 0; i < sizeof status_texts / sizeof status_texts[0]; i++) {
        if (status_texts[i].status == status) {
            return status_texts[i].text;
        }
    }
    return "";
}

enum verdict outcome_of_curl(int code, const char **ret_reason)
{
    for (size_t i = 0; i < sizeof curl_rows / sizeof curl_rows[0]; i++) {
        if (curl_rows[i].code == (CURLcode)code) {
            *ret_reason = curl_rows[i].reason;
            return curl_rows[i].verdict;
        }
    }
    *ret_reason = "the connection failed";
    return VERDICT_RETRY;
}

struct smtp_row {
    const char *command; /* NULL: any */
    int code;            /* 0: any of 500 to 599 */
    enum verdict verdict;
    const char *advice;
};

/* The first that fits, of the 5xx. */
static const struct smtp_row smtp_rows[] = {
    {NULL, 530, VERDICT_RETRY, "it wants TLS or a password: see smtp.tls, smtp.user"},
    {NULL, 534, VERDICT_RETRY, "see smtp.user and smtp.tls"},
    {NULL, 535, VERDICT_RETRY, "see smtp.user and smtp.password"},
    {NULL, 538, VERDICT_RETRY, "see smtp.tls"},
    {"AUTH", 0, VERDICT_RETRY, "see smtp.user and smtp.password"},
    {"MAIL", 0, VERDICT_REFUSED, ""},
    {"RCPT", 0, VERDICT_REFUSED, ""},
    {"DATA", 0, VERDICT_REFUSED, ""},
    {NULL, 0, VERDICT_RETRY, ""}, /* greeting, EHLO, STARTTLS: not of this mail */
};

enum verdict outcome_of_smtp(const char *command, int code, const char **ret_advice)
{
    const struct smtp_row *row = smtp_rows;

    *ret_advice = "";
    if (code < 500) {
        return VERDICT_RETRY;
    }
    while ((row->code != 0 && row->code != code)
           || (row->command != NULL && strcmp(row->command, command) != 0)) {
        row++;
    }
    *ret_advice = row->advice;
    return row->verdict;
}

int64_t outcome_retry_after(int64_t seconds)
{
    if (seconds <= 0) {
        return 0;
    }
    if (mutant("deliverers.retry-after-unbounded")) {
        return seconds * 1000;
    }
    return seconds >= RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : seconds * 1000;
}
