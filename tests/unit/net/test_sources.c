/* Who holds what, by the address they come from. */
#include "net/internal.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static struct in6_addr address_of(const char *name)
{
    struct in6_addr address;

    cr_assert_eq(inet_pton(AF_INET6, name, &address), 1);
    return address;
}

static struct net_server *open_server(uv_loop_t *loop)
{
    const struct net_options options = {.connection_max = 100,
                                        .connections_per_source = 2,
                                        .held_max = 1000,
                                        .held_per_source = 300};
    const struct net_handler handler = {.context = NULL};

    cr_assert_eq(uv_loop_init(loop), 0);
    return server_create(loop, &options, &handler);
}

Test(sources, are_ipv4_addresses_and_ipv6_networks)
{
    static const struct {
        const char *one, *other;
        bool is_same;
    } rows[] = {
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::1", "::2", true},
    };

    uv_loop_t loop;
    struct net_server *server = open_server(&loop);

    for (size_t i = 0; i < countof(rows); i++) {
        struct in6_addr one = address_of(rows[i].one), other = address_of(rows[i].other);
        struct source *first = source_enter(server, &one);
        struct source *second = source_enter(server, &other);

        cr_expect_eq(first == second, rows[i].is_same, "%s %s", rows[i].one, rows[i].other);
        source_leave(server, first);
        source_leave(server, second);
    }
    cr_expect_eq(server->sources.count, 0);
    server_free(server);
    (void)uv_loop_close(&loop);
}

Test(sources, have_so_many_connections_but_for_this_machine)
{
    struct in6_addr far = address_of("::ffff:192.0.2.1"), near = address_of("::ffff:127.0.0.5");
    uv_loop_t loop;
    struct net_server *server = open_server(&loop);
    struct source *stranger = source_enter(server, &far);
    struct source *local = source_enter(server, &near);

    cr_expect(source_may_enter(server, stranger));
    for (int i = 0; i < 2; i++) {
        (void)source_enter(server, &far);
        (void)source_enter(server, &near);
    }
    cr_expect_not(source_may_enter(server, stranger));
    cr_expect(local->is_local && source_may_enter(server, local));
    server_free(server);
    (void)uv_loop_close(&loop);
}

Test(sources, hold_so_much_each_and_together)
{
    struct in6_addr far = address_of("::ffff:192.0.2.1"), near = address_of("::1");
    uv_loop_t loop;
    struct net_server *server = open_server(&loop);
    struct connection one = {.server = server, .source = source_enter(server, &far)};
    struct connection two = {.server = server, .source = source_enter(server, &far)};
    struct connection local = {.server = server, .source = source_enter(server, &near)};

    source_hold(&one, 200);
    source_hold(&two, 100);
    cr_expect_not(source_is_over(&one));
    source_hold(&two, 101);
    cr_expect(source_is_over(&one) && source_is_over(&two), "they are one source");
    source_hold(&one, 0);
    cr_expect_not(source_is_over(&two));
    source_hold(&local, 899);
    cr_expect_not(source_is_over(&local), "1000 in all");
    source_hold(&local, 900);
    cr_expect(source_is_over(&local) && source_is_over(&two), "all are asked to give");
    source_hold(&local, 0);
    source_hold(&two, 0);
    cr_expect_eq(server->held, 0);
    server_free(server);
    (void)uv_loop_close(&loop);
}
