/* How an answer is written: the one place that chooses between the XML and the two JSONs. */
#include "api/internal.h"

const struct renderer renderer_xml = {
    .content_type = TEXT("text/xml"),
    .render = query_render,
    .render_error = query_render_error,
};

static const struct renderer renderer_json = {
    .content_type = TEXT("application/x-amz-json-1.0"),
    .has_error_header = true,
    .render = json_render,
    .render_error = json_render_error,
};

static const struct renderer renderer_json_1_1 = {
    .content_type = TEXT("application/x-amz-json-1.1"),
    .render = json_render,
    .render_error = json_render_error,
};

static const struct renderer renderer_query_json = {
    .content_type = TEXT("application/json"),
    .render = query_json_render,
    .render_error = query_json_render_error,
};

/* Whether a request of the Query protocol asks for JSON: what its Accept names first, or a
 * parameter that old clients send. */
static bool asks_for_json(const struct request *request, const struct params *params)
{
    struct text accepted = http_request_header(request->http, T("Accept"));
    struct text first = text_cut(&accepted, ',');
    struct text range = text_cut(&first, ';');

    while (text_ends_with(range, T(" "))) {
        range = text_first(range, range.len - 1);
    }
    return text_equal_ignore_case(range, T("application/json"))
           || text_equal_ignore_case(params_find(params, T("ContentType")), T("JSON"));
}

const struct renderer *renderer_choose(const struct request *request,
                                       const struct params *params)
{
    if (request->wire == WIRE_JSON) {
        return request->service != NULL && request->service->speaks_json_1_1
                   ? &renderer_json_1_1
                   : &renderer_json;
    }
    return asks_for_json(request, params) ? &renderer_query_json : &renderer_xml;
}
