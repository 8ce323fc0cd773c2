/* Which addresses and names may be reached.  Denied is what is no public unicast address, in
 * every notation that leads there; the table below is all there is to know. */
#include "outbound/egress.h"

#include "base/memory.h"
#include "base/mutants.h"

#include <arpa/inet.h>

#include <string.h>

#define ADDRESS_SIZE 16
#define ADDRESS_BITS 128
#define V4_BITS      96 /* of ::ffff:0:0/96, in which IPv4 is kept here */

enum reach {
    REACH_LOOPBACK, /* open by the setting egress_loopback, and with --dev */
    REACH_PRIVATE,  /* open with --dev */
    REACH_NEVER     /* open by egress_allow only */
};

struct network_row {
    const char *network;
    enum reach reach;
    const char *what;
};

/* The first that fits counts. IPv4 rows are for IPv4 addresses only, IPv6 rows for the others.
 */
static const struct network_row network_rows[] = {
    {"127.0.0.0/8", REACH_LOOPBACK, "this machine"},
    {"::1/128", REACH_LOOPBACK, "this machine"},
    {"10.0.0.0/8", REACH_PRIVATE, "a private network"},
    {"172.16.0.0/12", REACH_PRIVATE, "a private network"},
    {"192.168.0.0/16", REACH_PRIVATE, "a private network"},
    {"100.64.0.0/10", REACH_PRIVATE, "a provider's shared network"},
    {"0.0.0.0/8", REACH_NEVER, "no address of a host"},
    {"169.254.0.0/16", REACH_NEVER, "link-local, where clouds keep their metadata"},
    {"192.0.0.0/24", REACH_NEVER, "reserved for protocols"},
    {"192.0.2.0/24", REACH_NEVER, "reserved for documentation"},
    {"192.88.99.0/24", REACH_NEVER, "a 6to4 relay"},
    {"198.18.0.0/15", REACH_NEVER, "reserved for benchmarks"},
    {"198.51.100.0/24", REACH_NEVER, "reserved for documentation"},
    {"203.0.113.0/24", REACH_NEVER, "reserved for documentation"},
    {"224.0.0.0/4", REACH_NEVER, "multicast"},
    {"240.0.0.0/4", REACH_NEVER, "reserved"},
    {"::/8", REACH_NEVER, "no address of a host"}, /* IPv4-compatible, SIIT, unspecified */
    {"64:ff9b:1::/48", REACH_NEVER, "local-use NAT64"},
    {"100::/64", REACH_NEVER, "the discard prefix"},
    {"2001::/23", REACH_NEVER, "reserved for protocols (Teredo)"},
    {"2001:db8::/32", REACH_NEVER, "reserved for documentation"},
    {"2002::/16", REACH_NEVER, "6to4"},
    {"3fff::/20", REACH_NEVER, "reserved for documentation"},
    {"5f00::/16", REACH_NEVER, "segment routing"},
    {"fd00:ec2::/32", REACH_NEVER, "where a cloud keeps its metadata"},
    {"fc00::/7", REACH_PRIVATE, "a private network"},
    {"fe80::/10", REACH_NEVER, "link-local"},
    {"fec0::/10", REACH_NEVER, "site-local"},
    {"ff00::/8", REACH_NEVER, "multicast"},
};

/* Its public addresses are as much this machine as loopback is: what listens behind its
 * firewall would be reached from inside. */
static const struct network_row machine_row = {"its own", REACH_LOOPBACK,
                                               "an address of this machine"};

struct name_row {
    struct text name; /* "*." in front: and all names below */
    enum reach reach;
    const char *what;
};

/* What can be told without asking the DNS. */
static const struct name_row name_rows[] = {
    {TEXT("localhost"), REACH_LOOPBACK, "this machine"},
    {TEXT("*.localhost"), REACH_LOOPBACK, "this machine"},
    {TEXT("localhost.localdomain"), REACH_LOOPBACK, "this machine"},
    {TEXT("metadata.google.internal"), REACH_NEVER, "where a cloud keeps its metadata"},
    {TEXT("metadata.goog"), REACH_NEVER, "where a cloud keeps its metadata"},
    {TEXT("instance-data.ec2.internal"), REACH_NEVER, "where a cloud keeps its metadata"},
};

