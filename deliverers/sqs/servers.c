/* The servers whose queues may be delivered to, out of the configuration. */
#include "sqs.h"

#include "deliverers/common/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX 256

static struct sqs_server *server_of(const struct named *named)
{
    return (struct sqs_server *)(void *)named->thing;
}

/* --- Settings. */

static bool protocol_take(const struct named *named, const struct named_setting *setting,
                          json_t *value)
{
    struct sqs_server *server = server_of(named);
    const char *text = json_is_string(value) ? json_string_value(value) : "";

    server->is_query = strcmp(text, "query") == 0;
    return server->is_query || strcmp(text, "json") == 0
           || named_refuse(named, "%s must be json or query", setting->name);
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

static bool accounts_take(const struct named *named, const struct named_setting *setting,
                          json_t *value)
{
    struct sqs_server *server = server_of(named);
    size_t count = json_array_size(value);

    server->accounts = json_is_array(value) ? calloc(count + 1, sizeof(char *)) : NULL;
    for (size_t i = 0; server->accounts != NULL && i < count; i++) {
        server->accounts[i] = account_text(json_array_get(value, i));
        if (server->accounts[i] == NULL) {
            return named_refuse(named, "%s must be a list of texts", setting->name);
        }
    }
    return server->accounts != NULL
           || named_refuse(named, "%s must be a list: [\"123456789012\"]", setting->name);
}

/* --- A server. */

const char *url_path(const char *url)
{
    return strchr(strstr(url, "://") + 3, '/');
}

static bool base_check(const struct named *named, const char *name, const char *base,
                       struct url *ret)
{
    const char *reason = "";

    if (!url_read(base, ret, &reason)) {
        return named_refuse(named, "%s: %s", name, reason);
    }
    return (!ret->has_user && strcmp(url_path(ret->plain), "/") == 0)
           || named_refuse(named, "%s must be a scheme, a host and perhaps a port", name);
}

static bool server_check(const struct named *named)
{
    struct sqs_server *server = server_of(named);
    const char *shown = server->public_base == NULL ? server->base : server->public_base;

    if (server->base == NULL) {
        return named_refuse(named, "its url is missing");
    }
    if (!base_check(named, "url", server->base, &server->url)
        || !base_check(named, "public_url", shown, &server->public_url)) {
        return false;
    }
    if ((server->access_key == NULL) != (server->secret_file == NULL)) {
        return named_refuse(named, "access_key and secret_key_file belong together");
    }
    if (server->region == NULL) {
        server->region = strdup("us-east-1");
    }
    return server->region != NULL || refuse(named->why, "out of memory");
}

static void server_free(void *thing)
{
    struct sqs_server *server = thing;

    texts_free(server->accounts);
    free(server->name);
    free(server->base);
    free(server->public_base);
    free(server->region);
    free(server->access_key);
    free(server->secret_file);
    free(server->secret);
    free(server->ca_file);
}

static const struct named_setting settings[] = {
    {"url", named_text, offsetof(struct sqs_server, base), 0, 0, 0},
    {"public_url", named_text, offsetof(struct sqs_server, public_base), 0, 0, 0},
    {"accounts", accounts_take, 0, 0, 0, 0},
    {"region", named_text, offsetof(struct sqs_server, region), 0, 0, 0},
    {"access_key", named_text, offsetof(struct sqs_server, access_key), 0, 0, 0},
    {"secret_key_file", named_text, offsetof(struct sqs_server, secret_file), 0, 0, 0},
    {"ca_file", named_text, offsetof(struct sqs_server, ca_file), 0, 0, 0},
    {"protocol", protocol_take, 0, 0, 0, 0},
    {"batch_max", named_number, offsetof(struct sqs_server, batch_max), 1, BATCH_MAX,
     BATCH_MAX},
    {"batch_bytes_max", named_number, offsetof(struct sqs_server, batch_bytes_max), 1, 1 << 20,
     256 << 10},
};

static const struct named_kind kind = {
    .noun = "server",
    .plural = "servers",
    .rule = "a server has a name and settings",
    .size = sizeof(struct sqs_server),
    .settings = settings,
    .setting_count = sizeof settings / sizeof settings[0],
    .finish = server_check,
    .free_thing = server_free,
};

bool servers_read(const char *text, struct servers *ret, char ret_why[WHY_ROOM])
{
    void *items = NULL;

    if (!named_read(&kind, text, &items, &ret->count, ret_why)) {
        return false;
    }
    ret->items = items;
    return true;
}

void servers_free(struct servers *servers)
{
    named_free(&kind, servers->items, servers->count);
}

/* The first line of its file. */
static bool secret_read(struct sqs_server *server, char why[WHY_ROOM])
{
    char line[SECRET_MAX];
    bool is_read = option_first_line(server->secret_file, line, sizeof line) && line[0] != '\0';

    server->secret = is_read ? strdup(line) : NULL;
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
                        const struct sqs_server **ret_server, char **ret_queue_url,
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
        const struct sqs_server *server = &servers->items[i];

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

static bool has_account(const struct sqs_server *server, const char *account)
{
    for (char **next = server->accounts; next != NULL && *next != NULL; next++) {
        if (strcmp(*next, account) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_by_arn(const struct servers *servers, const char *endpoint,
                        const struct sqs_server **ret_server, char **ret_queue_url,
                        char why[WHY_ROOM])
{
    struct queue_arn arn;
    bool is_found = false;

    if (!arn_read(endpoint, &arn)) {
        return refuse(why, "neither a queue's ARN nor its URL");
    }
    for (size_t i = 0; i < servers->count && !is_found; i++) {
        const struct sqs_server *server = &servers->items[i];

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
                  const struct sqs_server **ret_server, char **ret_queue_url,
                  char ret_why[WHY_ROOM])
{
    bool is_arn = strncmp(endpoint, "arn:", 4) == 0;

    return (is_arn ? find_by_arn : find_by_url)(servers, endpoint, ret_server, ret_queue_url,
                                                ret_why);
}
