/* Addresses that the host allowed for one transfer. */
#include "deliverers/common/vetted.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>

void vetted_take(struct vetted *vetted, const struct resolved *resolved)
{
    vetted->count = 0;
    while (vetted->count < resolved->count && vetted->count < VETTED_MAX) {
        (void)snprintf(vetted->addresses[vetted->count], INET6_ADDRSTRLEN, "%s",
                       resolved->addresses[vetted->count]);
        vetted->count++;
    }
}

void vetted_take_one(struct vetted *vetted, const char *address)
{
    const struct resolved one = {.addresses = &address, .count = 1};

    vetted_take(vetted, &one);
}

static bool vetted_has(const struct vetted *vetted, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                        text, sizeof text);
    } else if (address->sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6,
                        &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
                        sizeof text);
    }
    for (size_t i = 0; i < vetted->count; i++) {
        if (strcmp(vetted->addresses[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    (void)purpose;
    if (!vetted_has(context, &address->addr)) { /* whatever led here, it was not vetted */
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

/* "+host:port:address,[address],..." */
static void write_line(struct vetted *vetted, const struct url *url)
{
    size_t room = sizeof vetted->line;
    int used = snprintf(vetted->line, room, "+%s:%u:", url->host, url->port);

    for (size_t i = 0; i < vetted->count; i++) {
        bool is_v6 = strchr(vetted->addresses[i], ':') != NULL;

        used +=
            snprintf(vetted->line + used, room - (size_t)used, "%s%s%s%s", i == 0 ? "" : ",",
                     is_v6 ? "[" : "", vetted->addresses[i], is_v6 ? "]" : "");
    }
}

void vetted_apply(struct vetted *vetted, const struct url *url, CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, vetted);
    if (url->kind != URL_NAME) {
        (void)curl_easy_setopt(easy, CURLOPT_RESOLVE, NULL);
        return;
    }
    write_line(vetted, url);
    vetted->resolve = (struct curl_slist){.data = vetted->line, .next = NULL};
    (void)curl_easy_setopt(easy, CURLOPT_RESOLVE, &vetted->resolve);
}
