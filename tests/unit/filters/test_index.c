#include <criterion/criterion.h>
#include <fanfare/filter.h>

#include <stdio.h>
#include <string.h>

static struct filter_policy *policy_of(const char *text)
{
    struct filter_options options = {.scope = FILTER_SCOPE_BODY,
                                     .profile = FILTER_PROFILE_FANFARE,
                                     .limits = {.policy_bytes = 1 << 20,
                                                .keys = 10,
                                                .combinations = 4096,
                                                .wildcard_stars = 100,
                                                .wildcard_points = 100000}};
    struct filter_policy *policy = NULL;

    cr_assert_eq(filter_policy_compile_with(text, strlen(text), &options, &policy, NULL),
                 FILTER_OK, "%s", text);
    return policy;
}

static void add(struct filter_index *index, uint32_t id, const char *text)
{
    struct filter_policy *policy = policy_of(text);

    cr_assert_eq(filter_index_add(index, id, policy), FILTER_OK, "%s", text);
    filter_policy_free(policy);
}

/* The ids that match, as text: "1 5 7". */
static const char *matches(struct filter_index *index, const char *body)
{
    static char text[4096];
    struct filter_message message = {.body = body, .body_len = strlen(body)};
    const uint32_t *ids;
    size_t count;
    size_t len = 0;

    cr_assert_eq(filter_index_match(index, &message, &ids, &count), FILTER_OK);
    text[0] = '\0';
    for (size_t i = 0; i < count && len < sizeof text - 16; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%u", i > 0 ? " " : "", ids[i]);
    }
    return text;
}

Test(index, gives_ids_in_order_each_once)
{
    struct filter_index *index = filter_index_create();

    add(index, 9, "{\"k\":[\"v\"]}");
    add(index, 4000000000, "{\"k\":[\"v\",\"w\"]}");
    add(index, 0, "{\"k\":[{\"prefix\":\"v\"},{\"suffix\":\"v\"}]}");
    add(index, 5, "{\"$or\":[{\"k\":[\"v\"]},{\"k\":[{\"prefix\":\"\"}]}]}");
    add(index, 7, "{}");
    cr_expect_str_eq(matches(index, "{\"k\":[\"v\",\"w\",\"v\"]}"), "0 5 7 9 4000000000");
    cr_expect_str_eq(matches(index, "{\"k\":\"w\"}"), "5 7 4000000000");
    cr_expect_str_eq(matches(index, "no json"), "7");
    filter_index_free(index);
}

Test(index, knows_which_ids_are_taken)
{
    struct filter_index *index = filter_index_create();
    struct filter_policy *policy = policy_of("{\"k\":[\"v\"]}");

    cr_expect_eq(filter_index_add(index, 3, policy), FILTER_OK);
    cr_expect_eq(filter_index_add(index, 3, policy), FILTER_EXISTS);
    cr_expect_eq(filter_index_add(index, UINT32_MAX, policy), FILTER_INVALID);
    cr_expect_eq(filter_index_remove(index, 4), FILTER_NOT_FOUND);
    cr_expect_eq(filter_index_count(index), 1u);
    cr_expect_eq(filter_index_remove(index, 3), FILTER_OK);
    cr_expect_eq(filter_index_remove(index, 3), FILTER_NOT_FOUND);
    cr_expect_eq(filter_index_count(index), 0u);
    cr_expect_str_eq(matches(index, "{\"k\":\"v\"}"), "");
    filter_policy_free(policy);
    filter_index_free(index);
}

Test(index, identical_policies_cost_next_to_nothing)
{
    struct filter_index *index = filter_index_create();
    struct filter_policy *policy =
        policy_of("{\"tenant\":[\"a\",\"b\"],\"n\":[{\"numeric\":[\">\",5]}]}");
    size_t one;

    cr_assert_eq(filter_index_add(index, 0, policy), FILTER_OK);
    one = filter_index_bytes(index);
    for (uint32_t id = 1; id < 100000; id++) {
        cr_assert_eq(filter_index_add(index, id, policy), FILTER_OK);
    }
    cr_expect_lt(filter_index_bytes(index) - one, (size_t)100000 * 16);
    filter_policy_free(policy);
    filter_index_free(index);
}

/* Policies of every kind, the same for the same number. */
static void numbered_policy(uint32_t i, char *to, size_t size)
{
    static const char *const forms[] = {
        "{\"tenant\":[\"t%u\"],\"type\":[\"a\",\"b\"]}",
        "{\"tenant\":[\"t%u\",\"u%u\"]}",
        "{\"path\":[{\"prefix\":\"/%u/\"}]}",
        "{\"path\":[{\"suffix\":\"/%u\"}]}",
        "{\"total\":[{\"numeric\":[\">=\",%u,\"<\",1000000]}]}",
        "{\"path\":[{\"wildcard\":\"*x%uy*\"}]}",
        "{\"path\":[{\"regex\":\"abc%u+\"}]}",
        "{\"path\":[{\"regex\":\"[%u]+\"}]}",
        "{\"k%u\":[{\"exists\":false}]}",
        "{\"path\":[{\"anything-but\":[\"/%u\"]}]}",
        "{\"$or\":[{\"tenant\":[\"t%u\"]},{\"total\":[%u]},{\"a\":{\"b\":[{\"exists\":true}]}}]}",
        "{\"ip\":[{\"cidr\":\"10.%u.0.0/16\"}]}",
        "{\"name\":[{\"equals-ignore-case\":\"N%u\"}]}",
        "{\"path\":[{\"anything-but\":{\"wildcard\":\"*%u*\"}},{\"exists\":false}]}",
    };
    uint32_t number = i % 251;
    size_t form = i % (sizeof forms / sizeof forms[0]);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(to, size, forms[form], number, number);
#pragma GCC diagnostic pop
}

