/* The commands that the operator allows, out of the configuration. */
#include "exec.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 256
#define DIGITS_MAX    24

static struct exec_command *command_of(const struct named *named)
{
    return (struct exec_command *)(void *)named->thing;
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

static bool arguments_take(const struct named *named, const struct named_setting *setting,
                           json_t *value)
{
    struct exec_command *command = command_of(named);
    size_t count = json_array_size(value);

    (void)setting;
    if (!json_is_array(value) || count == 0 || count > ARGUMENTS_MAX) {
        return named_refuse(named, "command must be a list of texts: [/path, argument]");
    }
    command->arguments = calloc(count + 1, sizeof(char *));
    for (size_t i = 0; command->arguments != NULL && i < count; i++) {
        command->arguments[i] = argument_text(json_array_get(value, i));
        if (command->arguments[i] == NULL) {
            return named_refuse(named, "argument %zu is not a text, put it in quotes", i);
        }
    }
    if (command->arguments == NULL || command->arguments[0][0] != '/') {
        return named_refuse(named, "command must begin with an absolute path");
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

static bool environment_take(const struct named *named, const struct named_setting *setting,
                             json_t *map)
{
    struct exec_command *command = command_of(named);
    size_t count = 0;
    const char *name = NULL;
    json_t *value = NULL;

    (void)setting;
    command->environment = calloc(json_object_size(map) + 1, sizeof(char *));
    if (!json_is_object(map) || command->environment == NULL) {
        return named_refuse(named, "environment must be names and values");
    }
    json_object_foreach(map, name, value)
    {
        char *text = argument_text(value);
        bool is_good = text != NULL && is_variable(name)
                       && asprintf(&command->environment[count], "%s=%s", name, text) >= 0;

        free(text);
        if (!is_good) {
            return named_refuse(named, "environment: %.64s cannot be set", name);
        }
        count++;
    }
    return true;
}

/* --- A command. */

static bool is_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    return name[0] != '\0' && strlen(name) <= 64 && strspn(name, allowed) == strlen(name);
}

static bool command_check(const struct named *named)
{
    const struct exec_command *command = command_of(named);

    if (command->directory != NULL && command->directory[0] != '/') {
        return named_refuse(named, "directory must be an absolute path");
    }
    return command->arguments != NULL
           || named_refuse(named, "what is to be run is missing: command: [/path]");
}

static void command_free(void *thing)
{
    struct exec_command *command = thing;

    free(command->name);
    texts_free(command->arguments);
    texts_free(command->environment);
    free(command->directory);
    free(command->user);
    free(command->home);
}

static const struct named_setting settings[] = {
    {"command", arguments_take, 0, 0, 0, 0},
    {"environment", environment_take, 0, 0, 0, 0},
    {"user", named_text, offsetof(struct exec_command, user), 0, 0, 0},
    {"directory", named_text, offsetof(struct exec_command, directory), 0, 0, 0},
    {"new_privileges", named_flag, offsetof(struct exec_command, new_privileges), 0, 0, 0},
    {"timeout", named_number, offsetof(struct exec_command, timeout_s), 1, 3600, 10},
    {"concurrency", named_number, offsetof(struct exec_command, concurrency), 1, 1000, 4},
    {"output_max", named_number, offsetof(struct exec_command, output_max), 1,
     UINT64_C(1) << 30, 65536},
    {"memory_max", named_number, offsetof(struct exec_command, memory_max), 1 << 20,
     UINT64_C(1) << 40, 0},
    {"cpu_max", named_number, offsetof(struct exec_command, cpu_max), 1, 86400, 0},
    {"files_max", named_number, offsetof(struct exec_command, files_max), 8, 1 << 20, 256},
    {"processes_max", named_number, offsetof(struct exec_command, processes_max), 1, 1 << 20,
     0},
};

static const struct named_kind kind = {
    .noun = "command",
    .plural = "commands",
    .rule = "a command has a name of letters, digits, - and _, and settings",
    .is_name = is_name,
    .size = sizeof(struct exec_command),
    .settings = settings,
    .setting_count = sizeof settings / sizeof settings[0],
    .finish = command_check,
    .free_thing = command_free,
};

bool commands_read(const char *text, struct commands *ret, char ret_why[WHY_ROOM])
{
    void *items = NULL;

    if (!named_read(&kind, text, &items, &ret->count, ret_why)) {
        return false;
    }
    ret->items = items;
    return true;
}

void commands_free(struct commands *commands)
{
    named_free(&kind, commands->items, commands->count);
}

/* --- Users. */

static bool user_find(struct exec_command *command, char why[WHY_ROOM])
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

struct exec_command *commands_find(const struct commands *commands, const char *protocol,
                                   const char *endpoint)
{
    size_t len = strlen(endpoint);
    const char *name =
        strcmp(protocol, "lambda") == 0 ? function_name(endpoint, &len) : endpoint;

    for (size_t i = 0; name != NULL && i < commands->count; i++) {
        struct exec_command *command = &commands->items[i];

        if (strlen(command->name) == len && memcmp(command->name, name, len) == 0) {
            return command;
        }
    }
    return NULL;
}
