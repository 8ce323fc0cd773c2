/* The verifier of signatures, under any header and any query.
 * # link: access net base */
#include "access/signature.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

static const struct access_key key = {
    .id = TEXT("AKIAFANFARETEST00001"), .secret = TEXT("not guessed"), .is_active = true};

static const struct access_key *find(void *context, struct text id)
{
    (void)context;
    return text_equal(id, key.id) ? &key : NULL;
}

/* Lines: Authorization, X-Amz-Date, the target; the rest is the body.  Nobody guesses a
 * signature, and whoever is refused hears why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text rest = text_make(data, size);
    struct text authorization = text_cut(&rest, '\n');
    struct text date = text_cut(&rest, '\n');
    struct text query = text_cut(&rest, '\n');
    struct arena arena = {0};
    const struct http_header headers[] = {{TEXT("X-Amz-Date"), date},
                                          {TEXT("Host"), TEXT("localhost")},
                                          {TEXT("Authorization"), authorization}};
    struct http_request request = {.method = TEXT("POST"),
                                   .path = text_cut(&query, '?'),
                                   .query = query,
                                   .host = TEXT("localhost"),
                                   .headers = headers,
                                   .header_count = authorization.len > 0 ? countof(headers) : 2,
                                   .body = rest,
                                   .arena = &arena};
    struct signature_rules rules = {
        .now_ms = 1781524800000, .past_ms = 900000, .ahead_ms = 900000, .find = find};
    struct signature_result result;

    must(!signature_verify(&request, &rules, &result));
    must(result.fault != SIGNATURE_GOOD && result.fault < SIGNATURE_FAULT_COUNT);
    must(result.message.len > 0);
    arena_free(&arena);
    return 0;
}
