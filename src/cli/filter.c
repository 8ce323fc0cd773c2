/* fanfare filter: policies tried from the command line, without a daemon. */
#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/must.h"
#include "cli/internal.h"

#include <fanfare/filter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX       ((size_t)16 << 20)
#define ATTRIBUTES_MAX 1000

/* One case: what to try on what.  Texts are borrowed from the line or the arena. */
struct trial {
    struct text id; /* as written in JSON */
    struct text policy;
    struct text body;
    enum filter_scope scope;
    enum filter_profile profile;
    struct filter_attribute *attributes;
    size_t attribute_count;
};

struct options {
    const char *policy;
    const char *message;
    enum filter_scope scope;
    enum filter_profile profile;
};

struct name_value {
    const char *name;
    int value;
};

static const struct name_value scopes[] = {{"MessageBody", FILTER_SCOPE_BODY},
                                           {"MessageAttributes", FILTER_SCOPE_ATTRIBUTES}};
static const struct name_value profiles[] = {{"sns", FILTER_PROFILE_SNS},
                                             {"fanfare", FILTER_PROFILE_FANFARE}};

static bool name_find(const struct name_value *rows, size_t count, struct text name,
                      int *ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(name, text_from(rows[i].name))) {
            *ret_value = rows[i].value;
            return true;
        }
    }
    return false;
}

/* A string's text, any other value as it is written, nothing for null. */
static bool value_read(struct json_reader *reader, struct text *ret_text)
{
    struct json_reader ahead = *reader;
    enum json_token token = json_next(&ahead);

    if (token == JSON_STRING) {
        *ret_text = ahead.value;
        *reader = ahead;
        return true;
    }
    return json_raw(reader, ret_text)
           && (token != JSON_NULL || (*ret_text = text_make("", 0), true));
}

/* The first part of a data type says what it is: Number.float is a Number. */
static bool attribute_type(struct text type, enum filter_attribute_type *ret_type)
{
    static const struct name_value types[] = {{"String", FILTER_ATTRIBUTE_STRING},
                                              {"Number", FILTER_ATTRIBUTE_NUMBER},
                                              {"Binary", FILTER_ATTRIBUTE_BINARY}};
    int value = FILTER_ATTRIBUTE_STRING_ARRAY;

    if (!text_equal(type, T("String.Array"))
        && !name_find(types, countof(types), text_first(type, text_find(type, '.')), &value)) {
        return false;
    }
    *ret_type = (enum filter_attribute_type)value;
    return true;
}

/* {"DataType": ..., "StringValue": ...} */
static bool attribute_read(struct json_reader *reader, struct filter_attribute *attribute)
{
    struct text type = T("String");
    struct text value = {.len = 0};
    enum json_token token;

    if (json_next(reader) != JSON_OBJECT) {
        return false;
    }
    while ((token = json_next(reader)) == JSON_NAME) {
        struct text name = reader->value;
        struct text text;

        if (!value_read(reader, &text)) {
            return false;
        }
        if (text_equal(name, T("DataType"))) {
            type = text;
        } else if (text_equal(name, T("StringValue"))) {
            value = text;
        }
    }
    attribute->value = value.at;
    attribute->value_len = value.len;
    return token == JSON_OBJECT_END && attribute_type(type, &attribute->type);
}

/* Reads an object of attributes from its raw text. */
static bool attributes_read(struct text raw, struct arena *arena, struct trial *trial)
{
    struct json_reader reader;
    enum json_token token;

    trial->attributes = arena_array(arena, ATTRIBUTES_MAX, sizeof *trial->attributes);
    json_reader_init(&reader, raw, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        struct filter_attribute *attribute = &trial->attributes[trial->attribute_count];

        if (trial->attribute_count == ATTRIBUTES_MAX) {
            return false;
        }
        attribute->name = reader.value.at;
        attribute->name_len = reader.value.len;
        if (!attribute_read(&reader, attribute)) {
            return false;
        }
        trial->attribute_count++;
    }
    return token == JSON_OBJECT_END;
}

