/* Records that are missing or cannot be read: said, counted, and kept aside; and those that
 * were mended: said and counted.
 *
 * A row of TABLE_DAMAGED: u8 format, u64 time, counted key, counted words, then the value. */
#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "step/records.h"

#include <stdio.h>

enum {
    FORMAT = 1,
    UNTOLD_MAX = 64, /* events that wait for the log */
    KNOWN_MAX = 4096 /* keys that are told of once; behind them each time */
};

/* A key that was told of. */
struct known {
    struct map_node map;
    struct key key;
};

static struct key damaged_key(const struct key *key)
{
    uint8_t digest[SHA256_SIZE];

    if (key->len < sizeof key->at) {
        return key_name(TABLE_DAMAGED, key_text(key));
    }
    digest_sha256(key_text(key), digest);
    return key_name(TABLE_DAMAGED, text_make(digest, sizeof digest));
}

static bool is_told(struct records *records, const struct key *key)
{
    if (map_find(&records->damaged, key_text(key)) != NULL) {
        return true;
    }
    if (records->damaged.count < KNOWN_MAX) {
        struct known *known = memory_zero(sizeof *known);

        known->key = *key;
        map_insert(&records->damaged, &known->map, key_text(&known->key));
    }
    return false;
}

static void tell(struct records *records, const struct key *key, const struct blob *value,
                 const char *what, bool is_mended)
{
    if (records->damages_told == UNTOLD_MAX) {
        return; /* the counter has it */
    }
    struct damage *damage = memory_zero(sizeof *damage);

    damage->key = *key;
    damage->len = blob_text(value).len;
    damage->is_mended = is_mended;
    (void)snprintf(damage->what, sizeof damage->what, "%s", what);
    list_push(&records->damages, &damage->node);
    records->damages_told++;
}

static void keep(struct step *step, const struct key *key, const struct blob *value,
                 const char *what)
{
    struct key aside = damaged_key(key);
    struct buffer buffer;

    buffer_init(&buffer, 256 + blob_text(value).len);
    buffer_add_byte(&buffer, FORMAT);
    buffer_add_u64(&buffer, (uint64_t)step->now_ms);
    buffer_add_counted(&buffer, key_text(key));
    buffer_add_counted(&buffer, text_from(what));
    buffer_add(&buffer, blob_text(value));
    /* It may be anybody's message. */
    const struct content content = {
        .kind = CONTENT_ASIDE, .wants_sealing = true, .reuse_s = UINT32_MAX, .head = 1};

    record_put_content(step, &aside, blob_copy(buffer_text(&buffer)), &content);
    buffer_free(&buffer);
}

void record_set_aside(struct step *step, const struct key *key, const struct blob *value,
                      const char *what)
{
    struct key copy = *key; /* the caller's may be the record's own */

    if (!is_told(step->records, &copy)) {
        step->records->damaged_count++;
        tell(step->records, &copy, value, what, false);
        keep(step, &copy, value, what);
    }
    if (value != NULL) {
        record_delete(step, &copy);
    }
}

void record_mended(struct step *step, const struct key *key, const char *what)
{
    step->records->mended_count++;
    tell(step->records, key, NULL, what, true);
}

struct damage *records_next_damage(struct records *records)
{
    struct list_node *node = list_pop(&records->damages);

    if (node == NULL) {
        return NULL;
    }
    records->damages_told--;
    return container_of(node, struct damage, node);
}

uint64_t records_damaged(const struct records *records)
{
    return records->damaged_count;
}

uint64_t records_mended(const struct records *records)
{
    return records->mended_count;
}

void damages_free(struct records *records)
{
    struct list_node *node = NULL;
    struct map_node *map_node = NULL;

    while ((node = list_pop(&records->damages)) != NULL) {
        memory_free(container_of(node, struct damage, node));
    }
    while ((map_node = map_pop(&records->damaged)) != NULL) {
        memory_free(container_of(map_node, struct known, map));
    }
    map_free(&records->damaged);
}
