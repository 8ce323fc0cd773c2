/* The key that signs and its certificate: two files of the data directory. */
#ifndef NOTIFICATION_CERTIFICATE_H
#define NOTIFICATION_CERTIFICATE_H

#include "base/status.h"

#include <openssl/types.h>

#define CERTIFICATE_KEY_FILE  "signing-key.pem"
#define CERTIFICATE_FILE      "signing-cert.pem"
#define CERTIFICATE_NAME_SIZE 72 /* "SimpleNotificationService-<32 hex digits>.pem", NUL */

struct certificate {
    EVP_PKEY *key; /* owned */
    char *pem;     /* owned, NUL-terminated */
    char name[CERTIFICATE_NAME_SIZE];
    const char *made;     /* what was made just now, for the log; NULL: nothing */
    bool is_key_readable; /* by others than its owner */
};

/* Loads both from `directory`; makes what is missing there, atomically (the key takes a quarter
 * of a second), and a new certificate for the same key when the old one runs out within a
 * month.  *why names the file: STATUS_INVALID when the two are not a pair, or one is none at
 * all, which only a person can mend; STATUS_STORAGE when they cannot be read or written now.
 * Any thread. */
MUST_CHECK enum status certificate_open(const char *directory, struct certificate *ret,
                                        struct why *why);
void certificate_close(struct certificate *certificate);

#endif
