/* The daemon's own pages: health, metrics, stories, dead letters, what mails link to. */
#ifndef PAGES_PAGES_H
#define PAGES_PAGES_H

#include "access/caller.h"
#include "api/api.h"
#include "metrics/metrics.h"
#include "settings/settings.h"

struct signer;

struct pages_options {
    const struct settings *settings;
    const char *version;                   /* of Fanfare */
    const struct service *const *services; /* NULL-terminated; for the health page */
    struct cell *cell;
    struct api *api;
    struct signer *signer;
    int64_t (*now_ms)(void *context); /* the cell's time */
    /* Where the figures of health and metrics are. */
    void (*sources)(void *context, struct metrics_sources *ret_sources);
    void *context;
};

struct pages;

struct pages *pages_create(const struct pages_options *options);
/* NULL is fine.  Pages that are being written are answered with an error. */
void pages_free(struct pages *pages);
/* The cell was dropped (NULL; cell_end has ended the calls in it), or is being loaded anew. */
void pages_set_cell(struct pages *pages, struct cell *cell);
/* The daemon is stopping: health says so, and no page asks the cell any more. */
void pages_stop(struct pages *pages);

/* Whether the request is for the pages: they have all that is below their folders. */
bool pages_own(const struct http_request *request);
/* Whether browsers may be sent to that page from anywhere. */
bool pages_are_open(const struct http_request *request);
/* Answers it, now or later; 403 where the page is for admins and the caller is none. */
void pages_request(struct pages *pages, struct http_request *request,
                   const struct caller *caller);
/* Goes on with a page that is sent in pieces, a piece of one of them in each turn of the loop.
 */
void pages_turn(struct pages *pages);
/* Whether there is one that could be gone on with now. */
bool pages_are_busy(const struct pages *pages);
/* Answers as pages refuse: {"error": "..."} */
void pages_refuse(struct http_request *request, int status, struct text reason);

#endif
