/* A DNS server of ours: just enough of RFC 1035 for A, AAAA and CNAME over UDP. */
#include "stub_dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TYPE_A     1
#define TYPE_CNAME 5
#define TYPE_AAAA  28
#define HEAD_SIZE  12
#define PACKET_MAX 4096

struct stub_dns {
    const struct stub_dns_row *rows;
    size_t count;
    int socket;
    uint16_t port;
    pthread_t thread;
    atomic_bool is_stopping;
    atomic_uint queries;
    uint32_t asked[64][2]; /* by row, by type: how often its name was asked for */
};

struct packet {
    uint8_t at[PACKET_MAX];
    size_t size;
};

static void put(struct packet *packet, const void *at, size_t size)
{
    if (packet->size + size <= sizeof packet->at) {
        memcpy(packet->at + packet->size, at, size);
        packet->size += size;
    }
}

static void put_u16(struct packet *packet, uint32_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8U), (uint8_t)value};

    put(packet, bytes, sizeof bytes);
}

static void put_name(struct packet *packet, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        uint8_t byte = (uint8_t)len;

        put(packet, &byte, 1);
        put(packet, name, len);
        name += len + (name[len] == '.' ? 1 : 0);
    }
    put(packet, "", 1);
}

static void put_record(struct packet *packet, const char *name, uint32_t type, uint32_t ttl)
{
    put_name(packet, name);
    put_u16(packet, type);
    put_u16(packet, 1);
    put_u16(packet, ttl >> 16U);
    put_u16(packet, ttl & 0xffffU);
}

/* The question's name in `ret_name`; where it ends, or 0. */
static size_t read_name(const struct packet *query, char ret_name[256])
{
    size_t place = HEAD_SIZE;
    size_t len = 0;

    while (place < query->size && query->at[place] != 0) {
        size_t label = query->at[place++];

        if (label > 63 || place + label >= query->size || len + label + 1 >= 255) {
            return 0;
        }
        memcpy(ret_name + len, query->at + place, label);
        len += label;
        ret_name[len++] = '.';
        place += label;
    }
    ret_name[len > 0 ? len - 1 : 0] = '\0';
    return place + 5 <= query->size ? place + 1 : 0;
}

static bool row_counts(const struct stub_dns *dns, size_t row, uint32_t type)
{
    uint32_t query = dns->asked[row][type == TYPE_AAAA ? 1 : 0] - 1;

    return query >= dns->rows[row].from_query
           && (dns->rows[row].until_query == 0 || query < dns->rows[row].until_query);
}

/* Whether a record was added. */
static bool answer_row(const struct stub_dns_row *row, const char *name, uint32_t type,
                       struct packet *answer)
{
    uint8_t address[16];
    int family = type == TYPE_AAAA ? AF_INET6 : AF_INET;
    size_t size = type == TYPE_AAAA ? 16 : 4;

    if (inet_pton(family, row->address, address) != 1) {
        return false;
    }
    put_record(answer, name, type, row->ttl);
    put_u16(answer, (uint32_t)size);
    put(answer, address, size);
    return true;
}

static void answer_cname(const struct stub_dns_row *row, const char *name,
                         struct packet *answer)
{
    const char *target = row->address + sizeof "cname:" - 1;

    put_record(answer, name, TYPE_CNAME, row->ttl);
    put_u16(answer, (uint32_t)strlen(target) + 2);
    put_name(answer, target);
}

struct answering {
    struct packet packet;
    uint32_t records;
    bool is_known;
    bool is_silent;
    bool has_failed;
};

static void answer_name(struct stub_dns *dns, const char *name, uint32_t type, bool is_alias,
                        struct answering *answering)
{
    for (size_t i = 0; i < dns->count; i++) {
        const struct stub_dns_row *row = &dns->rows[i];

        if (strcasecmp(row->name, name) != 0) {
            continue;
        }
        answering->is_known = true;
        dns->asked[i][type == TYPE_AAAA ? 1 : 0]++;
        if (!row_counts(dns, i, type)) {
            continue;
        }
        answering->is_silent = strcmp(row->address, "silence") == 0;
        answering->has_failed = strcmp(row->address, "servfail") == 0;
        if (strncmp(row->address, "cname:", 6) == 0 && !is_alias) {
            answer_cname(row, name, &answering->packet);
            answering->records++;
            answer_name(dns, row->address + 6, type, true, answering);
        } else if (answer_row(row, name, type, &answering->packet)) {
            answering->records++;
        }
    }
}

/* false: nothing is to be said. */
static bool answer_query(struct stub_dns *dns, const struct packet *query, struct packet *ret)
{
    static struct answering answering;
    char name[256];
    size_t end = query->size > HEAD_SIZE ? read_name(query, name) : 0;

    if (end == 0) {
        return false;
    }
    uint32_t type = (uint32_t)query->at[end] << 8U | query->at[end + 1];

    memset(&answering, 0, sizeof answering);
    put(&answering.packet, query->at, end + 4);
    answer_name(dns, name, type, false, &answering);
    *ret = answering.packet;
    ret->at[2] = 0x84; /* an authoritative answer */
    ret->at[3] = (uint8_t)(answering.has_failed ? 2 : answering.is_known ? 0 : 3);
    memset(ret->at + 6, 0, 6);
    ret->at[6] = (uint8_t)(answering.records >> 8U);
    ret->at[7] = (uint8_t)answering.records;
    return !answering.is_silent;
}

static void *dns_run(void *argument)
{
    static struct packet query;
    static struct packet answer;
    struct stub_dns *dns = argument;

    while (!atomic_load(&dns->is_stopping)) {
        struct pollfd item = {.fd = dns->socket, .events = POLLIN};
        struct sockaddr_in from;
        socklen_t size = sizeof from;

        if (poll(&item, 1, 20) <= 0) {
            continue;
        }
        ssize_t got = recvfrom(dns->socket, query.at, sizeof query.at, 0,
                               (struct sockaddr *)&from, &size);

        if (got <= 0) {
            continue;
        }
        query.size = (size_t)got;
        (void)atomic_fetch_add(&dns->queries, 1);
        if (answer_query(dns, &query, &answer)) {
            (void)sendto(dns->socket, answer.at, answer.size, 0, (struct sockaddr *)&from,
                         size);
        }
    }
    return NULL;
}

struct stub_dns *stub_dns_start(const struct stub_dns_row *rows, size_t count)
{
    struct stub_dns *dns = calloc(1, sizeof *dns);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    if (dns == NULL || count > sizeof dns->asked / sizeof dns->asked[0]) {
        free(dns);
        return NULL;
    }
    dns->rows = rows;
    dns->count = count;
    dns->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(dns->socket, (const struct sockaddr *)&address, size) != 0
        || getsockname(dns->socket, (struct sockaddr *)&address, &size) != 0
        || pthread_create(&dns->thread, NULL, dns_run, dns) != 0) {
        (void)close(dns->socket);
        free(dns);
        return NULL;
    }
    dns->port = ntohs(address.sin_port);
    return dns;
}

void stub_dns_stop(struct stub_dns *dns)
{
    if (dns == NULL) {
        return;
    }
    atomic_store(&dns->is_stopping, true);
    (void)pthread_join(dns->thread, NULL);
    (void)close(dns->socket);
    free(dns);
}

uint16_t stub_dns_port(const struct stub_dns *dns)
{
    return dns->port;
}

uint32_t stub_dns_queries(struct stub_dns *dns)
{
    return atomic_load(&dns->queries);
}
