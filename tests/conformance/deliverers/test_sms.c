/* SMS: numbers, how many pieces a text makes, what may be sent, what a gateway is asked. */
#include "deliverers/sms/sms.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *endpoint;
    const char *number; /* NULL: refused */
} numbers[] = {
    {"+41790000000", "+41790000000"},
    {"+1 555-010 0199", "+15550100199"},
    {"+123456789012345", "+123456789012345"},
    {"+1234567890123456", NULL},
    {"+123456", NULL},
    {"+0123456789", NULL},
    {"41790000000", NULL},
    {"0041790000000", NULL},
    {"+4179000000x", NULL},
    {"++41790000000", NULL},
    {"+41790000000\r\n", NULL},
    {"+", NULL},
    {"", NULL},
};

Test(sms_number, is_e164)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char number[NUMBER_SIZE];
        const char *why = NULL;
        bool is_number = number_read(numbers[i].endpoint, number, &why);

        cr_expect_eq(is_number, numbers[i].number != NULL, "%s", numbers[i].endpoint);
        if (is_number && numbers[i].number != NULL) {
            cr_expect_str_eq(number, numbers[i].number);
        }
        cr_expect(is_number || why != NULL);
    }
}

static const struct {
    const char *unit;
    size_t times;
    const char *tail;
    bool is_gsm7;
    uint32_t segments;
} texts[] = {
    {"a", 0, "", true, 1},
    {"a", 160, "", true, 1},
    {"a", 161, "", true, 2},
    {"a", 306, "", true, 2},
    {"a", 307, "", true, 3},
    {"a", 158, "\xe2\x82\xac", true, 1}, /* the euro takes two */
    {"a", 159, "\xe2\x82\xac", true, 2},
    {"{", 80, "", true, 1},
    {"{", 81, "", true, 2},
    {"{", 152, "", true, 2}, /* 76 in each of 153: no pair is cut */
    {"{", 153, "", true, 3},
    {"\xc3\xa4", 160, "", true, 1}, /* a-umlaut is in the alphabet */
    {"\xc3\xa7", 70, "", false, 1}, /* small c-cedilla is not */
    {"\xc3\xa7", 71, "", false, 2},
    {"`", 1, "", false, 1},
    {"\xd0\x96", 134, "", false, 2},
    {"\xd0\x96", 135, "", false, 3},
    {"\xf0\x9f\x94\xa5", 35, "", false, 1},
    {"\xf0\x9f\x94\xa5", 36, "", false, 2}, /* 33 in each of 67 */
    {"\xf0\x9f\x94\xa5", 66, "", false, 2},
    {"\xf0\x9f\x94\xa5", 67, "", false, 3},
    {"\xce\xa9\n", 80, "", true, 1},
};

Test(sms_segments, are_counted_as_phones_get_them)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text_buffer text = {0};

        for (size_t n = 0; n < texts[i].times; n++) {
            put_string(&text, texts[i].unit);
        }
        put_string(&text, texts[i].tail);
        struct segments segments = segments_count(text.at, text.len);

        cr_expect_eq(segments.is_gsm7, texts[i].is_gsm7, "row %zu", i);
        cr_expect_eq(segments.count, texts[i].segments, "row %zu: %u", i, segments.count);
        free(text.at);
    }
}

Test(sms_segments, knows_the_whole_alphabet)
{
    static const char all[] =
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    struct segments segments = segments_count(all, sizeof all - 1);

    cr_expect(segments.is_gsm7);
    cr_expect_eq(segments.characters, 127);
    cr_expect_eq(segments.count, 1);
}

/* --- What may be sent. */

static const struct sms_rules rules = {.sender = "Fanfare",
                                       .type = "Promotional",
                                       .prefixes = "",
                                       .price = 0.04,
                                       .segments_max = 4};

struct attempt {
    const char *name, *value; /* an attribute, or NULL */
    const char *body, *title;
    const char *refusal; /* a part of it; NULL: it goes */
    const char *from, *text;
};

