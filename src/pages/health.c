/* GET /_fanfare/health (and /_localstack/health, where tools of tests look). */
#include "pages/internal.h"

static bool is_tight(const struct pages *pages, const struct metrics_sources *sources)
{
    return store_free_bytes(sources->store)
           < (uint64_t)pages->options.settings->free_space_watermark;
}

static const char *status_word(const struct pages *pages, const struct metrics_sources *sources)
{
    bool is_degraded =
        sources->signing_failed || is_tight(pages, sources) || cell_damaged(sources->cell) > 0;

    return pages->is_stopping ? "stopping" : is_degraded ? "degraded" : "ok";
}

static const char *signing_word(const struct pages *pages,
                                const struct metrics_sources *sources)
{
    bool has_key = signer_certificate_name(pages->options.signer).len > 0;

    return sources->signing_failed ? "failed" : has_key ? "ok" : "starting";
}

static void write_services(const struct pages *pages, struct buffer *to)
{
    json_name(to, "services");
    buffer_add_byte(to, '{');
    for (const struct service *const *service = pages->options.services; *service != NULL;
         service++) {
        json_text(to, (*service)->name, T("running"));
    }
    buffer_add_byte(to, '}');
}

static void show(struct pages *pages, struct http_request *request)
{
    struct metrics_sources sources;
    struct buffer body;

    pages->options.sources(pages->options.context, &sources);
    struct router_progress progress = router_progress(cell_router(sources.cell));

    buffer_init(&body, 65536);
    buffer_add_byte(&body, '{');
    json_text(&body, "status", text_from(status_word(pages, &sources)));
    json_text(&body, "version", text_from(pages->options.version));
    write_services(pages, &body);
    json_number(&body, "subscriptions_loaded", (int64_t)progress.subscriptions_loaded);
    json_boolean(&body, "indexes_complete", progress.done);
    json_text(&body, "disk", text_from(is_tight(pages, &sources) ? "low" : "ok"));
    json_number(&body, "damaged_records", (int64_t)cell_damaged(sources.cell));
    json_text(&body, "signing", text_from(signing_word(pages, &sources)));
    buffer_add_byte(&body, '}');
    page_answer_json(request, pages->is_stopping ? 503 : 200, &body);
}

#define HEALTH_PAGE(name, path_) \
    const struct page name = {.path = (path_), .method = "GET", .is_open = true, .show = show}

HEALTH_PAGE(page_health, "/_fanfare/health");
HEALTH_PAGE(page_health_localstack, "/_localstack/health");
