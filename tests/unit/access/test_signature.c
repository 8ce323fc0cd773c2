/* Signatures as clients make them, and everything that can be wrong with one. */
#include "access/signature.h"
#include "base/timestamp.h"

#include <criterion/criterion.h>

#include <string.h>

#define HEADERS_MAX 12

struct line {
    const char *name, *value;
};

struct vector {
    const char *name, *service, *method, *target, *body;
    bool has_token;
    struct line headers[HEADERS_MAX];
};

#include "signed_vectors.h"

#define MINUTE_MS 60000

static struct access_key keys[] = {
    {TEXT(VECTOR_KEY), TEXT(VECTOR_SECRET), {0}, 0, true},
    {TEXT(VECTOR_KEY), TEXT(VECTOR_SECRET), TEXT(VECTOR_TOKEN), VECTOR_NOW_MS + MINUTE_MS,
     true},
};

static const struct access_key *find(void *context, struct text id)
{
    const struct access_key *key = context;

    return text_equal(key->id, id) ? key : NULL;
}

/* A request that the test may spoil before it is verified. */
struct knock {
    struct http_request request;
    struct http_header headers[HEADERS_MAX];
    struct signature_rules rules;
    struct access_key key;
    struct arena arena;
    struct signature_result result;
};

static void knock_with(struct knock *knock, const struct vector *vector)
{
    struct text target = text_from(vector->target);
    struct text query = target;

    *knock = (struct knock){.key = keys[vector->has_token ? 1 : 0]};
    knock->request = (struct http_request){.method = text_from(vector->method),
                                           .target = target,
                                           .path = text_cut(&query, '?'),
                                           .query = query,
                                           .body = text_from(vector->body),
                                           .headers = knock->headers,
                                           .arena = &knock->arena};
    for (size_t i = 0; i < HEADERS_MAX && vector->headers[i].name != NULL; i++) {
        knock->headers[knock->request.header_count++] = (struct http_header){
            text_from(vector->headers[i].name), text_from(vector->headers[i].value)};
    }
    knock->request.host = http_request_header(&knock->request, T("host"));
    knock->rules = (struct signature_rules){.now_ms = VECTOR_NOW_MS,
                                            .past_ms = 15LL * MINUTE_MS,
                                            .ahead_ms = 15LL * MINUTE_MS,
                                            .service = text_from(vector->service),
                                            .find = find,
                                            .context = &knock->key};
}

static const struct vector *vector_named(const char *name)
{
    for (size_t i = 0; i < countof(vectors); i++) {
        if (strcmp(vectors[i].name, name) == 0) {
            return &vectors[i];
        }
    }
    cr_assert_fail("no vector %s", name);
    return NULL;
}

static struct http_header *header_of(struct knock *knock, const char *name)
{
    for (size_t i = 0; i < knock->request.header_count; i++) {
        if (text_equal_ignore_case(knock->headers[i].name, text_from(name))) {
            return &knock->headers[i];
        }
    }
    cr_assert_fail("no header %s", name);
    return NULL;
}

static enum signature_fault verify(struct knock *knock)
{
    bool is_good = signature_verify(&knock->request, &knock->rules, &knock->result);

    cr_expect_eq(is_good, knock->result.fault == SIGNATURE_GOOD);
    cr_expect_eq(is_good, knock->result.message.len == 0);
    cr_expect_eq(is_good, knock->result.key == &knock->key);
    return knock->result.fault;
}

/* The fault it ends with, and what its message has in it. */
static void expect_fault(struct knock *knock, enum signature_fault fault, const char *words)
{
    enum signature_fault found = verify(knock);
    struct text said = knock->result.message;

    cr_expect_eq(found, fault, "%s: %d, %.*s", words, (int)found, TEXT_PRINTF(said));
    cr_expect(said.len > 0 && memmem(said.at, said.len, words, strlen(words)) != NULL,
              "%s is not in: %.*s", words, TEXT_PRINTF(said));
    arena_free(&knock->arena);
}

Test(signature, is_good_as_botocore_makes_it)
{
    struct signing_keys *cache = signing_keys_create();

    for (size_t i = 0; i < 2 * countof(vectors); i++) {
        const struct vector *vector = &vectors[i % countof(vectors)];
        struct knock knock;

        knock_with(&knock, vector);
        knock.rules.cache = cache; /* the second time round it is remembered */
        cr_expect_eq(verify(&knock), SIGNATURE_GOOD, "%s: %.*s", vector->name,
                     TEXT_PRINTF(knock.result.message));
        cr_expect(text_equal(knock.result.region, T("eu-west-1")));
        cr_expect(text_equal(knock.result.service, text_from(vector->service)));
        arena_free(&knock.arena);
    }
    signing_keys_free(cache);
}

