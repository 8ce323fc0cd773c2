/* The JSON that an endpoint gets, and the lines of it that are signed. */
#include "base/json.h"
#include "notification/notification.h"

#include <criterion/criterion.h>

static const struct message_attribute attributes[] = {
    {TEXT("n"), TEXT("Number"), TEXT("99.12")},
    {TEXT("b\""), TEXT("Binary.png"), TEXT("\xff\0")},
};

static const struct message_variant variants[] = {{TEXT("http"), TEXT("for hooks")}};

static const struct message notification = {
    .kind = MESSAGE_NOTIFICATION,
    .id = {0x22, 0xb8, 0x0b, 0x92, 0xfd, 0xea, 0x4c, 0x2c, 0x8f, 0x9d, 0xbd, 0xfb, 0x0c, 0x7b,
           0xf3, 0x24},
    .time_ms = 1335920046655,
    .topic_arn = TEXT("arn:aws:sns:us-west-2:123456789012:MyTopic"),
    .subject = TEXT("My \"First\" Message"),
    .body = TEXT("Zürich \xf0\x9f\x90\x8c\n\t\x01/\\"),
    .signature_version = 1,
};

static const struct envelope_target target = {
    .protocol = TEXT("http"),
    .base_url = TEXT("http://127.0.0.1:4566"),
    .subscription_arn = TEXT("arn:aws:sns:us-west-2:123456789012:MyTopic:c9135db0"),
};

static void expect_envelope(const struct message *message, const struct envelope_target *to,
                            const char *signature, const char *expected)
{
    struct buffer buffer;

    buffer_init(&buffer, 65536);
    envelope_render(&buffer, message, to, text_from(signature),
                    T("SimpleNotificationService-0f.pem"));
    cr_expect(text_equal(buffer_text(&buffer), text_from(expected)), "%.*s",
              TEXT_PRINTF(buffer_text(&buffer)));
    cr_expect(json_is_valid(buffer_text(&buffer)));
    buffer_free(&buffer);
}

static void expect_signed(const struct message *message, const char *expected)
{
    struct buffer buffer;

    buffer_init(&buffer, 65536);
    envelope_string_to_sign(&buffer, message, &target);
    cr_expect(text_equal(buffer_text(&buffer), text_from(expected)), "%.*s",
              TEXT_PRINTF(buffer_text(&buffer)));
    buffer_free(&buffer);
}

Test(envelope, of_a_notification_has_aws_members_in_aws_order)
{
    struct message message = notification;

    message.attributes = attributes;
    message.attribute_count = countof(attributes);
    expect_envelope(&message, &target, "c2ln",
                    "{\n  \"Type\" : \"Notification\",\n"
                    "  \"MessageId\" : \"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\",\n"
                    "  \"TopicArn\" : \"arn:aws:sns:us-west-2:123456789012:MyTopic\",\n"
                    "  \"Subject\" : \"My \\\"First\\\" Message\",\n"
                    "  \"Message\" : \"Zürich \xf0\x9f\x90\x8c\\n\\t\\u0001/\\\\\",\n"
                    "  \"Timestamp\" : \"2012-05-02T00:54:06.655Z\",\n"
                    "  \"SignatureVersion\" : \"1\",\n"
                    "  \"Signature\" : \"c2ln\",\n"
                    "  \"SigningCertURL\" : "
                    "\"http://127.0.0.1:4566/SimpleNotificationService-0f.pem\",\n"
                    "  \"UnsubscribeURL\" : \"http://127.0.0.1:4566/?Action=Unsubscribe&"
                    "SubscriptionArn=arn:aws:sns:us-west-2:123456789012:MyTopic:c9135db0\",\n"
                    "  \"MessageAttributes\" : {\n"
                    "    \"n\" : {\"Type\":\"Number\",\"Value\":\"99.12\"},\n"
                    "    \"b\\\"\" : {\"Type\":\"Binary.png\",\"Value\":\"/wA=\"}\n"
                    "  }\n}");
}

