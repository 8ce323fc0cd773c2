/* Names to vetted addresses, by a DNS server of ours. */
#include "outbound/resolver.h"
#include "tests/support/stub_dns.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct stub_dns_row rows[] = {
    {"public.test", "93.184.216.34", 60, 0, 0},   {"both.test", "93.184.216.34", 60, 0, 0},
    {"both.test", "2606:4700::1111", 60, 0, 0},   {"private.test", "10.0.0.1", 60, 0, 0},
    {"mixed.test", "93.184.216.34", 60, 0, 0},    {"mixed.test", "127.0.0.1", 60, 0, 0},
    {"sixth.test", "93.184.216.34", 60, 0, 0},    {"sixth.test", "fd00::1", 60, 0, 0},
    {"mapped.test", "::ffff:10.0.0.1", 60, 0, 0}, {"alias.test", "cname:inside.test", 60, 0, 0},
    {"inside.test", "192.168.1.1", 60, 0, 0},     {"rebind.test", "93.184.216.34", 0, 0, 1},
    {"rebind.test", "169.254.169.254", 0, 1, 0},  {"empty.test", "text", 60, 0, 0},
    {"broken.test", "servfail", 60, 0, 0},        {"hooks.trusted.test", "10.9.9.9", 60, 0, 0},
};

static const struct text allow[] = {TEXT("*.trusted.test")};

struct bench {
    uv_loop_t loop;
    struct stub_dns *dns;
    struct egress *egress;
    struct resolver *resolver;
};

struct told {
    uint32_t times;
    size_t count;
    bool denied;
    char addresses[4][64];
    char why[256];
};

static void on_found(void *self, uint64_t id, const struct resolved *resolved)
{
    struct told *told = (struct told *)self + id;

    told->times++;
    told->count = resolved->count;
    told->denied = resolved->denied;
    (void)snprintf(told->why, sizeof told->why, "%s", resolved->why);
    for (size_t i = 0; i < resolved->count && i < 4; i++) {
        (void)snprintf(told->addresses[i], sizeof told->addresses[i], "%s",
                       resolved->addresses[i]);
    }
}

static void bench_open(struct bench *bench, bool loopback)
{
    const struct egress_rules rules = {.loopback = loopback, .allow = allow, .allow_count = 1};
    char servers[64];
    struct why why = {""};

    cr_assert_eq(uv_loop_init(&bench->loop), 0);
    bench->dns = stub_dns_start(rows, countof(rows));
    cr_assert_not_null(bench->dns);
    (void)snprintf(servers, sizeof servers, "127.0.0.1:%u", stub_dns_port(bench->dns));
    cr_assert_eq(egress_create(&rules, &bench->egress, &why), STATUS_OK);
    cr_assert_eq(resolver_create(&bench->loop, bench->egress, servers, &bench->resolver, &why),
                 STATUS_OK, "%s", why.text);
}

static void bench_close(struct bench *bench)
{
    resolver_close(bench->resolver);
    cr_expect_eq(uv_run(&bench->loop, UV_RUN_DEFAULT), 0);
    cr_expect_eq(uv_loop_close(&bench->loop), 0);
    egress_free(bench->egress);
    stub_dns_stop(bench->dns);
}

static void ask(struct bench *bench, struct told *told, size_t index, const char *name)
{
    const struct resolver_question question = {
        .name = name, .port = 443, .found = on_found, .self = told, .id = index};

    resolver_ask(bench->resolver, &question);
    cr_expect_eq(told[index].times, 0, "%s: answered from inside", name);
}

static void wait_for(struct bench *bench, const struct told *told)
{
    for (int turn = 0; turn < 1000 && told->times == 0; turn++) {
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
    }
    cr_expect_eq(told->times, 1);
}

static void ask_and_wait(struct bench *bench, struct told *told, const char *name)
{
    memset(told, 0, sizeof *told);
    ask(bench, told, 0, name);
    wait_for(bench, told);
}

Test(resolver, gives_every_address_of_a_public_name_and_remembers_it)
{
    struct bench bench;
    struct told told;

    bench_open(&bench, false);
    ask_and_wait(&bench, &told, "both.test");
    cr_expect_eq(told.count, 2, "%s", told.why);
    ask_and_wait(&bench, &told, "public.test");
    cr_expect_eq(told.count, 1);
    cr_expect_str_eq(told.addresses[0], "93.184.216.34");
    cr_expect_eq(resolver_asked(bench.resolver), 2);
    uint32_t queries = stub_dns_queries(bench.dns);

    ask_and_wait(&bench, &told, "public.test");
    cr_expect_eq(told.count, 1);
    cr_expect_eq(stub_dns_queries(bench.dns), queries, "from memory");
    bench_close(&bench);
}

