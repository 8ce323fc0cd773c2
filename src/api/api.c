/* The life of one AWS request: routed, decoded, run in the cell, rendered, answered. */
#include "api/internal.h"
#include "base/memory.h"
#include "base/must.h"

/* An answer holds at most ten messages of 1 MiB, escaped sixfold in XML at worst. */
#define ANSWER_MAX ((size_t)80 * 1024 * 1024)
/* A larger answer's buffer is given back, smaller ones are kept for the next. */
#define ANSWER_KEPT ((size_t)1024 * 1024)

static void request_fail_by_status(struct request *request, enum status status)
{
    switch ((int)status) {
    case STATUS_FULL:
    case STATUS_BUSY:
        (void)request_fail(request, &error_unavailable, "The server cannot take this now.");
        break;
    case STATUS_STORAGE:
        (void)request_fail(request, &error_internal,
                           "The change could not be stored; it may or may not have happened.");
        break;
    default:
        (void)request_fail(request, &error_internal, "The request failed (%s).",
                           status_name(status));
        break;
    }
}

/* --- Answering. */

static void request_over(struct request *request)
{
    if (request->operation != NULL && request->operation->release != NULL
        && request->output != NULL) {
        request->operation->release(request, request->output);
    }
    request->stage = STAGE_OVER;
    list_remove(&request->node);
    request->api->counters.under_way--;
}

static void render(const struct request *request, struct buffer *to)
{
    if (request->error != NULL) {
        request->renderer->render_error(request, to);
    } else {
        request->renderer->render(request, to);
    }
}

static void answer_http(struct request *request, int status)
{
    struct buffer *answer = &request->api->answer;
    struct http_header headers[2] = {
        {T("x-amzn-RequestId"), request->request_id},
    };
    struct http_response response = {
        .status = status,
        .headers = headers,
        .header_count = 1,
        .content_type = request->renderer->content_type,
        .body = buffer_text(answer),
    };

    if (request->error != NULL && request->renderer->has_error_header) {
        headers[1] = (struct http_header){
            T("x-amzn-query-error"),
            arena_printf(request->arena, "%s;%s", request->error->query,
                         request->error->is_receiver ? "Receiver" : "Sender")};
        response.header_count = 2;
    }
    http_respond(request->http, &response);
}

static void answer_own(struct request *request, int status)
{
    struct own_call *own = request->own;
    struct text body = arena_copy(&request->own_arena, buffer_text(&request->api->answer));

    own->done(own, status, body);
    arena_free(&request->own_arena);
    memory_free(request);
}

void request_finish(struct request *request)
{
    struct api *api = request->api;
    int status = request->error == NULL ? 200 : request->error->http_status;

    api->counters.errors_client += status >= 400 && status < 500;
    api->counters.errors_server += status >= 500;
    buffer_clear(&api->answer);
    render(request, &api->answer);
    if (api->answer.overflown) {
        (void)request_fail(request, &error_internal, "The answer is too large.");
        status = 500;
        buffer_clear(&api->answer);
        render(request, &api->answer);
    }
    request_over(request);
    if (request->own != NULL) {
        answer_own(request, status);
    } else {
        answer_http(request, status);
    }
    if (api->answer.room > ANSWER_KEPT) {
        buffer_free(&api->answer);
        buffer_init(&api->answer, ANSWER_MAX);
    }
}

/* Nobody reads the answer: net only wants its request back. */
static void request_drop(struct request *request)
{
    struct http_request *http = request->http;
    struct http_response response = {.status = 400};

    request_over(request);
    http_respond(http, &response);
}

/* --- Inside the cell. */

static enum status on_run(struct call *call, struct step *step)
{
    struct request *request = container_of(call, struct request, call);

    return request->operation->handle(request, step, request->input, request->output);
}

static void on_leave(struct call *call, struct step *step)
{
    struct request *request = container_of(call, struct request, call);

    if (request->operation->leave != NULL) {
        request->operation->leave(request, step, request->input, request->output);
    }
}

