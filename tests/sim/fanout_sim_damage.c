/* Rows on disk are damaged while the process runs and between its lives, as a checksum notices
 * (ROW_DAMAGED) or nobody before the row is read.  Whom the row was about may lose that
 * message, and then it is said in TABLE_DAMAGED; nobody loses another, and nothing else is set
 * aside. */
#include "fanout_sim.h"

#include "base/buffer.h"
#include "queues/rows.h"

#include <string.h>

#define GARBAGE "\xFFgarbage"

/* --- Finding a row. */

struct pick {
    struct world *world;
    struct key key;
    struct blob *value;
    uint64_t seen;
};

/* Each row is as likely as any other. */
static bool pick_row(void *context, const struct engine_row *row)
{
    struct pick *pick = context;

    if (row->is_deleted || world_chance(pick->world, ++pick->seen) != 0) {
        return true;
    }
    blob_unref(pick->value);
    pick->value = blob_copy(row->value);
    pick->key.len = (uint8_t)row->key.len;
    memcpy(pick->key.at, row->key.at, row->key.len);
    return true;
}

static bool take_value(void *context, const struct engine_row *row)
{
    struct blob **ret_value = context;

    *ret_value = row->is_deleted ? NULL : blob_copy(row->value);
    return false;
}

struct blob *row_at(struct world *world, const struct key *key)
{
    struct key next = key_next(key);
    struct blob *value = NULL;

    (void)world->engine->scan(world->disk, key_text(key), key_text(&next), false, take_value,
                              &value);
    return value;
}

/* --- Whom it is about. */

/* Each says which message it is about; 0: not known, or of no topic. */

static uint64_t message_of_first(const struct key *key, const struct blob *value)
{
    (void)value;
    return key_get_u64(key, 1);
}

static uint64_t message_of_last(const struct key *key, const struct blob *value)
{
    (void)value;
    return key_get_u64(key, key->len - sizeof(uint64_t));
}

static uint64_t message_of_entry(const struct key *key, const struct blob *value)
{
    struct entry entry;

    return key->at[READY_PART_AT] == 0 && entry_decode(blob_text(value), &entry)
                   && (entry.flags & ENTRY_REFERENCE) != 0
               ? entry.message
               : 0;
}

/* What is damaged, and how.  Of a body that is wrong without a checksum that says so nobody but
 * its reader would notice anything. */
static const struct {
    enum table table;
    uint64_t (*message)(const struct key *key, const struct blob *value);
    bool by_checksum, by_reader;
} targets[] = {
    {TABLE_BODY, message_of_first, true, false},
    {TABLE_OWED, message_of_first, true, true},
    {TABLE_LANE, message_of_last, true, true},
    {TABLE_READY, message_of_entry, true, true},
};

/* What was published under that number, or PUBLISHES: something else. */
static uint32_t publish_of(struct world *world, uint64_t number)
{
    struct key key = key_u64(TABLE_BODY, number);
    struct blob *body = row_at(world, &key);
    struct arena arena = {0};
    struct message message;
    uint32_t publish = PUBLISHES;

    if (message_decode(blob_text(body), &arena, &message) && message.token.len == 0
        && !text_ends_with(message.topic_arn, T(".fifo"))) {
        publish = message_number(message.body);
    }
    arena_free(&arena);
    blob_unref(body);
    return publish;
}

/* --- Damaging it. */

static void overwrite(struct world *world, const struct key *key, struct text value)
{
    struct batch *batch = batch_create(0);
    struct blob *blob = blob_copy(value);
    struct why why;
    bool is_fatal = false;

    (void)batch_add(batch, key, blob, NULL);
    blob_unref(blob);
    if (world->engine->commit(world->disk, batch, &is_fatal, &why) != STATUS_OK) {
        complain(scene_of(world), "the disk could not be damaged", 0, 0);
    }
    batch_free(batch);
}

/* Most damage is only met by the next life of the process, and how that copes may be cut short:
 * it dies soon, and soon again. */
static void die_over_it(struct world *world)
{
    if (world_chance(world, 3) == 0) {
        int64_t first_ms = (int64_t)world_chance(world, 50);

        crash_schedule(world, first_ms);
        crash_schedule(world, first_ms + (int64_t)world_chance(world, 300));
    }
}

