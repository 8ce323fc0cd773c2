/* The workspace of one message: begin, add leaves and elements, link them by field. */
#include "event.h"

#include "decimal.h"
#include "event_parts.h"
#include "fold.h"
#include "joint.h"

#include "operators/address.h"

void event_init(struct event *event, struct account *account)
{
    *event = (struct event){.account = account};
    arena_init(&event->arena, account);
}

void event_free(struct event *event)
{
    arena_free(&event->arena);
    account_free(event->account, event->leaves, event->leaf_room * sizeof *event->leaves);
    account_free(event->account, event->elements,
                 event->element_room * sizeof *event->elements);
    account_free(event->account, event->fields, event->field_room * sizeof *event->fields);
    joint_free(event);
    event_init(event, event->account);
}

/* A new epoch makes every field empty at once; after 2^32 messages the stamps start over. */
static void epoch_advance(struct event *event)
{
    event->epoch++;
    if (event->epoch == 0) {
        for (uint32_t i = 0; i < event->field_room; i++) {
            event->fields[i].epoch = 0;
        }
        event->epoch = 1;
    }
}

static bool fields_reserve(struct event *event, uint32_t count)
{
    uint32_t old_room = event->field_room;
    struct field_leaves *fields =
        account_grow(event->account, event->fields, &event->field_room, sizeof *fields, count);

    if (fields == NULL) {
        return false;
    }
    event->fields = fields;
    memset(fields + old_room, 0, (event->field_room - old_room) * sizeof *fields);
    return true;
}

/* Takes back the leaves of a scope that turned out to be invalid. */
static void leaves_drop(struct event *event, uint32_t from)
{
    for (uint32_t i = from; i < event->leaf_count; i++) {
        event->fields[event->leaves[i].field].epoch = event->epoch - 1;
    }
    event->leaf_count = from;
}

static bool event_begin(struct event *event, uint32_t field_count)
{
    struct element *elements = account_grow(event->account, event->elements,
                                            &event->element_room, sizeof *elements, 1);

    if (elements == NULL) {
        return false;
    }
    event->elements = elements;
    if (!fields_reserve(event, field_count)) {
        return false;
    }
    elements[0] = (struct element){0, 0};
    arena_reset(&event->arena);
    epoch_advance(event);
    event->leaf_count = 0;
    event->element_count = 1;
    event->array_count = 0;
    event->has_attributes = false;
    event->has_body = false;
    return true;
}

enum filter_status event_scan(struct event *event, const struct paths *paths,
                              const struct filter_message *message, bool wants_attributes,
                              bool wants_body)
{
    enum scan_result attributes = SCAN_INVALID;
    enum scan_result body = SCAN_INVALID;

    if (!event_begin(event, paths->count)) {
        return FILTER_NO_MEMORY;
    }
    if (wants_body) {
        body = scan_body(event, paths, slice_make(message->body, message->body_len));
    }
    if (body == SCAN_INVALID) {
        leaves_drop(event, 0);
    }
    if (wants_attributes && message->attribute_count > 0) {
        uint32_t mark = event->leaf_count;

        attributes = scan_attributes(event, paths, message);
        if (attributes == SCAN_INVALID) {
            leaves_drop(event, mark);
        }
    }
    event->has_body = body == SCAN_FINE;
    event->has_attributes = attributes == SCAN_FINE;
    return body == SCAN_NO_MEMORY || attributes == SCAN_NO_MEMORY ? FILTER_NO_MEMORY
                                                                  : FILTER_OK;
}

uint32_t event_add_element(struct event *event, uint32_t parent, uint32_t array)
{
    struct element *elements =
        account_grow(event->account, event->elements, &event->element_room, sizeof *elements,
                     event->element_count + 1);

    if (elements == NULL) {
        return 0;
    }
    event->elements = elements;
    elements[event->element_count] = (struct element){parent, array};
    return event->element_count++;
}

static bool string_prepare(struct event *event, struct leaf *leaf, uint32_t needs)
{
    if ((needs & PATH_NEEDS_ADDRESS) != 0) {
        leaf->address_len = address_parse(leaf->text, leaf->address);
    }
    if ((needs & PATH_NEEDS_FOLDED) != 0) {
        char *folded = arena_take(&event->arena, FOLD_ROOM(leaf->text.len));

        if (folded == NULL) {
            return false;
        }
        leaf->canonical = slice_make(folded, fold_case(leaf->text, folded));
        arena_trim(&event->arena, folded, leaf->canonical.len);
    }
    return true;
}

static void leaf_link(struct event *event, uint32_t number)
{
    struct leaf *leaf = &event->leaves[number];
    struct field_leaves *field = &event->fields[leaf->field];

    if (field->epoch == event->epoch) {
        event->leaves[field->last].next = number;
        field->last = number;
        field->in_array = field->in_array || leaf->element != 0;
        return;
    }
    *field = (struct field_leaves){event->epoch, number, number, leaf->element != 0};
}

static bool leaves_grow(struct event *event)
{
    struct leaf *leaves = account_grow(event->account, event->leaves, &event->leaf_room,
                                       sizeof *leaves, event->leaf_count + 1);

    if (leaves == NULL) {
        return false;
    }
    event->leaves = leaves;
    return true;
}

enum scan_result event_add_leaf(struct event *event, const struct leaf *from, uint32_t needs)
{
    struct leaf *leaf;

    if (event->leaf_count == event->leaf_room && !leaves_grow(event)) {
        return SCAN_NO_MEMORY;
    }
    leaf = &event->leaves[event->leaf_count];
    *leaf = *from;
    leaf->next = LEAF_NONE;
    if (leaf->type == LEAF_STRING && !string_prepare(event, leaf, needs)) {
        return SCAN_NO_MEMORY;
    }
    if (leaf->type == LEAF_NUMBER) {
        char *bytes = arena_take(&event->arena, DECIMAL_ROOM(leaf->text.len));

        if (bytes == NULL) {
            return SCAN_NO_MEMORY;
        }
        if (!decimal_parse(leaf->text, bytes, &leaf->canonical.len)) {
            return SCAN_INVALID;
        }
        leaf->canonical.at = bytes;
    }
    leaf_link(event, event->leaf_count++);
    return SCAN_FINE;
}
