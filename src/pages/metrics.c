/* GET /metrics, for Prometheus: written a piece in each turn of the loop, so that however many
 * queues there are, others are served meanwhile; the whole of it or an error, never a part. */
#include "base/memory.h"
#include "pages/internal.h"

#define PAGE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define PIECE_BYTES    ((size_t)128 * 1024)
#define READINGS_MAX   2 /* at a time: each holds a page */

/* One page that is being written. */
struct scrape {
    struct list_node node; /* in pages->scrapes */
    struct http_request *request;
    struct metrics_reading *reading;
    struct buffer body;
};

static void scrape_free(struct scrape *scrape)
{
    list_remove(&scrape->node);
    metrics_end(scrape->reading);
    buffer_free(&scrape->body);
    memory_free(scrape);
}

static void scrape_answer(struct scrape *scrape)
{
    if (scrape->body.overflown) {
        page_fail(scrape->request, 503,
                  "the page is larger than %zu MiB: metrics_per_object: false leaves out what "
                  "has a line for each queue or subscription",
                  PAGE_BYTES_MAX >> 20);
    } else {
        page_answer(scrape->request, 200, T("text/plain; version=0.0.4; charset=utf-8"),
                    buffer_text(&scrape->body));
    }
    scrape_free(scrape);
}

/* A piece more, or the answer. */
static void scrape_turn(struct pages *pages, struct scrape *scrape)
{
    struct metrics_sources sources;

    pages->options.sources(pages->options.context, &sources);
    if (!metrics_write(scrape->reading, &sources, &scrape->body, PIECE_BYTES)
        || scrape->body.overflown) {
        scrape_answer(scrape);
    }
}

static void show(struct pages *pages, struct http_request *request)
{
    struct metrics_sources sources;
    struct scrape *scrape = NULL;
    size_t count = 0;

    list_each (node, &pages->scrapes) {
        (void)node;
        count++;
    }
    if (count >= READINGS_MAX) {
        page_fail(request, 503, "%d readings are under way: try again", READINGS_MAX);
        return;
    }
    pages->options.sources(pages->options.context, &sources);
    scrape = memory_zero(sizeof *scrape);
    scrape->request = request;
    scrape->reading = metrics_begin(&sources, pages->options.settings->metrics_per_object);
    buffer_init(&scrape->body, PAGE_BYTES_MAX);
    list_push(&pages->scrapes,
              &scrape->node); /* pages_turn writes it, whoever asks how often */
}

bool pages_turn(struct pages *pages)
{
    struct list_node *node = list_pop(&pages->scrapes);

    if (node != NULL) { /* to the end: the next turn is another's */
        list_push(&pages->scrapes, node);
        scrape_turn(pages, container_of(node, struct scrape, node));
    }
    return !list_is_empty(&pages->scrapes);
}

void scrapes_end(struct pages *pages)
{
    struct list_node *node = NULL;

    while ((node = list_first(&pages->scrapes)) != NULL) {
        struct scrape *scrape = container_of(node, struct scrape, node);

        page_fail(scrape->request, 503, "the server is stopping");
        scrape_free(scrape);
    }
}

const struct page page_metrics = {
    .path = "/metrics", .method = "GET", .permission = "fanfare:ReadMetrics", .show = show};
