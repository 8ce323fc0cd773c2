/* Names to addresses. */
#include "outbound/resolver.h"

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

#include <arpa/inet.h>

#include <ares.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_MAX   16 /* of one name that are used; all of them are vetted */
#define ADDRESS_SEEN  256
#define NAMES_MAX     8192 /* remembered */
#define TTL_MIN_MS    1000
#define TTL_MAX_MS    300000
#define TTL_FAILED_MS 2000
#define QUERY_MS      2500 /* before another server is tried */
#define QUERY_TRIES   2
#define NAME_LENGTH   254

/* A name and what is known of it. */
struct resolved_name {
    struct map_node map;
    struct list waiting;   /* asks, while it is being resolved */
    struct list_node idle; /* while being forgotten */
    uint32_t asks;         /* that wait or are about to be answered */
    bool is_asking;
    uint64_t expires_ms;
    size_t count;
    char (*addresses)[INET6_ADDRSTRLEN];
    const char *error; /* static text when count is 0 */
    struct resolver *resolver;
    char name[];
};

struct ask {
    struct list_node node; /* in entry.waiting, or resolver.answers */
    struct resolver_question question;
    struct resolved_name *entry; /* NULL: judged by its name alone */
    bool is_trusted;
    bool is_loopback;
    char name[NAME_LENGTH];
    struct why why;
};

/* One of c-ares's sockets. */
struct ares_poll {
    uv_poll_t handle;
    struct list_node node; /* in resolver.polls */
    ares_socket_t socket;
    struct resolver *resolver;
};

struct resolver {
    uv_loop_t *loop;
    const struct egress *egress;
    ares_channel channel;
    struct map names;
    struct list polls;
    struct list answers; /* asks that can be answered */
    uv_timer_t timer;
    uv_idle_t later; /* runs while there are answers */
    uint32_t closing;
    uint64_t asked;
    bool is_closed;
};

/* --- c-ares on the loop. */

static void on_poll_closed(uv_handle_t *handle)
{
    memory_free(container_of((uv_poll_t *)handle, struct ares_poll, handle));
}

static void poll_close(struct ares_poll *poll)
{
    list_remove(&poll->node);
    (void)uv_poll_stop(&poll->handle);
    uv_close((uv_handle_t *)&poll->handle, on_poll_closed);
}

static void on_timer(uv_timer_t *timer);

