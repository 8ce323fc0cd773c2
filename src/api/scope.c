/* Who claims to call, for which region and service: the credential scope of SigV4, in its
 * header and its presigned form.  access/ will verify it; here it only routes. */
#include "api/internal.h"
#include "base/encoding.h"

#include <string.h>

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

bool claim_read(struct request *request, const struct params *params, struct claim *ret_claim)
{
    struct text header = http_request_header(request->http, T("Authorization"));
    struct text presigned = params_find(params, T("X-Amz-Credential"));
    struct claim claim = {0};

    if (text_starts_with(header, T("AWS4-HMAC-SHA256"))
        && scope_split(header_credential(header), &claim)) {
        *ret_claim = claim;
        return true;
    }
    if (presigned.len > 0 && scope_split(presigned, &claim)) {
        *ret_claim = claim;
        return true;
    }
    return false;
}