Test(resolver, denies_a_name_when_one_of_its_addresses_is_denied)
{
    static const char *const names[] = {
        "private.test", "mixed.test", "sixth.test",  "mapped.test",
        "alias.test",   "localhost",  "a.localhost", "metadata.google.internal"};
    struct bench bench;
    struct told told;

    bench_open(&bench, false);
    for (size_t i = 0; i < countof(names); i++) {
        ask_and_wait(&bench, &told, names[i]);
        cr_expect_eq(told.count, 0, "%s", names[i]);
        cr_expect(told.denied, "%s", names[i]);
        cr_expect_not_null(strstr(told.why, "egress_allow"), "%s: %s", names[i], told.why);
    }
    bench_close(&bench);
}

static void on_pause_over(uv_timer_t *timer)
{
    (void)uv_timer_stop(timer);
}

Test(resolver, vets_again_what_changes_between_two_attempts)
{
    struct bench bench;
    struct told told;
    uv_timer_t pause;

    bench_open(&bench, false);
    ask_and_wait(&bench, &told, "rebind.test");
    cr_expect_eq(told.count, 1);
    (void)uv_timer_init(&bench.loop, &pause);
    (void)uv_timer_start(&pause, on_pause_over, 1100, 0);
    while (uv_is_active((uv_handle_t *)&pause)) {
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&pause, NULL);
    ask_and_wait(&bench, &told, "rebind.test");
    cr_expect_eq(told.count, 0, "%s", told.addresses[0]);
    cr_expect(told.denied);
    bench_close(&bench);
}

Test(resolver, tells_what_the_dns_said_of_no_address)
{
    static const char *const names[] = {"absent.test", "empty.test", "broken.test"};
    struct bench bench;
    struct told told;

    bench_open(&bench, false);
    for (size_t i = 0; i < countof(names); i++) {
        ask_and_wait(&bench, &told, names[i]);
        cr_expect_eq(told.count, 0, "%s", names[i]);
        cr_expect_not(told.denied, "%s: may be there later", names[i]);
        cr_expect_neq(told.why[0], '\0', "%s", names[i]);
    }
    bench_close(&bench);
}

Test(resolver, trusts_names_that_egress_allow_names)
{
    struct bench bench;
    struct told told;

    bench_open(&bench, false);
    ask_and_wait(&bench, &told, "hooks.trusted.test");
    cr_expect_eq(told.count, 1, "%s", told.why);
    cr_expect_str_eq(told.addresses[0], "10.9.9.9");
    bench_close(&bench);
}

Test(resolver, knows_localhost_without_asking)
{
    struct bench bench;
    struct told told;

    bench_open(&bench, true);
    ask_and_wait(&bench, &told, "localhost");
    cr_expect_eq(told.count, 2, "%s", told.why);
    cr_expect_str_eq(told.addresses[0], "127.0.0.1");
    cr_expect_eq(stub_dns_queries(bench.dns), 0);
    bench_close(&bench);
}

Test(resolver, asks_once_for_many_who_wait)
{
    struct bench bench;
    struct told told[20];

    memset(told, 0, sizeof told);
    bench_open(&bench, false);
    for (size_t i = 0; i < countof(told); i++) {
        ask(&bench, told, i, "public.test");
    }
    for (size_t i = 0; i < countof(told); i++) {
        wait_for(&bench, &told[i]);
        cr_expect_eq(told[i].count, 1);
    }
    cr_expect_eq(resolver_asked(bench.resolver), 1);
    bench_close(&bench);
}

Test(resolver, answers_nobody_after_its_end)
{
    struct bench bench;
    struct told told[3];

    memset(told, 0, sizeof told);
    bench_open(&bench, true);
    ask(&bench, told, 0, "public.test");
    ask(&bench, told, 1, "localhost");
    bench_close(&bench);
    cr_expect_eq(told[0].times, 0);
    cr_expect_eq(told[1].times, 0);
}

Test(resolver, refuses_a_list_of_servers_that_is_none)
{
    const struct egress_rules rules = {.loopback = true};
    struct egress *egress = NULL;
    struct resolver *resolver = NULL;
    struct why why = {""};
    uv_loop_t loop;

    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(egress_create(&rules, &egress, &why), STATUS_OK);
    cr_expect_eq(resolver_create(&loop, egress, "not a server", &resolver, &why),
                 STATUS_INVALID);
    cr_expect_not_null(strstr(why.text, "not a server"), "%s", why.text);
    cr_expect_null(resolver);
    egress_free(egress);
    cr_expect_eq(uv_loop_close(&loop), 0);
}
