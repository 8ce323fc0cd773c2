/* Message bytes to leaves in one pass: no tree, and only paths that some policy names are
 * entered; everything else is checked and skipped. */
#include "decimal.h"
#include "event_parts.h"
#include "json.h"

struct scanner {
    struct event *event;
    const struct paths *paths;
    const char *at;
    const char *end;
    uint32_t depth;
    enum scan_result result; /* why a scan returned false */
};

/* Where in the message a value stands. */
struct place {
    uint32_t node;    /* of its path; PATH_NONE: nobody asks */
    uint32_t element; /* the array element around it */
};

static bool scan_value(struct scanner *scanner, struct place place);

static bool scan_fails(struct scanner *scanner, enum scan_result result)
{
    scanner->result = result;
    return false;
}

static inline bool next_is(struct scanner *scanner, char byte)
{
    if (scanner->at < scanner->end && *scanner->at == byte) {
        scanner->at++;
        return true;
    }
    return false;
}

static inline void skip_blanks(struct scanner *scanner)
{
    if (scanner->at < scanner->end && (unsigned char)*scanner->at <= ' ') {
        scanner->at = json_skip_blanks(scanner->at, scanner->end);
    }
}

/* Reads a string up to behind its closing quote; `at` stands behind the opening one. */
static inline bool string_read(struct scanner *scanner, struct json_string *string)
{
    const char *behind = json_string_scan(scanner->at, scanner->end, string);

    if (behind == NULL) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    scanner->at = behind;
    return true;
}

static bool string_text(struct scanner *scanner, const struct json_string *string,
                        struct slice *ret_text)
{
    char *text;

    if (!string->escaped) {
        *ret_text = string->raw;
        return true;
    }
    text = arena_take(&scanner->event->arena, string->raw.len);
    if (text == NULL) {
        return scan_fails(scanner, SCAN_NO_MEMORY);
    }
    *ret_text = slice_make(text, json_unescape(string->raw, text));
    return true;
}

static bool leaf_add(struct scanner *scanner, struct place place, enum leaf_type type,
                     struct slice text)
{
    uint32_t needs = scanner->paths->nodes[place.node].needs;
    struct leaf leaf = {
        .type = type, .field = place.node, .element = place.element, .text = text};
    enum scan_result result;

    if ((needs & PATH_NEEDS_VALUE) == 0) {
        return true;
    }
    result = event_add_leaf(scanner->event, &leaf, needs);
    return result == SCAN_FINE ? true : scan_fails(scanner, result);
}

static bool scan_string(struct scanner *scanner, struct place place)
{
    struct json_string string;
    struct slice text;

    if (!string_read(scanner, &string)) {
        return false;
    }
    if (place.node == PATH_NONE) {
        return true;
    }
    return string_text(scanner, &string, &text) && leaf_add(scanner, place, LEAF_STRING, text);
}

static bool scan_number(struct scanner *scanner, struct place place)
{
    const char *start = scanner->at;
    const char *behind = json_number_scan(start, scanner->end);

    if (behind == NULL) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    scanner->at = behind;
    if (place.node == PATH_NONE) {
        return true;
    }
    return leaf_add(scanner, place, LEAF_NUMBER, slice_make(start, (size_t)(behind - start)));
}

static bool scan_literal(struct scanner *scanner, struct place place)
{
    const char *start = scanner->at;
    const char *behind = json_literal_scan(start, scanner->end);
    enum leaf_type type;

    if (behind == NULL) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    scanner->at = behind;
    if (place.node == PATH_NONE) {
        return true;
    }
    type = *start == 't' ? LEAF_TRUE : *start == 'f' ? LEAF_FALSE : LEAF_NULL;
    return leaf_add(scanner, place, type, slice_make(start, (size_t)(behind - start)));
}

/* Reads a member's name and colon and finds its node below `node`. */
static bool scan_name(struct scanner *scanner, uint32_t node, uint32_t *ret_node)
{
    struct json_string string;
    struct slice name;

    if (!next_is(scanner, '"')) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    if (!string_read(scanner, &string)) {
        return false;
    }
    skip_blanks(scanner);
    if (!next_is(scanner, ':')) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    *ret_node = PATH_NONE;
    if (node == PATH_NONE) {
        return true;
    }
    if (!string_text(scanner, &string, &name)) {
        return false;
    }
    *ret_node = name.len > 0 && memchr(name.at, '.', name.len) != NULL
                    ? paths_walk(scanner->paths, node, name)
                    : paths_step(scanner->paths, node, name);
    return true;
}

/* `at` stands behind the opening brace. */
static bool scan_object(struct scanner *scanner, struct place place)
{
    skip_blanks(scanner);
    if (next_is(scanner, '}')) {
        return true;
    }
    for (;;) {
        struct place member = place;

        skip_blanks(scanner);
        if (!scan_name(scanner, place.node, &member.node) || !scan_value(scanner, member)) {
            return false;
        }
        skip_blanks(scanner);
        if (next_is(scanner, '}')) {
            return true;
        }
        if (!next_is(scanner, ',')) {
            return scan_fails(scanner, SCAN_INVALID);
        }
    }
}