/* Services that are not HTTP, and that a well-made request might still talk into something. */
static const uint16_t denied_ports[] = {
    0,   19,  22,  23,  25,  53,   110,  111,  135,  139,  143,  389,   445,
    465, 587, 636, 993, 995, 2049, 2375, 2376, 3306, 5432, 6379, 11211, 27017,
};

struct network {
    uint8_t address[ADDRESS_SIZE];
    uint32_t bits;
    bool is_v4;
};

struct egress {
    struct egress_rules rules;
    struct network denied[countof(network_rows)];
    struct network *allowed; /* egress_allow's networks */
    size_t allowed_count;
    struct text *names; /* egress_allow's names, borrowed */
    size_t name_count;
    uint8_t (*machine)[ADDRESS_SIZE]; /* of this machine's interfaces */
    size_t machine_count;
    uint8_t listens_on[ADDRESS_SIZE];
    bool listens_everywhere;
    uint16_t listens_port; /* 0: not known yet */
};

/* --- Addresses. */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t nat64_prefix[12] = {0, 0x64, 0xff, 0x9b};

/* IPv4 becomes ::ffff:a.b.c.d, and so that form, NAT64's, and the plain one are one. */
static bool address_parse(struct text text, uint8_t ret[ADDRESS_SIZE])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len >= sizeof copy || memchr(text.at, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    memcpy(ret, v4_prefix, sizeof v4_prefix);
    if (inet_pton(AF_INET, copy, ret + sizeof v4_prefix) == 1) {
        return true;
    }
    if (inet_pton(AF_INET6, copy, ret) != 1) {
        return false;
    }
    if (memcmp(ret, nat64_prefix, sizeof nat64_prefix) == 0) {
        memcpy(ret, v4_prefix, sizeof v4_prefix);
    }
    return true;
}

static bool address_is_v4(const uint8_t address[ADDRESS_SIZE])
{
    return memcmp(address, v4_prefix, sizeof v4_prefix) == 0;
}

/* An IPv4 address in the second half, behind 0:5efe or 200:5efe: a tunnel to it. */
static bool address_is_isatap(const uint8_t address[ADDRESS_SIZE])
{
    return (address[8] & 0xfdU) == 0 && address[9] == 0 && address[10] == 0x5e
           && address[11] == 0xfe;
}

static bool network_contains(const struct network *network, const uint8_t address[ADDRESS_SIZE])
{
    uint32_t whole = network->bits / 8;
    uint32_t rest = network->bits % 8;
    uint32_t mask = 0xff00U >> rest & 0xffU;

    if (network->is_v4 != address_is_v4(address)
        || memcmp(network->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((network->address[whole] ^ address[whole]) & mask) == 0;
}

/* "10.1.0.0/16", or an address alone. */
static bool network_parse(struct text text, struct network *ret)
{
    size_t slash = text_find(text, '/');
    struct text address = text_first(text, slash);
    int64_t bits = 0;

    if (!address_parse(address, ret->address)) {
        return false;
    }
    ret->is_v4 = address_is_v4(ret->address);
    ret->bits = ADDRESS_BITS;
    if (slash == text.len) {
        return true;
    }
    uint32_t shift = text_find(address, ':') == address.len ? V4_BITS : 0;

    if (!text_to_int64(text_after(text, slash + 1), &bits) || bits < 0
        || bits + shift > ADDRESS_BITS) {
        return false;
    }
    ret->bits = (uint32_t)bits + shift;
    return !ret->is_v4 || ret->bits >= V4_BITS;
}

/* --- egress_allow. */

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-'
           || byte == '_' || byte == '.';
}

static bool is_name_pattern(struct text text)
{
    struct text name = text_starts_with(text, T("*.")) ? text_after(text, 2) : text;

    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.at[i])) {
            return false;
        }
    }
    return name.len > 0;
}