Test(index, removal_gives_the_memory_back)
{
    struct filter_index *index = filter_index_create();
    size_t empty = filter_index_bytes(index);
    char text[256];

    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t id = 0; id < 20000; id++) {
            numbered_policy(id, text, sizeof text);
            add(index, id * 7, text);
        }
        cr_expect_gt(filter_index_bytes(index), empty + 100000);
        for (uint32_t id = 0; id < 20000; id++) {
            cr_assert_eq(filter_index_remove(index, id * 7), FILTER_OK);
        }
        /* What is left are the arrays of the work itself. */
        cr_expect_lt(filter_index_bytes(index), empty + 65536, "%zu",
                     filter_index_bytes(index) - empty);
    }
    filter_index_free(index);
}

Test(index, many_come_and_go_and_the_rest_still_match)
{
    struct filter_index *index = filter_index_create();
    char text[256];

    for (uint32_t id = 0; id < 5000; id++) {
        numbered_policy(id, text, sizeof text);
        add(index, id, text);
    }
    for (uint32_t id = 0; id < 5000; id++) {
        if (id % 14 != 0 || id % 251 != 42) {
            cr_assert_eq(filter_index_remove(index, id), FILTER_OK);
        }
    }
    /* Of the first form with number 42: one id in 14 * 251, from 42 on. */
    cr_expect_str_eq(matches(index, "{\"tenant\":\"t42\",\"type\":\"b\"}"), "42 3556");
    cr_expect_str_eq(matches(index, "{\"tenant\":\"t43\",\"type\":\"b\"}"), "");
    filter_index_free(index);
}

Test(index, adversarial_sets_stay_linear)
{
    static const char *const forms[] = {
        "{\"p\":[{\"wildcard\":\"*a%u*b*c*\"}]}",
        "{\"p\":[{\"anything-but\":\"v%u\"}]}",
        "{\"p\":[{\"wildcard\":\"*%u*\"}]}",
        "{\"p\":[{\"prefix\":\"aaaaaaaaaaaaaaaa%u\"}]}",
        "{\"p\":[{\"suffix\":\"%uaaaaaaaaaaaaaaaa\"}]}",
        "{\"p\":[{\"numeric\":[\">\",%u]}]}",
        "{\"p\":[{\"numeric\":[\"<\",%u]}]}",
        "{\"p%u\":[{\"exists\":false}]}",
        "{\"p\":[\"x\",\"y%u\"]}",
    };

    enum {
        POLICIES = 4000
    };

    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        struct filter_index *index = filter_index_create();
        char text[256];

        for (uint32_t id = 0; id < POLICIES; id++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(text, sizeof text, forms[form], id);
#pragma GCC diagnostic pop
            add(index, id, text);
        }
        cr_expect_lt(filter_index_bytes(index), (size_t)1024 * POLICIES, "%s", forms[form]);
        (void)matches(index, "{\"p\":[\"aaaaaaaaaaaaaaaa17\",\"a17bc\",100,\"x\"]}");
        for (uint32_t id = 0; id < POLICIES; id++) {
            cr_assert_eq(filter_index_remove(index, id), FILTER_OK);
        }
        filter_index_free(index);
    }
}

Test(index, long_operands_and_lists_are_kept)
{
    struct filter_index *index = filter_index_create();
    char text[20000];
    char body[10000];
    size_t len;

    len = (size_t)snprintf(text, sizeof text, "{\"k\":[\"%0*d\"]}", 5000, 7);
    cr_assert_lt(len, sizeof text);
    add(index, 1, text);
    len = (size_t)snprintf(text, sizeof text, "{\"k\":[0");
    for (int i = 1; i < 1000; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, ",\"v%d\"", i);
    }
    (void)snprintf(text + len, sizeof text - len, "]}");
    add(index, 2, text);
    (void)snprintf(body, sizeof body, "{\"k\":\"%0*d\"}", 5000, 7);
    cr_expect_str_eq(matches(index, body), "1");
    cr_expect_str_eq(matches(index, "{\"k\":\"v999\"}"), "2");
    cr_expect_eq(filter_index_remove(index, 1), FILTER_OK);
    cr_expect_eq(filter_index_remove(index, 2), FILTER_OK);
    filter_index_free(index);
}

Test(index, both_scopes_live_side_by_side)
{
    static const struct filter_attribute attribute = {"k", 1, FILTER_ATTRIBUTE_STRING, "v", 1};
    struct filter_message message = {
        .attributes = &attribute, .attribute_count = 1, .body = "{\"k\":\"w\"}", .body_len = 9};
    struct filter_index *index = filter_index_create();
    struct filter_policy *policy = NULL;
    const uint32_t *ids;
    size_t count;

    cr_assert_eq(filter_policy_compile("{\"k\":[\"v\"]}", 11, FILTER_SCOPE_ATTRIBUTES,
                                       FILTER_PROFILE_SNS, &policy, NULL),
                 FILTER_OK);
    cr_assert_eq(filter_index_add(index, 1, policy), FILTER_OK);
    filter_policy_free(policy);
    add(index, 2, "{\"k\":[\"v\"]}");
    add(index, 3, "{\"k\":[\"w\"]}");
    cr_assert_eq(filter_index_match(index, &message, &ids, &count), FILTER_OK);
    cr_expect_eq(count, 2u);
    cr_expect_eq(ids[0], 1u);
    cr_expect_eq(ids[1], 3u);
    filter_index_free(index);
}
