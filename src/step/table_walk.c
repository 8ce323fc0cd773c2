/* Walking a table page by page, with the disk's pace. */
#include "base/memory.h"
#include "step/records.h"

enum {
    PAGE_ROWS = 256,
    PAGE_BYTES = 1024 * 1024
};

struct walking {
    struct table_walk walk; /* first: the caller's copy; `from` moves on */
    struct list_node node;  /* in records.walks */
    struct read *read;      /* under way, or being visited */
    struct hook hook;       /* until what a page's visits wrote is durable */
    bool is_stopped;
    bool has_written;
};

static void page_request(struct step *step, struct walking *walking);

static void walking_free(struct walking *walking)
{
    list_remove(&walking->node);
    list_remove(&walking->hook.node);
    memory_free(walking);
}

static void walking_end(struct step *step, struct walking *walking)
{
    if (walking->walk.over != NULL) {
        walking->walk.over(&walking->walk, step);
    }
    walking_free(walking);
}

static void on_durable(struct hook *hook, struct step *step, enum status status)
{
    if (status == STATUS_OK) {
        page_request(step, container_of(hook, struct walking, hook));
    }
}

/* The rows of the page that `from` has not passed (table_walk_skip may move it far). */
static void page_visit(struct step *step, struct walking *walking, const struct read *read)
{
    struct table_walk *walk = &walking->walk;

    for (uint32_t i = 0; i < read->row_count && !walking->is_stopped; i++) {
        const struct row *row = &read->rows[i];
        struct blob *value = record_overlay(step, row);

        if (text_compare(key_text(&row->key), key_text(&walk->from)) < 0) {
            continue;
        }
        walk->from = key_next(&row->key);
        uint64_t before = records_written(step->records);

        if (value != NULL) {
            walk->visit(walk, step, &row->key, value);
        } else if (walk->lost != NULL && row_is_lost(step, row)) {
            walk->lost(walk, step, &row->key);
        }
        walking->has_written = walking->has_written || records_written(step->records) != before;
    }
}

/* Also past what is gone, of which no row tells; a skip may have gone further. */
static void page_pass(struct table_walk *walk, const struct read *read)
{
    struct key next = read_next_from(read);

    if (text_compare(key_text(&walk->from), key_text(&next)) < 0) {
        walk->from = next;
    }
}

static void on_page(struct read *read, struct step *step)
{
    struct walking *walking = read->context;

    if (walking == NULL) {
        read_free(read);
        return;
    }
    walking->read = NULL;
    walking->has_written = false;
    page_visit(step, walking, read);
    bool is_over = walking->is_stopped || read->complete;

    if (!is_over) {
        page_pass(&walking->walk, read);
    }
    read_free(read);
    if (is_over) {
        walking_end(step, walking);
    } else if (walking->has_written) {
        step_when_durable(step, &walking->hook);
    } else {
        page_request(step, walking);
    }
}

static void page_request(struct step *step, struct walking *walking)
{
    const struct table_walk *walk = &walking->walk;
    struct read *read = read_create(on_page, walking);

    read->from = walk->from;
    read->to = walk->to;
    read->row_max = walk->row_max;
    read->bytes_max = walk->bytes_max;
    read->value_max = walk->value_max;
    walking->read = read;
    step_read(step, read);
}

void table_walk(struct step *step, const struct table_walk *walk)
{
    struct walking *walking = memory_zero(sizeof *walking);
    struct table_walk *copy = &walking->walk;

    *copy = *walk;
    if (copy->to.len == 0) {
        struct key table = key_table((enum table)copy->from.at[0]);

        copy->to = key_after_prefix(&table);
    }
    copy->row_max = copy->row_max == 0 ? PAGE_ROWS : copy->row_max;
    copy->bytes_max = copy->bytes_max == 0 ? PAGE_BYTES : copy->bytes_max;
    copy->value_max = copy->value_max == 0 ? UINT32_MAX : copy->value_max;
    walking->hook.run = on_durable;
    list_push(&step->records->walks, &walking->node);
    page_request(step, walking);
}

void table_walk_skip(struct table_walk *walk, struct key key)
{
    if (text_compare(key_text(&key), key_text(&walk->from)) > 0) {
        walk->from = key;
    }
}

void table_walk_end(struct table_walk *walk)
{
    container_of(walk, struct walking, walk)->is_stopped = true;
}

void table_walks_end(struct records *records)
{
    struct list_node *node = NULL;

    while ((node = list_first(&records->walks)) != NULL) {
        struct walking *walking = container_of(node, struct walking, node);

        if (walking->read != NULL) {
            walking->read->context = NULL;
        }
        walking_free(walking);
    }
}