static bool name_fits(struct text name, struct text pattern)
{
    if (text_starts_with(pattern, T("*."))) {
        struct text suffix = text_after(pattern, 1);

        return name.len > suffix.len && text_ends_with(name, suffix);
    }
    return text_equal(name, pattern);
}

static enum status add_allowed(struct egress *egress, struct text entry, struct why *why)
{
    if (network_parse(entry, &egress->allowed[egress->allowed_count])) {
        egress->allowed_count++;
        return STATUS_OK;
    }
    if (!is_name_pattern(entry)) {
        return fail(why, STATUS_INVALID,
                    "egress_allow: \"%.*s\" is neither a network (10.1.0.0/16) nor a host name "
                    "in lower case (hooks.example.net, *.example.net)",
                    TEXT_PRINTF(entry));
    }
    egress->names[egress->name_count++] = entry;
    return STATUS_OK;
}

enum status egress_create(const struct egress_rules *rules, struct egress **ret_egress,
                          struct why *why)
{
    struct egress *egress = memory_zero(sizeof *egress);
    enum status status = STATUS_OK;

    egress->rules = *rules;
    for (size_t i = 0; i < countof(network_rows); i++) {
        (void)!network_parse(text_from(network_rows[i].network), &egress->denied[i]);
    }
    egress->allowed = memory_array(rules->allow_count, sizeof *egress->allowed);
    egress->names = memory_array(rules->allow_count, sizeof *egress->names);
    for (size_t i = 0; i < rules->allow_count && status == STATUS_OK; i++) {
        status = add_allowed(egress, rules->allow[i], why);
    }
    if (status != STATUS_OK) {
        egress_free(egress);
        return status;
    }
    *ret_egress = egress;
    return STATUS_OK;
}

void egress_free(struct egress *egress)
{
    if (egress == NULL) {
        return;
    }
    memory_free(egress->allowed);
    memory_free(egress->names);
    memory_free(egress->machine);
    memory_free(egress);
}

/* --- This server itself. */

void egress_know_self(struct egress *egress, const struct egress_self *self)
{
    memory_free(egress->machine);
    egress->machine = memory_array(self->machine_count, sizeof *egress->machine);
    egress->machine_count = 0;
    for (size_t i = 0; i < self->machine_count; i++) {
        if (address_parse(self->machine[i], egress->machine[egress->machine_count])) {
            egress->machine_count++;
        }
    }
    egress->listens_everywhere =
        text_equal(self->listens_on, T("0.0.0.0")) || text_equal(self->listens_on, T("::"));
    egress->listens_port = address_parse(self->listens_on, egress->listens_on) ? self->port : 0;
}

