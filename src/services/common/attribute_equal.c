/* Equality of attributes by meaning: JSON documents are compared as trees. */
#include "services/common/attribute_equal.h"

#include "base/mutants.h"

#include <jansson.h>

#include <stdio.h>

#define NUMBER_TEXT 40

/* Whoever reads them takes 1 and "1" for the same. */
static bool is_untyped(struct text name)
{
    static const struct text names[] = {TEXT("Policy"), TEXT("RedrivePolicy"),
                                        TEXT("RedriveAllowPolicy"), TEXT("DeliveryPolicy")};

    for (size_t i = 0; i < countof(names); i++) {
        if (text_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* As a text; at == NULL: it is none, but null, a list or an object. */
static struct text scalar_text(const json_t *value, char space[NUMBER_TEXT])
{
    switch ((int)json_typeof(value)) {
    case JSON_STRING: return text_make(json_string_value(value), json_string_length(value));
    case JSON_TRUE: return T("true");
    case JSON_FALSE: return T("false");
    case JSON_INTEGER:
        (void)snprintf(space, NUMBER_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return text_from(space);
    case JSON_REAL:
        (void)snprintf(space, NUMBER_TEXT, "%.17g", json_real_value(value));
        return text_from(space);
    default: break;
    }
    return (struct text){0};
}

static bool scalars_equal(const json_t *a, const json_t *b, bool is_typed)
{
    char spaces[2][NUMBER_TEXT];
    struct text left = scalar_text(a, spaces[0]);
    struct text right = scalar_text(b, spaces[1]);

    if (is_typed || left.at == NULL || right.at == NULL) {
        return json_equal(a, b) == 1;
    }
    return text_equal(left, right);
}

static bool trees_equal(json_t *a, json_t *b, bool is_typed);

static bool objects_equal(json_t *a, json_t *b, bool is_typed)
{
    const char *name;
    json_t *member;

    if (json_object_size(a) != json_object_size(b)) {
        return false;
    }
    json_object_foreach(a, name, member)
    {
        if (!trees_equal(member, json_object_get(b, name), is_typed)) {
            return false;
        }
    }
    return true;
}

static bool lists_equal(json_t *a, json_t *b, bool is_typed)
{
    if (json_array_size(a) != json_array_size(b)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (!trees_equal(json_array_get(a, i), json_array_get(b, i), is_typed)) {
            return false;
        }
    }
    return true;
}

/* As deep as jansson parses. */
static bool trees_equal(json_t *a, json_t *b, bool is_typed)
{
    if (a == NULL || b == NULL) {
        return false;
    }
    if (json_is_object(a) && json_is_object(b)) {
        return objects_equal(a, b, is_typed);
    }
    if (json_is_array(a) && json_is_array(b)) {
        return lists_equal(a, b, is_typed);
    }
    return scalars_equal(a, b, is_typed);
}

bool attribute_values_equal(struct text name, struct text a, struct text b)
{
    if (text_equal(a, b)) {
        return true;
    }
    json_t *left = a.len == 0 ? NULL : json_loadb(a.at, a.len, 0, NULL);
    json_t *right = b.len == 0 ? NULL : json_loadb(b.at, b.len, 0, NULL);
    bool is_typed = !is_untyped(name) && !mutant("common.filters-untyped");
    bool is_equal = trees_equal(left, right, is_typed);

    json_decref(left);
    json_decref(right);
    return is_equal;
}
