/* One message as the conditions see it: the leaves at the paths that policies name.  The memory
 * is kept from message to message, so that matching allocates nothing once warm. */
#ifndef FILTERS_EVENT_H
#define FILTERS_EVENT_H

#include "arena.h"
#include "paths.h"

#include "fanfare/filter.h"

enum leaf_type {
    LEAF_STRING,
    LEAF_NUMBER,
    LEAF_TRUE,
    LEAF_FALSE,
    LEAF_NULL
};

#define LEAF_NONE UINT32_MAX

struct leaf {
    enum leaf_type type;
    uint32_t field;      /* node of its path */
    uint32_t element;    /* the array element it is in; 0 is the message itself */
    uint32_t next;       /* leaf of the same field, or LEAF_NONE */
    uint32_t exact;      /* the index's own: the predicate that equals this value, or 0 */
    uint8_t address_len; /* 4, 16, or 0: not an IP address */
    unsigned char address[16];
    struct slice text;      /* the string unescaped; the number as written */
    struct slice canonical; /* the number as decimal bytes; the string folded, if needed */
};

/* The elements of the arrays of a body form a tree; parents come before children. */
struct element {
    uint32_t parent;
    uint32_t array; /* which array of the message */
};

/* The leaves of a field in this message. */
struct field_leaves {
    uint32_t epoch; /* valid when it is the event's */
    uint32_t first;
    uint32_t last;
    bool in_array; /* some leaf is inside an array element */
};

struct element_state;

struct event {
    struct account *account;
    struct arena arena;
    struct leaf *leaves;
    struct element *elements;
    struct field_leaves *fields; /* by path node */
    uint32_t leaf_count;
    uint32_t leaf_room;
    uint32_t element_count;
    uint32_t element_room;
    uint32_t field_room;
    uint32_t array_count;
    uint32_t epoch;
    struct element_state *joint_states; /* joint.c's own, by element */
    uint64_t *joint_touched;
    size_t joint_words;
    uint32_t joint_room;
    bool has_attributes; /* valid, and at least one */
    bool has_body;       /* a valid JSON object */
};

void event_init(struct event *event, struct account *account);
void event_free(struct event *event);
/* Scans what the two scopes' paths name; `scopes` says which scopes anybody asks for. */
enum filter_status event_scan(struct event *event, const struct paths *paths,
                              const struct filter_message *message, bool wants_attributes,
                              bool wants_body);

/* Whether the scope of the field's root was readable in this message. */
static inline bool event_has_root(const struct event *event, uint32_t root)
{
    return root == PATH_BODY ? event->has_body : event->has_attributes;
}

/* The first leaf of a field, or LEAF_NONE. */
static inline uint32_t event_first(const struct event *event, uint32_t field)
{
    if (field >= event->field_room || event->fields[field].epoch != event->epoch) {
        return LEAF_NONE;
    }
    return event->fields[field].first;
}

static inline bool event_in_array(const struct event *event, uint32_t field)
{
    return field < event->field_room && event->fields[field].epoch == event->epoch
           && event->fields[field].in_array;
}

#endif