/* Whatever a stranger changes of it on its way: one byte of the body, the path, the query, a
 * signed header or the method. */
Test(signature, covers_all_that_a_request_says)
{
    for (size_t i = 0; i < countof(vectors); i++) {
        for (int spoiled = 0; spoiled < 4; spoiled++) {
            struct knock knock;

            knock_with(&knock, &vectors[i]);
            if (spoiled == 0) {
                knock.request.body = T("Action=DeleteTopic");
            } else if (spoiled == 1) {
                knock.request.path = T("/elsewhere");
            } else if (spoiled == 2) {
                knock.request.method = T("PUT");
            } else {
                header_of(&knock, "host")->value = T("other.example");
            }
            expect_fault(&knock, SIGNATURE_WRONG, "The Canonical String for this request");
        }
    }
}

Test(signature, covers_the_query)
{
    struct knock knock;

    knock_with(&knock, vector_named("sorted query"));
    knock.request.query = T("b=2&a=1&B=3&a=0&a-b=4&a%2Fb=6");
    expect_fault(&knock, SIGNATURE_WRONG, "does not match the signature you provided");
    /* Order and spelling are nobody's. */
    knock_with(&knock, vector_named("sorted query"));
    knock.request.query = T("a=0&a%2fb=5&%61=1&B=3&a-b=4&b=2");
    cr_expect_eq(verify(&knock), SIGNATURE_GOOD);
    arena_free(&knock.arena);
}

Test(signature, hears_host_as_http2_says_it)
{
    struct knock knock;

    knock_with(&knock, vector_named("json protocol"));
    *header_of(&knock, "host") = (struct http_header){TEXT("x-other"), TEXT("y")};
    cr_expect_eq(verify(&knock), SIGNATURE_GOOD);
    arena_free(&knock.arena);
}

Test(signature, ends_when_its_time_is_over)
{
    static const struct {
        const char *vector;
        int64_t after_ms;
        const char *words; /* NULL: good */
    } rows[] = {
        {"json protocol", 15LL * MINUTE_MS, NULL},
        {"json protocol", 15LL * MINUTE_MS + 1000,
         "Signature expired: 20260615T120000Z is now earlier than 20260615T120001Z "
         "(20260615T121501Z - 15 min.)"},
        {"json protocol", -15LL * MINUTE_MS, NULL},
        {"json protocol", -15LL * MINUTE_MS - 1000,
         "Signature not yet current: 20260615T120000Z is still later than 20260615T115959Z "
         "(20260615T114459Z + 15 min.)"},
        {"signed URL", 60LL * MINUTE_MS, NULL},
        {"signed URL", 60LL * MINUTE_MS + 1, "Signature expired: 20260615T120000Z"},
        {"signed URL", -15LL * MINUTE_MS - 1000, "Signature not yet current"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct knock knock;

        knock_with(&knock, vector_named(rows[i].vector));
        knock.rules.now_ms += rows[i].after_ms;
        if (rows[i].words != NULL) {
            expect_fault(&knock, SIGNATURE_WRONG, rows[i].words);
            continue;
        }
        cr_expect_eq(verify(&knock), SIGNATURE_GOOD, "row %zu", i);
        arena_free(&knock.arena);
    }
}

#define SCOPE "AKIAFANFARETEST00001/20260615/eu-west-1/sqs/aws4_request"

Test(signature, complains_in_the_order_of_aws)
{
    static const struct {
        const char *authorization;
        enum signature_fault fault;
        const char *words;
    } rows[] = {
        {"Basic dTpw", SIGNATURE_MISSING, "Request is missing Authentication Token"},
        {"", SIGNATURE_MISSING, "Request is missing Authentication Token"},
        {"AWS4-HMAC-SHA256", SIGNATURE_INCOMPLETE,
         "Authorization header requires 'Credential' parameter. Authorization header requires "
         "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
         "Authorization=AWS4-HMAC-SHA256"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host", SIGNATURE_INCOMPLETE,
         "Authorization header requires 'Signature' parameter. Authorization=AWS4"},
        {"AWS4-HMAC-SHA256 Credential=a,Credential=" SCOPE ",SignedHeaders=host,Signature=0",
         SIGNATURE_INCOMPLETE, "has a parameter twice"},
        {"AWS4-X Credential=a/b,SignedHeaders=x-amz-date,Signature=0", SIGNATURE_WRONG,
         "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host;x-amz-target,Signature=0",
         SIGNATURE_WRONG, "'X-Amz-Date' must be a 'SignedHeader'"},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host;x-amz-date,Signature=0",
         SIGNATURE_WRONG, "'X-Amz-Target' must be a 'SignedHeader'"},
        {"AWS4-ECDSA-P256-SHA256 Credential=a/b,SignedHeaders=host;x-amz-date;x-amz-target,"
         "Signature=0",
         SIGNATURE_INCOMPLETE,
         "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for "
         "now). "},
        {"AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host;x-amz-date;x-amz-target,Signature=0",
         SIGNATURE_INCOMPLETE,
         "Credential must have exactly 5 slash-delimited elements, e.g. "
         "keyid/date/region/service/term, got 'a/b'"},
        {"AWS4-HMAC-SHA256 Credential=a/20260614/x_y/sns/aws3_request,"
         "SignedHeaders=host;x-amz-date;x-amz-target,Signature=0",
         SIGNATURE_WRONG,
         "Credential should be scoped to a valid region, not 'x_y'. Credential should be scoped "
         "to correct service: 'sqs'. Credential should be scoped with a valid terminator: "
         "'aws4_request', not 'aws3_request'. Date in Credential scope does not match YYYYMMDD "
         "from ISO-8601 version of date from HTTP: '20260614' != '20260615', from "
         "'20260615T120000Z'."},
        {"AWS4-HMAC-SHA256 Credential=AKIANOBODY/20260615/eu-west-1/sqs/aws4_request,"
         "SignedHeaders=host;x-amz-date;x-amz-target,Signature=0",
         SIGNATURE_UNKNOWN_KEY, "The security token included in the request is invalid."},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host;x-amz-date;x-amz-target,"
         "Signature=0",
         SIGNATURE_WRONG, "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260615T"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct knock knock;

        knock_with(&knock, vector_named("json protocol"));
        header_of(&knock, "Authorization")->value = text_from(rows[i].authorization);
        expect_fault(&knock, rows[i].fault, rows[i].words);
    }
}

