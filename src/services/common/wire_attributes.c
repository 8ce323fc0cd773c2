/* Message attributes as clients send them, and what may be wrong with one. */
#include "services/common/wire_attributes.h"

#include "services/common/names.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 256
#define TYPE_MAX_BYTES 256
#define NUMBER_MAX     128

const struct field wire_attribute_fields[] = {
    {.name = "DataType", .type = FIELD_STRING, .offset = offsetof(struct wire_attribute, type)},
    {.name = "StringValue",
     .type = FIELD_STRING,
     .offset = offsetof(struct wire_attribute, string)},
    {.name = "BinaryValue",
     .type = FIELD_BLOB,
     .offset = offsetof(struct wire_attribute, binary)},
    {.name = "StringListValues",
     .query = "StringListValue",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     .offset = offsetof(struct wire_attribute, strings)},
    {.name = "BinaryListValues",
     .query = "BinaryListValue",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     .offset = offsetof(struct wire_attribute, binaries)},
    FIELDS_END,
};

/* --- Names. */

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || c == '_' || c == '-' || c == '.';
}

/* The character at `at`; the name is UTF-8 already. */
static uint32_t character_at(struct text name, size_t at)
{
    static const uint8_t firsts[] = {0x7f, 0x1f, 0x0f, 0x07};
    uint8_t first = (uint8_t)name.at[at];
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t character = first & firsts[more];

    for (size_t i = 1; i <= more && at + i < name.len; i++) {
        character = character << 6 | ((uint8_t)name.at[at + i] & 0x3f);
    }
    return character;
}

/* Blocks of punctuation, symbols and private use between U+00C0 and U+FFFF. */
static bool is_symbol(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } blocks[] = {
        {0x00d7, 0x00d7}, {0x00f7, 0x00f7}, {0x2000, 0x2bff}, {0x3000, 0x3004},
        {0x3008, 0x3030}, {0xd800, 0xf8ff}, {0xfe00, 0xfe6f}, {0xfff0, 0xffff},
    };

    for (size_t i = 0; i < countof(blocks); i++) {
        if (character >= blocks[i].first && character <= blocks[i].last) {
            return true;
        }
    }
    return false;
}

/* Whether the byte at `at` may stand there: SQS has letters of any script in names, of which
 * what is up to U+FFFF and no symbol is taken for one. */
static bool may_stand(enum wire_dialect dialect, struct text name, size_t at)
{
    uint8_t byte = (uint8_t)name.at[at];

    if (byte < 0x80 || dialect == WIRE_SNS) {
        return is_name_character(name.at[at]);
    }
    if (byte < 0xc0) {
        return true; /* goes on with the character that was looked at */
    }
    uint32_t character = character_at(name, at);

    return character >= 0xc0 && character <= 0xffff && !is_symbol(character);
}

uint32_t wire_name_bad_character(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_character(name.at[i])) {
            return character_at(name, i);
        }
    }
    return 0;
}

static bool has_prefix(struct text name, struct text prefix)
{
    return text_equal_ignore_case(text_first(name, prefix.len), prefix);
}

/* SNS's own names for phones and mobile push pass. */
static bool is_reserved(struct text name)
{
    if (has_prefix(name, T("AWS.SNS.")) || has_prefix(name, T("AWS.MM."))) {
        return false;
    }
    return has_prefix(name, T("AWS.")) || has_prefix(name, T("Amazon."));
}

static enum wire_fault name_check(enum wire_dialect dialect, struct text name)
{
    if (name.len == 0) {
        return WIRE_NAME_EMPTY;
    }
    if (name.len > NAME_MAX_BYTES) {
        return WIRE_NAME_LONG;
    }
    if (name.at[0] == '.') {
        return WIRE_NAME_STARTS_DOT;
    }
    if (name.at[name.len - 1] == '.') {
        return WIRE_NAME_ENDS_DOT;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!may_stand(dialect, name, i)) {
            return WIRE_NAME_CHARACTER;
        }
        if (name.at[i] == '.' && name.at[i + 1] == '.') { /* the last one is no dot */
            return WIRE_NAME_DOTS;
        }
    }
    return is_reserved(name) ? WIRE_NAME_RESERVED : WIRE_FINE;
}

/* --- Types and values. */

static bool is_type(struct text type, struct text base)
{
    return text_starts_with(type, base) && (type.len == base.len || type.at[base.len] == '.');
}

/* SNS takes no "String." without what the dot announces. */
static bool is_type_of(enum wire_dialect dialect, struct text type)
{
    if (dialect == WIRE_SNS && text_ends_with(type, T("."))) {
        return false;
    }
    return is_type(type, T("String")) || is_type(type, T("Number"))
           || is_type(type, T("Binary"));
}

bool wire_attribute_is_binary(const struct wire_attribute *attribute)
{
    return is_type(attribute->type, T("Binary"));
}

bool wire_attribute_has_list(const struct wire_attribute *attribute)
{
    return attribute->strings.count + attribute->binaries.count > 0;
}

struct text wire_attribute_value(const struct wire_attribute *attribute)
{
    return wire_attribute_is_binary(attribute) ? attribute->binary : attribute->string;
}

static bool is_number(struct text value)
{
    char copy[NUMBER_MAX + 1];
    char *end = NULL;

    if (value.at == NULL || value.len == 0 || value.len > NUMBER_MAX) {
        return false;
    }
    memcpy(copy, value.at, value.len);
    copy[value.len] = '\0';
    /* Decimal only: strtod would take blanks, hexadecimal, "inf" and "nan" as well. */
    if (strspn(copy, "0123456789+-.eE") != value.len) {
        return false;
    }
    (void)strtod(copy, &end);
    return end == copy + value.len;
}

static enum wire_fault value_check(const struct wire_attribute *attribute)
{
    bool is_binary = wire_attribute_is_binary(attribute);
    struct text value = wire_attribute_value(attribute);
    struct text other = is_binary ? attribute->string : attribute->binary;

    if (value.at == NULL && other.at != NULL) {
        return WIRE_VALUE_OTHER_FIELD;
    }
    if (value.len == 0) {
        return WIRE_VALUE_MISSING;
    }
    if (is_binary) {
        return WIRE_FINE;
    }
    if (!text_is_xml(value)) {
        return WIRE_VALUE_CHARACTERS;
    }
    if (is_type(attribute->type, T("Number")) && !is_number(value)) {
        return WIRE_VALUE_NOT_NUMBER;
    }
    return WIRE_FINE;
}

enum wire_fault wire_attribute_check(enum wire_dialect dialect, struct text name,
                                     const struct wire_attribute *attribute)
{
    enum wire_fault fault = name_check(dialect, name);

    if (fault != WIRE_FINE) {
        return fault;
    }
    if (attribute->type.len == 0) {
        return WIRE_TYPE_MISSING;
    }
    if (attribute->type.len > TYPE_MAX_BYTES) {
        return WIRE_TYPE_LONG;
    }
    if (!is_type_of(dialect, attribute->type)) {
        return WIRE_TYPE_UNKNOWN;
    }
    return value_check(attribute);
}

/* --- All of them. */

static int name_order(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

bool wire_names_are_distinct(struct arena *arena, const struct text *names, size_t count)
{
    if (count < 2) {
        return true;
    }
    struct text *sorted = arena_array(arena, count, sizeof *sorted);

    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, name_order);
    for (size_t i = 1; i < count; i++) {
        if (text_equal(sorted[i - 1], sorted[i])) {
            return false;
        }
    }
    return true;
}
