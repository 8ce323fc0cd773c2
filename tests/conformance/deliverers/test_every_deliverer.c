/* What every deliverer must do, whatever it transports: found by the table of the built-in
 * ones, so that a new folder in deliverers/ is tested without an edit here. */
#include "rig.h"

#include <criterion/criterion.h>

#include <string.h>

#define LIMIT_MS 10000

/* Endpoints that no transport can deliver to. */
static const char *const nonsense[] = {
    "",
    " ",
    "nonsense",
    "http://",
    "http://127.0.0.1:1/",
    "https://127.0.0.1:1/",
    "mailto:x\r\ny: z",
    "arn:aws:sqs:us-east-1:000000000000:nowhere",
    "%s%n",
};

static const size_t nonsense_count = sizeof nonsense / sizeof nonsense[0];

/* Runs `check` for each, on a rig of its own. */
static void for_each(void (*check)(struct rig *rig))
{
    for (const struct deliverer *const *next = deliverers_builtin; *next != NULL; next++) {
        static struct rig rig;

        memset(&rig, 0, sizeof rig);
        rig.addresses = "127.0.0.1";
        rig_open(&rig, *next);
        check(&rig);
        rig_close(&rig);
        cr_expect_eq(rig.strangers, 0, "%s settled what it was never given", (*next)->name);
    }
}

static void check_table(struct rig *rig)
{
    const struct deliverer *deliverer = rig->deliverer;

    cr_expect_eq(deliverer->abi, DELIVERER_ABI);
    cr_expect_not_null(deliverer->name);
    cr_expect_not_null(deliverer->protocols[0], "%s has no protocol", deliverer->name);
    cr_expect_geq(deliverer->max_batch, 1);
    for (const struct deliverer_option *option = deliverer->options; option->name != NULL;
         option++) {
        cr_expect_not_null(option->value, "%s: %s", deliverer->name, option->name);
        cr_expect_not_null(option->help, "%s: %s", deliverer->name, option->name);
        cr_expect_not_null(option->form, "%s: %s", deliverer->name, option->name);
    }
}

Test(every_deliverer, has_a_complete_table)
{
    for_each(check_table);
}

static void check_nonsense(struct rig *rig)
{
    for (size_t i = 0; i < nonsense_count; i++) {
        const char *why = NULL;

        if (!rig->deliverer->accepts(rig->self, rig->deliverer->protocols[0], nonsense[i],
                                     &why)) {
            cr_expect_not_null(why, "%s refuses \"%s\" without a reason", rig->deliverer->name,
                               nonsense[i]);
        }
        rig_deliver(rig, rig_prepare(rig, "%s", nonsense[i]));
    }
    rig_run(rig, LIMIT_MS);
    rig_run_for(rig, 50); /* nobody settles twice */
    for (size_t i = 0; i < rig->count; i++) {
        cr_expect_eq(rig->deliveries[i].settled, 1, "%s settled \"%s\" %u times",
                     rig->deliverer->name, nonsense[i], rig->deliveries[i].settled);
        cr_expect_neq(rig->deliveries[i].reason[0], '\0', "%s gave no reason for \"%s\"",
                      rig->deliverer->name, nonsense[i]);
    }
}

Test(every_deliverer, settles_what_cannot_be_delivered_exactly_once)
{
    for_each(check_nonsense);
}

static void check_batch(struct rig *rig)
{
    const struct delivery *deliveries[64] = {NULL};
    uint32_t max = rig->deliverer->max_batch;
    size_t count = max < 64 ? max : 64;

    for (size_t i = 0; i < count; i++) {
        deliveries[i] = &rig_prepare(rig, "http://127.0.0.1:1/")->delivery;
    }
    rig->deliverer->deliver(rig->self, deliveries, count);
    rig_run(rig, LIMIT_MS);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(rig->deliveries[i].settled, 1, "%s, delivery %zu", rig->deliverer->name,
                     i);
    }
}

Test(every_deliverer, settles_each_of_its_largest_batch)
{
    for_each(check_batch);
}

static void check_cancel(struct rig *rig)
{
    struct rig_delivery *delivery = rig_prepare(rig, "http://example.test/");

    rig->deliverer->cancel(rig->self, 4711); /* nobody's */
    rig_deliver(rig, delivery);
    rig->deliverer->cancel(rig->self, delivery->delivery.id);
    rig_run(rig, LIMIT_MS);
    rig->deliverer->cancel(rig->self, delivery->delivery.id);
    rig_run_for(rig, 50);
    cr_expect_eq(delivery->settled, 1, "%s", rig->deliverer->name);
}

Test(every_deliverer, settles_what_is_cancelled_exactly_once)
{
    for_each(check_cancel);
}

static void check_close(struct rig *rig)
{
    struct rig_delivery *delivery = rig_prepare(rig, "http://example.test/");

    rig_deliver(rig, delivery);
    uint32_t settled = delivery->settled;

    rig_close_deliverer(rig);
    rig_run_for(rig, 50);
    cr_expect_eq(delivery->settled, settled, "%s settled after its end", rig->deliverer->name);
}

Test(every_deliverer, settles_nothing_any_more_once_it_is_closed)
{
    for_each(check_close);
}
