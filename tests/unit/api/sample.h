/* Two small services whose one operation has a field of every type, and requests to them. */
#ifndef TESTS_UNIT_API_SAMPLE_H
#define TESTS_UNIT_API_SAMPLE_H

#include "api/internal.h"
#include "base/memory.h"
#include "tests/support/need.h"

#include <string.h>

struct sample_pair {
    struct text id;
    struct text bytes;
    struct optional_integer number;
};

struct sample {
    struct text name;
    struct text bytes;
    struct optional_integer number;
    struct optional_boolean flag;
    struct string_list words;
    struct string_list flat_words;
    struct string_map map;
    struct string_map flat_map;
    struct sample_pair pair;
    struct struct_list pairs;
    struct struct_list flat_pairs;
    struct struct_map pair_map;
    struct struct_map flat_pair_map;
};

#define SAMPLE_AT(member)      .offset = offsetof(struct sample, member)
#define SAMPLE_PAIR_AT(member) .offset = offsetof(struct sample_pair, member)
#define SAMPLE_OF_PAIRS        .of = sample_pair_fields, .of_size = sizeof(struct sample_pair)

static const struct field sample_pair_fields[] = {
    {.name = "Id", .type = FIELD_STRING, SAMPLE_PAIR_AT(id)},
    {.name = "Bytes", .type = FIELD_BLOB, SAMPLE_PAIR_AT(bytes)},
    {.name = "Number", .type = FIELD_INTEGER, SAMPLE_PAIR_AT(number)},
    FIELDS_END,
};

static const struct field sample_fields[] = {
    {.name = "Name", .type = FIELD_STRING, SAMPLE_AT(name)},
    {.name = "Bytes", .type = FIELD_BLOB, SAMPLE_AT(bytes)},
    {.name = "Number", .type = FIELD_INTEGER, SAMPLE_AT(number)},
    {.name = "Flag", .type = FIELD_BOOLEAN, SAMPLE_AT(flag)},
    {.name = "Words", .type = FIELD_STRING_LIST, SAMPLE_AT(words)},
    {.name = "FlatWords",
     .query = "Word",
     .shape = QUERY_FLAT,
     .type = FIELD_STRING_LIST,
     SAMPLE_AT(flat_words)},
    {.name = "Map", .type = FIELD_STRING_MAP, SAMPLE_AT(map)},
    {.name = "FlatMap",
     .query = "Entry",
     .shape = QUERY_FLAT,
     .type = FIELD_STRING_MAP,
     SAMPLE_AT(flat_map)},
    {.name = "Pair", .type = FIELD_STRUCT, SAMPLE_AT(pair), SAMPLE_OF_PAIRS},
    {.name = "Pairs", .type = FIELD_STRUCT_LIST, SAMPLE_AT(pairs), SAMPLE_OF_PAIRS},
    {.name = "FlatPairs",
     .query = "FlatPair",
     .shape = QUERY_FLAT,
     .type = FIELD_STRUCT_LIST,
     SAMPLE_AT(flat_pairs),
     SAMPLE_OF_PAIRS},
    {.name = "PairMap",
     .query_key = "Name",
     .query_value = "Value",
     .type = FIELD_STRUCT_MAP,
     SAMPLE_AT(pair_map),
     SAMPLE_OF_PAIRS},
    {.name = "FlatPairMap",
     .query = "Flat",
     .query_key = "Key",
     .shape = QUERY_FLAT,
     .type = FIELD_STRUCT_MAP,
     SAMPLE_AT(flat_pair_map),
     SAMPLE_OF_PAIRS},
    FIELDS_END,
};

/* Answers what it was asked. */
static inline enum status sample_echo(struct request *request, struct step *step,
                                      const void *input, void *output)
{
    (void)request;
    (void)step;
    memcpy(output, input, sizeof(struct sample));
    return STATUS_OK;
}

static inline enum status sample_fails(struct request *request, struct step *step,
                                       const void *input, void *output)
{
    (void)request;
    (void)step;
    (void)input;
    (void)output;
    return STATUS_FULL;
}

static const struct field sample_needy_fields[] = {
    {.name = "Name", .type = FIELD_STRING, .required = true, SAMPLE_AT(name)},
    FIELDS_END,
};

static const struct operation sample_operations[] = {
    {.name = "Echo",
     .input = sample_fields,
     .input_size = sizeof(struct sample),
     .output = sample_fields,
     .output_size = sizeof(struct sample),
     .only_reads = true,
     .handle = sample_echo},
    {.name = "Fail", .handle = sample_fails, .only_reads = true},
    {.name = "Need",
     .input = sample_needy_fields,
     .input_size = sizeof(struct sample),
     .output_size = sizeof(struct sample),
     .only_reads = true,
     .handle = sample_echo},
    OPERATIONS_END,
};

