/* The checks, in the order in which AWS makes them: a client that has two things wrong is told
 * of the same one first. */
#include "access/signed.h"
#include "base/characters.h"
#include "base/encoding.h"
#include "base/mutants.h"

#include <string.h>

#define SHOWN_MAX 16384 /* of the canonical request, in the answer to a mismatch */

static const struct signature_error errors[SIGNATURE_FAULT_COUNT][SIGNATURE_DIALECT_COUNT] = {
    [SIGNATURE_BOTH_FORMS] = {{"SignatureDoesNotMatch", 403},
                              {"InvalidSignatureException", 403},
                              {"InvalidSignatureException", 400}},
    [SIGNATURE_MISSING] = {{"MissingAuthenticationToken", 403},
                           {"MissingAuthenticationTokenException", 403},
                           {"MissingAuthenticationTokenException", 400}},
    [SIGNATURE_INCOMPLETE] = {{"IncompleteSignature", 400},
                              {"IncompleteSignatureException", 403},
                              {"IncompleteSignatureException", 400}},
    [SIGNATURE_WRONG] = {{"SignatureDoesNotMatch", 403},
                         {"InvalidSignatureException", 403},
                         {"InvalidSignatureException", 400}},
    [SIGNATURE_UNKNOWN_KEY] = {{"InvalidClientTokenId", 403},
                               {"UnrecognizedClientException", 403},
                               {"UnrecognizedClientException", 400}},
    [SIGNATURE_EXPIRED_TOKEN] = {{"ExpiredToken", 403},
                                 {"ExpiredTokenException", 403},
                                 {"ExpiredTokenException", 400}},
};

struct signature_error signature_error(enum signature_fault fault,
                                       enum signature_dialect dialect)
{
    return errors[fault][dialect];
}

/* A check that is under way. */
struct check {
    const struct http_request *request;
    const struct signature_rules *rules;
    struct signed_parts parts;
    const struct access_key *key;
    struct signature_result *ret;
};

static bool wrong(struct check *check, const char *text)
{
    return signed_refuse(check->request, check->ret, SIGNATURE_WRONG, "%s", text);
}

static bool date_check(struct check *check)
{
    struct signed_parts *parts = &check->parts;

    if (basic_time_parse(parts->date, &parts->time_ms)) {
        basic_time_format(parts->time_ms, parts->time_text);
        return true;
    }
    return signed_refuse(check->request, check->ret, SIGNATURE_INCOMPLETE,
                         "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                         "http://en.wikipedia.org/wiki/ISO_8601",
                         TEXT_PRINTF(signed_printable(check->request->arena, parts->date)));
}

/* The answer says what time it is here: clients set their clocks by it and try again. */
static bool age_check(struct check *check)
{
    const struct signature_rules *rules = check->rules;
    const struct signed_parts *parts = &check->parts;
    int64_t good_ms = parts->expires_s > 0  ? parts->expires_s * 1000
                      : parts->is_presigned ? SIGNATURE_PRESIGNED_MS
                                            : rules->past_ms;
    bool is_minutes = good_ms % 60000 == 0;
    char now[BASIC_TIME_SIZE];
    char limit[BASIC_TIME_SIZE];

    basic_time_format(rules->now_ms, now);
    if (parts->time_ms < rules->now_ms - good_ms && !mutant("access.any-age")) {
        basic_time_format(rules->now_ms - good_ms, limit);
        return signed_refuse(check->request, check->ret, SIGNATURE_WRONG,
                             "Signature expired: %s is now earlier than %s (%s - %lld %s.)",
                             parts->time_text, limit, now,
                             (long long)(good_ms / (is_minutes ? 60000 : 1000)),
                             is_minutes ? "min" : "sec");
    }
    if (parts->time_ms > rules->now_ms + rules->ahead_ms) {
        basic_time_format(rules->now_ms + rules->ahead_ms, limit);
        return signed_refuse(check->request, check->ret, SIGNATURE_WRONG,
                             "Signature not yet current: %s is still later than %s (%s + %lld "
                             "min.)",
                             parts->time_text, limit, now,
                             (long long)(rules->ahead_ms / 60000));
    }
    return true;
}

