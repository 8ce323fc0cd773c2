/* Keys and their rows.
 * Row: u8 format, u8 state, u8 managed, i64 created, i64 deletes, the wrapped key; counted:
 * account, region, description, policy; u32 count, aliases (i64 created, counted name). */
#include "base/must.h"
#include "keyring/internal.h"

#define FORMAT  1
#define ROW_MAX (1 << 20)

struct kms *kms_create(const struct masters *masters)
{
    struct kms *kms = memory_zero(sizeof *kms);

    kms->masters = masters;
    kms->aead = aead_create();
    kms->room = key_room_create(1);
    return kms;
}

static void text_own(struct text *place, struct text text)
{
    char *copy = memory_copy_text(text); /* before: it may be what is there */

    text_drop(*place);
    *place = text_make(copy, text.len);
}

static void key_free(struct kms *kms, struct kms_key *key)
{
    struct list_node *node = NULL;

    while ((node = list_first(&key->aliases)) != NULL) {
        kms_alias_free(kms, container_of(node, struct kms_alias, node));
    }
    map_remove(&kms->keys, &key->map);
    text_drop(key->account);
    text_drop(key->region);
    text_drop(key->arn);
    text_drop(key->description);
    text_drop(key->policy);
    memory_free(key);
}

void kms_free(struct kms *kms)
{
    if (kms == NULL) {
        return;
    }
    for (size_t i = 0; i < kms->count; i++) {
        key_free(kms, kms->ordered[i]);
    }
    memory_free(kms->ordered);
    map_free(&kms->keys);
    map_free(&kms->aliases);
    key_room_free(kms->room);
    aead_free(kms->aead);
    memory_free(kms);
}

/* --- In memory. */

