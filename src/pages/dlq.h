/* Inside pages/: what the pages of dead-letter queues share. */
#ifndef PAGES_DLQ_H
#define PAGES_DLQ_H

#include "pages/internal.h"

/* The parameter that names the queue. */
#define DLQ_QUEUE(type, member)                                                          \
    {                                                                                    \
        "queue", PARAMETER_TEXT, offsetof(type, member), .is_required = true,            \
                                                         .form = "a queue's ARN or name" \
    }

/* By its ARN, or its name in the daemon's own account and region; NULL with the reason in
 * call->why: there is none. */
struct queue *dlq_queue(struct page_call *call, struct step *step, struct text name);

#endif
