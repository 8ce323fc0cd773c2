/* Writing batches as records, and reading them back. */
#include "store/log_record.h"

#include "base/bytes.h"
#include "base/must.h"

#include <string.h>
#include <xxhash.h>

#define CHECKSUM_BYTES 8
#define HEADER_BYTES   (CHECKSUM_BYTES + 4 + 8 + 4 + CHECKSUM_BYTES)
#define CHANGE_BYTES   (1 + 1 + 4)

enum change_kind {
    CHANGE_PUT = 1,
    CHANGE_DELETE = 2
};

uint64_t log_record_checksum(struct text bytes, uint64_t secret)
{
    return XXH3_64bits_withSeed(bytes.at, bytes.len, secret);
}

size_t log_record_size(const struct ordered_ops *ordered)
{
    return HEADER_BYTES + ordered->count * CHANGE_BYTES + ordered->bytes;
}

static char *write_change(char *at, const struct batch_op *op)
{
    struct text value = op_value(op);

    *at++ = op->value == NULL ? CHANGE_DELETE : CHANGE_PUT;
    *at++ = (char)op->key->len;
    at = bytes_put_number(at, value.len, 4);
    at = bytes_put(at, op->key->at, op->key->len);
    return bytes_put(at, value.at, value.len);
}

static void write_header(char *start, const struct log_record *record, uint64_t secret)
{
    char *at = start + CHECKSUM_BYTES;

    at = bytes_put_number(at, record->bytes.len, 4);
    at = bytes_put_number(at, record->sequence, 8);
    at = bytes_put_number(at, record->count, 4);
    bytes_put_number(at, log_record_checksum(record->changes, secret), CHECKSUM_BYTES);
    struct text covered = text_make(start + CHECKSUM_BYTES, HEADER_BYTES - CHECKSUM_BYTES);

    bytes_put_number(start, log_record_checksum(covered, secret), CHECKSUM_BYTES);
}

struct log_record log_record_write(struct buffer *buffer, const struct ordered_ops *ordered,
                                   uint64_t sequence, uint64_t secret)
{
    size_t size = log_record_size(ordered);
    size_t padded = (size + RECORD_PAGE - 1) / RECORD_PAGE * RECORD_PAGE;

    buffer_clear(buffer);
    char *start = buffer_extend(buffer, padded);
    char *at = start + HEADER_BYTES;

    must(start != NULL);
    memset(start + size, 0, padded - size);

    for (size_t i = 0; i < ordered->count; i++) {
        at = write_change(at, ordered->ops[i]);
    }
    struct log_record record = {.sequence = sequence,
                                .count = (uint32_t)ordered->count,
                                .bytes = text_make(start, size),
                                .changes =
                                    text_make(start + HEADER_BYTES, size - HEADER_BYTES)};

    write_header(start, &record, secret);
    return record;
}

bool log_record_read(struct text bytes, uint64_t secret, struct log_record *ret_record)
{
    struct cursor header = cursor_over(text_first(bytes, HEADER_BYTES));
    uint64_t header_checksum = cursor_u64(&header);
    uint32_t size = cursor_u32(&header);
    struct log_record record = {.sequence = cursor_u64(&header)};

    record.count = cursor_u32(&header);
    uint64_t changes_checksum = cursor_u64(&header);

    if (header.broken || size < HEADER_BYTES || size > bytes.len) {
        return false;
    }
    struct text covered = text_make(bytes.at + CHECKSUM_BYTES, HEADER_BYTES - CHECKSUM_BYTES);

    record.bytes = text_first(bytes, size);
    record.changes = text_after(record.bytes, HEADER_BYTES);
    if (log_record_checksum(covered, secret) != header_checksum
        || log_record_checksum(record.changes, secret) != changes_checksum) {
        return false;
    }
    *ret_record = record;
    return true;
}

uint64_t log_record_announced(struct text bytes, uint64_t secret)
{
    struct cursor header = cursor_over(text_first(bytes, HEADER_BYTES));
    uint64_t checksum = cursor_u64(&header);
    uint32_t size = cursor_u32(&header);
    struct text covered = text_make(bytes.at + CHECKSUM_BYTES, HEADER_BYTES - CHECKSUM_BYTES);

    if (bytes.len < HEADER_BYTES || log_record_checksum(covered, secret) != checksum) {
        return 0;
    }
    return size > bytes.len ? bytes.len : size;
}

bool log_record_next_change(struct text *changes, struct overlay_change *ret_change)
{
    struct cursor cursor = cursor_over(*changes);
    uint8_t kind = cursor_u8(&cursor);
    uint8_t key_len = cursor_u8(&cursor);
    uint32_t value_len = cursor_u32(&cursor);
    struct text key = cursor_take(&cursor, key_len);
    struct text value = cursor_take(&cursor, value_len);

    if (cursor.broken) {
        return false;
    }
    *ret_change = (struct overlay_change){
        .key = key, .value = value, .is_deleted = kind == CHANGE_DELETE};
    *changes = text_after(*changes, CHANGE_BYTES + key_len + value_len);
    return true;
}
