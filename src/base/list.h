/* Intrusive doubly linked list.  A node is part of at most one list at a time. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/text.h"

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

struct list {
    struct list_node head; /* head.next is the first, head.prev the last */
};

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

/* True while the node is in a list; a zeroed node is not. */
static inline bool list_contains(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_insert_before(struct list_node *place, struct list_node *node)
{
    node->next = place;
    node->prev = place->prev;
    place->prev->next = node;
    place->prev = node;
}

static inline void list_push(struct list *list, struct list_node *node) /* at the end */
{
    list_insert_before(&list->head, node);
}

static inline void list_push_first(struct list *list, struct list_node *node)
{
    list_insert_before(list->head.next, node);
}

static inline void list_remove(struct list_node *node) /* harmless when in no list */
{
    if (node->next != NULL) {
        node->next->prev = node->prev;
        node->prev->next = node->next;
        node->next = NULL;
        node->prev = NULL;
    }
}

static inline struct list_node *list_first(const struct list *list) /* NULL when empty */
{
    return list_is_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_pop(struct list *list) /* the first, removed; or NULL */
{
    struct list_node *node = list_first(list);

    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

/* Moves everything from `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->head.next->prev = to->head.prev;
    to->head.prev->next = from->head.next;
    from->head.prev->next = &to->head;
    to->head.prev = from->head.prev;
    list_init(from);
}

/* `node` may be removed (and freed) inside the loop body. */
#define list_each(node, list)                                                   \
    for (struct list_node *node = (list)->head.next, *node##_next = node->next; \
         node != &(list)->head; node = node##_next, node##_next = node->next)

#endif
