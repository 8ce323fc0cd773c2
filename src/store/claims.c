/* The row that says which segments are in use. */
#include "store/claims.h"

#include "base/buffer.h"

#define CLAIM_BYTES  (3 * sizeof(uint64_t))
#define CLAIMS_BYTES (SEGMENTS_MAX * CLAIM_BYTES)

/* The engine's own row, see lmdb_map.h. */
static const struct text claims_key = TEXT("\0segments");

enum status claims_load(struct lmdb_map *map, struct claims *ret_claims, struct why *why)
{
    char bytes[CLAIMS_BYTES];
    size_t len = 0;
    enum status status = lmdb_map_get(map, claims_key, bytes, sizeof bytes, &len);

    *ret_claims = (struct claims){.are_noted = status == STATUS_OK};
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status != STATUS_OK || len != sizeof bytes) {
        return fail(why, STATUS_STORAGE,
                    "the database's note of the change log cannot be read: restore the data "
                    "directory from a copy");
    }
    struct cursor cursor = cursor_over(text_make(bytes, len));

    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        ret_claims->of[i].secret = cursor_u64(&cursor);
        ret_claims->of[i].first = cursor_u64(&cursor);
        ret_claims->of[i].bytes = cursor_u64(&cursor);
    }
    return STATUS_OK;
}

enum status claims_save(struct lmdb_map *map, struct claims *claims, bool *ret_fatal,
                        struct why *why)
{
    char bytes[CLAIMS_BYTES];
    struct buffer buffer = buffer_over(bytes, sizeof bytes);

    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        buffer_add_u64(&buffer, claims->of[i].secret);
        buffer_add_u64(&buffer, claims->of[i].first);
        buffer_add_u64(&buffer, claims->of[i].bytes);
    }
    enum status status = lmdb_map_note(map, claims_key, buffer_text(&buffer), ret_fatal, why);

    claims->are_noted = claims->are_noted || status == STATUS_OK;
    return status;
}
