/* GET /metrics, for Prometheus: sent a piece in each turn of the loop, as its reader takes it,
 * so that however many queues there are, others are served meanwhile and no page is held whole.
 * One that is not whole at its end is one that a client can tell. */
#include "base/memory.h"
#include "pages/internal.h"

#define PIECE_BYTES  ((size_t)32 * 1024)
#define PIECE_MOST   ((size_t)1024 * 1024) /* with the longest line behind it */
#define READINGS_MAX 8                     /* at a time */

/* One page that is being sent. */
struct scrape {
    struct list_node node; /* in pages->scrapes, while there is room; else in pages->waiting */
    struct pages *pages;
    struct http_request *request;
    struct metrics_reading *reading;
    struct buffer piece;
};

static void scrape_free(struct scrape *scrape)
{
    scrape->pages->scrape_count--;
    list_remove(&scrape->node);
    metrics_end(scrape->reading);
    buffer_free(&scrape->piece);
    memory_free(scrape);
}

static void on_drained(void *context)
{
    struct scrape *scrape = context;

    list_remove(&scrape->node);
    list_push(&scrape->pages->scrapes, &scrape->node);
}

/* A piece more, or the end. */
static void scrape_turn(struct scrape *scrape)
{
    struct pages *pages = scrape->pages;
    struct metrics_sources sources;

    pages->options.sources(pages->options.context, &sources);
    buffer_clear(&scrape->piece);
    bool has_more = metrics_write(scrape->reading, &sources, &scrape->piece, PIECE_BYTES);
    bool is_broken = scrape->piece.overflown;
    bool has_room = !is_broken && http_write(scrape->request, buffer_text(&scrape->piece));

    if (is_broken) {
        http_abort(scrape->request);
        scrape_free(scrape);
    } else if (!has_more) {
        http_end(scrape->request);
        scrape_free(scrape);
    } else if (!has_room) {
        list_remove(&scrape->node);
        list_push(&pages->waiting, &scrape->node);
    }
}

static void show(struct pages *pages, struct http_request *request)
{
    const struct http_response head = {
        .status = 200, .content_type = T("text/plain; version=0.0.4; charset=utf-8")};
    struct metrics_sources sources;

    if (pages->scrape_count >= READINGS_MAX) {
        page_fail(request, 503, "%d readings are under way: try again", READINGS_MAX);
        return;
    }
    struct scrape *scrape = memory_zero(sizeof *scrape);
    const struct http_stream stream = {.drained = on_drained, .context = scrape};

    pages->options.sources(pages->options.context, &sources);
    pages->scrape_count++;
    scrape->pages = pages;
    scrape->request = request;
    scrape->reading = metrics_begin(&sources, pages->options.settings->metrics_per_object);
    buffer_init(&scrape->piece, PIECE_MOST);
    list_push(&pages->scrapes,
              &scrape->node); /* pages_turn writes it, whoever asks how often */
    http_begin(request, &head, &stream);
}

bool pages_are_busy(const struct pages *pages)
{
    return !list_is_empty(&pages->scrapes);
}

void pages_turn(struct pages *pages)
{
    struct list_node *node = list_pop(&pages->scrapes);

    if (node != NULL) { /* to the end: the next turn is another's */
        list_push(&pages->scrapes, node);
        scrape_turn(container_of(node, struct scrape, node));
    }
}

void scrapes_end(struct pages *pages)
{
    struct list_node *node = NULL;

    while ((node = list_first(&pages->scrapes)) != NULL
           || (node = list_first(&pages->waiting)) != NULL) {
        struct scrape *scrape = container_of(node, struct scrape, node);

        http_abort(scrape->request);
        scrape_free(scrape);
    }
}

const struct page page_metrics = {
    .path = "/metrics", .method = "GET", .permission = "fanfare:ReadMetrics", .show = show};
