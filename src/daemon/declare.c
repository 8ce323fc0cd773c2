/* Makes the configuration's resources true: looks what is there, then runs the same operations
 * a client would, many at a time, so that one commit makes many of them durable.  Nothing is
 * ever deleted.  What the server cannot do now is tried again. */
#include "daemon/declare.h"

#include "base/log.h"
#include "base/memory.h"

#include <string.h>

enum {
    ROUNDS = 2,      /* in a turn of the loop */
    ERRANDS = 128,   /* at a time */
    PAUSE_MS = 1000, /* before what the server could not do is tried again, then twice that */
    PAUSE_DOUBLINGS = 5,
    PAUSES_UNTOLD = 4, /* after so many of them the server is said to be ready without it */
    FILE_ERRORS_MAX = 1 << 20
};

struct declaration {
    struct server *server;
    struct settings *fresh; /* that were read again, and hold the items' texts; or NULL */
    struct text file;
    struct declared_item *items;
    size_t item_count;
    size_t next;       /* item to begin with */
    struct list again; /* items: what was refused, or could not be done */
    struct errand errands[ERRANDS];
    size_t busy;
    uint32_t pauses;
    bool is_pausing;
    size_t made, refused;
};

/* --- The items. */

static struct declared_item *item_add(struct declaration *declaration, enum declared_kind kind,
                                      int line)
{
    struct declared_item *item = &declaration->items[declaration->item_count++];

    item->kind = kind;
    item->line = line;
    return item;
}

static void items_list(struct declaration *declaration, const struct declared *declared)
{
    size_t count = declared->queue_count + declared->topic_count;

    for (size_t i = 0; i < declared->topic_count; i++) {
        count += declared->topics[i].subscription_count;
    }
    declaration->items = memory_zero((count + 1) * sizeof *declaration->items);
    for (size_t i = 0; i < declared->queue_count; i++) {
        item_add(declaration, DECLARED_QUEUE, declared->queues[i].line)->queue =
            &declared->queues[i];
    }
    for (size_t i = 0; i < declared->topic_count; i++) {
        item_add(declaration, DECLARED_TOPIC, declared->topics[i].line)->topic =
            &declared->topics[i];
    }
    for (size_t i = 0; i < declared->topic_count; i++) {
        const struct declared_topic *topic = &declared->topics[i];

        for (size_t j = 0; j < topic->subscription_count; j++) {
            struct declared_item *item =
                item_add(declaration, DECLARED_SUBSCRIPTION, topic->subscriptions[j].line);

            item->topic = topic;
            item->subscription = &topic->subscriptions[j];
        }
    }
}

/* --- One errand. */

static void errand_free(struct errand *errand)
{
    struct list_node *node = NULL;

    wish_free(errand->wish);
    errand->wish = NULL;
    while ((node = list_pop(&errand->wishes)) != NULL) {
        wish_free(container_of(node, struct wish, node));
    }
    arena_free(&errand->arena);
}

static enum status on_look(struct call *call, struct step *step)
{
    return errand_look(container_of(call, struct errand, look), step);
}

static void on_looked(struct call *call, enum status status)
{
    struct errand *errand = container_of(call, struct errand, look);

    errand->looked = status;
    errand->is_looking = false;
}

static void on_wish_done(struct own_call *call, int http_status, struct text body)
{
    struct errand *errand = container_of(call, struct errand, own);

    if (http_status >= 500) {
        errand->is_unavailable = true;
    }
    if (http_status != 200 && errand->refusal.len == 0) {
        errand->refusal = arena_copy(&errand->arena, body);
    }
    wish_free(errand->wish);
    errand->wish = NULL;
}

static void errand_start(struct errand *errand, struct server *server,
                         struct declared_item *item)
{
    *errand = (struct errand){.server = server, .item = item, .is_looking = true};
    list_init(&errand->wishes);
    errand->look = (struct call){.run = on_look, .done = on_looked, .only_reads = true};
    cell_call(server->cell, server_now_ms(server), &errand->look);
}

