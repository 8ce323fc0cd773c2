/* Digests and signatures, over OpenSSL.  Safe from any thread. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/text.h"

#define MD5_SIZE    16
#define SHA256_SIZE 32

void digest_md5(struct text bytes, uint8_t ret[MD5_SIZE]);
void digest_sha256(struct text bytes, uint8_t ret[SHA256_SIZE]);
void digest_hmac_sha256(struct text key, struct text bytes, uint8_t ret[SHA256_SIZE]);
/* Keyed 64-bit MAC (SipHash-2-4) for short tokens of our own, such as receipt handles. */
uint64_t digest_siphash(const uint8_t key[16], struct text bytes);
/* Fast, not cryptographic, stable across machines and versions: may be stored. */
uint64_t digest_fast(struct text bytes);
/* Fast, of this process alone: for hash tables whose keys strangers choose.  Without the secret
 * nobody can find keys that fall together.  Before digest_set_secret it is digest_fast, so that
 * simulators and tests are the same each time. */
uint64_t digest_in_process(struct text bytes);
#define DIGEST_SECRET_SIZE 32
/* Once, before the first table and the first thread. */
void digest_set_secret(const uint8_t secret[DIGEST_SECRET_SIZE]);
/* Equal without telling by the time it takes; different lengths are unequal at once. */
bool digest_equal(struct text a, struct text b);

#endif
