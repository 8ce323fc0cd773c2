/* The servers whose queues may be delivered to, out of the configuration. */
#include "sqs.h"

#include <jansson.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX 256

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

/* --- Members. */

struct member {
    const char *name;
    bool (*take)(struct server *server, const struct member *member, const json_t *value,
                 char why[WHY_ROOM]);
    size_t offset;
    uint64_t most;
};

static bool text_take(struct server *server, const struct member *member, const json_t *value,
                      char why[WHY_ROOM])
{
    char *text = json_string_length(value) == 0 ? NULL : strdup(json_string_value(value));

    if (text == NULL) {
        return refuse(why, "server %.64s: %s must be a text", server->name, member->name);
    }
    memcpy((char *)server + member->offset, &text, sizeof text);
    return true;
}

static bool number_take(struct server *server, const struct member *member, const json_t *value,
                        char why[WHY_ROOM])
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 1 || (uint64_t)number > member->most) {
        return refuse(why, "server %.64s: %s must be a number from 1 to %llu", server->name,
                      member->name, (unsigned long long)member->most);
    }
    const uint64_t taken = (uint64_t)number;

    memcpy((char *)server + member->offset, &taken, sizeof taken);
    return true;
}

static bool protocol_take(struct server *server, const struct member *member,
                          const json_t *value, char why[WHY_ROOM])
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";

    server->is_query = strcmp(text, "query") == 0;
    return server->is_query || strcmp(text, "json") == 0
           || refuse(why, "server %.64s: %s must be json or query", server->name, member->name);
}

/* "000000000000", or 123456789012 as YAML makes it of the same without quotes. */
static char *account_text(const json_t *value)
{
    char digits[32];

    if (json_is_integer(value)) {
        (void)snprintf(digits, sizeof digits, "%012lld", (long long)json_integer_value(value));
        return strdup(digits);
    }
    return json_is_string(value) ? strdup(json_string_value(value)) : NULL;
}

static bool accounts_take(struct server *server, const struct member *member,
                          const json_t *value, char why[WHY_ROOM])
{
    size_t count = json_array_size(value);

    server->accounts = json_is_array(value) ? calloc(count + 1, sizeof(char *)) : NULL;
    for (size_t i = 0; server->accounts != NULL && i < count; i++) {
        server->accounts[i] = account_text(json_array_get(value, i));
        if (server->accounts[i] == NULL) {
            return refuse(why, "server %.64s: %s must be a list of texts", server->name,
                          member->name);
        }
    }
    return server->accounts != NULL
           || refuse(why, "server %.64s: %s must be a list: [\"123456789012\"]", server->name,
                     member->name);
}

static const struct member members[] = {
    {"url", text_take, offsetof(struct server, base), 0},
    {"public_url", text_take, offsetof(struct server, public_base), 0},
    {"accounts", accounts_take, 0, 0},
    {"region", text_take, offsetof(struct server, region), 0},
    {"access_key", text_take, offsetof(struct server, access_key), 0},
    {"secret_key_file", text_take, offsetof(struct server, secret_file), 0},
    {"ca_file", text_take, offsetof(struct server, ca_file), 0},
    {"protocol", protocol_take, 0, 0},
    {"batch_max", number_take, offsetof(struct server, batch_max), BATCH_MAX},
    {"batch_bytes_max", number_take, offsetof(struct server, batch_bytes_max), 1 << 20},
};

static const struct member *member_find(const char *name)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(members[i].name, name) == 0) {
            return &members[i];
        }
    }
    return NULL;
}

/* --- A server. */

const char *url_path(const char *url)
{
    return strchr(strstr(url, "://") + 3, '/');
}

static bool base_check(const struct server *server, const char *name, const char *base,
                       struct url *ret, char why[WHY_ROOM])
{
    const char *reason = "";

    if (!url_read(base, ret, &reason)) {
        return refuse(why, "server %.64s: %s: %s", server->name, name, reason);
    }
    return (!ret->has_user && strcmp(url_path(ret->plain), "/") == 0)
           || refuse(why, "server %.64s: %s must be a scheme, a host and perhaps a port",
                     server->name, name);
}

static bool server_check(struct server *server, char why[WHY_ROOM])
{
    const char *shown = server->public_base == NULL ? server->base : server->public_base;

    if (server->base == NULL) {
        return refuse(why, "server %.64s: its url is missing", server->name);
    }
    if (!base_check(server, "url", server->base, &server->url, why)
        || !base_check(server, "public_url", shown, &server->public_url, why)) {
        return false;
    }
    if ((server->access_key == NULL) != (server->secret_file == NULL)) {
        return refuse(why, "server %.64s: access_key and secret_key_file belong together",
                      server->name);
    }
    if (server->region == NULL) {
        server->region = strdup("us-east-1");
    }
    return server->region != NULL || refuse(why, "out of memory");
}

static bool server_read(const char *name, json_t *settings, struct server *server,
                        char why[WHY_ROOM])
{
    const char *key = NULL;
    json_t *value = NULL;

    *server = (struct server){
        .name = strdup(name), .batch_max = BATCH_MAX, .batch_bytes_max = UINT64_C(256) * 1024};
    if (server->name == NULL || !json_is_object(settings)) {
        return refuse(why, "\"%.64s\": a server has a name and settings", name);
    }
    json_object_foreach(settings, key, value)
    {
        const struct member *member = member_find(key);

        if (member == NULL) {
            return refuse(why, "server %.64s: there is no setting \"%.64s\"", name, key);
        }
        if (!member->take(server, member, value, why)) {
            return false;
        }
    }
    return server_check(server, why);
}

