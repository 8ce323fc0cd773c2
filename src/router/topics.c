/* Topics: found by name and by number, kept whole in memory, written as one record each. */
#include "base/buffer.h"
#include "base/memory.h"
#include "router/internal.h"

#include <string.h>

#define TOPIC_FORMAT 1
#define RECORD_MAX   ((size_t)1024 * 1024)

static struct text name_key(const struct topic_name *name, struct buffer *buffer)
{
    buffer_add(buffer, name->account);
    buffer_add_byte(buffer, 0);
    buffer_add(buffer, name->region);
    buffer_add_byte(buffer, 0);
    buffer_add(buffer, name->name);
    return buffer_text(buffer);
}

struct topic *topic_find(struct router *router, const struct topic_name *name)
{
    struct buffer buffer;

    buffer_init(&buffer, 4096);
    struct map_node *node = map_find(&router->by_name, name_key(name, &buffer));

    buffer_free(&buffer);
    return node == NULL ? NULL : container_of(node, struct topic_state, by_name)->topic;
}

struct topic *topic_find_number(const struct router *router, uint32_t number)
{
    struct map_node *node = map_find(&router->by_number, text_make(&number, sizeof number));

    return node == NULL ? NULL : container_of(node, struct topic_state, by_number)->topic;
}

struct text topic_attribute(const struct topic *topic, struct text name)
{
    for (size_t i = 0; i < topic->attribute_count; i++) {
        if (text_equal(topic->attributes[i].name, name)) {
            return topic->attributes[i].value;
        }
    }
    return (struct text){0};
}

/* --- In order. */

static int topic_order(const struct topic *topic, const struct topic_name *name)
{
    int order = text_compare(topic->account, name->account);

    order = order != 0 ? order : text_compare(topic->region, name->region);
    return order != 0 ? order : text_compare(topic->name, name->name);
}