Test(envelope, leaves_out_what_was_not_given_and_takes_the_protocols_text)
{
    struct message message = notification;

    message.subject = (struct text){0};
    message.variants = variants;
    message.variant_count = 1;
    message.signature_version = 2;
    expect_envelope(&message, &target, "c2ln",
                    "{\n  \"Type\" : \"Notification\",\n"
                    "  \"MessageId\" : \"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\",\n"
                    "  \"TopicArn\" : \"arn:aws:sns:us-west-2:123456789012:MyTopic\",\n"
                    "  \"Message\" : \"for hooks\",\n"
                    "  \"Timestamp\" : \"2012-05-02T00:54:06.655Z\",\n"
                    "  \"SignatureVersion\" : \"2\",\n"
                    "  \"Signature\" : \"c2ln\",\n"
                    "  \"SigningCertURL\" : "
                    "\"http://127.0.0.1:4566/SimpleNotificationService-0f.pem\",\n"
                    "  \"UnsubscribeURL\" : \"http://127.0.0.1:4566/?Action=Unsubscribe&"
                    "SubscriptionArn=arn:aws:sns:us-west-2:123456789012:MyTopic:c9135db0\"\n}");
}

Test(envelope, of_a_fifo_topic_for_a_queue_is_numbered_and_unsigned)
{
    struct message message = notification;
    struct envelope_target queue = target;

    message.subject = (struct text){0};
    message.body = T("x");
    message.sequence_number = T("10000000000000000000");
    queue.protocol = T("sqs");
    queue.is_fifo_topic = true;
    expect_envelope(&message, &queue, "c2ln",
                    "{\n  \"Type\" : \"Notification\",\n"
                    "  \"MessageId\" : \"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\",\n"
                    "  \"SequenceNumber\" : \"10000000000000000000\",\n"
                    "  \"TopicArn\" : \"arn:aws:sns:us-west-2:123456789012:MyTopic\",\n"
                    "  \"Message\" : \"x\",\n"
                    "  \"Timestamp\" : \"2012-05-02T00:54:06.655Z\",\n"
                    "  \"UnsubscribeURL\" : \"http://127.0.0.1:4566/?Action=Unsubscribe&"
                    "SubscriptionArn=arn:aws:sns:us-west-2:123456789012:MyTopic:c9135db0\"\n}");
}

Test(envelope, of_a_confirmation_carries_token_and_subscribe_url)
{
    struct message message = notification;

    message.kind = MESSAGE_SUBSCRIPTION_CONFIRMATION;
    message.body = T("Confirm?");
    message.token = T("2336412f37ab");
    expect_envelope(
        &message, &target, "c2ln",
        "{\n  \"Type\" : \"SubscriptionConfirmation\",\n"
        "  \"MessageId\" : \"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\",\n"
        "  \"Token\" : \"2336412f37ab\",\n"
        "  \"TopicArn\" : \"arn:aws:sns:us-west-2:123456789012:MyTopic\",\n"
        "  \"Message\" : \"Confirm?\",\n"
        "  \"SubscribeURL\" : \"http://127.0.0.1:4566/?Action=ConfirmSubscription&"
        "TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=2336412f37ab\",\n"
        "  \"Timestamp\" : \"2012-05-02T00:54:06.655Z\",\n"
        "  \"SignatureVersion\" : \"1\",\n"
        "  \"Signature\" : \"c2ln\",\n"
        "  \"SigningCertURL\" : "
        "\"http://127.0.0.1:4566/SimpleNotificationService-0f.pem\"\n}");
}

Test(envelope, signs_the_values_unescaped_by_name)
{
    expect_signed(&notification, "Message\nZürich \xf0\x9f\x90\x8c\n\t\x01/\\\n"
                                 "MessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\n"
                                 "Subject\nMy \"First\" Message\n"
                                 "Timestamp\n2012-05-02T00:54:06.655Z\n"
                                 "TopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n"
                                 "Type\nNotification\n");
}

Test(envelope, signs_no_subject_when_there_is_none_and_a_confirmations_urls)
{
    struct message message = notification;

    message.subject = (struct text){0};
    message.body = T("x");
    expect_signed(&message, "Message\nx\n"
                            "MessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\n"
                            "Timestamp\n2012-05-02T00:54:06.655Z\n"
                            "TopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n"
                            "Type\nNotification\n");
    message.kind = MESSAGE_SUBSCRIPTION_CONFIRMATION;
    message.token = T("77");
    expect_signed(&message, "Message\nx\n"
                            "MessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\n"
                            "SubscribeURL\nhttp://127.0.0.1:4566/?Action=ConfirmSubscription&"
                            "TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=77\n"
                            "Timestamp\n2012-05-02T00:54:06.655Z\n"
                            "Token\n77\n"
                            "TopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n"
                            "Type\nSubscriptionConfirmation\n");
}
