/* Addresses that the host allowed for one transfer: libcurl connects to no other. */
#ifndef DELIVERERS_COMMON_VETTED_H
#define DELIVERERS_COMMON_VETTED_H

#include "deliverers/common/url.h"
#include "deliverers/deliverer.h"

#include <curl/curl.h>
#include <netinet/in.h>

#define VETTED_MAX 16

struct vetted {
    char addresses[VETTED_MAX][INET6_ADDRSTRLEN];
    size_t count;
    /* private: what libcurl is told a name stands for */
    char line[URL_HOST_MAX + 16 + VETTED_MAX * (INET6_ADDRSTRLEN + 3)];
    struct curl_slist resolve;
};

/* What a name stands for. */
void vetted_take(struct vetted *vetted, const struct resolved *resolved);
/* One numeric address, as url_read gave it. */
void vetted_take_one(struct vetted *vetted, const char *address);
/* From here alone the handle knows where the host of `url` leads; `vetted` must outlive the
 * transfer. */
void vetted_apply(struct vetted *vetted, const struct url *url, CURL *easy);

#endif
