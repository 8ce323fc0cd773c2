/* The AWS wire, service-agnostic: operations as tables, two protocols behind one schema. */
#ifndef API_API_H
#define API_API_H

#include "access/caller.h"
#include "core/core.h"
#include "net/net.h"

/* --- Schema: one description of a struct serves Query and JSON, decoding and rendering. */

enum field_type {
    FIELD_STRING,      /* struct text; at == NULL when absent */
    FIELD_BLOB,        /* struct text, base64 on the wire; at == NULL when absent */
    FIELD_INTEGER,     /* struct optional_integer */
    FIELD_BOOLEAN,     /* struct optional_boolean */
    FIELD_STRING_LIST, /* struct string_list */
    FIELD_STRING_MAP,  /* struct string_map */
    FIELD_STRUCT,      /* the struct itself; `of` describes it */
    FIELD_STRUCT_LIST, /* struct struct_list of `of`, each of_size bytes */
    FIELD_STRUCT_MAP   /* struct struct_map: names and of_size structs */
};

struct optional_integer {
    bool is_set;
    int64_t value;
};

struct optional_boolean {
    bool is_set;
    bool value;
};

struct string_list {
    struct text *items;
    size_t count;
    bool is_set;
};

struct string_pair {
    struct text name;
    struct text value;
};

struct string_map {
    struct string_pair *items; /* in wire order */
    size_t count;
    bool is_set;
};

struct struct_list {
    void *items;
    size_t count;
    bool is_set;
};

struct struct_map {
    struct text *names;
    void *items;
    size_t count;
    bool is_set;
};

/* How a list or map is spelled on the Query protocol. */
enum query_shape {
    QUERY_MEMBER, /* Name.member.N (SNS lists), Name.entry.N.key/.value (SNS maps) */
    QUERY_FLAT    /* query.N (SQS), query.N.Name/.Value */
};

struct field {
    const char *name;       /* on JSON, and on Query unless `query` says otherwise */
    const char *query;      /* flattened or different name on Query, or NULL */
    const char *query_json; /* in JSON answers of the Query protocol, or NULL: `name` */
    const char *query_key;  /* of a map: "key", "Name", "Key"; NULL: by shape */
    const char *query_value;
    enum field_type type;
    enum query_shape shape;
    bool required;
    size_t offset;
    const struct field *of; /* FIELDS_END-terminated */
    size_t of_size;
};

#define FIELDS_END   \
    {                \
        .name = NULL \
    }

/* --- Errors. */

struct error_kind {
    const char *type;  /* JSON __type tail: "QueueDoesNotExist" */
    const char *query; /* Query code: "AWS.SimpleQueueService.NonExistentQueue" */
    int http_status;
    bool is_receiver; /* "Receiver" instead of "Sender" */
    bool is_generic;  /* JSON prefix com.amazon.coral.service# */
    bool is_bare;     /* in XML its type is the only element, and empty */
};

/* The common ones; a service adds its own as constants of this type. */
extern const struct error_kind error_invalid_action;
extern const struct error_kind error_missing_parameter;
extern const struct error_kind error_malformed;
extern const struct error_kind error_internal;
extern const struct error_kind error_unavailable; /* 503 */

/* --- Operations. */

struct request;
struct renderer;
struct service;

struct operation {
    const char *name;
    const char *permission; /* IAM action: "sns:CreateTopic" */
    const struct field *input;
    size_t input_size;
    const struct field *output; /* NULL: answers without a body (JSON) or result (Query) */
    size_t output_size;
    bool only_reads;   /* the answer does not wait for the disk */
    bool only_at_root; /* not valid at a path of the service's own */
    bool is_long_poll; /* may wait for seconds: at a stop it is answered with what it has */
    /* Inside the core, restartable: STATUS_OK with *output filled (texts in request->arena),
     * STATUS_WAIT, or request_fail(). */
    enum status (*handle)(struct request *request, struct step *step, const void *input,
                          void *output);
    /* Optional, inside the core, once, when handle is done or its client has gone: takes back
     * what it has in there (a timer, a place in a wait list).  `input` and `output` as handle
     * saw them. */
    void (*leave)(struct request *request, struct step *step, void *input, void *output);
    /* Optional, outside the core, after handle: completes the output (bodies, signatures) and
     * then calls request_finish(), now or later. */
    void (*render)(struct request *request, void *output);
    /* Optional: the request is over (answered or its client gone): give back what is held. */
    void (*release)(struct request *request, void *output);
};

#define OPERATIONS_END \
    {                  \
        .name = NULL   \
    }

