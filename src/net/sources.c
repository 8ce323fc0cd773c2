/* Who holds what: connections and bytes, by the address they come from, and in all. */
#include "base/memory.h"
#include "base/mutants.h"
#include "net/internal.h"

#include <string.h>

enum {
    EVICTED_AT_ONCE = 8,
    V6_NETWORK = 8 /* bytes: whoever has one address of a /64 has all of them */
};

/* --- Addresses. */

static bool is_v4(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address);
}

static bool is_local(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) || (is_v4(address) && address->s6_addr[12] == 127);
}

struct source *source_enter(struct net_server *server, const struct in6_addr *address)
{
    struct in6_addr key = *address;

    if (!is_v4(address)) {
        memset(key.s6_addr + V6_NETWORK, 0, sizeof key.s6_addr - V6_NETWORK);
    }
    struct map_node *node = map_find(&server->sources, text_make(&key, sizeof key));
    struct source *source = node != NULL ? container_of(node, struct source, map) : NULL;

    if (source == NULL) {
        source = memory_zero(sizeof *source);
        source->key = key;
        source->is_local = is_local(address);
        map_insert(&server->sources, &source->map, text_make(&source->key, sizeof source->key));
    }
    source->connections++;
    return source;
}

void source_leave(struct net_server *server, struct source *source)
{
    if (source != NULL && --source->connections == 0) {
        server->held -= source->held; /* nothing, unless somebody miscounted */
        map_remove(&server->sources, &source->map);
        memory_free(source);
    }
}

void sources_free(struct net_server *server)
{
    struct map_node *node = NULL;

    while ((node = map_pop(&server->sources)) != NULL) {
        memory_free(container_of(node, struct source, map));
    }
    map_free(&server->sources);
}

bool source_may_enter(const struct net_server *server, const struct source *source)
{
    uint32_t most = server->options.connections_per_source;

    return most == 0 || source->is_local || source->connections <= most;
}

/* --- Bytes. */

void source_hold(struct connection *connection, size_t bytes)
{
    struct net_server *server = connection->server;

    server->held += bytes - connection->held;
    if (connection->source != NULL) {
        connection->source->held += bytes - connection->held;
    }
    connection->held = bytes;
}

bool source_is_over(const struct connection *connection)
{
    const struct net_options *options = &connection->server->options;
    const struct source *source = connection->source;

    if (mutant("net.budgets-unasked")) {
        return false;
    }
    return (options->held_max > 0 && connection->server->held > options->held_max)
           || (source != NULL && !source->is_local && options->held_per_source > 0
               && source->held > options->held_per_source);
}

void stalled_evict(const struct connection *but)
{
    struct net_server *server = but->server;
    struct list_node *node = NULL;

    for (int i = 0;
         i < EVICTED_AT_ONCE && server->held > server->options.held_max
         && (node = list_first(&server->timed[TIMING_WRITE])) != NULL && node != &but->timed;
         i++) {
        server->counters.evicted_total++;
        connection_close(container_of(node, struct connection, timed));
    }
}
