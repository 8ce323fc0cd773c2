/* Inside notification/: how a stored secret is written. */
#ifndef NOTIFICATION_WEBHOOK_H
#define NOTIFICATION_WEBHOOK_H

#include "base/text.h"

/* Cuts ";until=<ms since 1970>" off a secret; *ret_until_ms: INT64_MAX when there was none.
 * false: what is behind the ; is something else. */
MUST_CHECK bool webhook_secret_cut(struct text *io_secret, int64_t *ret_until_ms);

#endif