static void on_done(struct call *call, enum status status)
{
    struct request *request = container_of(call, struct request, call);

    if (status != STATUS_OK && request->error == NULL) {
        request_fail_by_status(request, status);
    }
    if (request->is_gone) {
        request_drop(request);
        return;
    }
    if (request->error == NULL && request->operation->render != NULL) {
        request->stage = STAGE_RENDER;
        request->operation->render(request, request->output);
        return;
    }
    request_finish(request);
}

/* --- Arriving. */

static void request_name(struct request *request)
{
    struct random *random = request->api->options.random;
    uint8_t bytes[16];
    char id[UUID_SIZE];

    random->fill(random, bytes, sizeof bytes);
    uuid_format(bytes, id);
    request->request_id = arena_copy(request->arena, text_from(id));
}

static struct request *request_create(struct api *api, struct arena *arena,
                                      struct request *request)
{
    request->api = api;
    request->arena = arena;
    request->account = api->options.default_account;
    request->region = api->options.default_region;
    request->base_url = api->options.public_url;
    request->renderer = &renderer_xml;
    request_name(request);
    list_push(&api->under_way, &request->node);
    api->counters.under_way++;
    api->counters.requests++;
    return request;
}

static enum status api_is_open(struct request *request)
{
    const struct api *api = request->api;

    if (api->is_stopping) {
        return request_fail(request, &error_unavailable, "The server is stopping: try again.");
    }
    if (api->options.cell == NULL) {
        return request_fail(request, &error_unavailable,
                            "The server is loading its data: try again.");
    }
    return STATUS_OK;
}

/* Routed and decoded: into the cell. */
static void request_call(struct request *request, enum status status)
{
    if (status == STATUS_OK) {
        status = schema_check(request, request->operation->input, request->input);
    }
    if (status == STATUS_OK) {
        status = api_is_open(request);
    }
    if (status != STATUS_OK) {
        request_finish(request);
        return;
    }
    request->call.run = on_run;
    request->call.done = on_done;
    request->call.leave = on_leave;
    request->call.only_reads = request->operation->only_reads;
    request->stage = STAGE_CELL;
    cell_call(request->api->options.cell,
              request->api->options.now_ms(request->api->options.accepts_context),
              &request->call);
}

static void structs_create(struct request *request)
{
    request->input = arena_take(request->arena, request->operation->input_size + 1);
    request->output = arena_take(request->arena, request->operation->output_size + 1);
}

/* Whether a Host of this machine's says no port: "127.0.0.1", "[::1]", "localhost".  Old
 * libraries leave it out whatever it is; a name may be a proxy's, where it is rightly left out.
 */
static bool lacks_port(struct text host)
{
    for (size_t i = 0; i < host.len; i++) {
        if ((host.at[i] < '0' || host.at[i] > '9') && host.at[i] != '.') {
            return text_equal_ignore_case(host, T("localhost"))
                   || (host.at[0] == '[' && host.at[host.len - 1] == ']');
        }
    }
    return host.len > 0;
}

static struct text base_url_of(const struct api *api, struct arena *arena, struct text host)
{
    host = host.len > 0 ? host : T("localhost");
    return lacks_port(host) && api->port != 0
               ? arena_printf(arena, "http://%.*s:%u", TEXT_PRINTF(host), api->port)
               : arena_printf(arena, "http://%.*s", TEXT_PRINTF(host));
}

void api_request(struct api *api, struct http_request *http, const struct caller *caller)
{
    struct request *request =
        request_create(api, http->arena, arena_take(http->arena, sizeof *request));
    struct params params = {0};

    http->user = request;
    request->http = http;
    request->caller = *caller;
    if (request->base_url.len == 0) {
        request->base_url = base_url_of(api, http->arena, http->host);
    }
    request->trace_header = trace_header_read(http);
    enum status status = request_route(request, &params);

    request->renderer = renderer_choose(request, &params);
    if (status == STATUS_OK) {
        structs_create(request);
        status =
            request->wire == WIRE_JSON
                ? json_decode(request, http->body, request->operation->input, request->input)
                : query_decode(request, &params, request->operation->input, request->input);
    }
    request_call(request, status);
}

