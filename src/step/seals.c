/* Data keys: one per owner of content and time, wrapped by a master key in a row of its own.
 * Rows of content are sealed on their way into a batch and opened when a read brings them, so
 * that nothing above knows of it and nothing below sees what users wrote.
 * A key is used from its making until its time is over or the cell ends, never again after. */
#include "step/seals.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"

#include <string.h>

#define FORMAT    1
#define ROW_SIZE  (1 + 1 + 4 + 8 + WRAPPED_SIZE)
#define USES_MOST ((uint64_t)1 << 32)

struct seals *seals_create(const struct masters *masters, enum seal_mode mode)
{
    struct seals *seals = memory_zero(sizeof *seals);

    seals->masters = masters;
    seals->mode = masters == NULL ? SEAL_NONE : mode;
    seals->sealer = sealer_create();
    seals->room = key_room_create(OPEN_KEYS);
    list_init(&seals->ordered);
    list_init(&seals->stale);
    return seals;
}

void seals_free(struct seals *seals)
{
    struct list_node *node = NULL;

    if (seals == NULL) {
        return;
    }
    while ((node = list_first(&seals->ordered)) != NULL) {
        seal_owner_free(seals, container_of(node, struct seal_owner, node));
    }
    map_free(&seals->keys);
    map_free(&seals->owners);
    sealer_free(seals->sealer);
    key_room_free(seals->room);
    memory_free(seals);
}

struct seals_counters seals_counters(const struct seals *seals)
{
    return seals->counters;
}

bool step_seals(const struct step *step)
{
    return step->seals != NULL && step->seals->mode != SEAL_NONE;
}

/* --- Owners and their keys. */

static struct seal_owner *owner_of(struct seals *seals, enum content_kind kind, uint32_t number)
{
    uint8_t name[5];

    bytes_put_number(name, (uint64_t)kind, 1);
    bytes_put_number(name + 1, number, 4);
    struct map_node *node = map_find(&seals->owners, text_make(name, sizeof name));

    if (node != NULL) {
        return container_of(node, struct seal_owner, map);
    }
    struct seal_owner *owner = memory_zero(sizeof *owner);

    memcpy(owner->name, name, sizeof name);
    owner->kind = kind;
    owner->number = number;
    list_init(&owner->keys);
    list_push(&seals->ordered, &owner->node);
    map_insert(&seals->owners, &owner->map, text_make(owner->name, sizeof owner->name));
    return owner;
}

void seal_owner_free(struct seals *seals, struct seal_owner *owner)
{
    struct list_node *node = NULL;

    while ((node = list_first(&owner->keys)) != NULL) {
        data_key_free(seals, container_of(node, struct data_key, node));
    }
    map_remove(&seals->owners, &owner->map);
    list_remove(&owner->node);
    memory_free(owner);
}

uint64_t seal_owner_last(const struct step *step, const struct seal_owner *owner)
{
    switch (owner->kind) {
    case CONTENT_TOPIC: return step_counter(step, COUNTER_MESSAGE);
    case CONTENT_QUEUE: return step_counter(step, COUNTER_SEQUENCE);
    case CONTENT_ATTEMPTS: return step_counter(step, COUNTER_ATTEMPT);
    case CONTENT_ASIDE: break;
    }
    return UINT64_MAX; /* what is set aside stays */
}

static struct data_key *data_key_add(struct seals *seals, struct seal_owner *owner,
                                     uint32_t number)
{
    struct data_key *key = memory_zero(sizeof *key);

    key->owner = owner;
    key->number = number;
    key->last = UINT64_MAX;
    bytes_put_number(key->name, number, sizeof key->name);
    map_insert(&seals->keys, &key->map, text_make(key->name, sizeof key->name));
    list_push(&owner->keys, &key->node);
    seals->counters.data_keys++;
    return key;
}

static struct data_key *data_key_find(const struct seals *seals, uint32_t number)
{
    uint8_t name[4];

