/* Inside daemon/: resources being declared. */
#ifndef DAEMON_DECLARE_H
#define DAEMON_DECLARE_H

#include "daemon/server.h"
#include "settings/declared.h"

enum declared_kind { /* in the order in which they are made: each stands on those before */
    DECLARED_QUEUE,
    DECLARED_TOPIC,
    DECLARED_SUBSCRIPTION
};

/* One resource of the file. */
struct declared_item {
    struct list_node node; /* in declaration.again */
    enum declared_kind kind;
    const struct declared_queue *queue;
    const struct declared_topic *topic;
    const struct declared_subscription *subscription; /* of the topic */
    int line;
    bool is_alone; /* was refused in company: once more, when nothing else is under way */
};

/* One operation to be run, as a form; several may follow from one look. */
struct wish {
    struct list_node node;
    struct text service;
    struct buffer form;
};

/* One resource being made true. */
struct errand {
    struct server *server;
    struct declared_item *item; /* NULL: idle */
    struct call look;           /* what is there, inside the cell */
    bool is_looking;
    enum status looked;
    struct own_call own;
    struct wish *wish; /* under way */
    struct list wishes;
    struct arena arena;  /* of the look */
    struct text refusal; /* the first answer that was none of 200; in the arena */
    bool is_unavailable; /* the server could not: not the file's fault */
};

/* declare_looks.c: runs inside the cell, restartable; adds to errand->wishes what must be run
 * so that the resource is as declared. */
enum status errand_look(struct errand *errand, struct step *step);
void wish_free(struct wish *wish); /* NULL is fine */

#endif