/* The first place whose topic is not before `name`. */
static size_t topic_place(const struct router *router, const struct topic_name *name)
{
    size_t from = 0;
    size_t to = router->topic_count;

    while (from < to) {
        size_t middle = (from + to) / 2;

        if (topic_order(router->sorted[middle], name) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

struct topic *topic_after(struct router *router, const struct topic_name *after)
{
    size_t place = topic_place(router, after);

    if (place < router->topic_count && topic_order(router->sorted[place], after) == 0) {
        place++;
    }
    if (place == router->topic_count) {
        return NULL;
    }
    while (place + 1 < router->topic_count && topic_is_hidden(router->sorted[place]->name)) {
        place++;
    }
    struct topic *topic = router->sorted[place];
    bool is_theirs =
        text_equal(topic->account, after->account) && text_equal(topic->region, after->region);

    return is_theirs && !topic_is_hidden(topic->name) ? topic : NULL;
}

static void sorted_insert(struct router *router, struct topic *topic,
                          const struct topic_name *name)
{
    size_t place = topic_place(router, name);

    if (router->topic_count == router->topic_room) {
        router->topic_room = router->topic_room == 0 ? 16 : router->topic_room * 2;
        router->sorted =
            memory_resize(router->sorted, router->topic_room * sizeof(struct topic *));
    }
    memmove(router->sorted + place + 1, router->sorted + place,
            (router->topic_count - place) * sizeof(struct topic *));
    router->sorted[place] = topic;
    router->topic_count++;
}

static void sorted_remove(struct router *router, const struct topic *topic)
{
    struct topic_name name = {topic->account, topic->region, topic->name};
    size_t place = topic_place(router, &name);

    router->topic_count--;
    memmove(router->sorted + place, router->sorted + place + 1,
            (router->topic_count - place) * sizeof(struct topic *));
}

/* --- Made, changed, ended. */

static struct text copy(struct text text)
{
    return text_make(memory_copy_text(text), text.len);
}

/* For texts that copy() made: ours, though lent as const. */
static void text_free(struct text text)
{
    union {
        const char *lent;
        void *ours;
    } memory = {.lent = text.at};

    memory_free(memory.ours);
}

static void attributes_free(struct topic *topic)
{
    for (size_t i = 0; i < topic->attribute_count; i++) {
        text_free(topic->attributes[i].name);
        text_free(topic->attributes[i].value);
    }
    memory_free(topic->attributes);
    topic->attributes = NULL;
    topic->attribute_count = 0;
}

void topic_set_attributes(struct topic *topic, const struct attribute *attributes, size_t count)
{
    struct attribute *fresh = memory_array(count, sizeof *fresh);

    for (size_t i = 0; i < count; i++) {
        fresh[i] = (struct attribute){copy(attributes[i].name), copy(attributes[i].value)};
    }
    attributes_free(topic);
    topic->attributes = fresh;
    topic->attribute_count = count;
}

static void topic_write(struct sealed *sealed, struct step *step)
{
    const struct topic *topic = container_of(sealed, struct topic_state, sealed)->topic;
    struct key key = key_u32(TABLE_TOPIC, topic->number);
    struct buffer buffer;

    buffer_init(&buffer, RECORD_MAX);
    buffer_add_u8(&buffer, TOPIC_FORMAT);
    buffer_add_counted(&buffer, topic->account);
    buffer_add_counted(&buffer, topic->region);
    buffer_add_counted(&buffer, topic->name);
    buffer_add_u64(&buffer, (uint64_t)topic->created_ms);
    buffer_add_u64(&buffer, topic->deleted);
    buffer_add_u32(&buffer, (uint32_t)topic->attribute_count);
    for (size_t i = 0; i < topic->attribute_count; i++) {
        buffer_add_counted(&buffer, topic->attributes[i].name);
        buffer_add_counted(&buffer, topic->attributes[i].value);
    }
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_free(&buffer);
}

void topic_seal(struct step *step, struct topic *topic)
{
    step_seal(step, &topic->state->sealed);
}

static struct text topic_make_arn(const struct topic_name *name)
{
    struct buffer buffer;
    size_t len = 0;

    buffer_init(&buffer, 4096);
    buffer_printf(&buffer, "arn:aws:sns:%.*s:%.*s:%.*s", TEXT_PRINTF(name->region),
                  TEXT_PRINTF(name->account), TEXT_PRINTF(name->name));
    char *arn = buffer_steal(&buffer, &len);

    return text_make(arn, len);
}

struct topic *topic_insert(struct router *router, const struct topic_name *name,
                           uint32_t number)
{
    struct topic *topic = memory_zero(sizeof *topic);
    struct topic_state *state = memory_zero(sizeof *state);
    struct buffer buffer;
    size_t len = 0;

    topic->number = number;
    topic->account = copy(name->account);
    topic->region = copy(name->region);
    topic->name = copy(name->name);
    topic->arn = topic_make_arn(name);
    topic->is_fifo = text_ends_with(name->name, T(".fifo"));
    topic->state = state;
    state->topic = topic;
    state->router = router;
    state->sealed.seal = topic_write;
    buffer_init(&buffer, 4096);
    (void)name_key(name, &buffer);
    state->name_key = buffer_steal(&buffer, &len);
    map_insert(&router->by_name, &state->by_name, text_make(state->name_key, len));
    map_insert(&router->by_number, &state->by_number,
               text_make(&topic->number, sizeof topic->number));
    sorted_insert(router, topic, name);
    return topic;
}

static void topic_free(struct topic *topic)
{
    struct topic_state *state = topic->state;

    list_remove(&state->sealed.node);
    filter_index_free(state->index);
    numbers_free(&state->unfiltered);
    memory_free(state->name_key);
    memory_free(state);
    attributes_free(topic);
    text_free(topic->account);
    text_free(topic->region);
    text_free(topic->name);
    text_free(topic->arn);
    memory_free(topic);
}

enum status topic_create(struct step *step, const struct topic_name *name,
                         const struct attribute *attributes, size_t count,
                         struct topic **ret_topic, struct why *why)
{
    struct router *router = router_of(step);
    enum status status = step_may_grow(step, why);

    if (status != STATUS_OK) {
        return status;
    }
    struct topic *topic =
        topic_insert(router, name, (uint32_t)step_number(step, COUNTER_TOPIC));

    topic_set_attributes(topic, attributes, count);
    topic->created_ms = step->now_ms;
    topic->is_ready = true;
    topic_seal(step, topic);
    *ret_topic = topic;
    return STATUS_OK;
}

void topic_update(struct step *step, struct topic *topic, const struct attribute *attributes,
                  size_t count)
{
    topic_set_attributes(topic, attributes, count);
    topic_seal(step, topic);
    deliveries_changed(step, (struct lane_id){.topic = topic->number});
}

static void topic_remove(struct router *router, struct topic *topic)
{
    map_remove(&router->by_name, &topic->state->by_name);
    map_remove(&router->by_number, &topic->state->by_number);
    sorted_remove(router, topic);
    topic_free(topic);
}

void topic_delete(struct step *step, struct topic *topic)
{
    struct key key = key_u32(TABLE_TOPIC, topic->number);
    uint32_t number = topic->number;

    topic_remove(router_of(step), topic);
    record_delete(step, &key);
    topic_reclaim(step, number);
}

/* --- Stored topics. */

enum status router_load_topic(struct router *router, const struct key *key, struct text record)
{
    struct cursor cursor = cursor_over(record);

    if (cursor_u8(&cursor) != TOPIC_FORMAT) {
        return STATUS_INVALID;
    }
    struct topic_name name = {0};

    name.account = cursor_counted(&cursor);
    name.region = cursor_counted(&cursor);
    name.name = cursor_counted(&cursor);
    int64_t created_ms = (int64_t)cursor_u64(&cursor);
    uint64_t deleted = cursor_u64(&cursor);
    uint32_t count = cursor_u32(&cursor);

    if (cursor.broken || count > record.len) {
        return STATUS_INVALID;
    }
    struct attribute *attributes = memory_array(count, sizeof *attributes);

    for (uint32_t i = 0; i < count; i++) {
        attributes[i].name = cursor_counted(&cursor);
        attributes[i].value = cursor_counted(&cursor);
    }
    if (cursor_done(&cursor)) {
        struct topic *topic = topic_insert(router, &name, key_get_u32(key, 1));

        topic_set_attributes(topic, attributes, count);
        topic->created_ms = created_ms;
        topic->deleted = deleted;
    }
    memory_free(attributes);
    return cursor_done(&cursor) ? STATUS_OK : STATUS_INVALID;
}

/* --- All of them. */

struct router *router_create(const struct router_limits *limits)
{
    struct router *router = memory_zero(sizeof *router);

    router->limits = *limits;
    list_init(&router->loading_waiters);
    return router;
}

void router_free(struct router *router)
{
    if (router == NULL) {
        return;
    }
    while (router->topic_count > 0) {
        topic_remove(router, router->sorted[router->topic_count - 1]);
    }
    map_free(&router->by_name);
    map_free(&router->by_number);
    memory_free(router->sorted);
    slots_free(router);
    memory_free(router->filter_attributes);
    numbers_free(&router->matched);
    numbers_free(&router->owed);
    memory_free(router);
}

void router_start(struct step *step, struct router *router)
{
    router->started_ms = step->now_ms;
    subscriptions_load(step, router);
    topics_reclaim_start(step);
    tokens_sweep_start(step, router);
    duplicates_start(step, router);
}

size_t router_topic_count(const struct router *router)
{
    return router->topic_count;
}

struct router_progress router_progress(const struct router *router)
{
    return router->progress;
}

struct router_counters router_counters(const struct router *router)
{
    return router->counters;
}

const struct router_limits *router_limits(const struct router *router)
{
    return &router->limits;
}

static uint64_t topic_policies(const struct topic *topic)
{
    return topic->confirmed - topic->state->unfiltered.count;
}

bool topic_filter_limit_reached(const struct topic *topic, const struct router_limits *limits)
{
    const struct router *router = topic->state->router;
    uint64_t of_account = 0;

    if (limits->policies_per_topic != 0
        && topic_policies(topic) >= limits->policies_per_topic) {
        return true;
    }
    for (size_t i = 0; limits->policies_per_account != 0 && i < router->topic_count; i++) {
        if (text_equal(router->sorted[i]->account, topic->account)) {
            of_account += topic_policies(router->sorted[i]);
        }
    }
    return limits->policies_per_account != 0 && of_account >= limits->policies_per_account;
}
