/* Who calls.  Nobody has to sign in yet: what only the operator may do is asked of where the
 * caller is, or of the secret that only the operator can read. */
#include "access/caller.h"

#include "base/digest.h"
#include "base/mutants.h"

const struct caller caller_itself = {.address = TEXT("127.0.0.1"), .is_admin = true};

/* "127.0.0.1:50000", "[::1]:50000" */
static struct text address_of(struct text peer)
{
    bool is_bracketed = text_starts_with(peer, T("["));
    struct text inside = text_after(peer, is_bracketed ? 1 : 0);

    return text_first(inside, text_find(inside, is_bracketed ? ']' : ':'));
}

static bool is_loopback(struct text address)
{
    return text_starts_with(address, T("127.")) || text_equal(address, T("::1"))
           || text_starts_with(address, T("::ffff:127."));
}

/* Headers of which one says that somebody else stands behind the connection. */
static bool has_come_through(const struct http_request *request)
{
    static const struct text headers[] = {
        TEXT("Forwarded"),         TEXT("X-Forwarded-For"),  TEXT("X-Forwarded-Host"),
        TEXT("X-Forwarded-Proto"), TEXT("X-Forwarded-Port"), TEXT("X-Forwarded-Server"),
        TEXT("X-Real-IP"),         TEXT("X-Client-IP"),      TEXT("True-Client-IP"),
        TEXT("CF-Connecting-IP"),  TEXT("X-Original-URL"),   TEXT("Via"),
    };

    for (size_t i = 0; i < countof(headers); i++) {
        if (http_request_header(request, headers[i]).at != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_browser(const struct http_request *request)
{
    static const struct text headers[] = {TEXT("Origin"), TEXT("Sec-Fetch-Site"),
                                          TEXT("Sec-Fetch-Mode"), TEXT("Sec-Fetch-Dest")};

    for (size_t i = 0; i < countof(headers); i++) {
        if (http_request_header(request, headers[i]).at != NULL) {
            return true;
        }
    }
    return text_starts_with(http_request_header(request, T("User-Agent")), T("Mozilla/"));
}

static bool has_secret(const struct caller_rules *rules, const struct http_request *request)
{
    struct text given = http_request_header(request, T(CALLER_ADMIN_HEADER));

    return rules->admin_secret.len > 0 && digest_equal(given, rules->admin_secret);
}

void caller_make(const struct caller_rules *rules, const struct http_request *request,
                 struct caller *ret_caller)
{
    struct text address = address_of(request->peer);
    bool is_local = rules->trusts_local && is_loopback(address) && !has_come_through(request)
                    && !is_browser(request);

    *ret_caller = (struct caller){.address = address,
                                  .is_admin = is_local || has_secret(rules, request)
                                              || mutant("access.all-are-admins")};
}