Test(signature, is_asked_for_when_there_is_none)
{
    struct knock knock;

    knock_with(&knock, vector_named("json protocol"));
    header_of(&knock, "Authorization")->name = T("x-other");
    expect_fault(&knock, SIGNATURE_MISSING, "Request is missing Authentication Token");
    knock_with(&knock, vector_named("json protocol"));
    knock.request.query = T("X-Amz-Algorithm=AWS4-HMAC-SHA256");
    expect_fault(&knock, SIGNATURE_BOTH_FORMS, "Found both 'X-Amz-Algorithm'");
    knock_with(&knock, vector_named("json protocol"));
    header_of(&knock, "Authorization")->name = T("x-other");
    knock.request.query = T("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0");
    expect_fault(
        &knock, SIGNATURE_INCOMPLETE,
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string "
        "parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters "
        "must include 'X-Amz-Date'. Re-examine the query-string parameters.");
}

Test(signature, has_a_date_that_is_one)
{
    static const char *const dates[] = {"2026-06-15T12:00:00Z", "20261315T120000Z", "yesterday",
                                        "20260615T1200000Z", "Mon, 15 Foo 2026 12:00:00 GMT"};
    struct knock knock;

    for (size_t i = 0; i < countof(dates); i++) {
        knock_with(&knock, vector_named("json protocol"));
        header_of(&knock, "X-Amz-Date")->value = text_from(dates[i]);
        expect_fault(&knock, SIGNATURE_INCOMPLETE,
                     "Date must be in ISO-8601 'basic format'. Got");
    }
    /* HTTP's own is read, too: only then the signature is found to be another's. */
    knock_with(&knock, vector_named("json protocol"));
    header_of(&knock, "X-Amz-Date")->value = T("Mon, 15 Jun 2026 11:59:59 GMT");
    expect_fault(&knock, SIGNATURE_WRONG,
                 "should have been\n'AWS4-HMAC-SHA256\n20260615T115959Z");
}

Test(signature, is_of_a_key_that_may)
{
    struct knock knock;

    knock_with(&knock, vector_named("json protocol"));
    knock.key.is_active = false;
    expect_fault(&knock, SIGNATURE_UNKNOWN_KEY, "token included in the request is invalid.");
    knock_with(&knock, vector_named("json protocol"));
    knock.key.secret = T("another");
    expect_fault(&knock, SIGNATURE_WRONG, "does not match the signature");
    knock_with(&knock, vector_named("json protocol"));
    knock.key.token = T(VECTOR_TOKEN);
    expect_fault(&knock, SIGNATURE_UNKNOWN_KEY, "token included in the request is invalid");
    knock_with(&knock, vector_named("session token"));
    knock.key.token = (struct text){0};
    expect_fault(&knock, SIGNATURE_UNKNOWN_KEY, "token included in the request is invalid");
    knock_with(&knock, vector_named("session token"));
    knock.key.expires_ms = VECTOR_NOW_MS;
    expect_fault(&knock, SIGNATURE_EXPIRED_TOKEN, "token included in the request is expired");
}