    bytes_put_number(name, number, sizeof name);
    struct map_node *node = map_find(&seals->keys, text_make(name, sizeof name));

    return node == NULL ? NULL : container_of(node, struct data_key, map);
}

void data_key_free(struct seals *seals, struct data_key *key)
{
    size_t slot = key->number % OPEN_KEYS;

    if (seals->opened[slot] == key->number) {
        memset(key_room_at(seals->room, slot), 0, SEALING_KEY_SIZE);
        seals->opened[slot] = 0;
    }
    if (list_contains(&key->stale)) {
        list_remove(&key->stale);
        seals->counters.stale--;
    }
    map_remove(&seals->keys, &key->map);
    list_remove(&key->node);
    seals->counters.data_keys--;
    memory_free(key);
}

/* What the wrapped key is bound to: its number and its owner. */
struct text data_key_context(const struct data_key *key, uint8_t at[16])
{
    memcpy(at, key->name, sizeof key->name);
    memcpy(at + sizeof key->name, key->owner->name, sizeof key->owner->name);
    return text_make(at, sizeof key->name + sizeof key->owner->name);
}

void data_key_put(struct step *step, const struct data_key *key)
{
    struct key at = key_u32(TABLE_DATA_KEY, key->number);
    struct blob *row = blob_new(ROW_SIZE);
    char *to = bytes_put_number(row->at, FORMAT, 1);

    to = bytes_put(to, key->owner->name, sizeof key->owner->name);
    to = bytes_put_number(to, (uint64_t)key->made_ms, 8);
    bytes_put(to, key->wrapped, sizeof key->wrapped);
    record_put(step, &at, row);
}

/* Its bytes, opened now if they are not; NULL: they do not open. */
static const uint8_t *data_key_bytes(struct seals *seals, const struct data_key *key,
                                     struct why *why, enum status *ret_status)
{
    size_t slot = key->number % OPEN_KEYS;
    uint8_t *bytes = key_room_at(seals->room, slot);
    uint8_t context[16];

    *ret_status = STATUS_OK;
    if (seals->opened[slot] == key->number) {
        return bytes;
    }
    *ret_status = masters_unwrap(seals->masters, data_key_context(key, context),
                                 text_make(key->wrapped, sizeof key->wrapped), bytes, why);
    seals->opened[slot] = *ret_status == STATUS_OK ? key->number : 0;
    return *ret_status == STATUS_OK ? bytes : NULL;
}

enum status seals_load(struct seals *seals, const struct key *key, struct text row,
                       struct why *why)
{
    struct cursor cursor = cursor_over(row);
    bool is_known = cursor_u8(&cursor) == FORMAT;
    enum content_kind kind = (enum content_kind)cursor_u8(&cursor);
    uint32_t number = cursor_u32(&cursor);
    int64_t made_ms = (int64_t)cursor_u64(&cursor);
    struct text wrapped = cursor_take(&cursor, WRAPPED_SIZE);
    enum status status = STATUS_OK;

    if (!is_known || !cursor_done(&cursor) || key->len != 5) {
        return fail(why, STATUS_STORAGE, "it is not a data key that this version reads");
    }
    if (seals->masters == NULL) {
        return fail(why, STATUS_NOT_FOUND, "no master key is given");
    }
    struct data_key *loaded =
        data_key_add(seals, owner_of(seals, kind, number), key_get_u32(key, 1));

    loaded->made_ms = made_ms;
    memcpy(loaded->wrapped, wrapped.at, WRAPPED_SIZE);
    if (!masters_wrapped_last(seals->masters, wrapped)) {
        list_push(&seals->stale, &loaded->stale);
        seals->counters.stale++;
    }
    (void)data_key_bytes(seals, loaded, why, &status);
    return status;
}

/* --- Sealing. */

static struct data_key *data_key_make(struct step *step, struct seal_owner *owner)
{
    struct seals *seals = step->seals;
    uint32_t number = (uint32_t)step_number(step, COUNTER_DATA_KEY);
    struct data_key *key = data_key_add(seals, owner, number);
    uint8_t *bytes = key_room_at(seals->room, number % OPEN_KEYS);
    uint8_t context[16];