/* The next operation; false: there is none. */
static bool errand_wish(struct errand *errand)
{
    struct list_node *node = errand->is_unavailable ? NULL : list_pop(&errand->wishes);

    if (node == NULL) {
        return false;
    }
    errand->wish = container_of(node, struct wish, node);
    errand->own = (struct own_call){
        .service = errand->wish->service,
        .form = buffer_text(&errand->wish->form),
        .done = on_wish_done,
    };
    api_own_call(errand->server->api, &errand->own);
    return true;
}

/* --- What became of it. */

static void errand_end(struct declaration *declaration, struct errand *errand)
{
    struct declared_item *item = errand->item;
    bool is_unavailable = errand->is_unavailable || errand->looked != STATUS_OK;

    if (is_unavailable) {
        declaration->is_pausing = true;
        list_push(&declaration->again, &item->node);
    } else if (errand->refusal.len > 0 && !item->is_alone) {
        item->is_alone = true; /* it may need what was made at the same time */
        list_push(&declaration->again, &item->node);
    } else if (errand->refusal.len > 0) {
        declaration->refused++;
        log_error("declared_refused", "file=%.*s line=%d answer=\"%.*s\"",
                  TEXT_PRINTF(declaration->file), item->line, TEXT_PRINTF(errand->refusal));
    } else {
        declaration->made++;
    }
    errand_free(errand);
    errand->item = NULL;
    declaration->busy--;
}

/* Ends the errand or goes on with it; whether anything happened. */
static bool errand_turn(struct declaration *declaration, struct errand *errand)
{
    if (errand->item == NULL || errand->is_looking || errand->wish != NULL) {
        return false;
    }
    if (errand->looked != STATUS_OK || !errand_wish(errand)) {
        errand_end(declaration, errand);
    }
    return true;
}

/* --- All of them. */

/* What may be begun beside what is under way, or NULL. */
static struct declared_item *item_next(struct declaration *declaration)
{
    struct list_node *node = list_first(&declaration->again);
    struct declared_item *next = &declaration->items[declaration->next];
    bool is_over = declaration->next == declaration->item_count;
    bool is_other_kind = is_over || declaration->next == 0 || next[-1].kind != next->kind;

    /* What is tried again comes before the next kind, which may need it. */
    if (is_other_kind && node != NULL) {
        struct declared_item *item = container_of(node, struct declared_item, node);

        if (item->is_alone && declaration->busy > 0) {
            return NULL;
        }
        list_remove(node);
        return item;
    }
    if (is_over || (is_other_kind && declaration->busy > 0)) {
        return NULL;
    }
    declaration->next++;
    return next;
}

static bool is_alone_under_way(const struct declaration *declaration)
{
    for (size_t i = 0; i < ERRANDS; i++) {
        const struct declared_item *item = declaration->errands[i].item;

        if (item != NULL && item->is_alone) {
            return true;
        }
    }
    return false;
}

static bool errands_start(struct declaration *declaration)
{
    bool has_started = false;

    for (size_t i = 0; i < ERRANDS && !declaration->is_pausing; i++) {
        struct errand *errand = &declaration->errands[i];

        if (errand->item != NULL) {
            continue;
        }
        struct declared_item *item =
            is_alone_under_way(declaration) ? NULL : item_next(declaration);

        if (item == NULL) {
            break;
        }
        declaration->busy++;
        errand_start(errand, declaration->server, item);
        has_started = true;
    }
    return has_started;
}

static void on_pause_over(uv_timer_t *timer)
{
    struct server *server = timer->data;

    if (server->declaration != NULL) {
        server->declaration->is_pausing = false;
    }
}

static void announce_once(struct server *server)
{
    if (!server->has_announced) {
        server->has_announced = true;
        server_announce(server);
    }
}

/* All that is under way has ended, and some of it could not be done. */
static void pause_start(struct declaration *declaration)
{
    struct server *server = declaration->server;

    if (uv_is_active((uv_handle_t *)&server->declare_pause)) {
        return;
    }
    if (declaration->pauses++ == 0) {
        log_warn("declared_waits", "file=%.*s reason=\"the server cannot store now\"",
                 TEXT_PRINTF(declaration->file));
    }
    if (declaration->pauses > PAUSES_UNTOLD) {
        announce_once(server);
    }
    uint32_t doublings = declaration->pauses - 1;

    doublings = doublings < PAUSE_DOUBLINGS ? doublings : PAUSE_DOUBLINGS;
    (void)uv_timer_start(&server->declare_pause, on_pause_over, (uint64_t)PAUSE_MS << doublings,
                         0);
}

