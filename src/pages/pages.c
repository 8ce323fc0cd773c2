/* Which page a request is for, and how pages answer. */
#include "base/memory.h"
#include "pages/internal.h"

#include <stdarg.h>
#include <stdio.h>

/* --- Life. */

struct pages *pages_create(const struct pages_options *options)
{
    struct pages *pages = memory_zero(sizeof *pages);

    pages->options = *options;
    pages->cell = options->cell;
    list_init(&pages->scrapes);
    list_init(&pages->waiting);
    return pages;
}

void pages_free(struct pages *pages)
{
    if (pages != NULL) {
        scrapes_end(pages);
        memory_free(pages);
    }
}

void pages_set_cell(struct pages *pages, struct cell *cell)
{
    pages->cell = cell;
}

void pages_stop(struct pages *pages)
{
    pages->is_stopping = true;
}

bool pages_are_ready(const struct pages *pages)
{
    return !pages->is_stopping && pages->cell != NULL && cell_is_ready(pages->cell);
}

/* --- Which page. */

static bool page_is(const struct page *page, const struct http_request *request)
{
    return page->is_prefix ? text_starts_with(request->path, text_from(page->path))
                           : text_equal(request->path, text_from(page->path));
}

static bool page_takes(const struct page *page, struct text method)
{
    return text_equal(method, text_from(page->method))
           || (text_equal(method, T("HEAD")) && text_equal(text_from(page->method), T("GET")));
}

/* The first page of that path, or NULL. */
static const struct page *page_find(const struct http_request *request)
{
    for (const struct page *const *page = pages_table; *page != NULL; page++) {
        if (page_is(*page, request)) {
            return *page;
        }
    }
    return NULL;
}

/* Folders of pages: nothing else is below them. */
static bool is_in_folder(struct text path)
{
    static const struct text folders[] = {TEXT("/_fanfare"), TEXT("/_localstack")};

    for (size_t i = 0; i < countof(folders); i++) {
        struct text rest = text_after(path, folders[i].len);

        if (text_starts_with(path, folders[i]) && (rest.len == 0 || rest.at[0] == '/')) {
            return true;
        }
    }
    return false;
}

bool pages_own(const struct http_request *request)
{
    return page_find(request) != NULL || is_in_folder(request->path);
}

bool pages_are_open(const struct http_request *request)
{
    const struct page *page = page_find(request);

    return page != NULL && page->is_open;
}

static void page_show(struct pages *pages, const struct page *page,
                      struct http_request *request, const struct caller *caller)
{
    if (page->is_for_admins && !caller->is_admin) {
        page_fail(request, 403, "%s", CALLER_ADVICE);
    } else if (page->show != NULL) {
        page->show(pages, request);
    } else {
        page_call_start(pages, page, request);
    }
}

void pages_request(struct pages *pages, struct http_request *request,
                   const struct caller *caller)
{
    const char *allowed = NULL;

    for (const struct page *const *page = pages_table; *page != NULL; page++) {
        if (!page_is(*page, request)) {
            continue;
        }
        allowed = (*page)->method;
        if (!page_takes(*page, request->method)) {
            continue;
        }
        page_show(pages, *page, request, caller);
        return;
    }
    if (allowed != NULL) {
        page_fail(request, 405, "only %s", allowed);
    } else {
        page_fail(request, 404, "there is no such page");
    }
}

/* --- Answers. */

void page_answer(struct http_request *request, int status, struct text type, struct text body)
{
    struct http_response response = {.status = status, .content_type = type, .body = body};

    http_respond(request, &response);
}

void page_answer_json(struct http_request *request, int status, struct buffer *take_body)
{
    buffer_add_byte(take_body, '\n');
    if (take_body->overflown) {
        page_fail(request, 500, "the answer is too large");
    } else {
        page_answer(request, status, T("application/json"), buffer_text(take_body));
    }
    buffer_free(take_body);
}

void pages_refuse(struct http_request *request, int status, struct text reason)
{
    struct buffer body;

    buffer_init(&body, (size_t)16 * WHY_MAX);
    buffer_add_byte(&body, '{');
    json_text(&body, "error", reason);
    buffer_add_byte(&body, '}');
    page_answer_json(request, status, &body);
}

void page_fail(struct http_request *request, int status, const char *format, ...)
{
    char text[WHY_MAX];
    va_list arguments;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pages_refuse(request, status, text_from(text));
}
