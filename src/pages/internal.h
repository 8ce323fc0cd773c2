/* Inside daemon/: what the pages under /_fanfare/ have in common. */
#ifndef DAEMON_PAGES_H
#define DAEMON_PAGES_H

#include "daemon/server.h"

/* --- Asking the cell: a call of a page's own, answered when the cell is done with it. */

struct page_call {
    struct call call; /* run, leave and only_reads are the page's */
    struct server *server;
    struct http_request *request;
    /* Answers: on STATUS_OK from inside the step that ended it, or when it is durable. */
    void (*finish)(struct page_call *call, enum status status);
    /* Frees what it has and the call itself; `step` may be gone. */
    void (*drop)(struct page_call *call);
};

/* Takes the call over: an answer, by finish() or because the cell is gone, then drop(). */
void page_call_start(struct server *server, struct http_request *request,
                     struct page_call *take_call);

/* --- Answers. */

void page_answer(struct http_request *request, int status, struct text type, struct text body);
void page_answer_json(struct http_request *request, int status, struct buffer *take_body);
/* {"error": "..."} */
PRINTF_LIKE(3, 4)
void page_fail(struct http_request *request, int status, const char *format, ...);

/* A parameter of the query, decoded into the request's arena; at == NULL: not given. */
struct text page_parameter(struct http_request *request, struct text name);
/* The id at the end of a subscription's ARN. */
MUST_CHECK bool page_subscription_id(struct text arn, uint8_t ret_id[16]);

/* --- JSON: members of the object that is being written; commas come by themselves. */

void json_comma(struct buffer *to); /* unless a bracket was just opened */
void json_name(struct buffer *to, const char *name);
/* What is not UTF-8 in it, and NUL, which many readers of JSON refuse, is written as
 * replacement characters. */
void json_text(struct buffer *to, const char *name, struct text value);
void json_number(struct buffer *to, const char *name, int64_t value);
void json_boolean(struct buffer *to, const char *name, bool value);
void json_time(struct buffer *to, const char *name, int64_t time_ms); /* null for 0 */

/* --- The pages of other files than admin.c. */
void page_story(struct server *server, struct http_request *request);
void page_dlq_list(struct server *server, struct http_request *request);
void page_dlq_messages(struct server *server, struct http_request *request);
void page_dlq_redrives(struct server *server, struct http_request *request);
void page_dlq_redrive(struct server *server, struct http_request *request);
void page_dlq_drop(struct server *server, struct http_request *request);
void page_rotate_secret(struct server *server, struct http_request *request);
void page_replay_start(struct server *server, struct http_request *request);
void page_replay_list(struct server *server, struct http_request *request);
void page_replay_cancel(struct server *server, struct http_request *request);

#endif
