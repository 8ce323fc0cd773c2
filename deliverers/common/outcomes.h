/* What an answer means: the one classification for all transports that speak HTTP or libcurl.
 */
#ifndef DELIVERERS_COMMON_OUTCOMES_H
#define DELIVERERS_COMMON_OUTCOMES_H

#include "deliverers/deliverer.h"

/* The longest that an endpoint's Retry-After is honoured. */
#define RETRY_AFTER_MAX_MS INT64_C(3600000)

/* AWS's rule: 2xx delivered; 5xx and 429 may work later; everything else never will.  410 is
 * ours: the endpoint says that it wants no more. */
enum verdict outcome_of_status(int status);
/* The status's usual text, "Service Unavailable", or "". */
const char *outcome_status_text(int status);
/* What a transfer that brought no status means: `code` is libcurl's CURLcode.  *ret_reason is
 * static text. */
enum verdict outcome_of_curl(int code, const char **ret_reason);
/* What a refusal of SMTP means (RFC 5321, 4954): the command that was refused, in capitals, and
 * the reply's code, 400 to 599.  4xx may work later; 5xx never will, if it is about this mail:
 * what the relay says of signing in, of TLS or of us is the operator's to mend.  *ret_advice
 * is static text, or "". */
enum verdict outcome_of_smtp(const char *command, int code, const char **ret_advice);
/* Seconds as an endpoint asked, within the cap; what is not positive is 0. */
int64_t outcome_retry_after(int64_t seconds);

#endif
