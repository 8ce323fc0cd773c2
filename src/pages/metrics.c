/* GET /metrics, for Prometheus. */
#include "pages/internal.h"

#define BYTES_MAX ((size_t)64 * 1024 * 1024)

static void show(struct pages *pages, struct http_request *request)
{
    struct metrics_sources sources;
    struct buffer body;

    pages->options.sources(pages->options.context, &sources);
    struct metrics_reading *reading = metrics_begin(&sources, true);

    buffer_init(&body, BYTES_MAX);
    while (metrics_write(reading, &sources, &body, BYTES_MAX) && !body.overflown) {
    }
    if (body.overflown) {
        page_fail(request, 500, "there is more than fits into one answer");
    } else {
        page_answer(request, 200, T("text/plain; version=0.0.4; charset=utf-8"),
                    buffer_text(&body));
    }
    metrics_end(reading);
    buffer_free(&body);
}

const struct page page_metrics = {
    .path = "/metrics", .method = "GET", .permission = "fanfare:ReadMetrics", .show = show};
