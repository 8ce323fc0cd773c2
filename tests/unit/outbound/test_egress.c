/* Which addresses and names may be reached. */
#include "outbound/egress.h"

#include <criterion/criterion.h>

#include <string.h>

static struct egress *make(bool loopback, bool private_ranges, const struct text *allow,
                           size_t count)
{
    const struct egress_rules rules = {.loopback = loopback,
                                       .private_ranges = private_ranges,
                                       .allow = allow,
                                       .allow_count = count};
    struct egress *egress = NULL;
    struct why why = {""};

    cr_assert_eq(egress_create(&rules, &egress, &why), STATUS_OK, "%s", why.text);
    return egress;
}

static const char *const denied[] = {
    /* IPv4 */
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    /* IPv6 */
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fd7a:115c:a1e0::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "64:ff9b:1::1",
    /* IPv4 inside IPv6 */
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.1.2.3",
    "64:ff9b::a9fe:a9fe",
    "2607:f8b0::5efe:127.0.0.1",
    "2607:f8b0::200:5efe:10.0.0.1",
    /* spellings that somebody else might take for an address */
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.0.0.01",
    "127.0.0.1 ",
    " 127.0.0.1",
    "127.0.0.1\t",
    "[::1]",
    "::1%lo",
    "::1%25lo",
    "fe80::1%eth0",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "",
    "localhost",
    "8.8.8.8/32",
    "::ffff:8.8.8.8.8",
    "0000:0000:0000:0000:0000:ffff:0127.0.0.1x",
};

static const char *const open_to_all[] = {
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860::8888",
    "2607:f8b0:4004:800::1",
    "2001:200::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
};

Test(egress, denies_whatever_is_no_public_unicast_address)
{
    struct egress *egress = make(false, false, NULL, 0);

    for (size_t i = 0; i < countof(denied); i++) {
        struct why why = {""};

        cr_expect_not(egress_allows(egress, text_from(denied[i]), 443, &why), "%s", denied[i]);
        cr_expect_neq(why.text[0], '\0', "%s: no reason", denied[i]);
    }
    for (size_t i = 0; i < countof(open_to_all); i++) {
        struct why why = {""};

        cr_expect(egress_allows(egress, text_from(open_to_all[i]), 443, &why), "%s: %s",
                  open_to_all[i], why.text);
    }
    egress_free(egress);
}

struct opening {
    const char *address;
    bool by_loopback;
    bool by_dev;
};

Test(egress, opens_loopback_and_private_ranges_by_rule_and_never_the_metadata)
{
    static const struct opening rows[] = {
        {"127.0.0.1", true, true},         {"::1", true, true},
        {"::ffff:127.0.0.1", true, true},  {"64:ff9b::127.0.0.1", true, true},
        {"10.0.0.1", false, true},         {"172.16.0.1", false, true},
        {"192.168.1.1", false, true},      {"100.64.0.1", false, true},
        {"fd00::1", false, true},          {"::ffff:10.0.0.1", false, true},
        {"169.254.169.254", false, false}, {"fd00:ec2::254", false, false},
        {"0.0.0.0", false, false},         {"::", false, false},
        {"fe80::1", false, false},         {"224.0.0.1", false, false},
        {"::127.0.0.1", false, false},     {"2002:7f00:1::", false, false},
    };
    struct egress *loopback = make(true, false, NULL, 0);
    struct egress *dev = make(false, true, NULL, 0);
    struct why why;

    for (size_t i = 0; i < countof(rows); i++) {
        struct text address = text_from(rows[i].address);

        cr_expect_eq(egress_allows(loopback, address, 443, &why), rows[i].by_loopback, "%s",
                     rows[i].address);
        cr_expect_eq(egress_allows(dev, address, 443, &why), rows[i].by_dev, "%s",
                     rows[i].address);
    }
    egress_free(loopback);
    egress_free(dev);
}