static void declaration_free(struct declaration *declaration)
{
    for (size_t i = 0; i < ERRANDS; i++) {
        errand_free(&declaration->errands[i]);
    }
    if (declaration->fresh != NULL) {
        settings_free(declaration->fresh);
        memory_free(declaration->fresh);
    }
    memory_free(declaration->items);
    memory_free(declaration);
}

static void declaration_end(struct declaration *declaration)
{
    struct server *server = declaration->server;

    if (declaration->item_count > 0) {
        log_info("declared", "resources=%zu refused=%zu", declaration->made,
                 declaration->refused);
    }
    declaration_free(declaration);
    server->declaration = NULL;
    announce_once(server);
}

static void declaration_start(struct server *server, struct settings *settings,
                              struct settings *take_fresh)
{
    struct declaration *declaration = memory_zero(sizeof *declaration);

    declaration->server = server;
    declaration->fresh = take_fresh;
    declaration->file = settings->file;
    list_init(&declaration->again);
    for (size_t i = 0; i < ERRANDS; i++) {
        list_init(&declaration->errands[i].wishes);
    }
    items_list(declaration,
               settings->declared != NULL ? settings->declared : &(struct declared){0});
    server->declaration = declaration;
}

/* --- The file, once more. */

static void errors_log(struct text errors)
{
    while (errors.len > 0) {
        struct text line = text_cut(&errors, '\n');

        log_error("reload_refused", "reason=\"%.*s\"", TEXT_PRINTF(line));
    }
}

static void file_read_again(struct server *server)
{
    struct settings *fresh = memory_zero(sizeof *fresh);
    struct text file = server->settings->file;
    struct buffer errors;

    buffer_init(&errors, FILE_ERRORS_MAX);
    if (settings_load(fresh, file.at, &errors) == STATUS_OK) {
        log_info("reload", "file=%.*s", TEXT_PRINTF(file));
        declaration_start(server, fresh, fresh);
    } else {
        errors_log(buffer_text(&errors));
        settings_free(fresh);
        memory_free(fresh);
    }
    buffer_free(&errors);
}

void declare_again(struct server *server)
{
    if (server->settings->file.len == 0) {
        log_warn("reload_refused", "reason=\"no configuration file was read at the start\"");
        return;
    }
    server->declares_again = true;
}

/* --- From outside. */

/* Moves what can be moved, so much of it that the loop's turn stays short; whether there may be
 * more. */
static bool errands_turn(struct declaration *declaration)
{
    bool has_moved = true;

    for (int round = 0; round < ROUNDS && has_moved; round++) {
        has_moved = errands_start(declaration);
        for (size_t i = 0; i < ERRANDS; i++) {
            has_moved = errand_turn(declaration, &declaration->errands[i]) || has_moved;
        }
    }
    return has_moved;
}

void declare_turn(struct server *server)
{
    if (server->api == NULL || server->is_stopping || server->is_reloading) {
        return;
    }
    if (server->declaration == NULL && server->declares_again) {
        server->declares_again = false;
        file_read_again(server);
    }
    struct declaration *declaration = server->declaration;

    if (declaration == NULL) {
        return;
    }
    if (errands_turn(declaration)) {
        (void)uv_async_send(&server->store_wake); /* the next turn comes at once */
    } else if (declaration->busy == 0 && declaration->is_pausing) {
        pause_start(declaration);
    } else if (declaration->busy == 0) {
        declaration_end(declaration);
    }
}

void declare_start(struct server *server)
{
    declaration_start(server, server->settings, NULL);
    declare_turn(server);
}

void declare_free(struct server *server)
{
    if (server->declaration != NULL) {
        declaration_free(server->declaration);
        server->declaration = NULL;
    }
}
