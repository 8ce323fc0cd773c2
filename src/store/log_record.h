/* One committed batch as bytes in the change log.
 *
 * A record is a header (checksum of the header, size, sequence, number of changes, checksum of
 * the changes) and then, per change, a kind, a key length, a value length, the key and the
 * value; numbers are big-endian.  The checksums are keyed with a secret of the segment's, so
 * that no message can pass its own bytes off as a record.  To change the layout: raise
 * LOG_FORMAT in segment.c and keep reading the old one. */
#ifndef STORE_LOG_RECORD_H
#define STORE_LOG_RECORD_H

#include "base/buffer.h"
#include "store/ordered_ops.h"
#include "store/overlay.h"

/* Records are written as whole pages, the rest zero. */
#define RECORD_PAGE ((size_t)4096)

struct log_record {
    uint64_t sequence;
    uint32_t count;
    struct text bytes;   /* all of it */
    struct text changes; /* what log_record_next_change reads */
    const char *kept;    /* where `bytes` stay when the rest is lent for a moment only */
};

/* Not cryptographic, but nobody who does not know `secret` can aim for a value. */
uint64_t log_record_checksum(struct text bytes, uint64_t secret);
/* Bytes that the record of these changes takes. */
size_t log_record_size(const struct ordered_ops *ordered);
/* Replaces what `buffer` (whose maximum must allow it) holds with the record's pages, and lends
 * the record from there. */
struct log_record log_record_write(struct buffer *buffer, const struct ordered_ops *ordered,
                                   uint64_t sequence, uint64_t secret);
/* True when `bytes` (which may go on behind it) begins with a whole, undamaged record. */
MUST_CHECK bool log_record_read(struct text bytes, uint64_t secret,
                                struct log_record *ret_record);
/* The size that the header at the start of `bytes` gives for a record, be that whole or not; 0
 * when it is no record's header under this secret. */
uint64_t log_record_announced(struct text bytes, uint64_t secret);
/* Takes the next change off *changes; false when there is none.  Lends key and value. */
bool log_record_next_change(struct text *changes, struct overlay_change *ret_change);

#endif