/* c-ares is to be called again when its next query is overdue. */
static void channel_wake_set(struct resolver *resolver)
{
    struct timeval room;
    struct timeval *next = ares_timeout(resolver->channel, NULL, &room);

    if (next == NULL) {
        (void)uv_timer_stop(&resolver->timer);
        return;
    }
    (void)uv_timer_start(&resolver->timer, on_timer,
                         (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct resolver *resolver = timer->data;

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    channel_wake_set(resolver);
}

static void on_socket_ready(uv_poll_t *handle, int status, int events)
{
    struct ares_poll *poll = handle->data;
    struct resolver *resolver = poll->resolver;
    ares_socket_t socket = poll->socket;
    bool is_broken = status < 0;

    ares_process_fd(resolver->channel,
                    is_broken || (events & UV_READABLE) != 0 ? socket : ARES_SOCKET_BAD,
                    is_broken || (events & UV_WRITABLE) != 0 ? socket : ARES_SOCKET_BAD);
    channel_wake_set(resolver);
}

static struct ares_poll *poll_find(struct resolver *resolver, ares_socket_t socket)
{
    list_each (node, &resolver->polls) {
        struct ares_poll *poll = container_of(node, struct ares_poll, node);

        if (poll->socket == socket) {
            return poll;
        }
    }
    return NULL;
}

static struct ares_poll *poll_open(struct resolver *resolver, ares_socket_t socket)
{
    struct ares_poll *poll = memory_zero(sizeof *poll);

    if (uv_poll_init(resolver->loop, &poll->handle, socket) != 0) {
        memory_free(poll);
        return NULL;
    }
    poll->handle.data = poll;
    poll->socket = socket;
    poll->resolver = resolver;
    list_push(&resolver->polls, &poll->node);
    return poll;
}

static void on_socket_state(void *context, ares_socket_t socket, int readable, int writable)
{
    struct resolver *resolver = context;
    struct ares_poll *poll = poll_find(resolver, socket);
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

    if (events == 0) {
        if (poll != NULL) {
            poll_close(poll);
        }
        return;
    }
    if (poll == NULL) {
        poll = poll_open(resolver, socket);
    }
    if (poll != NULL) { /* else c-ares's time limit ends the query */
        (void)uv_poll_start(&poll->handle, events, on_socket_ready);
    }
}

/* --- Answers. */

static void answer_refused(const struct ask *ask, const char *why, bool is_denied)
{
    const struct resolved resolved = {.denied = is_denied, .why = why};

    ask->question.found(ask->question.self, ask->question.id, &resolved);
}

/* All or nothing: a name that leads to one denied address is not to be trusted with the others.
 */
static void answer_vetted(struct resolver *resolver, struct ask *ask)
{
    const struct resolved_name *entry = ask->entry;
    const char *addresses[ADDRESS_MAX];
    struct resolved resolved = {.addresses = addresses, .why = ""};

    for (size_t i = 0; i < entry->count; i++) {
        struct text address = text_from(entry->addresses[i]);

        bool is_open =
            ask->is_trusted
                ? !egress_is_self(resolver->egress, address, ask->question.port, &ask->why)
                : egress_allows(resolver->egress, address, ask->question.port, &ask->why);

        if (!is_open) {
            answer_refused(ask, ask->why.text, true);
            return;
        }
        if (i < ADDRESS_MAX) {
            addresses[resolved.count++] = entry->addresses[i];
        }
    }
    ask->question.found(ask->question.self, ask->question.id, &resolved);
}

static void answer_loopback(struct resolver *resolver, struct ask *ask)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    const struct resolved resolved = {.addresses = addresses, .count = 2, .why = ""};

    if (!egress_allows(resolver->egress, text_from(addresses[0]), ask->question.port, &ask->why)
        || egress_is_self(resolver->egress, text_from(addresses[1]), ask->question.port,
                          &ask->why)) {
        answer_refused(ask, ask->why.text, true);
        return;
    }
    ask->question.found(ask->question.self, ask->question.id, &resolved);
}

static void answer(struct resolver *resolver, struct ask *ask)
{
    if (ask->is_loopback) {
        answer_loopback(resolver, ask);
    } else if (ask->entry == NULL) {
        answer_refused(ask, ask->why.text, true);
    } else if (ask->entry->count == 0) {
        answer_refused(ask, ask->entry->error, false);
    } else {
        answer_vetted(resolver, ask);
    }
}

static void ask_free(struct ask *ask)
{
    if (ask->entry != NULL) {
        ask->entry->asks--;
    }
    memory_free(ask);
}

static void asks_free(struct list *asks)
{
    struct list_node *node = NULL;

    while ((node = list_pop(asks)) != NULL) {
        ask_free(container_of(node, struct ask, node));
    }
}

/* Whoever is told may ask again: that comes with the next turn. */
static void on_later(uv_idle_t *idle)
{
    struct resolver *resolver = idle->data;
    struct list answers;
    struct list_node *node = NULL;

    list_init(&answers);
    list_move_all(&answers, &resolver->answers);
    (void)uv_idle_stop(&resolver->later);
    while (!resolver->is_closed && (node = list_pop(&answers)) != NULL) {
        struct ask *ask = container_of(node, struct ask, node);

        answer(resolver, ask);
        ask_free(ask);
    }
    asks_free(&answers); /* one of them closed the resolver */
}

static void answer_later(struct resolver *resolver, struct ask *ask)
{
    list_push(&resolver->answers, &ask->node);
    (void)uv_idle_start(&resolver->later, on_later);
}

/* --- What the DNS said. */

static void entry_forget_addresses(struct resolved_name *entry)
{
    memory_free(entry->addresses);
    entry->addresses = NULL;
    entry->count = 0;
}

static void entry_free(struct resolver *resolver, struct resolved_name *entry)
{
    map_remove(&resolver->names, &entry->map);
    entry_forget_addresses(entry);
    memory_free(entry);
}

static bool node_address(const struct ares_addrinfo_node *node, char ret[INET6_ADDRSTRLEN])
{
    const void *at = NULL;

    if (node->ai_family == AF_INET) {
        at = &((const struct sockaddr_in *)(const void *)node->ai_addr)->sin_addr;
    } else if (node->ai_family == AF_INET6) {
        at = &((const struct sockaddr_in6 *)(const void *)node->ai_addr)->sin6_addr;
    }
    return at != NULL && inet_ntop(node->ai_family, at, ret, INET6_ADDRSTRLEN) != NULL;
}

/* How long it may be remembered, in milliseconds. */
static uint64_t entry_take_addresses(struct resolved_name *entry,
                                     const struct ares_addrinfo *info)
{
    int64_t ttl_ms = TTL_MAX_MS;

    entry->addresses = memory_array(ADDRESS_SEEN, sizeof *entry->addresses);
    for (const struct ares_addrinfo_node *node = info->nodes;
         node != NULL && entry->count < ADDRESS_SEEN; node = node->ai_next) {
        if (node_address(node, entry->addresses[entry->count])) {
            entry->count++;
            ttl_ms =
                node->ai_ttl * INT64_C(1000) < ttl_ms ? node->ai_ttl * INT64_C(1000) : ttl_ms;
        }
    }
    entry->addresses =
        memory_resize(entry->addresses, (entry->count + 1) * sizeof *entry->addresses);
    return ttl_ms < TTL_MIN_MS ? TTL_MIN_MS : (uint64_t)ttl_ms;
}

static void on_resolved(void *context, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolved_name *entry = context;
    struct resolver *resolver = entry->resolver;
    uint64_t ttl_ms = TTL_FAILED_MS;

    (void)timeouts;
    entry->is_asking = false;
    entry_forget_addresses(entry);
    entry->error = status == ARES_SUCCESS ? "the name has no address" : ares_strerror(status);
    if (status == ARES_SUCCESS) {
        ttl_ms = entry_take_addresses(entry, info);
    }
    if (info != NULL) {
        ares_freeaddrinfo(info);
    }
    entry->expires_ms = uv_now(resolver->loop) + ttl_ms;
    if (resolver->is_closed) {
        asks_free(&entry->waiting);
        return;
    }
    list_move_all(&resolver->answers, &entry->waiting);
    (void)uv_idle_start(&resolver->later, on_later);
}

/* --- Asking. */

/* Everything that nobody waits for goes. */
static void names_forget(struct resolver *resolver)
{
    struct list idle;
    struct list_node *gone = NULL;

    list_init(&idle);
    for (struct map_node *node = map_next(&resolver->names, NULL); node != NULL;
         node = map_next(&resolver->names, node)) {
        struct resolved_name *entry = container_of(node, struct resolved_name, map);

        if (entry->asks == 0 && !entry->is_asking) {
            list_push(&idle, &entry->idle);
        }
    }
    while ((gone = list_pop(&idle)) != NULL) {
        entry_free(resolver, container_of(gone, struct resolved_name, idle));
    }
}

static struct resolved_name *entry_open(struct resolver *resolver, const char *name)
{
    struct text text = text_from(name);
    struct map_node *node = map_find(&resolver->names, text);

    if (node != NULL) {
        return container_of(node, struct resolved_name, map);
    }
    struct resolved_name *entry = memory_zero(sizeof *entry + text.len + 1);

    memcpy(entry->name, name, text.len);
    list_init(&entry->waiting);
    entry->resolver = resolver;
    map_insert(&resolver->names, &entry->map, text_make(entry->name, text.len));
    return entry;
}

static void entry_ask(struct resolver *resolver, struct resolved_name *entry)
{
    static const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    entry->is_asking = true;
    resolver->asked++;
    ares_getaddrinfo(resolver->channel, entry->name, NULL, &hints, on_resolved, entry);
    channel_wake_set(resolver);
}

static void ask_by_name(struct resolver *resolver, struct ask *ask)
{
    if (resolver->names.count >= NAMES_MAX) {
        names_forget(resolver);
    }
    struct resolved_name *entry = entry_open(resolver, ask->name);

    ask->entry = entry;
    entry->asks++;
    if (!entry->is_asking && entry->expires_ms > uv_now(resolver->loop)) {
        answer_later(resolver, ask);
        return;
    }
    list_push(&entry->waiting, &ask->node);
    if (!entry->is_asking) {
        entry_ask(resolver, entry);
    }
}

void resolver_ask(struct resolver *resolver, const struct resolver_question *question)
{
    struct ask *ask = memory_zero(sizeof *ask);

    ask->question = *question;
    (void)snprintf(ask->name, sizeof ask->name, "%s", question->name);
    enum egress_name judgement =
        egress_judge_name(resolver->egress, text_from(ask->name), &ask->why);

    ask->is_loopback = judgement == EGRESS_LOOPBACK;
    ask->is_trusted = judgement == EGRESS_TRUSTED;
    if (judgement == EGRESS_LOOPBACK || judgement == EGRESS_DENIED) {
        answer_later(resolver, ask);
    } else {
        ask_by_name(resolver, ask);
    }
}

uint64_t resolver_asked(const struct resolver *resolver)
{
    return resolver->asked;
}

/* --- Its life. */

static enum status channel_open(struct resolver *resolver, const char *servers, struct why *why)
{
    struct ares_options options = {.sock_state_cb = on_socket_state,
                                   .sock_state_cb_data = resolver,
                                   .timeout = QUERY_MS,
                                   .tries = QUERY_TRIES};
    int status = ares_library_init(ARES_LIB_INIT_ALL);

    status =
        status != ARES_SUCCESS
            ? status
            : ares_init_options(&resolver->channel, &options,
                                ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS) {
        return fail(why, STATUS_INVALID, "names cannot be resolved: %s", ares_strerror(status));
    }
    status =
        servers == NULL ? ARES_SUCCESS : ares_set_servers_ports_csv(resolver->channel, servers);
    if (status != ARES_SUCCESS) {
        ares_destroy(resolver->channel);
        return fail(why, STATUS_INVALID, "not a list of DNS servers: %s", servers);
    }
    return STATUS_OK;
}

enum status resolver_create(uv_loop_t *loop, const struct egress *egress, const char *servers,
                            struct resolver **ret_resolver, struct why *why)
{
    struct resolver *resolver = memory_zero(sizeof *resolver);

    resolver->loop = loop;
    resolver->egress = egress;
    list_init(&resolver->polls);
    list_init(&resolver->answers);
    enum status status = channel_open(resolver, servers, why);

    if (status != STATUS_OK) {
        memory_free(resolver);
        return status;
    }
    (void)uv_timer_init(loop, &resolver->timer);
    (void)uv_idle_init(loop, &resolver->later);
    resolver->timer.data = resolver;
    resolver->later.data = resolver;
    *ret_resolver = resolver;
    return STATUS_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct resolver *resolver = handle->data;

    resolver->closing--;
    if (resolver->closing == 0) {
        memory_free(resolver);
    }
}

void resolver_close(struct resolver *resolver)
{
    struct map_node *node = NULL;

    if (resolver == NULL) {
        return;
    }
    resolver->is_closed = true;
    ares_destroy(resolver->channel); /* ends the queries: on_resolved, on_socket_state */
    ares_library_cleanup();
    asks_free(&resolver->answers);
    while ((node = map_any(&resolver->names)) != NULL) {
        entry_free(resolver, container_of(node, struct resolved_name, map));
    }
    map_free(&resolver->names);
    resolver->closing = 2;
    uv_close((uv_handle_t *)&resolver->timer, on_closed);
    uv_close((uv_handle_t *)&resolver->later, on_closed);
}