/* What says what is asked must be under the signature, or who overhears a request could ask
 * for something else with it. */
static bool covered_check(struct check *check)
{
    const struct signed_parts *parts = &check->parts;
    bool has_target = http_request_header(check->request, T("X-Amz-Target")).at != NULL;

    if (text_count(parts->signed_headers, ';') >= SIGNED_HEADERS_MAX) {
        return signed_refuse(check->request, check->ret, SIGNATURE_INCOMPLETE,
                             "SignedHeaders names more than %d headers.", SIGNED_HEADERS_MAX);
    }
    if (!signed_has(parts, T("host"))) {
        return wrong(check, "'Host' or ':authority' must be a 'SignedHeader' in the AWS "
                            "Authorization.");
    }
    if (!parts->is_presigned && !signed_has(parts, T("x-amz-date"))
        && (http_request_header(check->request, T("X-Amz-Date")).len > 0
            || !signed_has(parts, T("date")))) {
        return wrong(check, "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
    }
    if (has_target && !signed_has(parts, T("x-amz-target")) && !mutant("access.any-target")) {
        return wrong(check,
                     "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
    }
    return true;
}

static bool algorithm_check(struct check *check)
{
    struct text algorithm = check->parts.algorithm;

    if (text_equal(algorithm, T(SIGNATURE_ALGORITHM))) {
        return true;
    }
    return signed_refuse(check->request, check->ret, SIGNATURE_INCOMPLETE,
                         "Unsupported AWS 'algorithm': '%.*s' (only " SIGNATURE_ALGORITHM
                         " for now). ",
                         TEXT_PRINTF(signed_printable(check->request->arena, algorithm)));
}

static bool credential_check(struct check *check)
{
    struct signed_parts *parts = &check->parts;
    struct text rest = parts->credential;

    if (text_count(rest, '/') != 4) {
        return signed_refuse(check->request, check->ret, SIGNATURE_INCOMPLETE,
                             "Credential must have exactly 5 slash-delimited elements, e.g. "
                             "keyid/date/region/service/term, got '%.*s'",
                             TEXT_PRINTF(signed_printable(check->request->arena, rest)));
    }
    parts->key_id = text_cut(&rest, '/');
    parts->scope_date = text_cut(&rest, '/');
    parts->region = text_cut(&rest, '/');
    parts->service = text_cut(&rest, '/');
    parts->terminator = rest;
    return true;
}

static bool is_region_of(const struct signature_rules *rules, struct text region)
{
    return rules->region.len > 0 ? text_equal(region, rules->region) : text_is_region(region);
}

/* All that is wrong with the scope, in one message. */
static bool scope_check(struct check *check)
{
    const struct signed_parts *parts = &check->parts;
    const struct signature_rules *rules = check->rules;
    struct arena *arena = check->request->arena;
    struct text day = text_make(parts->time_text, BASIC_DATE_LEN);
    struct text said = {0};

    if (!is_region_of(rules, parts->region)) {
        said =
            arena_printf(arena, "Credential should be scoped to a valid region, not '%.*s'. ",
                         TEXT_PRINTF(signed_printable(arena, parts->region)));
    }
    if (rules->service.len > 0 && !text_equal(parts->service, rules->service)) {
        said =
            arena_printf(arena, "%.*sCredential should be scoped to correct service: '%.*s'. ",
                         TEXT_PRINTF(said), TEXT_PRINTF(rules->service));
    }
    if (!text_equal(parts->terminator, T(SIGNATURE_TERMINATOR))) {
        said = arena_printf(arena,
                            "%.*sCredential should be scoped with a valid terminator: "
                            "'" SIGNATURE_TERMINATOR "', not '%.*s'. ",
                            TEXT_PRINTF(said),
                            TEXT_PRINTF(signed_printable(arena, parts->terminator)));
    }
    if (!text_equal(parts->scope_date, day)) {
        said = arena_printf(
            arena,
            "%.*sDate in Credential scope does not match YYYYMMDD from ISO-8601 "
            "version of date from HTTP: '%.*s' != '%.*s', from '%s'.",
            TEXT_PRINTF(said), TEXT_PRINTF(signed_printable(arena, parts->scope_date)),
            TEXT_PRINTF(day), parts->time_text);
    }
    return said.len == 0
           || signed_refuse(check->request, check->ret, SIGNATURE_WRONG, "%.*s",
                            TEXT_PRINTF(said));
}

static bool key_check(struct check *check)
{
    check->key = check->rules->find(check->rules->context, check->parts.key_id);
    return (check->key != NULL && check->key->is_active)
           || signed_refuse(check->request, check->ret, SIGNATURE_UNKNOWN_KEY,
                            "The security token included in the request is invalid.");
}

static struct text string_to_sign(const struct check *check, struct text canonical)
{
    const struct signed_parts *parts = &check->parts;
    struct text scope = text_after(parts->credential, parts->key_id.len + 1);
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE];
    struct buffer to = buffer_over(hex, sizeof hex);

    digest_sha256(canonical, digest);
    hex_encode(&to, text_make(digest, sizeof digest));
    return arena_printf(check->request->arena, SIGNATURE_ALGORITHM "\n%s\n%.*s\n%.*s",
                        parts->time_text, TEXT_PRINTF(scope), TEXT_PRINTF(buffer_text(&to)));
}

/* Both texts go back: they hold no secret, and are what people find the difference in. */
static bool mismatch(struct check *check, struct text canonical, struct text to_sign)
{
    return signed_refuse(
        check->request, check->ret, SIGNATURE_WRONG,
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.\n\nThe Canonical String for this request should have been\n'%.*s'\n\nThe "
        "String-to-Sign should have been\n'%.*s'\n",
        TEXT_PRINTF(text_first(canonical, SHOWN_MAX)), TEXT_PRINTF(to_sign));
}

static bool itself_check(struct check *check)
{
    const struct signed_parts *parts = &check->parts;
    struct signing_scope scope = {parts->scope_date, parts->region, parts->service};
    struct text canonical = canonical_request(check->request, parts);
    struct text to_sign = string_to_sign(check, canonical);
    uint8_t signing_key[SHA256_SIZE];
    uint8_t mac[SHA256_SIZE];
    char hex[2 * SHA256_SIZE];
    struct buffer expected = buffer_over(hex, sizeof hex);

    signing_key_find(check->rules->cache, check->key->secret, &scope, signing_key);
    digest_hmac_sha256(text_make(signing_key, sizeof signing_key), to_sign, mac);
    hex_encode(&expected, text_make(mac, sizeof mac));
    bool is_good = digest_equal(buffer_text(&expected), parts->signature)
                   || mutant("access.any-signature");

    if (is_good) {
        signing_key_keep(check->rules->cache, check->key->secret, &scope, signing_key);
    }
    explicit_bzero(signing_key, sizeof signing_key);
    return is_good || mismatch(check, canonical, to_sign);
}

/* Last: only who holds the secret hears about its session. */
static bool token_check(struct check *check)
{
    const struct access_key *key = check->key;

    if (!digest_equal(check->parts.token, key->token) && !mutant("access.any-token")) {
        return signed_refuse(check->request, check->ret, SIGNATURE_UNKNOWN_KEY,
                             "The security token included in the request is invalid");
    }
    if (key->token.len > 0 && check->rules->now_ms >= key->expires_ms) {
        return signed_refuse(check->request, check->ret, SIGNATURE_EXPIRED_TOKEN,
                             "The security token included in the request is expired");
    }
    return true;
}

bool signature_verify(const struct http_request *request, const struct signature_rules *rules,
                      struct signature_result *ret)
{
    static bool (*const checks[])(struct check * check) = {
        date_check,  age_check, covered_check, algorithm_check, credential_check,
        scope_check, key_check, itself_check,  token_check};
    struct check check = {.request = request, .rules = rules, .ret = ret};

    *ret = (struct signature_result){.fault = SIGNATURE_GOOD};
    if (!signed_parts_read(request, &check.parts, ret)) {
        return false;
    }
    for (size_t i = 0; i < countof(checks); i++) {
        if (!checks[i](&check)) {
            return false;
        }
    }
    ret->key = check.key;
    ret->region = check.parts.region;
    ret->service = check.parts.service;
    return true;
}
