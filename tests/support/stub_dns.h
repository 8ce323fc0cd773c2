/* A DNS server of ours on loopback: answers by a table of the test's, on a thread of its own.
 */
#ifndef TESTS_SUPPORT_STUB_DNS_H
#define TESTS_SUPPORT_STUB_DNS_H

#include <stddef.h>
#include <stdint.h>

/* One record.  Several rows of a name are one answer; a name with rows of other kinds only is
 * answered empty, one with none at all NXDOMAIN. */
struct stub_dns_row {
    const char *name;
    const char *address; /* IPv4 or IPv6; "cname:<name>" first of a chain; "silence": no answer
                            at all; "servfail" */
    uint32_t ttl;        /* seconds */
    uint32_t
        from_query; /* only for this query of the name and the later ones (the first is 0) */
    uint32_t until_query; /* and before this one; 0: no end */
};

struct stub_dns;

/* `rows` must outlive it.  NULL: no socket. */
struct stub_dns *stub_dns_start(const struct stub_dns_row *rows, size_t count);
void stub_dns_stop(struct stub_dns *dns);
uint16_t stub_dns_port(const struct stub_dns *dns);
uint32_t stub_dns_queries(struct stub_dns *dns);

#endif
