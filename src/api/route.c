/* Which service and operation a request means: by credential scope, X-Amz-Target, Version,
 * action, path; never by Host. */
#include "api/internal.h"
#include "base/memory.h"
#include "base/mutants.h"

#include <string.h>

#define ROUTE_NAME_MAX 256

static const struct error_kind error_missing_action = {.type = "UnknownOperationException",
                                                       .query = "MissingAction",
                                                       .http_status = 400,
                                                       .is_generic = true};

/* A queue's URL that is looked at and not told what to do. */
static const struct error_kind error_unknown_operation = {.type = "UnknownOperationException",
                                                          .query = "UnknownOperationException",
                                                          .http_status = 404,
                                                          .is_generic = true,
                                                          .is_bare = true};

/* What is asked of a place where no service answers. */
static const struct error_kind error_invalid_address = {.type = "InvalidAddress",
                                                        .query = "InvalidAddress",
                                                        .http_status = 404,
                                                        .is_generic = true};

/* --- The table of all operations. */

static struct text route_name(const char *service, struct text operation, char *space)
{
    struct text head = text_from(service);

    if (head.len + 1 + operation.len > ROUTE_NAME_MAX) {
        return (struct text){0};
    }
    memcpy(space, head.at, head.len);
    space[head.len] = '.';
    if (operation.len > 0) {
        memcpy(space + head.len + 1, operation.at, operation.len);
    }
    return text_make(space, head.len + 1 + operation.len);
}

const struct route *route_find(const struct api *api, const struct service *service,
                               struct text operation)
{
    char space[ROUTE_NAME_MAX];
    struct map_node *node =
        map_find(&api->by_name, route_name(service->name, operation, space));

    return node == NULL ? NULL : container_of(node, struct route, map);
}

static void route_add(struct api *api, const struct service *service, const char *name,
                      const struct operation *operation)
{
    char space[ROUTE_NAME_MAX];
    struct route *route = &api->routes[api->route_count];
    struct text key = route_name(service->name, text_from(name), space);

    if (map_find(&api->by_name, key) != NULL) {
        return;
    }
    route->name = text_make(memory_copy_text(key), key.len);
    route->service = service;
    route->operation = operation;
    map_insert(&api->by_name, &route->map, route->name);
    api->route_count++;
}

static size_t routes_count(const struct service *service)
{
    size_t count = 0;

    for (size_t i = 0; service->families[i] != NULL; i++) {
        for (const struct operation *row = service->families[i]; row->name != NULL; row++) {
            count++;
        }
    }
    for (size_t i = 0; service->unserved != NULL && service->unserved[i] != NULL; i++) {
        count++;
    }
    return count;
}

static void service_add(struct api *api, const struct service *service)
{
    for (size_t i = 0; service->families[i] != NULL; i++) {
        for (const struct operation *row = service->families[i]; row->name != NULL; row++) {
            route_add(api, service, row->name, row);
        }
    }
    for (size_t i = 0; service->unserved != NULL && service->unserved[i] != NULL; i++) {
        route_add(api, service, service->unserved[i], NULL);
    }
}

void routes_build(struct api *api)
{
    size_t count = 0;

    for (size_t i = 0; api->options.services[i] != NULL; i++) {
        count += routes_count(api->options.services[i]);
    }
    api->routes = memory_array(count + 1, sizeof *api->routes);
    for (size_t i = 0; api->options.services[i] != NULL; i++) {
        service_add(api, api->options.services[i]);
    }
}

/* --- The service. */

typedef bool service_test(const struct service *service, struct text wanted);

static bool is_named(const struct service *service, struct text wanted)
{
    return text_equal(text_from(service->name), wanted);
}

static bool has_version(const struct service *service, struct text wanted)
{
    return text_equal(text_from(service->version), wanted);
}

static bool has_target(const struct service *service, struct text wanted)
{
    return service->target_prefix != NULL
           && text_equal(text_from(service->target_prefix), wanted);
}

