/* Who claims to call, for which region and service: the credential scope of SigV4, in its
 * header and its presigned form.  access/ will verify it; here it only routes. */
#include "api/internal.h"
#include "base/characters.h"
#include "base/encoding.h"
#include "base/mutants.h"

#include <string.h>

#define ACCESS_KEY_MAX   128
#define TRACE_HEADER_MAX 1024

/* "AKID/20250101/us-east-1/sns/aws4_request" */
static bool scope_split(struct text scope, struct claim *ret)
{
    struct text rest = scope;

    ret->access_key = text_cut(&rest, '/');
    struct text date = text_cut(&rest, '/');

    ret->region = text_cut(&rest, '/');
    ret->service = text_cut(&rest, '/');
    return ret->access_key.len > 0 && date.len > 0 && ret->region.len > 0
           && ret->service.len > 0;
}

/* The value of "Credential=" in an Authorization header. */
static struct text header_credential(struct text header)
{
    static const struct text mark = TEXT("Credential=");
    const char *found =
        header.len == 0 ? NULL : memmem(header.at, header.len, mark.at, mark.len);

    if (found == NULL) {
        return (struct text){0};
    }
    struct text rest = text_after(header, (size_t)(found - header.at) + mark.len);

    return text_first(rest, text_find(rest, ','));
}

static const struct error_kind error_bad_region = {.type = "InvalidSignatureException",
                                                   .query = "SignatureDoesNotMatch",
                                                   .http_status = 403,
                                                   .is_generic = true};
static const struct error_kind error_bad_key = {.type = "UnrecognizedClientException",
                                                .query = "InvalidClientTokenId",
                                                .http_status = 403,
                                                .is_generic = true};

/* 1 to `max` bytes between `first` and '~'. */
static bool is_printable(struct text text, char first, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < first || text.at[i] > '~') {
            return false;
        }
    }
    return text.len >= 1 && text.len <= max;
}

struct text trace_header_read(const struct http_request *http)
{
    struct text header = http_request_header(http, T("X-Amzn-Trace-Id"));

    return is_printable(header, ' ', TRACE_HEADER_MAX) ? header : (struct text){0};
}

static enum status claim_check(struct request *request, const struct claim *claim)
{
    if (!is_printable(claim->access_key, '!', ACCESS_KEY_MAX)) {
        return request_fail(request, &error_bad_key,
                            "The security token included in the request is invalid.");
    }
    if (!text_is_region(claim->region) && !mutant("api.any-region")) {
        return request_fail(request, &error_bad_region,
                            "Credential should be scoped to a valid region.");
    }
    return STATUS_OK;
}

enum status claim_read(struct request *request, const struct params *params,
                       struct claim *ret_claim)
{
    struct text header = http_request_header(request->http, T("Authorization"));
    struct text presigned = params_find(params, T("X-Amz-Credential"));
    struct claim claim = {0};
    bool is_claimed = (text_starts_with(header, T("AWS4-HMAC-SHA256"))
                       && scope_split(header_credential(header), &claim))
                      || (presigned.len > 0 && scope_split(presigned, &claim));

    if (!is_claimed) {
        return STATUS_OK;
    }
    *ret_claim = claim;
    return claim_check(request, &claim);
}