static bool is_of_machine(const struct egress *egress, const uint8_t address[ADDRESS_SIZE])
{
    for (size_t i = 0; i < egress->machine_count; i++) {
        if (memcmp(egress->machine[i], address, ADDRESS_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* --- The decision. */

static bool reach_is_open(const struct egress *egress, enum reach reach)
{
    bool is_open[] = {
        [REACH_LOOPBACK] = egress->rules.loopback || egress->rules.private_ranges,
        [REACH_PRIVATE] = egress->rules.private_ranges,
        [REACH_NEVER] = false,
    };

    return is_open[reach];
}

/* What would open it, for people. */
static const char *const reach_remedies[] = {
    [REACH_LOOPBACK] = "add it to egress_allow, set egress_loopback, or start with --dev",
    [REACH_PRIVATE] = "add it to egress_allow, or start with --dev",
    [REACH_NEVER] = "only egress_allow opens it",
};

static bool is_in_allowed(const struct egress *egress, const uint8_t address[ADDRESS_SIZE])
{
    for (size_t i = 0; i < egress->allowed_count; i++) {
        if (network_contains(&egress->allowed[i], address)) {
            return true;
        }
    }
    return false;
}

/* NULL: none. */
static const struct network_row *find_row(const struct egress *egress,
                                          const uint8_t address[ADDRESS_SIZE])
{
    for (size_t i = 0; i < countof(network_rows); i++) {
        if (network_contains(&egress->denied[i], address)) {
            return &network_rows[i];
        }
    }
    return NULL;
}

static bool port_is_open(uint16_t port)
{
    for (size_t i = 0; i < countof(denied_ports); i++) {
        if (denied_ports[i] == port) {
            return false;
        }
    }
    return true;
}

/* Whether it ends at this machine whatever interface it names: a wildcard connects there, too.
 */
static bool is_here(const struct egress *egress, const uint8_t address[ADDRESS_SIZE])
{
    static const uint8_t nowhere[ADDRESS_SIZE] = {0};
    const struct network_row *row = find_row(egress, address);

    return is_of_machine(egress, address) || (row != NULL && row->reach == REACH_LOOPBACK)
           || memcmp(address, nowhere, ADDRESS_SIZE) == 0
           || (address_is_v4(address) && address[sizeof v4_prefix] == 0);
}

static bool is_self(const struct egress *egress, const uint8_t address[ADDRESS_SIZE],
                    uint16_t port)
{
    if (port != egress->listens_port || port == 0 || mutant("outbound.delivers-to-itself")) {
        return false;
    }
    return egress->listens_everywhere ? is_here(egress, address)
                                      : memcmp(egress->listens_on, address, ADDRESS_SIZE) == 0;
}

bool egress_is_self(const struct egress *egress, struct text address, uint16_t port,
                    struct why *why)
{
    uint8_t bytes[ADDRESS_SIZE];

    if (!address_parse(address, bytes) || !is_self(egress, bytes, port)) {
        return false;
    }
    (void)fail(why, STATUS_DENIED, "%.*s port %u is this server itself", TEXT_PRINTF(address),
               port);
    return true;
}

bool egress_allows(const struct egress *egress, struct text address, uint16_t port,
                   struct why *why)
{
    uint8_t bytes[ADDRESS_SIZE];

    if (!address_parse(address, bytes)) {
        (void)fail(why, STATUS_DENIED, "%.*s is not an address in its usual form",
                   TEXT_PRINTF(address));
        return false;
    }
    if (egress_is_self(egress, address, port, why)) {
        return false;
    }
    if (is_in_allowed(egress, bytes)) {
        return true;
    }
    if (!port_is_open(port)) {
        (void)fail(why, STATUS_DENIED,
                   "port %u is that of another service; only egress_allow opens it", port);
        return false;
    }
    if (!address_is_v4(bytes) && address_is_isatap(bytes)) {
        (void)fail(why, STATUS_DENIED, "%.*s is an ISATAP tunnel; only egress_allow opens it",
                   TEXT_PRINTF(address));
        return false;
    }
    const struct network_row *row = find_row(egress, bytes);

    if (row == NULL || reach_is_open(egress, row->reach)) {
        row = is_of_machine(egress, bytes) ? &machine_row : NULL;
    }
    if (row == NULL || reach_is_open(egress, row->reach)) {
        return true;
    }
    (void)fail(why, STATUS_DENIED, "%.*s is %s (%s); %s", TEXT_PRINTF(address), row->what,
               row->network, reach_remedies[row->reach]);
    return false;
}

enum egress_name egress_judge_name(const struct egress *egress, struct text name,
                                   struct why *why)
{
    for (size_t i = 0; i < egress->name_count; i++) {
        if (name_fits(name, egress->names[i])) {
            return EGRESS_TRUSTED;
        }
    }
    for (size_t i = 0; i < countof(name_rows); i++) {
        const struct name_row *row = &name_rows[i];

        if (!name_fits(name, row->name)) {
            continue;
        }
        if (reach_is_open(egress, row->reach)) {
            return EGRESS_LOOPBACK;
        }
        (void)fail(why, STATUS_DENIED, "%.*s is %s; %s", TEXT_PRINTF(name), row->what,
                   reach_remedies[row->reach]);
        return EGRESS_DENIED;
    }
    return EGRESS_VET;
}