/* A key that was deleted and made again under its id has another secret. */
Test(signature, is_not_good_by_what_was_remembered)
{
    struct signing_keys *cache = signing_keys_create();
    struct knock knock;

    knock_with(&knock, vector_named("json protocol"));
    knock.rules.cache = cache;
    cr_expect_eq(verify(&knock), SIGNATURE_GOOD);
    arena_free(&knock.arena);
    knock_with(&knock, vector_named("json protocol"));
    knock.rules.cache = cache;
    knock.key.secret = T("another");
    expect_fault(&knock, SIGNATURE_WRONG, "does not match the signature");
    signing_keys_free(cache);
}

/* --- Signatures that AWS published, of requests that no client of today makes. */

#define PUBLISHED_KEY "AKIDEXAMPLE"
#define PUBLISHED_SCOPE \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "

Test(signature, is_good_as_aws_published_it)
{
    static const struct {
        const char *method, *target, *signed_headers, *signature, *body;
        struct line lines[3];
    } rows[] = {
        {"GET",
         "/",
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
         "",
         {{0}}},
        {"GET",
         "//",
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
         "",
         {{0}}},
        {"GET",
         "/example/..",
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
         "",
         {{0}}},
        {"GET",
         "//example//",
         "host;x-amz-date",
         "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
         "",
         {{0}}},
        {"GET",
         "/\xe1\x88\xb4",
         "host;x-amz-date",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
         "",
         {{0}}},
        {"GET",
         "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
         "host;x-amz-date",
         "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
         "",
         {{0}}},
        {"GET",
         "/",
         "host;my-header1;x-amz-date",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
         "",
         {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}},
        {"GET",
         "/",
         "host;my-header1;my-header2;x-amz-date",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
         "",
         {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}},
        {"POST",
         "/",
         "content-type;host;x-amz-date",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
         "Param1=value1",
         {{"Content-Type", "application/x-www-form-urlencoded"}}},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct vector vector = {
            .method = rows[i].method,
            .target = rows[i].target,
            .service = "service",
            .body = rows[i].body,
            .headers = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}}};
        char authorization[512];
        struct knock knock;

        (void)snprintf(authorization, sizeof authorization,
                       PUBLISHED_SCOPE "SignedHeaders=%s, Signature=%s", rows[i].signed_headers,
                       rows[i].signature);
        vector.headers[2] = (struct line){"Authorization", authorization};
        memcpy(&vector.headers[3], rows[i].lines, sizeof rows[i].lines);
        knock_with(&knock, &vector);
        cr_assert(timestamp_parse(T("2015-08-30T12:36:00Z"), &knock.rules.now_ms));
        knock.key = (struct access_key){TEXT(PUBLISHED_KEY),
                                        TEXT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                                        {0},
                                        0,
                                        true};
        cr_expect_eq(verify(&knock), SIGNATURE_GOOD, "row %zu: %.*s", i,
                     TEXT_PRINTF(knock.result.message));
        arena_free(&knock.arena);
    }
}

Test(signature, errors_are_called_what_each_protocol_calls_them)
{
    for (int i = SIGNATURE_BOTH_FORMS; i < SIGNATURE_FAULT_COUNT; i++) {
        enum signature_fault fault = (enum signature_fault)i;
        struct signature_error query = signature_error(fault, SIGNATURE_QUERY);
        struct signature_error old = signature_error(fault, SIGNATURE_JSON_10);
        struct signature_error newer = signature_error(fault, SIGNATURE_JSON_11);

        cr_expect(query.status == 400 || query.status == 403);
        cr_expect(text_ends_with(text_from(old.code), T("Exception")));
        cr_expect_str_eq(old.code, newer.code);
        cr_expect_eq(old.status, 403);
        cr_expect_eq(newer.status, 400);
    }
    cr_expect_str_eq(signature_error(SIGNATURE_WRONG, SIGNATURE_QUERY).code,
                     "SignatureDoesNotMatch");
    cr_expect_str_eq(signature_error(SIGNATURE_UNKNOWN_KEY, SIGNATURE_QUERY).code,
                     "InvalidClientTokenId");
}
