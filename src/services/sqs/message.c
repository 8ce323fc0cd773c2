/* What a message carries: its attributes checked, and the MD5s that clients compare. */
#include "base/digest.h"
#include "base/encoding.h"
#include "services/sqs/internal.h"

#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX 10
#define MD5_TEXT       32
#define MD5_INPUT_MAX  (4UL * 1024 * 1024)

/* --- What is wrong with an attribute, in SQS's words: the name or the type fills the gap. */

enum filler {
    FILL_NOTHING,
    FILL_NAME,
    FILL_TYPE
};

static const struct {
    const char *before;
    enum filler filler;
    const char *after;
} fault_texts[] = {
    [WIRE_NAME_EMPTY] = {"Message (user) attribute names must not be empty", FILL_NOTHING, ""},
    [WIRE_NAME_LONG] = {"Message (user) attribute names must be shorter than 256 Bytes",
                        FILL_NOTHING, ""},
    [WIRE_NAME_STARTS_DOT] = {"You can't use message attribute names beginning with 'AWS.' or "
                              "'Amazon.'. These strings are reserved for internal use. "
                              "Additionally, they cannot start or end with '.'.",
                              FILL_NOTHING, ""},
    [WIRE_NAME_ENDS_DOT] = {"You can't use message attribute names beginning with 'AWS.' or "
                            "'Amazon.'. These strings are reserved for internal use. "
                            "Additionally, they cannot start or end with '.'.",
                            FILL_NOTHING, ""},
    [WIRE_NAME_DOTS] = {"Message (user) attribute name '", FILL_NAME,
                        "' can't have successive periods."},
    [WIRE_NAME_CHARACTER] = {"Message (user) attributes name can only contain upper and lower "
                             "score characters, digits, periods, hyphens and underscores. ",
                             FILL_NOTHING, ""},
    [WIRE_NAME_RESERVED] = {"You can't use message attribute names beginning with 'AWS.' or "
                            "'Amazon.'. These strings are reserved for internal use. "
                            "Additionally, they cannot start or end with '.'.",
                            FILL_NOTHING, ""},
    [WIRE_TYPE_MISSING] = {"The message attribute '", FILL_NAME,
                           "' must contain a non-empty message attribute type."},
    [WIRE_TYPE_LONG] = {"Message (user) attribute types must be shorter than 256 Bytes",
                        FILL_NOTHING, ""},
    [WIRE_TYPE_UNKNOWN] = {"The type of message (user) attribute '", FILL_NAME,
                           "' is invalid. You must use only the following supported type "
                           "prefixes: Binary, Number, String."},
    [WIRE_VALUE_MISSING] = {"", FILL_TYPE, ""},
    [WIRE_VALUE_OTHER_FIELD] = {"", FILL_TYPE, ""},
    [WIRE_VALUE_NOT_NUMBER] = {"Can't cast the value of message (user) attribute '", FILL_NAME,
                               "' to a number."},
    [WIRE_VALUE_CHARACTERS] =
        {"Invalid characters found. Valid unicode characters are #x9 | #xA "
         "| #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to "
         "#x10FFFF",
         FILL_NOTHING, ""},
};

static enum status attribute_fault(struct request *request, struct text name,
                                   const struct wire_attribute *attribute, enum wire_fault wire,
                                   struct sqs_fault *fault)
{
    if (fault_texts[wire].filler == FILL_TYPE) {
        return sqs_fault_set(
            request, fault, &sqs_invalid_parameter_value,
            "Message (user) attribute '%.*s' must contain a non-empty value of "
            "type '%s'.",
            TEXT_PRINTF(name), wire_attribute_is_binary(attribute) ? "Binary" : "String");
    }
    struct text filler = fault_texts[wire].filler == FILL_NAME ? name : (struct text){0};

    return sqs_fault_set(request, fault, &sqs_invalid_parameter_value, "%s%.*s%s",
                         fault_texts[wire].before, TEXT_PRINTF(filler),
                         fault_texts[wire].after);
}

enum status message_attributes_take(struct request *request, const struct struct_map *given,
                                    struct sqs_fault *fault,
                                    struct queue_message_attribute **ret_attributes)
{
    const struct wire_attribute *wires = given->items;

    if (given->count == 0) {
        *ret_attributes = NULL;
        return STATUS_OK;
    }
    struct queue_message_attribute *attributes =
        arena_array(request->arena, given->count, sizeof *attributes);

    if (given->count > ATTRIBUTES_MAX) {
        return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                             "Number of message attributes [%zu] exceeds the allowed maximum "
                             "[%d].",
                             given->count, ATTRIBUTES_MAX);
    }
    for (size_t i = 0; i < given->count; i++) {
        enum wire_fault wire = wire_attribute_check(WIRE_SQS, given->names[i], &wires[i]);

        if (wire != WIRE_FINE) {
            return attribute_fault(request, given->names[i], &wires[i], wire, fault);
        }
        attributes[i] = (struct queue_message_attribute){given->names[i], wires[i].type,
                                                         wire_attribute_value(&wires[i])};
    }
    if (!wire_names_are_distinct(request->arena, given->names, given->count)) {
        return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                             "Message (user) attribute names must be distinct.");
    }
    *ret_attributes = attributes;
    return STATUS_OK;
}

/* --- MD5s. */

struct text text_md5(struct arena *arena, struct text bytes)
{
    uint8_t digest[MD5_SIZE];
    struct buffer hex = buffer_over(arena_take(arena, MD5_TEXT), MD5_TEXT);

    digest_md5(bytes, digest);
    hex_encode(&hex, text_make(digest, sizeof digest));
    return buffer_text(&hex);
}

static int attribute_order(const void *a, const void *b)
{
    const struct queue_message_attribute *left = a;
    const struct queue_message_attribute *right = b;

    return text_compare(left->name, right->name);
}

struct text message_attributes_md5(struct arena *arena,
                                   struct queue_message_attribute *attributes, size_t count)
{
    struct buffer bytes;

    if (count == 0) {
        return (struct text){0};
    }
    qsort(attributes, count, sizeof *attributes, attribute_order);
    buffer_init(&bytes, MD5_INPUT_MAX);
    for (size_t i = 0; i < count; i++) {
        bool is_binary = text_starts_with(attributes[i].type, T("Binary"));

        buffer_add_counted(&bytes, attributes[i].name);
        buffer_add_counted(&bytes, attributes[i].type);
        buffer_add_u8(&bytes, is_binary ? 2 : 1);
        buffer_add_counted(&bytes, attributes[i].value);
    }
    struct text md5 = text_md5(arena, buffer_text(&bytes));

    buffer_free(&bytes);
    return md5;
}
