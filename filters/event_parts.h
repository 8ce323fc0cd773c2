/* Between event.c and scanner.c: how the scanner fills an event. */
#ifndef FILTERS_EVENT_PARTS_H
#define FILTERS_EVENT_PARTS_H

#include "event.h"

enum scan_result {
    SCAN_FINE,
    SCAN_INVALID,
    SCAN_NO_MEMORY
};

/* A new element of an array inside `parent`; 0 when out of memory. */
uint32_t event_add_element(struct event *event, uint32_t parent, uint32_t array);
/* Copies the leaf, computes what its path needs (enum path_need) and links it to its field. */
enum scan_result event_add_leaf(struct event *event, const struct leaf *from, uint32_t needs);

/* The body: one JSON object, else SCAN_INVALID. */
enum scan_result scan_body(struct event *event, const struct paths *paths, struct slice body);
/* SCAN_INVALID when a Number is not one, or a String.Array is not a JSON array. */
enum scan_result scan_attributes(struct event *event, const struct paths *paths,
                                 const struct filter_message *message);

#endif