static bool member_read(struct json_reader *reader, struct arena *arena, struct trial *trial)
{
    struct text name = reader->value;
    struct text text;
    int scope;

    if (text_equal(name, T("id"))) {
        return json_raw(reader, &trial->id);
    }
    if (!value_read(reader, &text)) {
        return false;
    }
    if (text_equal(name, T("policy"))) {
        trial->policy = text;
    } else if (text_equal(name, T("body"))) {
        trial->body = text;
    } else if (text_equal(name, T("attributes")) && text.len > 0) {
        return attributes_read(text, arena, trial);
    } else if (text_equal(name, T("scope")) && text.len > 0) {
        if (!name_find(scopes, countof(scopes), text, &scope)) {
            return false;
        }
        trial->scope = (enum filter_scope)scope;
    }
    return true;
}

static bool trial_read(struct text line, struct arena *arena, struct trial *trial)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, line, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        if (!member_read(&reader, arena, trial)) {
            return false;
        }
    }
    return token == JSON_OBJECT_END;
}

static struct filter_message trial_message(const struct trial *trial)
{
    return (struct filter_message){.attributes = trial->attributes,
                                   .attribute_count = trial->attribute_count,
                                   .body = trial->body.at,
                                   .body_len = trial->body.len};
}

static enum filter_status trial_run(const struct trial *trial, bool *ret_matches,
                                    struct filter_error *error)
{
    struct filter_message message = trial_message(trial);
    struct filter_policy *policy;
    enum filter_status status = filter_policy_compile(
        trial->policy.at, trial->policy.len, trial->scope, trial->profile, &policy, error);

    if (status == FILTER_OK) {
        status = filter_policy_matches(policy, &message, ret_matches);
        filter_policy_free(policy);
    }
    return status;
}

static void answer_write(struct buffer *out, const struct trial *trial,
                         enum filter_status status, bool matches,
                         const struct filter_error *error)
{
    struct text why = T("out of memory");

    buffer_add_string(out, "{\"id\": ");
    buffer_add(out, trial->id.len > 0 ? trial->id : T("null"));
    if (status == FILTER_OK) {
        buffer_add_string(out, matches ? ", \"match\": true}\n" : ", \"match\": false}\n");
        return;
    }
    if (status == FILTER_INVALID && error->text != NULL) {
        why = text_make(error->text, error->len);
    }
    buffer_add_string(out, ", \"error\": ");
    json_write_string(out, why);
    buffer_add_string(out, "}\n");
}

static void line_answer(struct text line, enum filter_profile profile, struct arena *arena,
                        struct buffer *out)
{
    struct trial trial = {.scope = FILTER_SCOPE_ATTRIBUTES, .profile = profile};
    struct filter_error error = {.text = NULL};
    bool matches = false;
    enum filter_status status;

    if (!trial_read(line, arena, &trial)) {
        buffer_add_string(out, "{\"id\": ");
        buffer_add(out, trial.id.len > 0 ? trial.id : T("null"));
        buffer_add_string(out, ", \"error\": \"not a case\"}\n");
        return;
    }
    status = trial_run(&trial, &matches, &error);
    answer_write(out, &trial, status, matches, &error);
    filter_error_clear(&error);
}

static int command_eval(const struct options *options)
{
    struct arena arena = {.used = 0};
    struct buffer out;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    buffer_init(&out, FILE_MAX);
    while ((len = getline(&line, &room, stdin)) > 0) {
        struct text text = text_make(line, (size_t)len);

        if (len == 1 && line[0] == '\n') {
            continue;
        }
        line_answer(text, options->profile, &arena, &out);
        (void)fwrite(out.at, 1, out.len, stdout);
        (void)fflush(stdout);
        buffer_clear(&out);
        arena_reset(&arena);
    }
    free(line);
    buffer_free(&out);
    arena_free(&arena);
    return ferror(stdin) || ferror(stdout) ? 1 : 0;
}

static bool file_read(const char *name, struct buffer *to)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
    char chunk[8192];
    size_t len;
    bool fine;

    if (file == NULL) {
        (void)fprintf(stderr, "fanfare filter: %s: cannot be opened\n", name);
        return false;
    }
    while ((len = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buffer_add(to, text_make(chunk, len));
    }
    fine = !ferror(file) && !to->overflown;
    if (!fine) {
        (void)fprintf(stderr, "fanfare filter: %s: cannot be read, or is too large\n", name);
    }
    if (file != stdin) {
        (void)fclose(file);
    }
    return fine;
}

