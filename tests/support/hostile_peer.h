/* Inside the hostile endpoint: one connection, and what can be done to it. */
#ifndef TESTS_SUPPORT_HOSTILE_PEER_H
#define TESTS_SUPPORT_HOSTILE_PEER_H

#include "hostile_endpoint.h"

#include <openssl/types.h>

struct hostile_peer {
    struct hostile_endpoint *endpoint;
    int socket;
    SSL *tls;          /* or NULL */
    uint32_t requests; /* on this connection, the one at hand included */
    char request[65536];
    size_t request_size;
    size_t head_size; /* of the request */
};

/* A misbehaviour: called with a request read; false: hang up. */
struct hostile_mode {
    const char *name;
    bool (*act)(struct hostile_peer *peer);
    bool before_request; /* act at once, without reading */
};

/* hostile_modes.c */
const struct hostile_mode *hostile_mode_find(const char *name);

/* hostile_endpoint.c; false: the other side is gone, or the endpoint is being stopped. */
bool hostile_send(struct hostile_peer *peer, const char *text);
bool hostile_send_bytes(struct hostile_peer *peer, const void *at, size_t size);
bool hostile_sleep(struct hostile_peer *peer, int ms);
void hostile_hang(struct hostile_peer *peer); /* until it is stopped or the other side goes */
/* Counts over all connections, this one included. */
uint32_t hostile_request_number(struct hostile_peer *peer);
const char *hostile_mode_name(const struct hostile_peer *peer);

/* hostile_tls.c */
SSL_CTX *hostile_tls_context(enum hostile_tls tls); /* NULL for HOSTILE_PLAIN; free it */

#endif