static const struct operation sample_beta_operations[] = {
    {.name = "OnlyBeta", .only_reads = true, .handle = sample_fails},
    OPERATIONS_END,
};

static const struct operation *const sample_alpha_families[] = {sample_operations, NULL};
static const struct operation *const sample_beta_families[] = {sample_operations,
                                                               sample_beta_operations, NULL};
static const char *const sample_unserved[] = {"Later", NULL};

static inline enum status sample_missing(struct request *request,
                                         const struct operation *operation, struct text name)
{
    return request_fail(request, &error_missing_parameter, "%s needs %.*s", operation->name,
                        TEXT_PRINTF(name));
}

static inline bool sample_owns_path(struct request *request, struct text path,
                                    struct text *ret_queue_url)
{
    (void)request;
    if (!text_starts_with(path, T("/beta/"))) {
        return false;
    }
    *ret_queue_url = path;
    return true;
}

/* Like SNS: Query alone. */
static const struct service sample_alpha = {.name = "alpha",
                                            .version = "2001-01-01",
                                            .xml_namespace = "urn:alpha",
                                            .families = sample_alpha_families,
                                            .unserved = sample_unserved,
                                            .missing = sample_missing};
/* Like SQS: both protocols, paths of its own. */
static const struct service sample_beta = {.name = "beta",
                                           .version = "2002-02-02",
                                           .xml_namespace = "urn:beta",
                                           .target_prefix = "Beta",
                                           .json_type_prefix = "com.beta#",
                                           .error_has_detail = true,
                                           .families = sample_beta_families,
                                           .missing = sample_missing,
                                           .owns_path = sample_owns_path};
static const struct service *const sample_services[] = {&sample_alpha, &sample_beta, NULL};

static inline int64_t sample_now_ms(void *context)
{
    (void)context;
    return 1700000000000;
}

static inline struct api *sample_api(struct random *random, struct cell *cell)
{
    const struct api_options options = {
        .cell = cell,
        .now_ms = sample_now_ms,
        .random = random,
        .services = sample_services,
        .default_account = T("000000000000"),
        .default_region = T("us-east-1"),
    };

    return api_create(&options);
}

/* A request with its api and memory; nothing is sent anywhere. */
struct sample_request {
    struct api *api;
    struct arena arena;
    struct http_request http;
    struct http_header headers[4];
    struct request request;
};

static inline void sample_open(struct sample_request *sample)
{
    memset(sample, 0, sizeof *sample);
    sample->api = sample_api(NULL, NULL);
    sample->http.method = T("POST");
    sample->http.path = T("/");
    sample->http.headers = sample->headers;
    sample->http.arena = &sample->arena;
    sample->request.api = sample->api;
    sample->request.http = &sample->http;
    sample->request.arena = &sample->arena;
    sample->request.account = T("000000000000");
    sample->request.region = T("us-east-1");
    sample->request.service = &sample_beta;
    sample->request.operation = &sample_operations[0];
    sample->request.request_id = T("the-id");
}

static inline void sample_close(struct sample_request *sample)
{
    arena_free(&sample->arena);
    api_free(sample->api);
}

static inline void sample_header(struct sample_request *sample, const char *name,
                                 const char *value)
{
    NEED(sample->http.header_count < countof(sample->headers));
    sample->headers[sample->http.header_count++] =
        (struct http_header){text_from(name), text_from(value)};
}

/* Decodes `body` by this protocol; NULL when it was refused (see request.error). */
static inline struct sample *sample_decode(struct sample_request *sample,
                                           enum wire_protocol wire, struct text body)
{
    struct sample *input = arena_take(&sample->arena, sizeof *input);
    struct params params = {0};
    const char *reason = NULL;
    enum status status = STATUS_OK;

    if (wire == WIRE_JSON) {
        status = json_decode(&sample->request, body, sample_fields, input);
    } else if (params_parse(&sample->arena, body, &params, &reason)) {
        params_sort(&params);
        status = query_decode(&sample->request, &params, sample_fields, input);
    } else {
        status = request_fail(&sample->request, &error_malformed, "%s", reason);
    }
    return status == STATUS_OK ? input : NULL;
}

/* An answer to "Echo", or to the request's error. */
static inline struct text sample_render(struct sample_request *sample, enum wire_protocol wire,
                                        struct sample *output)
{
    struct buffer buffer;
    bool is_json = wire == WIRE_JSON;

    buffer_init(&buffer, 65536);
    sample->request.output = output;
    if (sample->request.error != NULL) {
        (is_json ? json_render_error : query_render_error)(&sample->request, &buffer);
    } else {
        (is_json ? json_render : query_render)(&sample->request, &buffer);
    }
    struct text text = arena_copy(&sample->arena, buffer_text(&buffer));

    buffer_free(&buffer);
    return text;
}

#endif
