/* Every case of cases.jsonl: what AWS does (as far as it is known) with a policy and a message.
 * Each is tried alone, in an index, and explained; errors must carry the text of the note. */
#include "base/arena.h"
#include "base/json.h"

#include <fanfare/filter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX 16
#define CASES_MIN      200 /* fewer means that the file is not what it was */

enum expectation {
    EXPECT_MATCH,
    EXPECT_NO_MATCH,
    EXPECT_ERROR
};

struct trial {
    struct text id;
    struct text policy;
    struct text note;
    struct text body;
    enum filter_scope scope;
    enum expectation expectation;
    struct filter_attribute attributes[ATTRIBUTES_MAX];
    size_t attribute_count;
};

static void fail(const struct trial *trial, const char *what, const char *detail)
{
    (void)fprintf(stderr, "%.*s: %s %s\n  policy %.*s\n", TEXT_PRINTF(trial->id), what, detail,
                  TEXT_PRINTF(trial->policy));
    _Exit(1);
}

static void require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "the file of cases: %s\n", what);
        _Exit(1);
    }
}

/* A string's text, or any other value as written. */
static struct text value_read(struct json_reader *reader)
{
    struct json_reader ahead = *reader;
    struct text raw = {.len = 0};

    if (json_next(&ahead) == JSON_STRING) {
        *reader = ahead;
        return ahead.value;
    }
    require(json_raw(reader, &raw), "a value");
    return raw;
}

static enum filter_attribute_type type_of(struct text name)
{
    static const char *const names[] = {"String", "Number", "String.Array", "Binary"};

    for (size_t i = 0; i < countof(names); i++) {
        if (text_equal(name, text_from(names[i]))) {
            return (enum filter_attribute_type)i;
        }
    }
    require(false, "a data type");
    return FILTER_ATTRIBUTE_STRING;
}

static void attribute_read(struct json_reader *reader, struct filter_attribute *attribute)
{
    require(json_next(reader) == JSON_OBJECT, "an attribute");
    while (json_next(reader) == JSON_NAME) {
        struct text name = reader->value;
        struct text value = value_read(reader);

        if (text_equal(name, T("DataType"))) {
            attribute->type = type_of(value);
        } else if (text_equal(name, T("StringValue"))) {
            attribute->value = value.at;
            attribute->value_len = value.len;
        }
    }
}

static void attributes_read(struct json_reader *reader, struct trial *trial)
{
    enum json_token token = json_next(reader);

    while (token == JSON_OBJECT && json_next(reader) == JSON_NAME) {
        struct filter_attribute *attribute = &trial->attributes[trial->attribute_count++];

        require(trial->attribute_count <= ATTRIBUTES_MAX, "attributes");
        attribute->name = reader->value.at;
        attribute->name_len = reader->value.len;
        attribute_read(reader, attribute);
    }
}

static void member_read(struct json_reader *reader, struct trial *trial)
{
    struct text name = reader->value;
    struct text value;

    if (text_equal(name, T("attributes"))) {
        attributes_read(reader, trial);
        return;
    }
    value = value_read(reader);
    if (text_equal(name, T("id"))) {
        trial->id = value;
    } else if (text_equal(name, T("policy"))) {
        trial->policy = value;
    } else if (text_equal(name, T("note"))) {
        trial->note = value;
    } else if (text_equal(name, T("body"))) {
        trial->body = text_equal(value, T("null")) && trial->scope == FILTER_SCOPE_ATTRIBUTES
                          ? text_make("", 0)
                          : value;
    } else if (text_equal(name, T("scope"))) {
        trial->scope =
            text_equal(value, T("MessageBody")) ? FILTER_SCOPE_BODY : FILTER_SCOPE_ATTRIBUTES;
    } else if (text_equal(name, T("expect"))) {
        trial->expectation = text_equal(value, T("true"))    ? EXPECT_MATCH
                             : text_equal(value, T("false")) ? EXPECT_NO_MATCH
                                                             : EXPECT_ERROR;
    }
}

/* "FilterPolicy: Empty arrays are not allowed (...)" in a note is the text AWS gives. */
static void error_check(const struct trial *trial, const struct filter_error *error)
{
    static const char mark[] = "FilterPolicy: ";
    size_t first_line = strcspn(error->text, "\n");

    for (size_t i = 0; i + sizeof mark < trial->note.len; i++) {
        struct text rest = text_after(trial->note, i);

        if (text_starts_with(rest, T("FilterPolicy: "))
            && !text_starts_with(rest, T("FilterPolicy: a "))
            && !text_starts_with(rest, T("FilterPolicy: failed"))
            && !text_starts_with(text_after(rest, sizeof mark - 1),
                                 text_make(error->text, first_line))) {
            fail(trial, "another error:", error->text);
        }
    }
}

static void policy_check(const struct trial *trial, const struct filter_policy *policy)
{
    struct filter_message message = {.attributes = trial->attributes,
                                     .attribute_count = trial->attribute_count,
                                     .body = trial->body.at,
                                     .body_len = trial->body.len};
    bool expected = trial->expectation == EXPECT_MATCH;
    struct filter_index *index = filter_index_create();
    struct filter_explanation explanation;
    const uint32_t *ids;
    size_t count;
    bool matches = !expected;

    if (filter_policy_matches(policy, &message, &matches) != FILTER_OK || matches != expected) {
        fail(trial, "alone it", expected ? "does not match" : "matches");
    }
    if (filter_explain(policy, &message, &explanation) != FILTER_OK
        || explanation.matches != expected) {
        fail(trial, "explained it", expected ? "does not match" : "matches");
    }
    filter_explanation_clear(&explanation);
    if (filter_index_add(index, 7, policy) != FILTER_OK
        || filter_index_match(index, &message, &ids, &count) != FILTER_OK
        || count != expected) {
        fail(trial, "in an index it", expected ? "does not match" : "matches");
    }
    filter_index_free(index);
}

static void trial_run(const struct trial *trial)
{
    struct filter_error error = {.text = NULL};
    struct filter_policy *policy = NULL;
    enum filter_status status = filter_policy_compile(
        trial->policy.at, trial->policy.len, trial->scope, FILTER_PROFILE_SNS, &policy, &error);

    if ((status == FILTER_INVALID) != (trial->expectation == EXPECT_ERROR)) {
        fail(trial, "compiling gave", error.text == NULL ? "no error" : error.text);
    }
    if (status == FILTER_INVALID) {
        error_check(trial, &error);
    } else {
        policy_check(trial, policy);
    }
    filter_policy_free(policy);
    filter_error_clear(&error);
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    struct arena arena = {.used = 0};
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    size_t count = 0;

    require(file != NULL, "cannot be opened");
    while ((len = getline(&line, &room, file)) > 0) {
        struct trial trial = {.attribute_count = 0};
        struct json_reader reader;

        json_reader_init(&reader, text_make(line, (size_t)len), &arena);
        require(json_next(&reader) == JSON_OBJECT, "a line");
        while (json_next(&reader) == JSON_NAME) {
            member_read(&reader, &trial);
        }
        trial_run(&trial);
        arena_reset(&arena);
        count++;
    }
    (void)printf("%zu cases\n", count);
    require(count >= CASES_MIN, "too few cases");
    free(line);
    arena_free(&arena);
    (void)fclose(file);
    return 0;
}
