/* The commands that the operator allows, out of the configuration. */
#include "exec.h"

#include <jansson.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 256
#define DIGITS_MAX    24

__attribute__((format(printf, 2, 3))) static bool refuse(char why[WHY_ROOM], const char *format,
                                                         ...)
{
    va_list arguments;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(why, WHY_ROOM, format, arguments);
    va_end(arguments);
    return false;
}

/* --- Numbers. */

struct number {
    const char *name;
    size_t offset;
    uint64_t least, most, value; /* `value`: the default; 0 is allowed where it is that */
};

static const struct number numbers[] = {
    {"timeout", offsetof(struct command, timeout_s), 1, 3600, 10},
    {"concurrency", offsetof(struct command, concurrency), 1, 1000, 4},
    {"output_max", offsetof(struct command, output_max), 1, UINT64_C(1) << 30, 65536},
    {"memory_max", offsetof(struct command, memory_max), 1 << 20, UINT64_C(1) << 40, 0},
    {"cpu_max", offsetof(struct command, cpu_max), 1, 86400, 0},
    {"files_max", offsetof(struct command, files_max), 8, 1 << 20, 256},
    {"processes_max", offsetof(struct command, processes_max), 1, 1 << 20, 0},
};

static const struct {
    const char *suffix;
    unsigned shift;
} units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};

/* 4, "4", "64KiB" */
static bool number_read(const json_t *value, uint64_t *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;

    if (json_is_integer(value)) {
        *ret = json_integer_value(value) < 0 ? UINT64_MAX : (uint64_t)json_integer_value(value);
        return true;
    }
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    unsigned long long number = strtoull(text, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].suffix) == 0 && number < UINT64_C(1) << 33) {
            *ret = (uint64_t)number << units[i].shift;
            return true;
        }
    }
    return false;
}

static bool number_take(struct command *command, const struct number *row, const json_t *value,
                        char why[WHY_ROOM])
{
    uint64_t number = 0;

    if (!number_read(value, &number)
        || ((number < row->least || number > row->most) && !(number == 0 && row->value == 0))) {
        return refuse(why, "command %.64s: %s must be a number from %llu to %llu",
                      command->name, row->name, (unsigned long long)row->least,
                      (unsigned long long)row->most);
    }
    memcpy((char *)command + row->offset, &number, sizeof number);
    return true;
}

/* --- Texts. */

/* YAML makes a number of 5: an argument is a text all the same. */
static char *argument_text(const json_t *value)
{
    char digits[DIGITS_MAX];

    if (json_is_integer(value)) {
        (void)snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
        return strdup(digits);
    }
    if (json_is_boolean(value)) {
        return strdup(json_is_true(value) ? "true" : "false");
    }
    return json_is_string(value) ? strdup(json_string_value(value)) : NULL;
}

static bool arguments_take(struct command *command, const json_t *list, char why[WHY_ROOM])
{
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count == 0 || count > ARGUMENTS_MAX) {
        return refuse(why, "command %.64s: command must be a list of texts: [/path, argument]",
                      command->name);
    }
    command->arguments = calloc(count + 1, sizeof(char *));
    for (size_t i = 0; command->arguments != NULL && i < count; i++) {
        command->arguments[i] = argument_text(json_array_get(list, i));
        if (command->arguments[i] == NULL) {
            return refuse(why, "command %.64s: argument %zu is not a text, put it in quotes",
                          command->name, i);
        }
    }
    if (command->arguments == NULL || command->arguments[0][0] != '/') {
        return refuse(why, "command %.64s: command must begin with an absolute path",
                      command->name);
    }
    return true;
}

static bool is_variable(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

    return name[0] != '\0' && strspn(name, allowed) == strlen(name)
           && strncmp(name, "FANFARE_", 8) != 0;
}

static bool environment_take(struct command *command, json_t *map, char why[WHY_ROOM])
{
    size_t count = 0;
    const char *name = NULL;
    json_t *value = NULL;

    command->environment = calloc(json_object_size(map) + 1, sizeof(char *));
    if (!json_is_object(map) || command->environment == NULL) {
        return refuse(why, "command %.64s: environment must be names and values",
                      command->name);
    }
    json_object_foreach(map, name, value)
    {
        char *text = argument_text(value);
        bool is_good = text != NULL && is_variable(name)
                       && asprintf(&command->environment[count], "%s=%s", name, text) >= 0;

        free(text);
        if (!is_good) {
            return refuse(why, "command %.64s: environment: %.64s cannot be set", command->name,
                          name);
        }
        count++;
    }
    return true;
}

static bool text_take(struct command *command, const char *name, char **ret_text,
                      const json_t *value, char why[WHY_ROOM])
{
    *ret_text = json_string_length(value) == 0 ? NULL : strdup(json_string_value(value));
    return *ret_text != NULL
           || refuse(why, "command %.64s: %s must be a text", command->name, name);
}

/* --- A command. */