/* Objects and arrays in an array are elements of it; a scalar belongs to what is around. */
static bool scan_element(struct scanner *scanner, struct place place, uint32_t array)
{
    bool nested;

    skip_blanks(scanner);
    nested = scanner->at < scanner->end && (*scanner->at == '{' || *scanner->at == '[');
    if (nested && place.node != PATH_NONE) {
        place.element = event_add_element(scanner->event, place.element, array);
        if (place.element == 0) {
            return scan_fails(scanner, SCAN_NO_MEMORY);
        }
    }
    return scan_value(scanner, place);
}

/* `at` stands behind the opening bracket. */
static bool scan_array(struct scanner *scanner, struct place place)
{
    uint32_t array = scanner->event->array_count++;

    skip_blanks(scanner);
    if (next_is(scanner, ']')) {
        return true;
    }
    for (;;) {
        if (!scan_element(scanner, place, array)) {
            return false;
        }
        skip_blanks(scanner);
        if (next_is(scanner, ']')) {
            return true;
        }
        if (!next_is(scanner, ',')) {
            return scan_fails(scanner, SCAN_INVALID);
        }
    }
}

static bool scan_value(struct scanner *scanner, struct place place)
{
    bool fine;
    char first;

    skip_blanks(scanner);
    if (scanner->at == scanner->end) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    first = *scanner->at;
    if (first == '"') {
        scanner->at++;
        return scan_string(scanner, place);
    }
    if (first == '-' || (first >= '0' && first <= '9')) {
        return scan_number(scanner, place);
    }
    if (first != '{' && first != '[') {
        return scan_literal(scanner, place);
    }
    if (++scanner->depth > JSON_DEPTH_MAX) {
        return scan_fails(scanner, SCAN_INVALID);
    }
    scanner->at++;
    fine = first == '{' ? scan_object(scanner, place) : scan_array(scanner, place);
    scanner->depth--;
    return fine;
}

enum scan_result scan_body(struct event *event, const struct paths *paths, struct slice body)
{
    struct scanner scanner = {.event = event, .paths = paths, .at = body.at};

    if (body.len == 0) {
        return SCAN_INVALID;
    }
    scanner.end = body.at + body.len;
    skip_blanks(&scanner);
    if (scanner.at == scanner.end || *scanner.at != '{') {
        return SCAN_INVALID;
    }
    if (!scan_value(&scanner, (struct place){PATH_BODY, 0})) {
        return scanner.result;
    }
    skip_blanks(&scanner);
    return scanner.at == scanner.end ? SCAN_FINE : SCAN_INVALID;
}

static enum scan_result scan_string_array(struct scanner *scanner, uint32_t node,
                                          struct slice value)
{
    if (value.len == 0) {
        return SCAN_INVALID;
    }
    scanner->at = value.at;
    scanner->end = value.at + value.len;
    skip_blanks(scanner);
    if (scanner->at == scanner->end || *scanner->at != '[') {
        return SCAN_INVALID;
    }
    if (!scan_value(scanner, (struct place){node, 0})) {
        return scanner->result;
    }
    skip_blanks(scanner);
    return scanner->at == scanner->end ? SCAN_FINE : SCAN_INVALID;
}

/* Also attributes that nobody asks for must be well-formed: what one policy says of a message
 * does not depend on the others. */
static enum scan_result scan_attribute(struct event *event, const struct paths *paths,
                                       const struct filter_attribute *attribute)
{
    struct scanner scanner = {.event = event, .paths = paths};
    struct slice name = slice_make(attribute->name, attribute->name_len);
    struct slice value = slice_make(attribute->value, attribute->value_len);
    struct place place = {paths_walk(paths, PATH_ATTRIBUTES, name), 0};
    bool is_number = attribute->type == FILTER_ATTRIBUTE_NUMBER;

    if (attribute->type == FILTER_ATTRIBUTE_BINARY) {
        return SCAN_FINE;
    }
    if (attribute->type == FILTER_ATTRIBUTE_STRING_ARRAY) {
        return scan_string_array(&scanner, place.node, value);
    }
    if (is_number && !decimal_is_number(value)) {
        return SCAN_INVALID;
    }
    if (place.node == PATH_NONE) {
        return SCAN_FINE;
    }
    return leaf_add(&scanner, place, is_number ? LEAF_NUMBER : LEAF_STRING, value)
               ? SCAN_FINE
               : scanner.result;
}

enum scan_result scan_attributes(struct event *event, const struct paths *paths,
                                 const struct filter_message *message)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        enum scan_result result = scan_attribute(event, paths, &message->attributes[i]);

        if (result != SCAN_FINE) {
            return result;
        }
    }
    return SCAN_FINE;
}