struct service {
    const char *name;    /* credential scope: "sns" */
    const char *version; /* of the Query protocol: "2010-03-31" */
    const char *xml_namespace;
    const char *target_prefix;    /* X-Amz-Target before the dot: "AmazonSQS"; NULL: no JSON */
    const char *json_type_prefix; /* "com.amazonaws.sqs#" */
    bool speaks_json_1_1;         /* instead of 1.0: its errors have no header either */
    bool error_has_detail;        /* SQS's XML errors carry <Detail/> */
    const struct operation *const
        *families; /* NULL-terminated list of OPERATIONS_END-ed tables */
    /* Names of the service's further operations, NULL-terminated: known, not served (yet). */
    const char *const *unserved;
    /* What a missing required parameter is called. */
    enum status (*missing)(struct request *request, const struct operation *operation,
                           struct text name);
    /* GET and POST on a path of the service's own (queue URLs); may be NULL. true: it is one,
     * and *ret_queue_url was made of it. */
    bool (*owns_path)(struct request *request, struct text path, struct text *ret_queue_url);
};

enum wire_protocol {
    WIRE_QUERY,
    WIRE_JSON
};

/* One AWS request from arrival to answer. */
struct request {
    struct call call;
    struct api *api;
    struct http_request *http;
    struct caller caller;
    const struct service *service;
    const struct operation *operation;
    enum wire_protocol wire;
    struct arena *arena;
    struct text account; /* 12 digits */
    struct text region;
    struct text access_key; /* as claimed; verified by access/ later */
    bool is_signed;
    struct text base_url;     /* public_url, or "http://<Host>" */
    struct text request_id;   /* uuid */
    struct text queue_url;    /* from the path (see owns_path), or empty */
    struct text trace_header; /* X-Amzn-Trace-Id, or empty */
    void *input;
    void *output;
    const struct error_kind *error;
    struct text message;             /* of the error */
    const struct renderer *renderer; /* private */
    struct own_call *own;            /* private: the daemon's own, http is NULL then */
    struct arena own_arena;          /* private */
    struct list_node node;           /* private */
    int stage;                       /* private */
    bool is_gone;                    /* private: nobody waits for the answer any more */
};

/* Records the error and returns STATUS_INVALID, for `return request_fail(...)`. */
PRINTF_LIKE(3, 4)
enum status request_fail(struct request *request, const struct error_kind *kind,
                         const char *format, ...);
/* Renders request->output (or request->error) and answers; the request is gone. */
void request_finish(struct request *request);

struct signer;

struct api_options {
    struct cell *cell;
    int64_t (*now_ms)(void *context); /* the cell's time */
    struct random *random;
    const struct service *const *services; /* NULL-terminated */
    struct text default_account;
    struct text default_region;
    struct text public_url; /* or empty */
    struct signer *signer;
    /* Whether there is a deliverer for that protocol.  May be NULL: for none. */
    bool (*delivers)(void *context, struct text protocol);
    /* Whether anything can ever deliver there; else false and the reason.  May be NULL. */
    bool (*accepts)(void *context, struct text protocol, struct text endpoint, struct why *why);
    /* Whether the deliverer of that protocol can use this value of Fanfare.<name>; else false
     * and the reason.  May be NULL: any. */
    bool (*accepts_setting)(void *context, struct text protocol, struct text name,
                            struct text value, struct why *why);
    void *accepts_context;
};

struct api *api_create(const struct api_options *options);
void api_free(struct api *api);
struct signer *api_signer(struct api *api);
/* For Subscribe; see api_options. */
bool api_delivers(struct api *api, struct text protocol);
bool api_accepts(struct api *api, struct text protocol, struct text endpoint, struct why *why);
/* For Subscribe and SetSubscriptionAttributes; see api_options. */
bool api_accepts_setting(struct api *api, struct text protocol, struct text name,
                         struct text value, struct why *why);
/* One HTTP request that is not the daemon's own page: decodes, calls the cell, answers. */
void api_request(struct api *api, struct http_request *http, const struct caller *caller);
/* One that nobody is to look at: answered with that status and code in the form that the client
 * reads.  `code` is static. */
void api_refuse(struct api *api, struct http_request *http, int status, const char *code,
                struct text reason);
/* The client of a request under way has gone. */
void api_gone(struct api *api, struct http_request *http);
/* The cell was dropped (NULL; cell_end has ended the calls in it), or loaded anew. */
void api_set_cell(struct api *api, struct cell *cell);

/* The port that requests come to: goes into URLs where a client's Host lacks it. */
void api_set_port(struct api *api, uint16_t port);

/* An operation that the daemon itself asks for (the configuration's resources), by the default
 * account and region; decoded, checked and run like a client's. */
struct own_call {
    struct text service; /* "sns" */
    struct text form;    /* "Action=CreateTopic&Name=orders"; must stay until done */
    /* Now (from inside api_own_call) or later; `body`, the answer, is borrowed. */
    void (*done)(struct own_call *call, int http_status, struct text body);
};

void api_own_call(struct api *api, struct own_call *call);
/* The daemon is stopping: long polls are answered now, with what they have. */
void api_stop(struct api *api);

struct api_counters {
    uint64_t requests, errors_client, errors_server, under_way;
};

struct api_counters api_counters(const struct api *api);

#endif
