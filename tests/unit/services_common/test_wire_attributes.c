/* What may be wrong with a message attribute. */
#include "services/common/wire_attributes.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct {
    struct text name;

    struct {
        struct text type, string, binary;
    } given;
    enum wire_fault fault;
} rows[] = {
    {TEXT("store"), {TEXT("String"), TEXT("x"), {0}}, WIRE_FINE},
    {TEXT("s.t-o_re9"), {TEXT("String.json"), TEXT("x"), {0}}, WIRE_FINE},
    {TEXT("list"), {TEXT("String.Array"), TEXT("[1]"), {0}}, WIRE_FINE},
    {TEXT("n"), {TEXT("Number"), TEXT("-1.5e3"), {0}}, WIRE_FINE},
    {TEXT("n"), {TEXT("Number.int"), TEXT("7"), {0}}, WIRE_FINE},
    {TEXT("b"), {TEXT("Binary.gif"), {0}, TEXT("\x01")}, WIRE_FINE},
    {TEXT("AWS.SNS.SMS.SenderID"), {TEXT("String"), TEXT("x"), {0}}, WIRE_FINE},
    {TEXT(""), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_EMPTY},
    {TEXT(".a"), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_STARTS_DOT},
    {TEXT("a."), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_ENDS_DOT},
    {TEXT("a..b"), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_DOTS},
    {TEXT("a b"), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_CHARACTER},
    {TEXT("\xc3\xa4"), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_CHARACTER},
    {TEXT("aws.x"), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_RESERVED},
    {TEXT("Amazon.x"), {TEXT("String"), TEXT("x"), {0}}, WIRE_NAME_RESERVED},
    {TEXT("a"), {{0}, TEXT("x"), {0}}, WIRE_TYPE_MISSING},
    {TEXT("a"), {TEXT("Text"), TEXT("x"), {0}}, WIRE_TYPE_UNKNOWN},
    {TEXT("a"), {TEXT("Stringy"), TEXT("x"), {0}}, WIRE_TYPE_UNKNOWN},
    {TEXT("a"), {TEXT("String"), {0}, {0}}, WIRE_VALUE_MISSING},
    {TEXT("a"), {TEXT("String"), TEXT(""), {0}}, WIRE_VALUE_MISSING},
    {TEXT("a"), {TEXT("Binary"), {0}, {0}}, WIRE_VALUE_MISSING},
    {TEXT("a"), {TEXT("Binary"), TEXT("x"), {0}}, WIRE_VALUE_OTHER_FIELD},
    {TEXT("a"), {TEXT("String"), {0}, TEXT("x")}, WIRE_VALUE_OTHER_FIELD},
    {TEXT("a"), {TEXT("Number"), TEXT("12a"), {0}}, WIRE_VALUE_NOT_NUMBER},
    {TEXT("a"), {TEXT("Number"), TEXT("0x10"), {0}}, WIRE_VALUE_NOT_NUMBER},
    {TEXT("a"), {TEXT("Number"), TEXT("nan"), {0}}, WIRE_VALUE_NOT_NUMBER},
    {TEXT("a"), {TEXT("Number"), TEXT(" 1"), {0}}, WIRE_VALUE_NOT_NUMBER},
    {TEXT("a"), {TEXT("String"), TEXT("\x02"), {0}}, WIRE_VALUE_CHARACTERS},
};

Test(wire_attributes, are_checked_name_first_then_type_then_value)
{
    for (size_t i = 0; i < countof(rows); i++) {
        struct wire_attribute attribute = {.type = rows[i].given.type,
                                           .string = rows[i].given.string,
                                           .binary = rows[i].given.binary};

        cr_expect_eq(wire_attribute_check(WIRE_SNS, rows[i].name, &attribute), rows[i].fault,
                     "row %zu", i);
    }
}

Test(wire_attributes, have_names_and_types_of_at_most_256_bytes)
{
    char longest[257];
    struct wire_attribute attribute = {.type = TEXT("String"), .string = TEXT("x")};

    memset(longest, 'a', sizeof longest);
    cr_expect_eq(wire_attribute_check(WIRE_SNS, text_make(longest, 256), &attribute),
                 WIRE_FINE);
    cr_expect_eq(wire_attribute_check(WIRE_SNS, text_make(longest, 257), &attribute),
                 WIRE_NAME_LONG);
    attribute.type = text_make(longest, 257);
    cr_expect_eq(wire_attribute_check(WIRE_SNS, T("a"), &attribute), WIRE_TYPE_LONG);
}

Test(wire_attributes, differ_between_the_services)
{
    static const struct {
        struct text name, type;
        enum wire_fault sns, sqs;
    } differences[] = {
        {TEXT("t\xc3\xbcr.1"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_FINE},
        {TEXT("\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87"), TEXT("String"), WIRE_NAME_CHARACTER,
         WIRE_FINE},
        {TEXT("\xe9\x8d\xb5"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_FINE},
        /* A multiplication sign, an arrow, a controls' and a blank's kin, a pictogram. */
        {TEXT("a\xc3\x97"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_NAME_CHARACTER},
        {TEXT("a\xe2\x86\x92"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_NAME_CHARACTER},
        {TEXT("a\xc2\x80"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_NAME_CHARACTER},
        {TEXT("a\xe3\x80\x80"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_NAME_CHARACTER},
        {TEXT("\xf0\x9f\x8e\xba"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_NAME_CHARACTER},
        {TEXT("a b"), TEXT("String"), WIRE_NAME_CHARACTER, WIRE_NAME_CHARACTER},
        {TEXT("a"), TEXT("String."), WIRE_TYPE_UNKNOWN, WIRE_FINE},
        {TEXT("a"), TEXT("Number.."), WIRE_TYPE_UNKNOWN, WIRE_FINE},
        {TEXT("a"), TEXT("Number.x"), WIRE_FINE, WIRE_FINE},
    };

    for (size_t i = 0; i < countof(differences); i++) {
        struct wire_attribute attribute = {.type = differences[i].type, .string = TEXT("1")};

        cr_expect_eq(wire_attribute_check(WIRE_SNS, differences[i].name, &attribute),
                     differences[i].sns, "row %zu", i);
        cr_expect_eq(wire_attribute_check(WIRE_SQS, differences[i].name, &attribute),
                     differences[i].sqs, "row %zu", i);
    }
}

Test(wire_attributes, name_the_first_character_that_is_wrong)
{
    cr_expect_eq(wire_name_bad_character(T("fine")), 0);
    cr_expect_eq(wire_name_bad_character(T("a@b")), '@');
    cr_expect_eq(wire_name_bad_character(T("a\xc3\xb6")), 0xf6);
    cr_expect_eq(wire_name_bad_character(T("\xf0\x9f\x8e\xba")), 0x1f3ba);
}

Test(wire_attributes, must_have_different_names)
{
    struct arena arena = {0};
    struct text names[] = {TEXT("b"), TEXT("a"), TEXT("c"), TEXT("a")};

    cr_expect(wire_names_are_distinct(&arena, names, 0));
    cr_expect(wire_names_are_distinct(&arena, names, 3));
    cr_expect_not(wire_names_are_distinct(&arena, names, 4));
    arena_free(&arena);
}
