/* An HTTP server of ours that misbehaves on demand: a listener and a thread per connection. */
#ifndef TESTS_SUPPORT_HOSTILE_ENDPOINT_H
#define TESTS_SUPPORT_HOSTILE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hostile_tls {
    HOSTILE_PLAIN,
    HOSTILE_TLS_GOOD,       /* for 127.0.0.1 and localhost, by the CA of hostile_ca_write */
    HOSTILE_TLS_UNKNOWN_CA, /* self-signed */
    HOSTILE_TLS_EXPIRED,
    HOSTILE_TLS_OTHER_HOST
};

struct hostile_options {
    uint16_t port; /* 0: the kernel picks one */
    const char *mode;
    enum hostile_tls tls;
};

struct hostile_endpoint;

/* NULL with a line on standard error: no such mode, or the port is taken. */
struct hostile_endpoint *hostile_start(const struct hostile_options *options);
/* Closes every connection and joins every thread. */
void hostile_stop(struct hostile_endpoint *endpoint);
uint16_t hostile_port(const struct hostile_endpoint *endpoint);
/* How many connections were taken, and how many requests were read to their end. */
uint32_t hostile_connections(struct hostile_endpoint *endpoint);
uint32_t hostile_requests(struct hostile_endpoint *endpoint);
/* The last request, head and body, NUL-terminated and cut to `room`; its size. */
size_t hostile_last_request(struct hostile_endpoint *endpoint, char *ret_request, size_t room);
/* Names of all modes but status-NNN, NULL-terminated. */
const char *const *hostile_modes(void);
/* Writes the certificate authority that HOSTILE_TLS_GOOD is signed by, as PEM. */
bool hostile_ca_write(const char *path);

#endif