static void finding_print(const struct filter_finding *finding, bool alternatives)
{
    if (alternatives) {
        (void)printf("  alternative %u:", finding->alternative + 1);
    }
    (void)printf("  %s  %s  %s\n", finding->holds ? "holds" : "FAILS", finding->path,
                 finding->condition);
    (void)printf("%s         seen: %s\n", alternatives ? "                " : "",
                 finding->seen == NULL ? "nothing" : finding->seen);
}

static void explanation_print(const struct filter_explanation *explanation)
{
    const struct filter_finding *findings = explanation->findings;
    size_t count = explanation->finding_count;
    bool alternatives = count > 0 && findings[count - 1].alternative > 0;

    (void)printf("%s: %s\n", explanation->matches ? "match" : "no match", explanation->reason);
    for (size_t i = 0; i < count; i++) {
        finding_print(&findings[i], alternatives);
    }
}

static int trial_explain(const struct trial *trial)
{
    struct filter_message message = trial_message(trial);
    struct filter_error error = {.text = NULL};
    struct filter_explanation explanation;
    struct filter_policy *policy;
    enum filter_status status = filter_policy_compile(
        trial->policy.at, trial->policy.len, trial->scope, trial->profile, &policy, &error);

    if (status != FILTER_OK) {
        (void)fprintf(stderr, "fanfare filter: the policy is refused: %s\n",
                      error.text == NULL ? "out of memory" : error.text);
        filter_error_clear(&error);
        return 2;
    }
    status = filter_explain(policy, &message, &explanation);
    filter_policy_free(policy);
    if (status != FILTER_OK) {
        (void)fputs("fanfare filter: out of memory\n", stderr);
        return 2;
    }
    explanation_print(&explanation);
    status = explanation.matches ? FILTER_OK : FILTER_NOT_FOUND;
    filter_explanation_clear(&explanation);
    return status == FILTER_OK ? 0 : 1;
}

static int command_explain(const struct options *options)
{
    struct trial trial = {.scope = options->scope, .profile = options->profile};
    struct arena arena = {.used = 0};
    struct buffer policy;
    struct buffer message;
    int code = 2;

    must(options->policy != NULL && options->message != NULL);
    buffer_init(&policy, FILE_MAX);
    buffer_init(&message, FILE_MAX);
    if (file_read(options->policy, &policy) && file_read(options->message, &message)) {
        trial.policy = buffer_text(&policy);
        trial.body = buffer_text(&message);
        if (trial.scope == FILTER_SCOPE_ATTRIBUTES
            && !attributes_read(trial.body, &arena, &trial)) {
            (void)fprintf(stderr, "fanfare filter: %s: not an object of attributes\n",
                          options->message);
        } else {
            code = trial_explain(&trial);
        }
    }
    buffer_free(&policy);
    buffer_free(&message);
    arena_free(&arena);
    return code;
}

/* A word out of an option, by the rows; CLI_OK, or CLI_USAGE after saying why.  An option that
 * was not given leaves *io_value. */
static int word_read(const struct cli *cli, const char *option, const struct name_value *rows,
                     size_t count, int *io_value)
{
    const char *value = cli_option_value(cli, option);

    if (value == NULL || name_find(rows, count, text_from(value), io_value)) {
        return CLI_OK;
    }
    return cli_fail(cli, CLI_USAGE, "%s: there is no \"%s\"", option, value);
}

static int options_read(const struct cli *cli, struct options *ret_options)
{
    int scope = FILTER_SCOPE_BODY;
    int profile = FILTER_PROFILE_SNS;
    int code = word_read(cli, "--scope", scopes, countof(scopes), &scope);

    code = code != CLI_OK ? code
                          : word_read(cli, "--profile", profiles, countof(profiles), &profile);
    *ret_options = (struct options){.policy = cli_option_value(cli, "--policy"),
                                    .message = cli_option_value(cli, "--message"),
                                    .scope = (enum filter_scope)scope,
                                    .profile = (enum filter_profile)profile};
    return code;
}

int cli_filter_eval(struct cli *cli)
{
    struct options options;
    int code = options_read(cli, &options);

    return code != CLI_OK ? code : command_eval(&options);
}

int cli_filter_explain(struct cli *cli)
{
    struct options options;
    int code = options_read(cli, &options);

    if (code == CLI_OK && (options.policy == NULL || options.message == NULL)) {
        code = cli_fail(cli, CLI_USAGE, "wants --policy FILE and --message FILE");
    }
    return code != CLI_OK ? code : command_explain(&options);
}
