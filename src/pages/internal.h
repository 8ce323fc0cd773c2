/* Inside pages/: what a page is, and what all of them have in common. */
#ifndef PAGES_INTERNAL_H
#define PAGES_INTERNAL_H

#include "base/form.h"
#include "notification/notification.h"
#include "pages/pages.h"

struct pages {
    struct pages_options options;
    struct cell *cell; /* NULL: none */
    uint32_t call_count;
    struct list scrapes; /* pages of metrics that are being written: there is room for more */
    struct list waiting; /* and those whose readers have to take some first */
    uint32_t scrape_count;
    bool is_stopping;
};

/* --- A page is a row. */

enum parameter_kind {
    PARAMETER_TEXT,        /* struct text, in the call's arena */
    PARAMETER_NUMBER,      /* int64_t within least and most */
    PARAMETER_FLAG,        /* bool: "true" or "false" */
    PARAMETER_TIME,        /* int64_t, ms; as in AWS's dates, or seconds since 1970 */
    PARAMETER_ID,          /* struct page_id: a UUID */
    PARAMETER_SUBSCRIPTION /* struct page_id: the end of a subscription's ARN */
};

struct page_id {
    bool is_given;
    uint8_t id[16];
};

/* Of the query.  Absent and empty are the same. */
struct page_parameter {
    const char *name;
    enum parameter_kind kind;
    size_t offset; /* in the page's call */
    bool is_required;
    int64_t least, most; /* of a number */
    int64_t otherwise;   /* a number or time that is not given */
    const char *form;    /* for the refusal: what it must be */
};

struct page;

/* A page's question to the cell: the first member of the page's own struct, which is zeroed but
 * for its parameters. */
struct page_call {
    struct call call; /* private */
    struct pages *pages;
    const struct page *page;
    struct http_request *request;
    struct arena arena; /* until the answer */
    struct why why;     /* what run() or begin() refuse with */
};

struct page {
    const char *path;
    const char *method; /* "GET" (HEAD is one) or "POST" */
    bool is_prefix;     /* and everything that begins so */
    bool is_open;       /* for browsers that come from anywhere: a link in a mail, a probe */
    bool is_for_admins; /* shows or moves what is everybody's */
    const char *permission; /* what a caller must be allowed, once callers are told apart */
    /* Answers at once, or later by itself; NULL: the page asks the cell. */
    void (*show)(struct pages *pages, struct http_request *request);

    size_t call_size;
    const struct page_parameter *parameters; /* NULL-terminated by name, or NULL */
    /* Optional: what the parameters' rows cannot say; false with the reason in call->why: 400.
     */
    bool (*begin)(struct page_call *call);
    /* Inside the cell, restartable.  A reason in call->why goes with what is not STATUS_OK. */
    enum status (*run)(struct page_call *call, struct step *step);
    bool only_reads;
    /* The answer, JSON: inside the step that ended it, or when it is durable. */
    void (*write)(struct page_call *call, struct buffer *to);
    /* Optional: gives back what neither the arena nor the call has; the step may be gone. */
    void (*end)(struct page_call *call);
};

#define PARAMETERS_END \
    {                  \
        .name = NULL   \
    }

/* table.c */
extern const struct page *const pages_table[]; /* NULL-terminated */

/* --- Answers of pages that show by themselves. */

void page_answer(struct http_request *request, int status, struct text type, struct text body);
void page_answer_json(struct http_request *request, int status, struct buffer *take_body);
/* {"error": "..."} */
PRINTF_LIKE(3, 4)
void page_fail(struct http_request *request, int status, const char *format, ...);

/* call.c: reads the parameters, asks the cell, answers. */
void page_call_start(struct pages *pages, const struct page *page,
                     struct http_request *request);
/* Whether the cell can be asked now. */
bool pages_are_ready(const struct pages *pages);
/* parameters.c: into the call; false with the reason in call->why. */
MUST_CHECK bool parameters_read(struct page_call *call);

/* metrics.c: answers what is being written. */
void scrapes_end(struct pages *pages);

/* --- JSON (json.c): members of the object that is being written; commas come by themselves. */

void json_comma(struct buffer *to); /* unless a bracket was just opened */
void json_name(struct buffer *to, const char *name);
/* What is not UTF-8 in it, and NUL, which many readers of JSON refuse, is written as
 * replacement characters. */
void json_text(struct buffer *to, const char *name, struct text value);
void json_number(struct buffer *to, const char *name, int64_t value);
void json_boolean(struct buffer *to, const char *name, bool value);
void json_time(struct buffer *to, const char *name, int64_t time_ms); /* null for 0 */

/* Each page is in a file of its own, and in the table (table.c). */
extern const struct page page_health, page_health_localstack, page_metrics, page_certificate;
extern const struct page page_confirm_ask, page_confirm, page_unsubscribe_ask, page_unsubscribe;
extern const struct page page_sms_inbound, page_sms_inbound_post;
extern const struct page page_story;
extern const struct page page_replay_list, page_replay_start, page_replay_cancel;
extern const struct page page_dlq_list, page_dlq_messages, page_dlq_redrives, page_dlq_redrive;
extern const struct page page_dlq_drop;
extern const struct page page_rotate_secret;

#endif