Test(egress, opens_what_egress_allow_names)
{
    static const struct text allow[] = {
        TEXT("10.1.0.0/16"),    TEXT("192.168.7.9"),
        TEXT("fd12::/16"),      TEXT("127.0.0.1"),
        TEXT("hooks.internal"), TEXT("*.corp.example"),
        TEXT("10.8.0.0/15"),    TEXT("metadata.google.internal"),
    };
    static const char *const opened[] = {"10.1.255.255", "192.168.7.9", "fd12:1::1",
                                         "::ffff:127.0.0.1", "10.9.255.255"};
    static const char *const closed[] = {"10.2.0.1", "192.168.7.8", "fd13::1", "127.0.0.2",
                                         "10.10.0.0"};
    struct egress *egress = make(false, false, allow, countof(allow));
    struct why why;

    for (size_t i = 0; i < countof(opened); i++) {
        cr_expect(egress_allows(egress, text_from(opened[i]), 443, &why), "%s", opened[i]);
        cr_expect(egress_allows(egress, text_from(opened[i]), 6379, &why), "%s", opened[i]);
    }
    for (size_t i = 0; i < countof(closed); i++) {
        cr_expect_not(egress_allows(egress, text_from(closed[i]), 443, &why), "%s", closed[i]);
    }
    cr_expect_eq(egress_judge_name(egress, T("hooks.internal"), &why), EGRESS_TRUSTED);
    cr_expect_eq(egress_judge_name(egress, T("a.b.corp.example"), &why), EGRESS_TRUSTED);
    cr_expect_eq(egress_judge_name(egress, T("corp.example"), &why), EGRESS_VET);
    cr_expect_eq(egress_judge_name(egress, T("xhooks.internal"), &why), EGRESS_VET);
    cr_expect_eq(egress_judge_name(egress, T("evilcorp.example"), &why), EGRESS_VET);
    cr_expect_eq(egress_judge_name(egress, T("metadata.google.internal"), &why),
                 EGRESS_TRUSTED);
    egress_free(egress);
}

Test(egress, judges_well_known_names_without_the_dns)
{
    struct egress *closed = make(false, false, NULL, 0);
    struct egress *loopback = make(true, false, NULL, 0);
    struct why why = {""};

    cr_expect_eq(egress_judge_name(closed, T("localhost"), &why), EGRESS_DENIED);
    cr_expect_not_null(strstr(why.text, "egress_allow"), "%s", why.text);
    cr_expect_eq(egress_judge_name(closed, T("a.localhost"), &why), EGRESS_DENIED);
    cr_expect_eq(egress_judge_name(closed, T("metadata.google.internal"), &why), EGRESS_DENIED);
    cr_expect_eq(egress_judge_name(closed, T("example.com"), &why), EGRESS_VET);
    cr_expect_eq(egress_judge_name(closed, T("notlocalhost"), &why), EGRESS_VET);
    cr_expect_eq(egress_judge_name(loopback, T("localhost"), &why), EGRESS_LOOPBACK);
    cr_expect_eq(egress_judge_name(loopback, T("metadata.google.internal"), &why),
                 EGRESS_DENIED);
    egress_free(closed);
    egress_free(loopback);
}

Test(egress, says_which_setting_would_open_it)
{
    struct egress *egress = make(false, false, NULL, 0);
    struct why why = {""};

    cr_expect_not(egress_allows(egress, T("10.1.2.3"), 443, &why));
    cr_expect_str_eq(why.text, "10.1.2.3 is a private network (10.0.0.0/8); add it to "
                               "egress_allow, or start with --dev");
    cr_expect_not(egress_allows(egress, T("8.8.8.8"), 25, &why));
    cr_expect_not_null(strstr(why.text, "egress_allow"), "%s", why.text);
    egress_free(egress);
}