    key->made_ms = step->now_ms;
    step->random->fill(step->random, bytes, SEALING_KEY_SIZE);
    seals->opened[number % OPEN_KEYS] = number;
    masters_wrap(seals->masters, step->random, data_key_context(key, context), bytes,
                 key->wrapped);
    data_key_put(step, key);
    seals->counters.made++;
    return key;
}

void data_key_retire(struct step *step, struct seal_owner *owner)
{
    if (owner->current != NULL) {
        owner->current->last = seal_owner_last(step, owner);
        owner->current = NULL;
    }
}

/* The owner's key of now: a new one when the time of the last is over. */
static struct data_key *current_key(struct step *step, const struct content *content)
{
    struct seal_owner *owner = owner_of(step->seals, content->kind, content->owner);
    struct data_key *current = owner->current;

    if (current != NULL && current->used < USES_MOST
        && step->now_ms < current->made_ms + (int64_t)content->reuse_s * 1000) {
        return current;
    }
    data_key_retire(step, owner);
    owner->current = data_key_make(step, owner);
    owner->reuse_s = content->reuse_s;
    seals_pass_arm(step);
    return owner->current;
}

static bool is_to_be_sealed(const struct step *step, const struct content *content)
{
    return step->seals != NULL
           && (step->seals->mode == SEAL_ALL
               || (step->seals->mode == SEAL_NAMED && content->wants_sealing));
}

void record_put_content(struct step *step, const struct key *key, struct blob *take_value,
                        const struct content *content)
{
    enum status status = STATUS_OK;

    if (!is_to_be_sealed(step, content) || mutant("step.content-in-plain")) {
        record_put(step, key, take_value);
        return;
    }
    struct data_key *data_key = current_key(step, content);
    const struct row_seal seal = {
        .key = data_key_bytes(step->seals, data_key, NULL, &status),
        .key_number = data_key->number,
        .counter = data_key->used++,
        .place = key_text(key),
        .head = content->head < take_value->len ? content->head : take_value->len,
    };

    must(seal.key != NULL); /* it was made or opened by this process */
    struct blob *stored = row_seal(step->seals->sealer, blob_text(take_value), &seal);

    record_write(step, key, take_value, stored);
    blob_unref(stored);
    step->seals->counters.rows_sealed++;
}

/* --- Opening. */

static bool has_content(const struct key *key)
{
    return key->at[0] == TABLE_BODY || key->at[0] == TABLE_READY || key->at[0] == TABLE_ATTEMPT
           || key->at[0] == TABLE_DAMAGED;
}

/* NULL: it does not open. */
static struct blob *row_opened(struct seals *seals, const struct row *row)
{
    struct text sealed = blob_text(row->value);
    enum status status = STATUS_OK;
    uint32_t number = 0;

    if (sealed.len < row->full_len) {
        return row_open_head(sealed);
    }
    if (!row_key_number(sealed, &number)) {
        return NULL;
    }
    struct data_key *key = data_key_find(seals, number);
    const uint8_t *bytes = key == NULL ? NULL : data_key_bytes(seals, key, NULL, &status);

    return bytes == NULL ? NULL : row_open(seals->sealer, sealed, bytes, key_text(&row->key));
}

/* What does not open stays as it lies: no format begins so, and whoever reads it sets it aside,
 * sealed as it is. */
void seals_open(struct step *step, struct read *read)
{
    for (uint32_t i = 0; i < read->row_count && step->seals != NULL; i++) {
        struct row *row = &read->rows[i];
        struct blob *opened = has_content(&row->key) && row_is_sealed(blob_text(row->value))
                                  ? row_opened(step->seals, row)
                                  : NULL;

        if (opened != NULL) {
            blob_unref(row->value);
            row->value = opened;
            row->full_len -= ROW_SEAL_SIZE;
            step->seals->counters.rows_opened++;
        }
    }
}
