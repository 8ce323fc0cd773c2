/* Inside api/: parameters, routing, rendering. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"

/* More parameters than any operation has, and fewer than would hurt. */
#define PARAMS_MAX 8192
/* Elements of one list or map; AWS's own limits are far below, and services check theirs. */
#define ITEMS_MAX 1024

/* Decoded name=value pairs, sorted by name. */
struct params {
    struct string_pair *items;
    size_t count;
};

enum stage {
    STAGE_CELL,   /* its call is in the cell */
    STAGE_RENDER, /* its render() is under way */
    STAGE_OVER
};

/* What a request is routed by; see route.c. */
struct claim {
    struct text access_key;
    struct text region;
    struct text service; /* of the credential scope, or empty */
};

/* params.c: false with a static reason when the text is no form, or not UTF-8. */
MUST_CHECK bool params_parse(struct arena *arena, struct text form, struct params *params,
                             const char **ret_reason);
void params_sort(struct params *params);
/* The value, or text with at == NULL. */
struct text params_find(const struct params *params, struct text name);
bool params_have_prefix(const struct params *params, struct text prefix);

/* scope.c: what the request claims; all empty: nothing.  Fails the request when a part of it
 * could be none: nobody has verified it, and it goes into names that are stored. */
MUST_CHECK enum status claim_read(struct request *request, const struct params *params,
                                  struct claim *ret_claim);
/* The value of X-Amzn-Trace-Id when it can be one, else empty: a bad one is nobody's error. */
struct text trace_header_read(const struct http_request *http);

/* protocol_query.c, protocol_json.c: STATUS_OK or request_fail(). */
MUST_CHECK enum status query_decode(struct request *request, const struct params *params,
                                    const struct field *fields, void *ret_input);
MUST_CHECK enum status json_decode(struct request *request, struct text body,
                                   const struct field *fields, void *ret_input);
void query_render(const struct request *request, struct buffer *to);
void query_render_error(const struct request *request, struct buffer *to);
void json_render(const struct request *request, struct buffer *to);
void json_render_error(const struct request *request, struct buffer *to);
void query_json_render(const struct request *request, struct buffer *to);
void query_json_render_error(const struct request *request, struct buffer *to);

/* renderer.c: how answers are written. */
struct renderer {
    struct text content_type;
    bool has_error_header; /* x-amzn-query-error says what the error is called on Query */
    void (*render)(const struct request *request, struct buffer *to);
    void (*render_error)(const struct request *request, struct buffer *to);
};

extern const struct renderer renderer_xml;
/* By the request's protocol and what it accepts. */
const struct renderer *renderer_choose(const struct request *request,
                                       const struct params *params);

/* xml.c */
void xml_add_text(struct buffer *to, struct text text);

/* schema.c: what a field is called on Query, and a flat or nested map's two halves there. */
const char *field_query_name(const struct field *field);
const char *field_query_key(const struct field *field);
const char *field_query_value(const struct field *field);

/* Decoded base64, in the arena; as lenient as AWS: line breaks in it and a missing padding are
 * well. */
MUST_CHECK bool blob_decode(struct arena *arena, struct text base64, struct text *ret_bytes);

/* Whether a field's value was given. */
bool field_is_present(const struct field *field, const void *owner);
const void *field_of(const struct field *field, const void *owner);
void *field_in(const struct field *field, void *owner);
/* Every required field, those of nested structs too: STATUS_OK or service->missing(). */
MUST_CHECK enum status schema_check(struct request *request, const struct field *fields,
                                    const void *input);

/* route.c */
enum wire_protocol wire_of(const struct request *request);
/* Finds service and operation, decodes nothing but the form. */
MUST_CHECK enum status request_route(struct request *request, struct params *params);
/* Of request->service; fails the request when it has none that is served. */
MUST_CHECK enum status operation_find(struct request *request, struct text name);
const struct service *service_named(const struct api *api, struct text name); /* or NULL */

struct route {
    struct map_node map; /* by "sns.Publish" */
    struct text name;
    const struct service *service;
    const struct operation *operation; /* NULL: known, not served */
};

struct api {
    struct api_options options;
    struct route *routes;
    size_t route_count;
    struct map by_name;
    struct list under_way; /* struct request */
    struct buffer answer;  /* reused */
    struct api_counters counters;
    bool is_stopping;
    uint16_t port; /* see api_set_port */
};

const struct route *route_find(const struct api *api, const struct service *service,
                               struct text operation);
void routes_build(struct api *api);

#endif
