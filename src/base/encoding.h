/* Text forms of bytes: base64, hex, percent-encoding, UUIDs.
 * Decoders leave `to` as it was when they are false; that includes over the maximum, which also
 * marks `to` as overflown. */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include "base/buffer.h"

void base64_encode(struct buffer *to, struct text bytes); /* standard alphabet, padded */
/* Strict standard alphabet, padding required, the bits behind the last byte 0. */
MUST_CHECK bool base64_decode(struct buffer *to, struct text text);
void hex_encode(struct buffer *to, struct text bytes); /* lower case */
MUST_CHECK bool hex_decode(struct buffer *to, struct text text);
/* RFC 3986: everything but unreserved characters; upper-case hex. */
void percent_encode(struct buffer *to, struct text text);
/* application/x-www-form-urlencoded: '+' is a blank when `plus_is_blank`; a bad escape is
 * false. */
MUST_CHECK bool percent_decode(struct buffer *to, struct text text, bool plus_is_blank);

/* As it stands, but U+FFFD for what is not UTF-8 in it and for NUL, which many readers refuse.
 */
void utf8_add_clean(struct buffer *to, struct text text);

#define UUID_SIZE 37 /* 36 characters and NUL */

/* 16 random bytes made a version-4 UUID (bits set in the text, not in the bytes). */
void uuid_format(const uint8_t bytes[16], char ret_text[UUID_SIZE]);
/* The canonical 36-character form, any case, any version. */
MUST_CHECK bool uuid_parse(struct text text, uint8_t ret_bytes[16]);

#endif