static const struct attempt attempts[] = {
    {NULL, NULL, "hello", "", NULL, "Fanfare", "hello"},
    {NULL, NULL, "a\r\nb\a\x7f", "", NULL, "Fanfare", "a\nb"},
    {NULL, NULL, "hello", "0123456789ABC", NULL, "Fanfare", "0123456789> hello"},
    {"AWS.SNS.SMS.SenderID", "Alarm1", "x", "", NULL, "Alarm1", "x"},
    {"AWS.SNS.SMS.SenderID", "TwelveChars1", "x", "", "sender id", NULL, NULL},
    {"AWS.SNS.SMS.SenderID", "a b", "x", "", "sender id", NULL, NULL},
    {"AWS.SNS.SMS.SenderID", "A&to=1", "x", "", "sender id", NULL, NULL},
    {"AWS.MM.SMS.OriginationNumber", "+41790000001", "x", "", NULL, "+41790000001", "x"},
    {"AWS.MM.SMS.OriginationNumber", "x", "x", "", "OriginationNumber", NULL, NULL},
    {"AWS.SNS.SMS.SMSType", "Loud", "x", "", "SMSType", NULL, NULL},
    {"AWS.SNS.SMS.MaxPrice", "0.04", "x", "", NULL, "Fanfare", "x"},
    {"AWS.SNS.SMS.MaxPrice", "0.03", "x", "", "MaxPrice", NULL, NULL},
    {"AWS.SNS.SMS.MaxPrice", "nan", "x", "", "MaxPrice", NULL, NULL},
    {"AWS.SNS.SMS.MaxPrice", "cheap", "x", "", "MaxPrice", NULL, NULL},
};

Test(sms_message, is_said_or_refused_with_a_reason)
{
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        const struct attempt *row = &attempts[i];
        const struct delivery_attribute attribute = {row->name, "String", row->value, 0};
        const struct delivery delivery = {.endpoint = "+41790000000",
                                          .message_id = "id",
                                          .topic_title = row->title,
                                          .body = row->body,
                                          .body_size = strlen(row->body),
                                          .attributes = &attribute,
                                          .attribute_count = row->name == NULL ? 0 : 1};
        struct short_message message;
        char why[256] = "";

        bool goes = message_prepare(&rules, &delivery, &message, why, sizeof why);

        cr_expect_eq(goes, row->refusal == NULL, "row %zu: %s", i, why);
        if (row->refusal != NULL) {
            cr_expect_not_null(strstr(why, row->refusal), "row %zu: %s", i, why);
        } else if (goes) {
            cr_expect_str_eq(message.from, row->from);
            cr_expect_eq(message.text.len, strlen(row->text), "row %zu", i);
            cr_expect_arr_eq(message.text.at, row->text, message.text.len);
        }
        message_end(&message);
    }
}

Test(sms_message, goes_only_where_the_operator_sends)
{
    struct sms_rules some = rules;

    some.prefixes = "+41, +49";
    cr_expect(number_is_served(&some, "+41790000000"));
    cr_expect(number_is_served(&some, "+4917000000"));
    cr_expect_not(number_is_served(&some, "+4317000000"));
    cr_expect(number_is_served(&rules, "+4317000000"));
}

Test(sms_template, escapes_what_it_fills_in)
{
    struct short_message message = {.to = "+41790000000",
                                    .from = "Fan",
                                    .type = "Promotional",
                                    .id = "id",
                                    .text = {.at = (char[]){"a&b \"c\"\n{to}"}, .len = 12}};
    struct text_buffer form = {0};
    struct text_buffer json = {0};

    message.text.len = strlen(message.text.at);
    template_fill(&form, "t={text}&to={to}&x={unknown}&p={password}", ESCAPE_FORM, &message,
                  "u", "p&w");
    template_fill(&json, "{\"t\":\"{text}\"}", ESCAPE_JSON, &message, "", "");
    put(&form, "", 1);
    put(&json, "", 1);
    cr_expect_str_eq(form.at,
                     "t=a%26b%20%22c%22%0A%7Bto%7D&to=%2B41790000000&x={unknown}&p=p%26w");
    cr_expect_str_eq(json.at, "{\"t\":\"a&b \\\"c\\\"\\u000a{to}\"}");
    free(form.at);
    free(json.at);
}
