/* Attributes of topics and of subscriptions. */
#include "services/sns/internal.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct request request;
static struct attribute_set set;

static void setup(void)
{
    arena = (struct arena){0};
    request = (struct request){.arena = &arena};
    attribute_set_init(&set, &arena, NULL, 0);
}

static void teardown(void)
{
    arena_free(&arena);
}

TestSuite(rules, .init = setup, .fini = teardown);

Test(rules, of_topics_say_what_each_attribute_may_be)
{
    static const struct {
        struct text name, value;
        bool is_fifo;
        const char *text; /* NULL: taken */
    } rows[] = {
        {TEXT("DisplayName"), TEXT("Orders"), false, NULL},
        {TEXT("SignatureVersion"), TEXT("2"), false, NULL},
        {TEXT("SignatureVersion"), TEXT("3"), false,
         "Invalid parameter: SignatureVersion: Invalid value [3]. Must be 1 or 2."},
        {TEXT("TracingConfig"), TEXT("Active"), false, NULL},
        {TEXT("SQSSuccessFeedbackSampleRate"), TEXT("101"), false,
         "Invalid parameter: SQSSuccessFeedbackSampleRate: must be a whole number from 0 to "
         "100"},
        {TEXT("Policy"), TEXT("{}"), false,
         "Invalid parameter: Policy: is not a valid policy document"},
        {TEXT("ContentBasedDeduplication"), TEXT("true"), true, NULL},
        {TEXT("ContentBasedDeduplication"), TEXT("true"), false,
         "Invalid parameter: ContentBasedDeduplication: can only be set on FIFO topics"},
        {TEXT("FifoTopic"), TEXT("true"), true, "Invalid parameter: AttributeName"},
        {TEXT("Nonsense"), TEXT("x"), false, "Invalid parameter: AttributeName"},
        {TEXT("Fanfare.Anything"), TEXT("x"), false, NULL},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct attribute_check check = {.request = &request,
                                        .prefix = "Invalid parameter: ",
                                        .unknown = "AttributeName",
                                        .is_fifo = rows[i].is_fifo};
        enum status status = topic_rules_apply(&check, &set, rows[i].name, rows[i].value);

        cr_expect_eq(status, rows[i].text == NULL ? STATUS_OK : STATUS_INVALID, "row %zu", i);
        cr_expect(rows[i].text == NULL || text_equal(request.message, text_from(rows[i].text)),
                  "row %zu: %.*s", i, TEXT_PRINTF(request.message));
    }
}

