/* Subscriptions a page at a time, straight from the store. */
#include "router/internal.h"

static void on_page(struct read *read, struct step *step)
{
    struct subscription_page *page = read->context;

    if (page == NULL) {
        read_free(read);
        return;
    }
    page->is_read = true;
    task_wake(step, &page->waiters, SIZE_MAX);
}

static void page_start(struct step *step, struct subscription_page *page)
{
    struct key prefix = key_u32(TABLE_SUBSCRIPTION, page->topic);
    struct read *read = read_create(on_page, page);

    read->from = key_u32_u32(TABLE_SUBSCRIPTION, page->topic, page->after + 1);
    read->to = key_after_prefix(&prefix);
    read->row_max = page->max + 1; /* one more tells whether there is a next page */
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    page->read = read;
    page->is_read = false;
    list_init(&page->waiters);
    step_read(step, read);
}

static void page_take(struct step *step, struct subscription_page *page)
{
    const struct read *read = page->read;

    page->rows = arena_array(page->arena, page->max, sizeof *page->rows);
    page->count = 0;
    page->is_last = read->complete && read->row_count <= page->max;
    for (uint32_t i = 0; i < read->row_count && i < page->max; i++) {
        struct blob *value = record_overlay(step, &read->rows[i]);

        page->after = key_get_u32(&read->rows[i].key, 5);
        if (value != NULL
            && subscription_decode(arena_copy(page->arena, blob_text(value)), page->arena,
                                   &page->rows[page->count])
            && !page->rows[page->count].is_deleted) {
            page->count++;
        }
    }
    if (!read->complete && read->row_count <= page->max) {
        struct key next = read_next_from(read);

        page->after = key_get_u32(&next, 5); /* past those that are gone */
    }
}

enum status subscription_page_read(struct step *step, struct subscription_page *page)
{
    if (page->read == NULL) {
        page_start(step, page);
    }
    if (!page->is_read) {
        task_wait(step, &page->waiters);
        return STATUS_WAIT;
    }
    page_take(step, page);
    read_free(page->read);
    page->read = NULL;
    return STATUS_OK;
}

void subscription_page_end(struct subscription_page *page)
{
    if (page->read == NULL) {
        return;
    }
    if (page->is_read) {
        read_free(page->read);
    } else {
        page->read->context = NULL;
    }
    page->read = NULL;
}
