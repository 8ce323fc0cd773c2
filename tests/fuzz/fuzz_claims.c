/* Any bytes as the headers that say who asks, for what and where: what is let in is well
 * formed, what is refused is refused in UTF-8.  The lines are Host, Origin, Authorization,
 * X-Amz-Target, X-Amzn-Trace-Id, Content-Type and the query.
 * # link: api access */
#include "access/access.h"
#include "tests/unit/api/sample.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"origin", "authorization", "x-amz-target",
                                    "x-amzn-trace-id", "content-type"};

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < ' ' || text.at[i] > '~') {
            return false;
        }
    }
    return true;
}

static void knock(const struct http_request *http)
{
    static const struct text any[] = {TEXT("*")};
    const struct door doors[] = {{.public_url = TEXT("https://events.example.org")},
                                 {.allowed_hosts = any, .allowed_host_count = 1}};

    for (size_t i = 0; i < countof(doors); i++) {
        struct door_refusal refusal = {.status = 0};

        if (door_admits(&doors[i], http, false, &refusal)) {
            NEED(is_printable(http->host) && text_find(http->host, '/') == http->host.len);
        } else {
            NEED(refusal.status >= 400 && refusal.reason.len > 0);
            NEED(text_is_utf8(refusal.reason));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text rest = text_make(data, size);
    struct http_header headers[countof(names)];
    struct sample_request sample;
    struct params params = {0};

    sample_open(&sample);
    sample.http.headers = headers;
    sample.http.host = text_cut(&rest, '\n');
    for (size_t i = 0; i < countof(names); i++) {
        headers[i] = (struct http_header){text_from(names[i]), text_cut(&rest, '\n')};
    }
    sample.http.header_count = countof(names);
    sample.http.query = rest;
    sample.request.service = NULL;
    knock(&sample.http);
    enum status status = request_route(&sample.request, &params);

    NEED(is_printable(sample.request.region) && sample.request.region.len <= 32);
    NEED(is_printable(sample.request.access_key) && is_printable(sample.request.account));
    NEED(is_printable(trace_header_read(&sample.http)));
    NEED((status == STATUS_OK) == (sample.request.error == NULL));
    NEED(text_is_utf8(sample.request.message));
    sample_close(&sample);
    return 0;
}