Test(egress, refuses_rules_that_it_cannot_read)
{
    static const struct text bad[] = {
        TEXT("10.0.0.0/33"), TEXT("10.0.0.0/-1"),
        TEXT("10.0.0.0/x"),  TEXT("fd00::/129"),
        TEXT("10.0.0.0/"),   TEXT("Example.com"),
        TEXT("a b"),         TEXT(""),
        TEXT("*."),          TEXT("http://x"),
        TEXT("*.*.example"), TEXT("::ffff:10.0.0.0/8"),
    };

    for (size_t i = 0; i < countof(bad); i++) {
        const struct egress_rules rules = {.allow = &bad[i], .allow_count = 1};
        struct egress *egress = NULL;
        struct why why = {""};

        cr_expect_eq(egress_create(&rules, &egress, &why), STATUS_INVALID, "%s", bad[i].at);
        cr_expect_not_null(strstr(why.text, "egress_allow"), "%s", why.text);
        egress_free(egress);
    }
}

/* --- This server itself. */

static void know(struct egress *egress, const char *listens_on)
{
    static const struct text machine[] = {TEXT("127.0.0.1"),    TEXT("::1"),
                                          TEXT("8.8.4.4"),      TEXT("10.0.0.5"),
                                          TEXT("2606:4700::5"), TEXT("no address")};
    const struct egress_self self = {.listens_on = text_from(listens_on),
                                     .port = 4566,
                                     .machine = machine,
                                     .machine_count = countof(machine)};

    egress_know_self(egress, &self);
}

struct self_row {
    const char *listens_on, *address;
    uint16_t port;
    bool is_self;
};

Test(egress, nothing_opens_this_server_itself)
{
    static const struct text allow[] = {TEXT("0.0.0.0/0"), TEXT("::/0")};
    static const struct self_row rows[] = {
        {"127.0.0.1", "127.0.0.1", 4566, true},
        {"127.0.0.1", "127.0.0.1", 4567, false},
        {"127.0.0.1", "::ffff:127.0.0.1", 4566, true},
        {"127.0.0.1", "127.0.0.2", 4566, false},
        {"127.0.0.1", "8.8.4.4", 4566, false},
        {"0.0.0.0", "127.0.0.9", 4566, true},
        {"0.0.0.0", "8.8.4.4", 4566, true},
        {"0.0.0.0", "10.0.0.5", 4566, true},
        {"0.0.0.0", "0.0.0.0", 4566, true},
        {"0.0.0.0", "8.8.8.8", 4566, false},
        {"::", "2606:4700::5", 4566, true},
        {"::", "::1", 4566, true},
        {"::", "::", 4566, true},
        {"::", "2606:4700::6", 4566, false},
        {"8.8.4.4", "8.8.4.4", 4566, true},
        {"8.8.4.4", "127.0.0.1", 4566, false},
    };
    struct egress *egress = make(true, true, allow, countof(allow));

    for (size_t i = 0; i < countof(rows); i++) {
        struct text address = text_from(rows[i].address);
        struct why why = {""};

        know(egress, rows[i].listens_on);
        cr_expect_eq(egress_is_self(egress, address, rows[i].port, &why), rows[i].is_self,
                     "%s at %s", rows[i].address, rows[i].listens_on);
        cr_expect_eq(egress_allows(egress, address, rows[i].port, &why), !rows[i].is_self,
                     "%s at %s: %s", rows[i].address, rows[i].listens_on, why.text);
    }
    egress_free(egress);
}

Test(egress, the_machines_own_addresses_are_as_closed_as_loopback)
{
    struct egress *closed = make(false, false, NULL, 0);
    struct egress *open = make(true, false, NULL, 0);
    struct why why = {""};

    know(closed, "0.0.0.0");
    know(open, "127.0.0.1");
    cr_expect_not(egress_allows(closed, T("8.8.4.4"), 443, &why));
    cr_expect(strstr(why.text, "an address of this machine") != NULL, "%s", why.text);
    cr_expect(egress_allows(closed, T("8.8.8.8"), 443, &why));
    cr_expect(egress_allows(open, T("8.8.4.4"), 443, &why));
    cr_expect_not(egress_allows(open, T("10.0.0.5"), 443, &why),
                  "private all the same, although it is its own");
    egress_free(closed);
    egress_free(open);
}
