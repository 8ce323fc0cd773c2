#include "pages/dlq.h"

struct queue *dlq_queue(struct page_call *call, struct step *step, struct text name)
{
    const struct settings *settings = call->pages->options.settings;
    struct queue_name full = {settings->account, settings->region, name};
    struct queue *queue = text_starts_with(name, T("arn:"))
                              ? queue_find_arn(queues_of(step), name)
                              : queue_find(queues_of(step), &full);

    if (queue == NULL) {
        (void)fail(&call->why, STATUS_NOT_FOUND, "there is no queue %.*s", TEXT_PRINTF(name));
    }
    return queue;
}
