/* Which characters names, ids and texts may have. */
#include "services/common/names.h"

#include <criterion/criterion.h>

#include <string.h>

Test(names, plain_ones_have_letters_digits_underscores_and_hyphens)
{
    char longest[81];

    memset(longest, 'a', sizeof longest);
    cr_expect(name_is_plain(T("Orders_eu-1"), 80));
    cr_expect(name_is_plain(text_make(longest, 80), 80));
    cr_expect_not(name_is_plain(text_make(longest, 81), 80));
    cr_expect_not(name_is_plain(T(""), 80));
    cr_expect_not(name_is_plain(T("a.fifo"), 80));
    cr_expect_not(name_is_plain(T("a b"), 80));
    cr_expect_not(name_is_plain(T("\xc3\xa4"), 80));
}

Test(names, printable_ones_have_punctuation_and_no_blanks)
{
    char longest[129];

    memset(longest, '!', sizeof longest);
    cr_expect(name_is_printable(T("a!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~Z9")));
    cr_expect(name_is_printable(text_make(longest, 128)));
    cr_expect_not(name_is_printable(text_make(longest, 129)));
    cr_expect_not(name_is_printable(T("")));
    cr_expect_not(name_is_printable(T("a b")));
    cr_expect_not(name_is_printable(T("a\n")));
    cr_expect_not(name_is_printable(T("\xc3\xa4")));
}

Test(names, phones_have_single_separators_between_digits)
{
    static const struct {
        struct text name;
        bool is_phone;
    } rows[] = {
        {TEXT("+447700900123"), true},
        {TEXT("447700900123"), true},
        {TEXT("+44/77-009.00 123"), true},
        {TEXT("+44--7700900123"), false},
        {TEXT("+44-/7700900123"), false},
        {TEXT("+-447700900123"), false},
        {TEXT("-447700900123"), false},
        {TEXT("+447700900123-"), false},
        {TEXT("++447700900123"), false},
        {TEXT("+44(7700)900123"), false},
        {TEXT("+44\0"), false},
        {TEXT("+"), false},
        {TEXT(""), false},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(name_is_phone(rows[i].name), rows[i].is_phone, "row %zu", i);
    }
}

Test(names, accounts_are_twelve_digits)
{
    cr_expect(text_is_account(T("000000000000")));
    cr_expect_not(text_is_account(T("00000000000")));
    cr_expect_not(text_is_account(T("0000000000000")));
    cr_expect_not(text_is_account(T("00000000000a")));
    cr_expect_not(text_is_account(T("")));
}

Test(names, regions_are_words)
{
    cr_expect(text_is_region(T("eu-central-2")));
    cr_expect(text_is_region(T("A234567890123456789012345678901B")));
    cr_expect_not(text_is_region(T("A234567890123456789012345678901BC")));
    cr_expect_not(text_is_region(T("a:b")));
    cr_expect_not(text_is_region(T("eu\xff")));
    cr_expect_not(text_is_region(T("")));
}

Test(names, texts_have_the_characters_of_xml)
{
    cr_expect(text_is_xml(T("")));
    cr_expect(text_is_xml(T("tab\t line\n return\r \xf0\x9f\x8e\xba \xef\xbf\xbd")));
    cr_expect(text_is_xml(T("\xef\xbc\xa1 \xef\xbf\xbc")));
    cr_expect_not(text_is_xml(T("\x01")));
    cr_expect_not(text_is_xml(T("a\x0b")));
    cr_expect_not(text_is_xml(text_make("a\0b", 3)));
    cr_expect_not(text_is_xml(T("x\xef\xbf\xbe")));
    cr_expect_not(text_is_xml(T("\xef\xbc\xa1\xef\xbf\xbf")));
}
