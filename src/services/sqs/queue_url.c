/* Queue URLs: "<server>/<account>/<name>"; which server is of no interest. */
#include "services/common/names.h"
#include "services/sqs/internal.h"

struct text sqs_queue_url(struct request *request, const struct queue *queue)
{
    return arena_printf(request->arena, "%.*s/%.*s/%.*s", TEXT_PRINTF(request->base_url),
                        TEXT_PRINTF(queue->account), TEXT_PRINTF(queue->name));
}

/* What stands behind the last '/' of *text, which is cut off it. */
static struct text cut_last(struct text *text)
{
    size_t at = text->len;

    while (at > 0 && text->at[at - 1] != '/') {
        at--;
    }
    struct text last = text_after(*text, at);

    *text = text_first(*text, at > 0 ? at - 1 : 0);
    return last;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without the blanks around it, and without a '/' at its end: people paste them along. */
static struct text url_trim(struct text url)
{
    while (url.len > 0 && is_blank(url.at[0])) {
        url = text_after(url, 1);
    }
    while (url.len > 0 && is_blank(url.at[url.len - 1])) {
        url = text_first(url, url.len - 1);
    }
    return text_ends_with(url, T("/")) ? text_first(url, url.len - 1) : url;
}

/* A bare name is one of the caller's own queues: lenient, but never ambiguous. */
static struct queue_name name_of(const struct request *request, struct text url)
{
    struct text name = cut_last(&url);
    struct text account = cut_last(&url);

    return (struct queue_name){
        .account = text_is_account(account) ? account : request->account,
        .region = request->region,
        .name = name,
    };
}

enum status sqs_no_queue(struct request *request)
{
    return request_fail(request, &sqs_queue_does_not_exist,
                        request->wire == WIRE_JSON
                            ? "The specified queue does not exist."
                            : "The specified queue does not exist for this wsdl version.");
}

enum status sqs_queue(struct request *request, struct step *step, struct text url,
                      struct queue **ret_queue)
{
    url = url_trim(url.len > 0 ? url : request->queue_url);
    if (url.len == 0) {
        return sqs_missing(request, request->operation, T("QueueUrl"));
    }
    struct queue_name name = name_of(request, url);
    struct queue *queue = queue_find(queues_of(step), &name);

    if (queue == NULL) {
        return sqs_no_queue(request);
    }
    *ret_queue = queue;
    return STATUS_OK;
}

bool sqs_owns_path(struct request *request, struct text path, struct text *ret_queue_url)
{
    struct text rest = text_after(path, 1);
    struct text account = text_cut(&rest, '/');

    rest = url_trim(rest);
    if (!text_is_account(account) || rest.len == 0 || text_find(rest, '/') != rest.len) {
        return false;
    }
    *ret_queue_url = arena_copy(request->arena, path);
    return true;
}