static void on_damage(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);
    size_t target = event->number % countof(targets);
    struct key from = key_table(targets[target].table);
    struct key to = key_after_prefix(&from);
    struct pick pick = {.world = world};
    bool by_checksum = targets[target].by_checksum
                       && (!targets[target].by_reader || world_chance(world, 2) == 0);

    (void)world->engine->scan(world->disk, key_text(&from), key_text(&to), false, pick_row,
                              &pick);
    uint64_t number = pick.value == NULL ? 0 : targets[target].message(&pick.key, pick.value);
    uint32_t publish = number == 0 ? PUBLISHES : publish_of(world, number);

    if (publish < PUBLISHES && scene->harm_count < countof(scene->harms)) {
        scene->harms[scene->harm_count++] =
            (struct harm){.key = pick.key, .publish = publish, .message = number};
        scene->ledger[publish].is_harmed = true;
        overwrite(world, &pick.key, by_checksum ? text_from(ROW_DAMAGED) : T(GARBAGE));
        world_note(world, "damaged %c of %u", pick.key.at[0], publish);
        die_over_it(world);
    }
    blob_unref(pick.value);
}

void damage_schedule(struct scene *scene)
{
    struct world *world = scene->world;

    for (uint64_t i = scene->has_damage ? 1 + world_chance(world, HARMS) : 0; i > 0; i--) {
        world_schedule(world, on_damage, world_chance(world, 1000),
                       (int64_t)world_chance(world, 2LL * BUSY_MS));
    }
}

/* --- What was said of it. */

struct said {
    struct scene *scene;
    uint64_t count;
};

/* Of a message that was harmed its body may be missing as well, and an entry that refers to it
 * is of no use. */
static struct harm *harm_of(struct scene *scene, struct text key, struct text value)
{
    struct entry entry;
    bool is_reference = text_starts_with(key, (struct text){(const char[]){TABLE_READY}, 1})
                        && entry_decode(value, &entry) && (entry.flags & ENTRY_REFERENCE) != 0;

    for (size_t i = 0; i < scene->harm_count; i++) {
        struct harm *harm = &scene->harms[i];
        struct key body = key_u64(TABLE_BODY, harm->message);

        if (text_equal(key_text(&harm->key), key) || text_equal(key_text(&body), key)
            || (is_reference && entry.message == harm->message)) {
            return harm;
        }
    }
    return NULL;
}

static bool hear(void *context, const struct engine_row *row)
{
    struct said *said = context;
    struct cursor cursor = cursor_over(row->value);

    (void)cursor_u8(&cursor);
    (void)cursor_u64(&cursor);
    struct text key = cursor_counted(&cursor);
    (void)cursor_counted(&cursor); /* words */
    struct text value = cursor_take(&cursor, (size_t)(cursor.end - cursor.at));
    struct harm *harm = cursor.broken ? NULL : harm_of(said->scene, key, value);

    said->count++;
    if (harm == NULL) {
        complain(said->scene, "a row was set aside that nobody had damaged", 0,
                 key.len > 0 ? (uint32_t)key.at[0] : 0);
        return true;
    }
    for (size_t i = 0; i < said->scene->harm_count; i++) {
        said->scene->harms[i].is_said =
            said->scene->harms[i].is_said || said->scene->harms[i].publish == harm->publish;
    }
    return true;
}

bool harm_is_said(const struct scene *scene, uint32_t publish)
{
    for (size_t i = 0; i < scene->harm_count; i++) {
        if (scene->harms[i].publish == publish && scene->harms[i].is_said) {
            return true;
        }
    }
    return false;
}

void damage_hear(struct scene *scene)
{
    struct world *world = scene->world;
    struct key from = key_table(TABLE_DAMAGED);
    struct key to = key_after_prefix(&from);
    struct said said = {.scene = scene};

    (void)world->engine->scan(world->disk, key_text(&from), key_text(&to), false, hear, &said);
    if (world->boots == 1 && cell_damaged(world->cell) < said.count) {
        complain(scene, "what was set aside is not counted", (uint32_t)said.count, 0);
    }
}

static bool is_there(struct world *world, const struct harm *harm)
{
    struct blob *value = row_at(world, &harm->key);
    bool is = text_equal(blob_text(value), text_from(ROW_DAMAGED))
              || text_equal(blob_text(value), T(GARBAGE));

    blob_unref(value);
    return is;
}

void damage_check(struct scene *scene)
{
    damage_hear(scene);
    for (size_t i = 0; i < scene->harm_count; i++) {
        if (is_there(scene->world, &scene->harms[i]) && !scene->harms[i].is_said) {
            complain(scene, "is damaged and nobody was told", scene->harms[i].publish,
                     scene->harms[i].key.at[0]);
        }
    }
}

/* What cannot be read stays where it is, and keeps its body. */
uint64_t harms_left(struct scene *scene, enum table table)
{
    uint64_t count = 0;

    for (size_t i = 0; i < scene->harm_count; i++) {
        bool is_of_body = table == TABLE_BODY || table == TABLE_REFERENCES;

        count += is_of_body || is_there(scene->world, &scene->harms[i]);
    }
    return count;
}