Test(rules, of_subscriptions_say_what_each_attribute_may_be)
{
    static const struct {
        struct text name, value;
        const char *text; /* NULL: taken */
    } rows[] = {
        {TEXT("RawMessageDelivery"), TEXT("TRUE"), NULL},
        {TEXT("RawMessageDelivery"), TEXT(""),
         "Invalid parameter: RawMessageDelivery: Invalid value []. Must be true or false."},
        {TEXT("FilterPolicyScope"), TEXT("MessageBody"), NULL},
        {TEXT("FilterPolicyScope"), TEXT("Body"),
         "Invalid parameter: FilterPolicyScope: Invalid value [Body]. Please use either "
         "MessageBody or MessageAttributes"},
        {TEXT("RedrivePolicy"), TEXT("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:0:q\"}"),
         NULL},
        {TEXT("RedrivePolicy"), TEXT("{\"deadLetterTargetArn\":\"q\"}"),
         "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"},
        {TEXT("RedrivePolicy"), TEXT("q"),
         "Invalid parameter: RedrivePolicy: failed to parse JSON."},
        {TEXT("Nonsense"), TEXT("x"), "Invalid parameter: AttributeName"},
        {TEXT("Fanfare.MaxConcurrency"), TEXT("8"), NULL},
        {TEXT("Fanfare.MaxConcurrency"), TEXT("0"),
         "Invalid parameter: Fanfare.MaxConcurrency: Invalid value [0]. Must be a whole number "
         "from 1 to 1000."},
        {TEXT("Fanfare.MaxConcurrency"), TEXT(""), NULL},
        {TEXT("Fanfare.Signing"), TEXT("maybe"),
         "Invalid parameter: Fanfare.Signing: Invalid value [maybe]. Must be sns, standard, both "
         "or none."},
        {TEXT("Fanfare.Secret"), TEXT("a\nb"),
         "Invalid parameter: Fanfare.Secret: must not contain control characters"},
        {TEXT("Fanfare.Disabled"), TEXT("yes"),
         "Invalid parameter: Fanfare.Disabled: can only be set to nothing, which enables the "
         "subscription again"},
        {TEXT("Fanfare.Colour"), TEXT("red"),
         "Invalid parameter: Fanfare.Colour: is not an attribute that this server knows"},
        {TEXT("Fanfare.X-Colour"), TEXT("red"), NULL},
    };
    struct attribute_check check = {
        .request = &request, .prefix = "Invalid parameter: ", .unknown = "AttributeName"};

    for (size_t i = 0; i < countof(rows); i++) {
        enum status status =
            subscription_rules_apply(&check, &set, rows[i].name, rows[i].value);

        cr_expect_eq(status, rows[i].text == NULL ? STATUS_OK : STATUS_INVALID, "row %zu", i);
        cr_expect(rows[i].text == NULL || text_equal(request.message, text_from(rows[i].text)),
                  "row %zu: %.*s", i, TEXT_PRINTF(request.message));
    }
    cr_expect(text_equal(attribute_set_get(&set, T("RawMessageDelivery")), T("true")));
}

Test(rules, know_which_attributes_are_never_shown)
{
    cr_expect(fanfare_attribute_is_write_only(T("Fanfare.Secret")));
    cr_expect(fanfare_attribute_is_write_only(T("Fanfare.ClientCertificate")));
    cr_expect_not(fanfare_attribute_is_write_only(T("Fanfare.Format")));
    cr_expect_not(fanfare_attribute_is_write_only(T("RedrivePolicy")));
}

Test(rules, of_fifo_subscriptions_want_fifo_dead_letters)
{
    static const struct text policy =
        TEXT("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:0:q\"}");
    struct attribute_check check = {.request = &request,
                                    .prefix = "Invalid parameter: Attributes Reason: ",
                                    .topic_arn = TEXT("arn:aws:sns:us-east-1:0:t.fifo"),
                                    .endpoint = TEXT("arn:aws:sqs:us-east-1:0:e.fifo")};

    cr_expect_eq(subscription_rules_apply(&check, &set, T("RedrivePolicy"), policy),
                 STATUS_INVALID);
    cr_expect(text_equal(request.message,
                         T("Invalid parameter: Attributes Reason: RedrivePolicy: must use a "
                           "FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")));
    check.endpoint = T("arn:aws:sqs:us-east-1:0:e");
    cr_expect_eq(subscription_rules_apply(&check, &set, T("RedrivePolicy"), policy), STATUS_OK);
}

Test(rules, of_filters_see_policy_and_scope_together)
{
    struct attribute_check check = {.request = &request,
                                    .prefix = "Invalid parameter: Attributes Reason: "};

    attribute_set_put(&set, T("FilterPolicy"), T("{\"a\":{\"b\":[1]}}"));
    cr_expect_eq(subscription_filter_check(&check, &set), STATUS_INVALID);
    attribute_set_put(&set, T("FilterPolicyScope"), T("MessageBody"));
    cr_expect_eq(subscription_filter_check(&check, &set), STATUS_OK);
    attribute_set_put(&set, T("FilterPolicy"), T("{\"a\":[]}"));
    cr_expect_eq(subscription_filter_check(&check, &set), STATUS_INVALID);
    cr_expect(text_starts_with(request.message,
                               T("Invalid parameter: Attributes Reason: FilterPolicy: Empty "
                                 "arrays are not allowed")),
              "%.*s", TEXT_PRINTF(request.message));
}
