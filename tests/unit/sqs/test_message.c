/* MD5s that clients compare, and attributes taken from the wire. */
#include "services/sqs/internal.h"

#include <criterion/criterion.h>

Test(message, md5_is_of_the_bytes)
{
    struct arena arena = {0};

    cr_expect(text_equal(text_md5(&arena, T("")), T("d41d8cd98f00b204e9800998ecf8427e")));
    cr_expect(text_equal(text_md5(&arena, T("hello")), T("5d41402abc4b2a76b9719d911017c592")));
    arena_free(&arena);
}

Test(message, attributes_md5_sorts_by_name_and_covers_the_full_type)
{
    struct arena arena = {0};
    struct queue_message_attribute one[] = {
        {TEXT("timestamp"), TEXT("Number.java.lang.Long"), TEXT("1493147359900")}};
    struct queue_message_attribute three[] = {
        {TEXT("zeta"), TEXT("String"), TEXT("last")},
        {TEXT("alpha"), TEXT("Number.int"), TEXT("42")},
        {TEXT("mid"), TEXT("Binary.gif"), {"\x00\x01\xff", 3}},
    };

    cr_expect_eq(message_attributes_md5(&arena, NULL, 0).len, 0);
    cr_expect(text_equal(message_attributes_md5(&arena, one, 1),
                         T("2e2e4876d8e0bd6b8c2c8f556831c349")));
    cr_expect(text_equal(message_attributes_md5(&arena, three, 3),
                         T("d8ba14a8cd89f14b7433ca5a00b4b613")));
    arena_free(&arena);
}

/* Refused, with this text. */
static bool refuses(struct text name, struct wire_attribute attribute, const char *text)
{
    struct arena arena = {0};
    struct request request = {.arena = &arena};
    struct struct_map map = {&name, &attribute, 1, true};
    struct queue_message_attribute *taken = NULL;
    struct sqs_fault fault;
    bool is_so = message_attributes_take(&request, &map, &fault, &taken) == STATUS_INVALID
                 && fault.kind == &sqs_invalid_parameter_value
                 && text_equal(fault.message, text_from(text));

    arena_free(&arena);
    return is_so;
}

Test(message, attributes_are_refused_in_aws_words)
{
    cr_expect(refuses(T("a"), (struct wire_attribute){.type = T("String"), .string = T("")},
                      "Message (user) attribute 'a' must contain a non-empty value of type "
                      "'String'."));
    cr_expect(refuses(T("a"), (struct wire_attribute){.type = T("Number"), .string = T("x")},
                      "Can't cast the value of message (user) attribute 'a' to a number."));
    cr_expect(
        refuses(T("a"), (struct wire_attribute){.type = T("Text"), .string = T("x")},
                "The type of message (user) attribute 'a' is invalid. You must use only the "
                "following supported type prefixes: Binary, Number, String."));
}

Test(message, takes_ten_attributes_and_not_eleven)
{
    struct arena arena = {0};
    struct request request = {.arena = &arena};
    struct text names[11];
    struct wire_attribute wires[11];
    struct struct_map map = {names, wires, 10, true};
    struct queue_message_attribute *taken = NULL;
    struct sqs_fault fault;

    for (size_t i = 0; i < countof(names); i++) {
        names[i] = arena_printf(&arena, "n%zu", i);
        wires[i] = (struct wire_attribute){.type = TEXT("String"), .string = TEXT("x")};
    }
    cr_expect_eq(message_attributes_take(&request, &map, &fault, &taken), STATUS_OK);
    map.count = 11;
    cr_expect_eq(message_attributes_take(&request, &map, &fault, &taken), STATUS_INVALID);
    names[9] = names[0];
    map.count = 10;
    cr_expect_eq(message_attributes_take(&request, &map, &fault, &taken), STATUS_INVALID);
    arena_free(&arena);
}