void api_refuse(struct api *api, struct http_request *http, int status, const char *code,
                struct text reason)
{
    struct request *request =
        request_create(api, http->arena, arena_take(http->arena, sizeof *request));
    struct error_kind *kind = arena_take(http->arena, sizeof *kind);
    const struct params params = {0};

    *kind = (struct error_kind){
        .type = code, .query = code, .http_status = status, .is_generic = true};
    http->user = request;
    request->http = http;
    request->wire = wire_of(request);
    request->renderer = renderer_choose(request, &params);
    request_call(request, request_fail(request, kind, "%.*s", TEXT_PRINTF(reason)));
}

static enum status own_decode(struct request *request, struct text form)
{
    struct params params = {0};
    const char *reason = NULL;

    if (!params_parse(request->arena, form, &params, &reason)) {
        return request_fail(request, &error_malformed, "The request is malformed: %s", reason);
    }
    params_sort(&params);
    enum status status = operation_find(request, params_find(&params, T("Action")));

    if (status != STATUS_OK) {
        return status;
    }
    structs_create(request);
    return query_decode(request, &params, request->operation->input, request->input);
}

void api_own_call(struct api *api, struct own_call *call)
{
    struct request *request = memory_zero(sizeof *request);

    (void)request_create(api, &request->own_arena, request);
    request->own = call;
    request->caller = caller_itself;
    request->service = service_named(api, call->service);
    if (request->base_url.len == 0) {
        request->base_url = T("http://localhost");
    }
    must(request->service != NULL);
    request_call(request, own_decode(request, call->form));
}

/* --- Leaving early. */

void api_gone(struct api *api, struct http_request *http)
{
    struct request *request = http->user;

    if (request == NULL || request->stage != STAGE_CELL) {
        return; /* being rendered: the answer goes nowhere soon enough */
    }
    request->is_gone = true;
    if (cell_cancel(api->options.cell, &request->call)) {
        request_drop(request);
    }
}

static bool is_long_poll(const struct request *request)
{
    return request->stage == STAGE_CELL && request->operation->is_long_poll;
}

void api_stop(struct api *api)
{
    api->is_stopping = true;
    list_each (node, &api->under_way) {
        struct request *request = container_of(node, struct request, node);

        if (is_long_poll(request) && cell_cancel(api->options.cell, &request->call)) {
            request_finish(request);
        }
    }
}

void api_set_cell(struct api *api, struct cell *cell)
{
    api->options.cell = cell;
}

/* --- All of it. */

struct api *api_create(const struct api_options *options)
{
    struct api *api = memory_zero(sizeof *api);

    api->options = *options;
    list_init(&api->under_way);
    buffer_init(&api->answer, ANSWER_MAX);
    routes_build(api);
    return api;
}

void api_free(struct api *api)
{
    if (api == NULL) {
        return;
    }
    for (size_t i = 0; i < api->route_count; i++) {
        union {
            const char *lent;
            void *ours;
        } name = {.lent = api->routes[i].name.at};

        memory_free(name.ours);
    }
    map_free(&api->by_name);
    memory_free(api->routes);
    buffer_free(&api->answer);
    memory_free(api);
}

struct signer *api_signer(struct api *api)
{
    return api->options.signer;
}

bool api_delivers(struct api *api, struct text protocol)
{
    const struct api_options *options = &api->options;

    return options->delivers != NULL && options->delivers(options->accepts_context, protocol);
}

bool api_accepts(struct api *api, struct text protocol, struct text endpoint, struct why *why)
{
    const struct api_options *options = &api->options;

    return options->accepts == NULL
           || options->accepts(options->accepts_context, protocol, endpoint, why);
}

bool api_accepts_setting(struct api *api, struct text protocol, struct text name,
                         struct text value, struct why *why)
{
    const struct api_options *options = &api->options;

    return options->accepts_setting == NULL
           || options->accepts_setting(options->accepts_context, protocol, name, value, why);
}

void api_set_port(struct api *api, uint16_t port)
{
    api->port = port;
}

struct api_counters api_counters(const struct api *api)
{
    return api->counters;
}
