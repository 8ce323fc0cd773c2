/* The way in: every request passes the one policy of access/ before it is a page's or the
 * API's. */
#include "access/access.h"
#include "base/form.h"
#include "daemon/server.h"

/* The link that SNS's own confirmations carry, which people click in web mail: its token
 * proves that it was sent here. */
static bool is_confirmation(struct http_request *request)
{
    return text_equal(request->method, T("GET")) && text_equal(request->path, T("/"))
           && text_equal(form_find(request->arena, request->query, T("Action"), NULL),
                         T("ConfirmSubscription"))
           && form_find(request->arena, request->query, T("Token"), NULL).len > 0;
}

/* What no client of AWS's sends: answered as a page's refusals are, everywhere. */
static void answer_method(struct http_request *request, struct text reason)
{
    static const struct http_header allow = {TEXT("Allow"), TEXT("GET, HEAD, POST")};
    const struct http_response response = {
        .status = 405,
        .headers = &allow,
        .header_count = 1,
        .content_type = T("application/json"),
        .body = arena_printf(request->arena, "{\"error\":\"%.*s\"}\n", TEXT_PRINTF(reason))};

    http_respond(request, &response);
}

/* The name it was sent to is looked at here as well: a rebound one gets no answer. */
static void answer_preflight(const struct door *door, struct http_request *request)
{
    struct http_response response = {.status = 204};
    struct door_refusal refusal;
    struct http_request asked = *request;

    asked.method = T("POST");
    if (!door_admits(door, &asked, true, &refusal)) {
        response.status = refusal.status;
    }
    http_respond(request, &response);
}

static void refuse(struct server *server, struct http_request *request, bool is_page,
                   const struct door_refusal *refusal)
{
    if (refusal->status == 405) {
        answer_method(request, refusal->reason);
    } else if (is_page) {
        pages_refuse(request, refusal->status, refusal->reason);
    } else {
        api_refuse(server->api, request, refusal->status, refusal->code, refusal->reason);
    }
}

void door_request(struct server *server, struct http_request *request)
{
    const struct settings *settings = server->settings;
    const struct door door = {.public_url = settings->public_url,
                              .allowed_hosts = settings->allowed_hosts.items,
                              .allowed_host_count = settings->allowed_hosts.count,
                              .cors_origins = settings->cors_allowed_origins.items,
                              .cors_origin_count = settings->cors_allowed_origins.count};
    bool is_page = pages_own(request);
    bool is_shared = !is_page && cors_admits(&door, request);
    bool is_open = is_page ? pages_are_open(request) : is_shared || is_confirmation(request);
    struct door_refusal refusal;
    const struct caller_rules rules = {.admin_secret = server->admin_secret,
                                       .trusts_local = settings_trust_local(settings)};
    struct caller caller;

    caller_make(&rules, request, &caller);
    if (is_shared) {
        cors_answer_headers(&door, request);
    }
    if (is_shared && cors_is_preflight(&door, request)) {
        answer_preflight(&door, request);
    } else if (!door_admits(&door, request, is_open, &refusal)) {
        refuse(server, request, is_page, &refusal);
    } else if (is_page) {
        pages_request(server->pages, request, &caller);
    } else {
        api_request(server->api, request, &caller);
    }
}