static bool member_take(struct command *command, const char *name, json_t *value,
                        char why[WHY_ROOM])
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].name, name) == 0) {
            return number_take(command, &numbers[i], value, why);
        }
    }
    if (strcmp(name, "command") == 0) {
        return arguments_take(command, value, why);
    }
    if (strcmp(name, "environment") == 0) {
        return environment_take(command, value, why);
    }
    if (strcmp(name, "new_privileges") == 0) {
        command->new_privileges = json_is_true(value);
        return json_is_boolean(value)
               || refuse(why, "command %.64s: new_privileges must be true or false",
                         command->name);
    }
    if (strcmp(name, "user") == 0) {
        return text_take(command, name, &command->user, value, why);
    }
    if (strcmp(name, "directory") == 0) {
        return text_take(command, name, &command->directory, value, why)
               && (command->directory[0] == '/'
                   || refuse(why, "command %.64s: directory must be an absolute path",
                             command->name));
    }
    return refuse(why, "command %.64s: there is no setting \"%.64s\"", command->name, name);
}

static bool is_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    return name[0] != '\0' && strlen(name) <= 64 && strspn(name, allowed) == strlen(name);
}

static bool command_read(const char *name, json_t *members, struct command *command,
                         char why[WHY_ROOM])
{
    const char *member = NULL;
    json_t *value = NULL;

    command->name = strdup(name);
    if (command->name == NULL || !is_name(name) || !json_is_object(members)) {
        return refuse(why,
                      "\"%.64s\": a command has a name of letters, digits, - and _, and "
                      "settings",
                      name);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        memcpy((char *)command + numbers[i].offset, &numbers[i].value, sizeof numbers[i].value);
    }
    json_object_foreach(members, member, value)
    {
        if (!member_take(command, member, value, why)) {
            return false;
        }
    }
    return command->arguments != NULL
           || refuse(why, "command %.64s: what is to be run is missing: command: [/path]",
                     name);
}

bool commands_read(const char *text, struct commands *ret, char ret_why[WHY_ROOM])
{
    struct commands commands = {0};
    const char *name = NULL;
    json_t *members = NULL;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool is_good = json_is_object(all);

    if (!is_good) {
        (void)refuse(ret_why, "it must be names of commands and their settings, each once");
    } else {
        commands.items = calloc(json_object_size(all) + 1, sizeof *commands.items);
        is_good = commands.items != NULL;
    }
    json_object_foreach(all, name, members)
    {
        is_good =
            is_good && command_read(name, members, &commands.items[commands.count++], ret_why);
    }
    json_decref(all);
    if (!is_good) {
        commands_free(&commands);
        return false;
    }
    *ret = commands;
    return true;
}

/* --- Users. */

static bool user_find(struct command *command, char why[WHY_ROOM])
{
    char room[16384];
    struct passwd entry;
    struct passwd *found = NULL;

    if (command->user == NULL) {
        return true;
    }
    if (getpwnam_r(command->user, &entry, room, sizeof room, &found) != 0 || found == NULL) {
        return refuse(why, "command %.64s: there is no user %.64s", command->name,
                      command->user);
    }
    command->uid = entry.pw_uid;
    command->gid = entry.pw_gid;
    command->group_count = GROUPS_MAX;
    if (getgrouplist(command->user, entry.pw_gid, command->groups, &command->group_count) < 0) {
        return refuse(why, "command %.64s: %.64s is in too many groups", command->name,
                      command->user);
    }
    if (geteuid() != 0 && geteuid() != entry.pw_uid) {
        return refuse(why, "command %.64s: only root can run it as %.64s", command->name,
                      command->user);
    }
    command->home = strdup(entry.pw_dir);
    return command->home != NULL || refuse(why, "out of memory");
}

bool commands_find_users(struct commands *commands, char ret_why[WHY_ROOM])
{
    for (size_t i = 0; i < commands->count; i++) {
        if (!user_find(&commands->items[i], ret_why)) {
            return false;
        }
    }
    return true;
}

/* --- Found. */

/* arn:aws:lambda:<region>:<account>:function:<name>, perhaps with :<version>. */
static const char *function_name(const char *arn, size_t *ret_len)
{
    static const char service[] = "lambda";
    const char *part = arn;

    if (strncmp(arn, "arn:", 4) != 0) {
        return NULL;
    }
    for (int colon = 0; colon < 6; colon++) {
        part = strchr(part, ':');
        if (part == NULL) {
            return NULL;
        }
        part++;
        if ((colon == 1 && strncmp(part, service, strlen(service)) != 0)
            || (colon == 4 && strncmp(part, "function:", 9) != 0)) {
            return NULL;
        }
    }
    *ret_len = strcspn(part, ":");
    return part;
}

struct command *commands_find(const struct commands *commands, const char *protocol,
                              const char *endpoint)
{
    size_t len = strlen(endpoint);
    const char *name =
        strcmp(protocol, "lambda") == 0 ? function_name(endpoint, &len) : endpoint;

    for (size_t i = 0; name != NULL && i < commands->count; i++) {
        struct command *command = &commands->items[i];

        if (strlen(command->name) == len && memcmp(command->name, name, len) == 0) {
            return command;
        }
    }
    return NULL;
}

/* --- Ended. */

static void texts_free(char **texts)
{
    for (char **next = texts; next != NULL && *next != NULL; next++) {
        free(*next);
    }
    free(texts);
}

void commands_free(struct commands *commands)
{
    for (size_t i = 0; i < commands->count; i++) {
        struct command *command = &commands->items[i];

        free(command->name);
        texts_free(command->arguments);
        texts_free(command->environment);
        free(command->directory);
        free(command->user);
        free(command->home);
    }
    free(commands->items);
}
