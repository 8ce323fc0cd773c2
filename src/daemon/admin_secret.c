/* The secret that makes a caller an admin who is not on this machine. */
#include "base/encoding.h"
#include "base/files.h"
#include "base/log.h"
#include "daemon/server.h"

#include <sys/stat.h>

#include <limits.h>
#include <stdio.h>

#define NAME         "admin-secret"
#define SECRET_BYTES 32
#define SECRET_LEAST 16 /* characters: what could be guessed is none */
#define FILE_MOST    4096

static enum status secret_make(struct server *server, struct buffer *to, struct why *why)
{
    uint8_t bytes[SECRET_BYTES];

    server->random->fill(server->random, bytes, sizeof bytes);
    hex_encode(to, text_make(bytes, sizeof bytes));
    buffer_add_byte(to, '\n');
    enum status status =
        file_write_whole(server->settings->data.at, NAME, buffer_text(to), 0600, why);

    if (status == STATUS_OK) {
        log_info("admin_secret_made", "file=" NAME);
    }
    return status;
}

static struct text line_of(struct text content)
{
    while (content.len > 0
           && (content.at[content.len - 1] == '\n' || content.at[content.len - 1] == '\r'
               || content.at[content.len - 1] == ' ')) {
        content.len--;
    }
    return content;
}

static enum status secret_check(const char *path, struct text secret, struct why *why)
{
    struct stat about;

    for (size_t i = 0; i < secret.len; i++) {
        if (secret.at[i] <= ' ' || secret.at[i] > '~') {
            return fail(why, STATUS_INVALID, "%s: a secret is one line of visible ASCII", path);
        }
    }
    if (secret.len < SECRET_LEAST) {
        return fail(why, STATUS_INVALID,
                    "%s: a secret has %d characters at least; without the file a new one is "
                    "made",
                    path, SECRET_LEAST);
    }
    if (stat(path, &about) == 0 && (about.st_mode & 077U) != 0) {
        return fail(why, STATUS_DENIED,
                    "%s: others than its owner can read the secret: chmod 600 it", path);
    }
    return STATUS_OK;
}

enum status admin_secret_open(struct server *server, struct why *why)
{
    char path[PATH_MAX];
    struct buffer content;

    (void)snprintf(path, sizeof path, "%s/" NAME, server->settings->data.at);
    buffer_init(&content, FILE_MOST);
    enum status status = file_read_whole(path, &content, why);

    if (status == STATUS_NOT_FOUND) {
        status = secret_make(server, &content, why);
    }
    struct text secret = line_of(buffer_text(&content));

    status = status != STATUS_OK ? status : secret_check(path, secret, why);
    if (status == STATUS_OK) {
        server->admin_secret = arena_copy(&server->settings->arena, secret);
    }
    buffer_free(&content);
    return status;
}