bool servers_read(const char *text, struct servers *ret, char ret_why[WHY_ROOM])
{
    struct servers servers = {0};
    const char *name = NULL;
    json_t *settings = NULL;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool is_good = json_is_object(all);

    if (!is_good) {
        (void)refuse(ret_why, "it must be names of servers and their settings, each once");
    } else {
        servers.items = calloc(json_object_size(all) + 1, sizeof *servers.items);
        is_good = servers.items != NULL;
    }
    json_object_foreach(all, name, settings)
    {
        is_good =
            is_good && server_read(name, settings, &servers.items[servers.count++], ret_why);
    }
    json_decref(all);
    if (!is_good) {
        servers_free(&servers);
        return false;
    }
    *ret = servers;
    return true;
}

/* The first line of its file. */
static bool secret_read(struct server *server, char why[WHY_ROOM])
{
    char line[SECRET_MAX];
    FILE *file = fopen(server->secret_file, "re");
    bool is_read = file != NULL && fgets(line, sizeof line, file) != NULL;

    if (file != NULL) {
        (void)fclose(file);
    }
    line[is_read ? strcspn(line, "\r\n") : 0] = '\0';
    server->secret = line[0] == '\0' ? NULL : strdup(line);
    return server->secret != NULL
           || refuse(why, "server %.64s: there is no secret in %.128s, or it cannot be read",
                     server->name, server->secret_file);
}

bool servers_read_secrets(struct servers *servers, char ret_why[WHY_ROOM])
{
    for (size_t i = 0; i < servers->count; i++) {
        if (servers->items[i].secret_file != NULL
            && !secret_read(&servers->items[i], ret_why)) {
            return false;
        }
    }
    return true;
}

/* --- Found. */

static bool is_same_place(const struct url *a, const struct url *b)
{
    return a->is_tls == b->is_tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool find_by_url(const struct servers *servers, const char *endpoint,
                        const struct server **ret_server, char **ret_queue_url,
                        char why[WHY_ROOM])
{
    struct url url = {0};
    const char *reason = "";

    if (!url_read(endpoint, &url, &reason)) {
        return refuse(why, "%s", reason);
    }
    const char *path = url_path(url.plain);

    if (strchr(url.plain, '?') != NULL || path[1] == '\0') {
        return refuse(why, "a queue's URL has a path and no query: http://host/account/name");
    }
    for (size_t i = 0; i < servers->count; i++) {
        const struct server *server = &servers->items[i];

        if (is_same_place(&server->url, &url) || is_same_place(&server->public_url, &url)) {
            *ret_server = server;
            return asprintf(ret_queue_url, "%s%s", server->public_url.plain, path + 1) >= 0
                   || refuse(why, "out of memory");
        }
    }
    return refuse(why, "sqs.servers of the configuration has no server with the url of %.128s",
                  endpoint);
}

/* The parts of arn:aws:sqs:<region>:<account>:<name>. */
struct queue_arn {
    char *copy;
    const char *region, *account, *name;
};

static bool arn_read(const char *arn, struct queue_arn *ret)
{
    char *rest = strdup(arn);
    char *parts[6] = {NULL};
    size_t count = 0;

    ret->copy = rest;
    while (rest != NULL && count < 6) {
        parts[count++] = strsep(&rest, ":");
    }
    if (count < 6 || rest != NULL || strcmp(parts[0], "arn") != 0
        || strcmp(parts[2], "sqs") != 0 || parts[5][0] == '\0'
        || strpbrk(parts[5], "/?# ") != NULL) {
        free(ret->copy);
        return false;
    }
    ret->region = parts[3];
    ret->account = parts[4];
    ret->name = parts[5];
    return true;
}

static bool has_account(const struct server *server, const char *account)
{
    for (char **next = server->accounts; next != NULL && *next != NULL; next++) {
        if (strcmp(*next, account) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_by_arn(const struct servers *servers, const char *endpoint,
                        const struct server **ret_server, char **ret_queue_url,
                        char why[WHY_ROOM])
{
    struct queue_arn arn;
    bool is_found = false;

    if (!arn_read(endpoint, &arn)) {
        return refuse(why, "neither a queue's ARN nor its URL");
    }
    for (size_t i = 0; i < servers->count && !is_found; i++) {
        const struct server *server = &servers->items[i];

        is_found = has_account(server, arn.account) && strcmp(server->region, arn.region) == 0;
        if (is_found
            && asprintf(ret_queue_url, "%s%s/%s", server->public_url.plain, arn.account,
                        arn.name)
                   >= 0) {
            *ret_server = server;
        }
    }
    free(arn.copy);
    return is_found
           || refuse(why, "sqs.servers of the configuration has no server for %.128s",
                     endpoint);
}

bool servers_find(const struct servers *servers, const char *endpoint,
                  const struct server **ret_server, char **ret_queue_url,
                  char ret_why[WHY_ROOM])
{
    bool is_arn = strncmp(endpoint, "arn:", 4) == 0;

    return (is_arn ? find_by_arn : find_by_url)(servers, endpoint, ret_server, ret_queue_url,
                                                ret_why);
}

/* --- Ended. */

void servers_free(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        struct server *server = &servers->items[i];

        for (char **next = server->accounts; next != NULL && *next != NULL; next++) {
            free(*next);
        }
        free(server->accounts);
        free(server->name);
        free(server->base);
        free(server->public_base);
        free(server->region);
        free(server->access_key);
        free(server->secret_file);
        free(server->secret);
        free(server->ca_file);
    }
    free(servers->items);
}
