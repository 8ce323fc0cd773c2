/* Message attributes as clients send them, and what may be wrong with one. */
#ifndef SERVICES_COMMON_WIRE_ATTRIBUTES_H
#define SERVICES_COMMON_WIRE_ATTRIBUTES_H

#include "api/api.h"

/* MessageAttributeValue of both services. */
struct wire_attribute {
    struct text type;            /* DataType */
    struct text string;          /* StringValue */
    struct text binary;          /* BinaryValue, decoded */
    struct string_list strings;  /* StringListValues: in the model, and served by nobody */
    struct string_list binaries; /* BinaryListValues, as they were sent */
};

/* What the two services do not share. */
enum wire_dialect {
    WIRE_SNS, /* names in ASCII; a type's own part after its dot is not empty */
    WIRE_SQS  /* names have letters of any script */
};

extern const struct field wire_attribute_fields[];

enum wire_fault {
    WIRE_FINE,
    WIRE_NAME_EMPTY,
    WIRE_NAME_LONG,       /* over 256 bytes */
    WIRE_NAME_STARTS_DOT, /* with '.' */
    WIRE_NAME_ENDS_DOT,
    WIRE_NAME_DOTS,      /* two in a row */
    WIRE_NAME_CHARACTER, /* see wire_name_bad_character */
    WIRE_NAME_RESERVED,  /* AWS. or Amazon. */
    WIRE_TYPE_MISSING,
    WIRE_TYPE_LONG,
    WIRE_TYPE_UNKNOWN, /* neither String, Number nor Binary */
    WIRE_VALUE_MISSING,
    WIRE_VALUE_OTHER_FIELD, /* StringValue where BinaryValue belongs, or the other way round */
    WIRE_VALUE_NOT_NUMBER,
    WIRE_VALUE_CHARACTERS /* not XML's */
};

enum wire_fault wire_attribute_check(enum wire_dialect dialect, struct text name,
                                     const struct wire_attribute *attribute);
/* The first character that a name of SNS's may not have; 0 when there is none. */
uint32_t wire_name_bad_character(struct text name);
bool wire_attribute_is_binary(const struct wire_attribute *attribute);
/* Whether it says something that would be lost: see `strings` and `binaries`. */
bool wire_attribute_has_list(const struct wire_attribute *attribute);
/* What it says: StringValue or the bytes of BinaryValue. */
struct text wire_attribute_value(const struct wire_attribute *attribute);
/* No name twice.  Scratch memory comes from `arena`. */
bool wire_names_are_distinct(struct arena *arena, const struct text *names, size_t count);

#endif
