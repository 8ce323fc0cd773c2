/* What a command finds in its environment: nothing of the daemon's own. */
#include "exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLES_FIXED 24
#define ATTRIBUTES_MAX  64
#define VALUE_MAX       ((size_t)16 * 1024) /* longer ones are left out: exec has its limits */

struct variables {
    char **items;
    size_t count;
    size_t room;
    bool is_short_of_memory;
};

static bool has(const struct variables *variables, const char *name, size_t len)
{
    for (size_t i = 0; i < variables->count; i++) {
        if (strncmp(variables->items[i], name, len) == 0 && variables->items[i][len] == '=') {
            return true;
        }
    }
    return false;
}

/* The first of a name counts. */
static void add_counted(struct variables *variables, const char *name, const char *value,
                        size_t size)
{
    size_t len = strlen(name);

    if (variables->count == variables->room || size > VALUE_MAX
        || memchr(value, '\0', size) != NULL || has(variables, name, len)) {
        return;
    }
    char *text = malloc(len + size + 2);

    if (text == NULL) {
        variables->is_short_of_memory = true;
        return;
    }
    memcpy(text, name, len);
    text[len] = '=';
    memcpy(text + len + 1, value, size);
    text[len + 1 + size] = '\0';
    variables->items[variables->count++] = text;
}

static void add(struct variables *variables, const char *name, const char *value)
{
    add_counted(variables, name, value, strlen(value));
}

/* "NAME=value", of the operator. */
static void add_given(struct variables *variables, const char *pair)
{
    char *copy = strdup(pair);

    if (copy == NULL) {
        variables->is_short_of_memory = true;
        return;
    }
    variables->items[variables->count++] = copy;
}

static void add_number(struct variables *variables, const char *name, int64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%lld", (long long)number);
    add(variables, name, digits);
}

/* "order-id" is FANFARE_ATTRIBUTE_order_id. */
static void add_attribute(struct variables *variables,
                          const struct delivery_attribute *attribute)
{
    char name[300];

    if (strncmp(attribute->type, "Binary", 6) == 0) {
        return;
    }
    (void)snprintf(name, sizeof name, "FANFARE_ATTRIBUTE_%s", attribute->name);
    for (char *at = name; *at != '\0'; at++) {
        bool is_word = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')
                       || (*at >= '0' && *at <= '9');

        if (!is_word) {
            *at = '_';
        }
    }
    add_counted(variables, name, attribute->value, attribute->value_size);
}

static void add_delivery(struct variables *variables, const struct delivery *delivery)
{
    add(variables, "FANFARE_PROTOCOL", delivery->protocol);
    add(variables, "FANFARE_ENDPOINT", delivery->endpoint);
    add(variables, "FANFARE_MESSAGE_TYPE", delivery->message_type);
    add(variables, "FANFARE_MESSAGE_ID", delivery->message_id);
    add(variables, "FANFARE_TOPIC_ARN", delivery->topic_arn);
    add(variables, "FANFARE_SUBSCRIPTION_ARN", delivery->subscription_arn);
    add_number(variables, "FANFARE_ATTEMPT", delivery->attempt);
    add_number(variables, "FANFARE_TIME_MS", delivery->time_ms);
    add(variables, "FANFARE_SUBJECT", delivery->subject);
    add(variables, "FANFARE_RAW", delivery->raw ? "true" : "false");
    if (delivery->group_id != NULL && delivery->group_id[0] != '\0') {
        add(variables, "FANFARE_GROUP_ID", delivery->group_id);
    }
    for (size_t i = 0; i < delivery->attribute_count && i < ATTRIBUTES_MAX; i++) {
        add_attribute(variables, &delivery->attributes[i]);
    }
}

char **environment_make(const struct exec_command *command, const struct delivery *delivery)
{
    size_t own = 0;

    while (command->environment != NULL && command->environment[own] != NULL) {
        own++;
    }
    struct variables variables = {.room = VARIABLES_FIXED + ATTRIBUTES_MAX + own};

    variables.items = calloc(variables.room + 1, sizeof(char *));
    if (variables.items == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < own; i++) {
        add_given(&variables, command->environment[i]);
    }
    add(&variables, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add(&variables, "LANG", "C.UTF-8");
    add(&variables, "HOME", command->home != NULL ? command->home : "/");
    if (command->user != NULL) {
        add(&variables, "USER", command->user);
        add(&variables, "LOGNAME", command->user);
    }
    add_delivery(&variables, delivery);
    if (variables.is_short_of_memory) {
        environment_free(variables.items);
        return NULL;
    }
    return variables.items;
}

void environment_free(char **environment)
{
    for (char **next = environment; next != NULL && *next != NULL; next++) {
        free(*next);
    }
    free(environment);
}
