/* Subscriptions a page at a time, straight from the store. */
#include "router/internal.h"

static struct range page_range(const struct subscription_page *page)
{
    struct key prefix = key_u32(TABLE_SUBSCRIPTION, page->topic);

    return (struct range){
        .from = key_u32_u32(TABLE_SUBSCRIPTION, page->topic, page->after + 1),
        .to = key_after_prefix(&prefix),
        .row_max = page->max + 1, /* one more tells whether there is a next page */
        .bytes_max = UINT32_MAX,
        .value_max = UINT32_MAX,
    };
}

static void page_take(struct step *step, struct subscription_page *page,
                      const struct read *read)
{
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
    const struct read *read = NULL;

    if (page->range.read == NULL) {
        page->range = page_range(page);
    }
    enum status status = range_get(step, &page->range, &read);

    if (status == STATUS_OK) {
        page_take(step, page, read);
        range_end(&page->range);
    }
    return status;
}

void subscription_page_end(struct subscription_page *page)
{
    range_end(&page->range);
}
