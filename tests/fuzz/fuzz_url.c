/* The reader of endpoint URLs and the guard of addresses, under any bytes.
 * # link: outbound router notification base */
#include "deliverers/common/url.h"
#include "outbound/egress.h"

#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* What was read is read as the same again, and its host is in the one usual form. */
static void check_url(const char *text)
{
    struct url url;
    struct url again;
    const char *why = NULL;
    uint8_t address[16];

    if (!url_read(text, &url, &why)) {
        must(why != NULL);
        return;
    }
    must(url_read(url.plain, &again, &why) || strlen(url.plain) > URL_MAX);
    if (strlen(url.plain) <= URL_MAX) {
        must(strcmp(again.host, url.host) == 0 && again.port == url.port
             && again.kind == url.kind && !again.has_user);
    }
    must(strpbrk(url.host, "@/\\#?% ") == NULL);
    must(url.kind != URL_IPV4 || inet_pton(AF_INET, url.host, address) == 1);
    must(url.kind != URL_IPV6 || inet_pton(AF_INET6, url.host, address) == 1);
}

/* Rules that open nothing never let this machine's own network through. */
static void check_egress(struct text text)
{
    static struct egress *egress;
    const struct egress_rules rules = {.loopback = false};
    struct why why;

    if (egress == NULL) {
        must(egress_create(&rules, &egress, &why) == STATUS_OK);
    }
    bool is_local = text_starts_with(text, T("127.")) || text_starts_with(text, T("10."));

    must(!egress_allows(egress, text, 443, &why) || !is_local);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);

    must(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    check_url(copy);
    check_egress(text_make(data, size));
    free(copy);
    return 0;
}