static const struct service *service_by(const struct api *api, service_test *test,
                                        struct text wanted)
{
    for (size_t i = 0; wanted.len > 0 && api->options.services[i] != NULL; i++) {
        if (test(api->options.services[i], wanted)) {
            return api->options.services[i];
        }
    }
    return NULL;
}

const struct service *service_named(const struct api *api, struct text name)
{
    return service_by(api, is_named, name);
}

/* The only service that knows such an action; AddPermission and the like are known to two. */
static const struct service *service_by_action(const struct api *api, struct text action)
{
    const struct service *found = NULL;
    size_t count = 0;

    for (size_t i = 0; api->options.services[i] != NULL; i++) {
        if (route_find(api, api->options.services[i], action) != NULL) {
            found = api->options.services[i];
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

static const struct service *service_by_path(struct request *request)
{
    const struct service *const *services = request->api->options.services;

    for (size_t i = 0; services[i] != NULL; i++) {
        if (services[i]->owns_path != NULL
            && services[i]->owns_path(request, request->http->path, &request->queue_url)) {
            return services[i];
        }
    }
    return NULL;
}

/* "sns, sqs, sts" */
static struct text services_list(struct request *request)
{
    const struct service *const *services = request->api->options.services;
    struct text list = {0};

    for (size_t i = 0; services[i] != NULL; i++) {
        list = arena_printf(request->arena, "%.*s%s%s", TEXT_PRINTF(list), i > 0 ? ", " : "",
                            services[i]->name);
    }
    return list;
}

static enum status no_service(struct request *request, struct text service, struct text action)
{
    struct text list = services_list(request);

    if (service.len > 0) {
        return request_fail(request, &error_invalid_action,
                            "This server speaks %.*s; it does not serve \"%.*s\": check the "
                            "client's endpoint URL.",
                            TEXT_PRINTF(list), TEXT_PRINTF(service));
    }
    if (action.len > 0) {
        return request_fail(
            request, &error_invalid_action,
            "The action %.*s is not valid for this endpoint, which speaks %.*s; "
            "sign the request or give its Version if two of them know it.",
            TEXT_PRINTF(action), TEXT_PRINTF(list));
    }
    return request_fail(request, &error_missing_action,
                        "The request names no action. This server speaks %.*s.",
                        TEXT_PRINTF(list));
}

/* --- All of it. */

static enum status not_valid_here(struct request *request, struct text name)
{
    return request_fail(request, &error_invalid_action,
                        "The action %.*s is not valid for this endpoint.", TEXT_PRINTF(name));
}

enum status operation_find(struct request *request, struct text name)
{
    bool is_at_queue = request->queue_url.len > 0 && request->wire == WIRE_QUERY;

    if (name.len == 0 && is_at_queue) {
        return request_fail(request, &error_unknown_operation,
                            "The request must contain the parameter Action.");
    }
    if (name.len == 0) {
        return request_fail(request, &error_missing_action,
                            "The request must contain the parameter Action.");
    }
    const struct route *route = route_find(request->api, request->service, name);

    if (route == NULL) {
        return not_valid_here(request, name);
    }
    if (route->operation == NULL) {
        return request_fail(request, &error_invalid_action,
                            "The action %.*s is not served by this server (yet).",
                            TEXT_PRINTF(name));
    }
    if (is_at_queue && route->operation->only_at_root) {
        return not_valid_here(request, name);
    }
    request->operation = route->operation;
    return STATUS_OK;
}

/* Checked before: see claim_read. */
static void claim_take(struct request *request, const struct claim *claim)
{
    int64_t number = 0;

    request->is_signed = true;
    request->access_key = claim->access_key;
    request->region = claim->region;
    if (claim->access_key.len == 12 && claim->access_key.at[0] != '-'
        && text_to_int64(claim->access_key, &number)) {
        request->account = claim->access_key;
    }
}

/* A form says that it is one, or nothing says what the body is. */
static bool has_form(const struct request *request, bool by_default)
{
    struct text type = http_request_header(request->http, T("Content-Type"));
    struct text form = T("application/x-www-form-urlencoded");

    return type.len == 0 ? by_default
                         : text_equal_ignore_case(text_first(type, form.len), form);
}

/* A form's body is Query, whatever X-Amz-Target says beside it: some clients always send one.
 */
enum wire_protocol wire_of(const struct request *request)
{
    bool has_target = http_request_header(request->http, T("X-Amz-Target")).len > 0;

    return has_target && !has_form(request, false) ? WIRE_JSON : WIRE_QUERY;
}

/* A POST whose body is something else means what its body says, which nobody here reads: what
 * its query names is not done.  Web pages can send such ones without being asked. */
static bool may_name_action(const struct request *request)
{
    return has_form(request, true) || mutant("api.any-body-acts")
           || !text_equal(request->http->method, T("POST"));
}

static enum status params_gather(struct request *request, struct params *params)
{
    const struct http_request *http = request->http;
    const char *reason = NULL;
    bool is_good = params_parse(request->arena, http->query, params, &reason);

    if (is_good && request->wire == WIRE_QUERY && has_form(request, true)) {
        is_good = params_parse(request->arena, http->body, params, &reason);
    }
    params_sort(params);
    return is_good ? STATUS_OK
                   : request_fail(request, &error_malformed, "The request is malformed: %s",
                                  reason);
}

/* The request's words for what it wants, whatever the protocol. */
struct wish {
    struct text service; /* of the credential scope */
    struct text target;  /* X-Amz-Target before the dot */
    struct text version;
    struct text action;
};

static const struct service *service_wished(struct request *request, const struct wish *wish)
{
    const struct api *api = request->api;
    const struct service *owner = service_by_path(request); /* which takes the queue's URL */
    const struct service *service = service_by(api, is_named, wish->service);

    if (service == NULL) {
        service = service_by(api, has_target, wish->target);
    }
    if (service != NULL || request->wire == WIRE_JSON) {
        return service;
    }
    /* Some clients take the service's name from the host's: an unknown one says nothing, unless
     * the Version is unknown, too: other services have actions of the same names. */
    service = service_by(api, has_version, wish->version);
    if (service == NULL && wish->service.len > 0 && wish->version.len > 0) {
        return NULL;
    }
    service = service != NULL ? service : owner;
    return service != NULL ? service : service_by_action(api, wish->action);
}

static bool is_served_here(const struct request *request)
{
    return text_equal(request->http->path, T("/")) || request->queue_url.len > 0;
}

enum status request_route(struct request *request, struct params *params)
{
    struct text rest = http_request_header(request->http, T("X-Amz-Target"));
    struct claim claim = {0};
    struct wish wish = {0};

    request->wire = wire_of(request);
    enum status status = params_gather(request, params);

    enum status claimed = claim_read(request, params, &claim);

    if (claimed == STATUS_OK && claim.service.len > 0) {
        claim_take(request, &claim);
    }
    status = status != STATUS_OK ? status : claimed;
    wish.service = claim.service;
    if (request->wire == WIRE_JSON) {
        wish.target = text_cut(&rest, '.');
        wish.action = rest;
    } else {
        wish.version = params_find(params, T("Version"));
        wish.action =
            may_name_action(request) ? params_find(params, T("Action")) : (struct text){0};
    }
    request->service = service_wished(request, &wish);
    if (status != STATUS_OK) {
        return status;
    }
    if (request->service == NULL) {
        return no_service(request, wish.service.len > 0 ? wish.service : wish.target,
                          wish.action);
    }
    if (!is_served_here(request)) {
        return request_fail(request, &error_invalid_address,
                            "The address %.*s is not valid for this endpoint.",
                            TEXT_PRINTF(request->http->path));
    }
    if (request->wire == WIRE_JSON && !has_target(request->service, wish.target)) {
        return request_fail(request, &error_invalid_action,
                            "The target %.*s is not valid for this endpoint.",
                            TEXT_PRINTF(wish.target));
    }
    return operation_find(request, wish.action);
}