/* Where an id is, or would be. */
static size_t place_of(const struct kms *kms, struct text id)
{
    size_t low = 0;
    size_t high = kms->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (text_compare(text_from(kms->ordered[middle]->name), id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void key_insert(struct kms *kms, struct kms_key *key)
{
    size_t place = place_of(kms, text_from(key->name));

    if (kms->count == kms->room_count) {
        kms->room_count = kms->room_count == 0 ? 16 : 2 * kms->room_count;
        kms->ordered = memory_resize(kms->ordered, kms->room_count * sizeof(struct kms_key *));
    }
    memmove(&kms->ordered[place + 1], &kms->ordered[place],
            (kms->count - place) * sizeof(struct kms_key *));
    kms->ordered[place] = key;
    kms->count++;
    map_insert(&kms->keys, &key->map, text_make(key->id, sizeof key->id));
}

static struct kms_key *key_new(const uint8_t id[16], const struct kms_scope *scope)
{
    struct kms_key *key = memory_zero(sizeof *key);
    struct buffer arn;

    memcpy(key->id, id, sizeof key->id);
    uuid_format(id, key->name);
    list_init(&key->aliases);
    text_own(&key->account, scope->account);
    text_own(&key->region, scope->region);
    buffer_init(&arn, 4096);
    buffer_printf(&arn, "arn:aws:kms:%.*s:%.*s:key/%s", TEXT_PRINTF(scope->region),
                  TEXT_PRINTF(scope->account), key->name);
    text_own(&key->arn, buffer_text(&arn));
    buffer_free(&arn);
    return key;
}

static bool is_in(const struct kms_key *key, const struct kms_scope *scope)
{
    return text_equal(key->account, scope->account) && text_equal(key->region, scope->region);
}

struct kms_key *kms_key_find(const struct kms *kms, const struct kms_scope *scope,
                             struct text id)
{
    uint8_t bytes[16];
    struct map_node *node =
        uuid_parse(id, bytes) ? map_find(&kms->keys, text_make(bytes, sizeof bytes)) : NULL;
    struct kms_key *key = node == NULL ? NULL : container_of(node, struct kms_key, map);

    return key != NULL && is_in(key, scope) ? key : NULL;
}

struct kms_key *kms_key_after(const struct kms *kms, const struct kms_scope *scope,
                              struct text after)
{
    for (size_t i = place_of(kms, after); i < kms->count; i++) {
        struct kms_key *key = kms->ordered[i];

        if (is_in(key, scope) && !text_equal(text_from(key->name), after)) {
            return key;
        }
    }
    return NULL;
}

/* --- Rows. */

static struct key row_key(const struct kms_key *key)
{
    return key_name(TABLE_KMS_KEY, text_make(key->id, sizeof key->id));
}

void kms_key_put(struct step *step, const struct kms_key *key)
{
    struct key at = row_key(key);
    struct buffer row;

    buffer_init(&row, ROW_MAX);
    buffer_add_u8(&row, FORMAT);
    buffer_add_u8(&row, (uint8_t)key->state);
    buffer_add_u8(&row, key->is_managed);
    buffer_add_u64(&row, (uint64_t)key->created_ms);
    buffer_add_u64(&row, (uint64_t)key->deletes_ms);
    buffer_add(&row, text_make(key->wrapped, sizeof key->wrapped));
    buffer_add_counted(&row, key->account);
    buffer_add_counted(&row, key->region);
    buffer_add_counted(&row, key->description);
    buffer_add_counted(&row, key->policy);
    buffer_add_u32(&row, (uint32_t)key->alias_count);
    list_each (node, &key->aliases) {
        const struct kms_alias *alias = container_of(node, struct kms_alias, node);

        buffer_add_u64(&row, (uint64_t)alias->created_ms);
        buffer_add_counted(&row, alias->name);
    }
    record_put(step, &at, blob_copy(buffer_text(&row)));
    buffer_free(&row);
}

enum status kms_load(struct kms *kms, const struct key *at, struct text row)
{
    struct cursor cursor = cursor_over(row);
    bool is_known = cursor_u8(&cursor) == FORMAT && at->len == 1 + 16;
    enum kms_state state = (enum kms_state)cursor_u8(&cursor);
    bool is_managed = cursor_u8(&cursor) != 0;
    int64_t created_ms = (int64_t)cursor_u64(&cursor);
    int64_t deletes_ms = (int64_t)cursor_u64(&cursor);
    struct text wrapped = cursor_take(&cursor, WRAPPED_SIZE);
    struct kms_scope scope = {.account = cursor_counted(&cursor)};

    scope.region = cursor_counted(&cursor);
    struct text description = cursor_counted(&cursor);
    struct text policy = cursor_counted(&cursor);
    uint32_t alias_count = cursor_u32(&cursor);

    if (!is_known || cursor.broken || state > KMS_PENDING_DELETION) {
        return STATUS_STORAGE;
    }
    struct kms_key *key = key_new(at->at + 1, &scope);

    key->state = state;
    key->is_managed = is_managed;
    key->created_ms = created_ms;
    key->deletes_ms = deletes_ms;
    memcpy(key->wrapped, wrapped.at, WRAPPED_SIZE);
    text_own(&key->description, description);
    text_own(&key->policy, policy);
    key_insert(kms, key);
    for (uint32_t i = 0; i < alias_count && !cursor.broken; i++) {
        int64_t since_ms = (int64_t)cursor_u64(&cursor);

        kms_alias_add(kms, key, cursor_counted(&cursor), since_ms);
    }
    return cursor_done(&cursor) ? STATUS_OK : STATUS_STORAGE;
}

/* --- Made and changed. */

static struct text wrap_context(const struct kms_key *key)
{
    return key->arn;
}

/* Its id and its bytes. */
static struct kms_key *key_draw(struct step *step, const struct kms_scope *scope)
{
    uint8_t bytes[SEALING_KEY_SIZE];
    uint8_t id[16];
    char name[UUID_SIZE];

    step->random->fill(step->random, id, sizeof id);
    uuid_format(id, name);
    must(uuid_parse(text_from(name), id)); /* with the bits that say which kind it is */
    struct kms_key *key = key_new(id, scope);

    key->created_ms = step->now_ms;
    step->random->fill(step->random, bytes, sizeof bytes);
    masters_wrap(kms_of(step)->masters, step->random, wrap_context(key), bytes, key->wrapped);
    key_wipe(bytes);
    return key;
}

enum status kms_key_create(struct step *step, const struct kms_scope *scope,
                           const struct kms_wish *wish, struct kms_key **ret_key,
                           struct why *why)
{
    struct kms *kms = kms_of(step);

    if (kms->masters == NULL) {
        return fail(why, STATUS_DENIED,
                    "this server has no master_key to keep keys under: its README says how to "
                    "give it one");
    }
    if (kms->count >= KMS_KEYS_MAX) {
        return fail(why, STATUS_FULL, "there are %d keys, which is the most", KMS_KEYS_MAX);
    }
    struct kms_key *key = key_draw(step, scope);

    key->is_managed = wish->is_managed;
    text_own(&key->description, wish->description);
    text_own(&key->policy, wish->policy);
    key_insert(kms, key);
    kms_key_put(step, key);
    *ret_key = key;
    return STATUS_OK;
}

static void deletion_await(struct step *step);

void kms_key_set_state(struct step *step, struct kms_key *key, enum kms_state state,
                       int64_t deletes_ms)
{
    key->state = state;
    key->deletes_ms = deletes_ms;
    kms_key_put(step, key);
    deletion_await(step);
}

void kms_key_set_policy(struct step *step, struct kms_key *key, struct text policy)
{
    text_own(&key->policy, policy);
    kms_key_put(step, key);
}

void kms_key_set_description(struct step *step, struct kms_key *key, struct text description)
{
    text_own(&key->description, description);
    kms_key_put(step, key);
}

const uint8_t *kms_key_open(const struct kms *kms, const struct kms_key *key, struct why *why)
{
    uint8_t *bytes = key_room_at(kms->room, 0);

    if (kms->masters == NULL) {
        (void)fail(why, STATUS_DENIED, "no master key is given");
        return NULL;
    }
    return masters_unwrap(kms->masters, wrap_context(key),
                          text_make(key->wrapped, sizeof key->wrapped), bytes, why)
                   == STATUS_OK
               ? bytes
               : NULL;
}

void kms_key_close(const struct kms *kms)
{
    key_room_wipe(kms->room);
}

/* --- The end of keys. */

static void key_delete(struct step *step, struct kms_key *key)
{
    struct kms *kms = kms_of(step);
    struct key at = row_key(key);
    size_t place = place_of(kms, text_from(key->name));

    record_delete(step, &at);
    kms->count--;
    memmove(&kms->ordered[place], &kms->ordered[place + 1],
            (kms->count - place) * sizeof(struct kms_key *));
    key_free(kms, key);
}

static void on_deletion(struct timer *timer, struct step *step)
{
    struct kms *kms = kms_of(step);

    (void)timer;
    for (size_t i = kms->count; i > 0; i--) {
        struct kms_key *key = kms->ordered[i - 1];

        if (key->state == KMS_PENDING_DELETION && key->deletes_ms <= step->now_ms) {
            key_delete(step, key);
        }
    }
    deletion_await(step);
}

static void deletion_await(struct step *step)
{
    struct kms *kms = kms_of(step);
    int64_t first_ms = INT64_MAX;

    for (size_t i = 0; i < kms->count; i++) {
        const struct kms_key *key = kms->ordered[i];

        if (key->state == KMS_PENDING_DELETION && key->deletes_ms < first_ms) {
            first_ms = key->deletes_ms;
        }
    }
    timer_cancel(step, &kms->timer);
    if (first_ms < INT64_MAX) {
        kms->timer.fire = on_deletion;
        timer_set(step, &kms->timer, first_ms);
    }
}

/* Few and small: all at once. */
static void rewrap(struct step *step, struct kms_key *key)
{
    struct kms *kms = kms_of(step);
    struct text wrapped = text_make(key->wrapped, sizeof key->wrapped);
    const uint8_t *bytes =
        masters_wrapped_last(kms->masters, wrapped) ? NULL : kms_key_open(kms, key, NULL);

    if (bytes != NULL) {
        masters_wrap(kms->masters, step->random, wrap_context(key), bytes, key->wrapped);
        kms_key_put(step, key);
    }
    kms_key_close(kms);
}

void kms_start(struct step *step)
{
    struct kms *kms = kms_of(step);

    for (size_t i = 0; i < kms->count && kms->masters != NULL; i++) {
        rewrap(step, kms->ordered[i]);
    }
    deletion_await(step);
}
