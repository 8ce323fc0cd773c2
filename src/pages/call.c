/* A page's question to the cell, from its parameters to its answer. */
#include "base/memory.h"
#include "pages/internal.h"

#define CALLS_MAX        16 /* at a time: people ask, and scripts of theirs */
#define ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)

static void call_over(struct page_call *call)
{
    if (call->page->end != NULL) {
        call->page->end(call);
    }
    call->pages->call_count--;
    arena_free(&call->arena);
    memory_free(call);
}

static void refuse(struct page_call *call, enum status status)
{
    static const struct {
        enum status status;
        int code;
    } codes[] = {{STATUS_INVALID, 400},
                 {STATUS_NOT_FOUND, 404},
                 {STATUS_EXISTS, 409},
                 {STATUS_BUSY, 503}};

    int code = 503;

    for (size_t i = 0; i < countof(codes); i++) {
        code = codes[i].status == status ? codes[i].code : code;
    }
    page_fail(call->request, code, "%s",
              call->why.text[0] != '\0' ? call->why.text : status_name(status));
}

static enum status on_run(struct call *call, struct step *step)
{
    struct page_call *this = container_of(call, struct page_call, call);

    return this->page->run(this, step);
}

static void on_done(struct call *call, enum status status)
{
    struct page_call *this = container_of(call, struct page_call, call);
    struct buffer body;

    if (status == STATUS_STORAGE && this->pages->cell == NULL) {
        page_fail(this->request, 503, "the server is loading its data anew: try again");
    } else if (status != STATUS_OK) {
        refuse(this, status);
    } else {
        buffer_init(&body, ANSWER_BYTES_MAX);
        buffer_add_byte(&body, '{');
        this->page->write(this, &body);
        buffer_add_byte(&body, '}');
        page_answer_json(this->request, 200, &body);
    }
    call_over(this);
}

void page_call_start(struct pages *pages, const struct page *page, struct http_request *request)
{
    struct page_call *call = memory_zero(page->call_size);
    bool is_ready = pages_are_ready(pages);

    call->pages = pages;
    call->page = page;
    call->request = request;
    call->call = (struct call){.run = on_run, .done = on_done, .only_reads = page->only_reads};
    pages->call_count++;
    if (!parameters_read(call) || (page->begin != NULL && !page->begin(call))) {
        refuse(call, STATUS_INVALID);
        call_over(call);
    } else if (!is_ready || pages->call_count > CALLS_MAX) {
        page_fail(request, 503, "%s: try again",
                  is_ready ? "too many of these are under way"
                           : "the server is loading its data or stopping");
        call_over(call);
    } else {
        cell_call(pages->cell, pages->options.now_ms(pages->options.context), &call->call);
    }
}
