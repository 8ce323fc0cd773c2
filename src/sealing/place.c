/* Providers of master keys, a row each: how a place is spelled, and how its key is read. */
#include "sealing/place.h"

#include "base/encoding.h"
#include "sealing/program.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 64 hexadecimal digits and a line's end, and one byte more to see that it is longer. */
#define CONTENT_MAX (2 * SEALING_KEY_SIZE + 3)
#define BASE64_LEN  44

static enum status content_take(struct text content, const char *path,
                                uint8_t ret_key[SEALING_KEY_SIZE], struct why *why)
{
    struct buffer key = buffer_over(ret_key, SEALING_KEY_SIZE);
    bool is_key = false;

    if (content.len == SEALING_KEY_SIZE) {
        memcpy(ret_key, content.at, SEALING_KEY_SIZE);
        return STATUS_OK;
    }
    while (content.len > 0
           && (content.at[content.len - 1] == '\n' || content.at[content.len - 1] == '\r')) {
        content.len--;
    }
    if (content.len == (size_t)2 * SEALING_KEY_SIZE) {
        is_key = hex_decode(&key, content);
    } else if (content.len == BASE64_LEN) {
        is_key = base64_decode(&key, content) && key.len == SEALING_KEY_SIZE;
    }
    return is_key ? STATUS_OK
                  : fail(why, STATUS_INVALID,
                         "the master key %s is neither 32 bytes nor 64 hexadecimal digits nor "
                         "base64 of 32 bytes: make one with \"openssl rand -out FILE 32\"",
                         path);
}

/* `others`: mode bits that must not be there. */
static enum status descriptor_check(int file, const char *path, mode_t others, struct why *why)
{
    struct stat about;

    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        return fail(why, STATUS_INVALID, "the master key %s is not a file", path);
    }
    if ((about.st_mode & others) != 0) {
        return fail(why, STATUS_INVALID,
                    "the master key %s may be read or written by others than its owner (mode "
                    "%04o): set it to 0400 and consider it known",
                    path, about.st_mode & 07777U);
    }
    return STATUS_OK;
}

/* Without stdio or the heap, which would keep copies. */
static enum status path_read(const char *path, mode_t others, uint8_t ret_key[SEALING_KEY_SIZE],
                             struct why *why)
{
    char content[CONTENT_MAX];
    size_t len = 0;
    ssize_t got = 1;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (file < 0) {
        return fail(why, STATUS_INVALID, "the master key %s cannot be read: %s", path,
                    strerrordesc_np(errno));
    }
    enum status status = descriptor_check(file, path, others, why);

    while (status == STATUS_OK && got > 0 && len < sizeof content) {
        got = read(file, content + len, sizeof content - len);
        len += got > 0 ? (size_t)got : 0;
    }
    (void)close(file);
    if (status == STATUS_OK && got < 0) {
        status = fail(why, STATUS_INVALID, "the master key %s cannot be read: %s", path,
                      strerrordesc_np(errno));
    }
    if (status == STATUS_OK) {
        status = content_take(text_make(content, len), path, ret_key, why);
    }
    OPENSSL_cleanse(content, sizeof content);
    return status;
}

static enum status credential_read(struct text name, uint8_t ret_key[SEALING_KEY_SIZE],
                                   struct why *why)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread */
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];

    if (directory == NULL || directory[0] == '\0') {
        return fail(why, STATUS_INVALID,
                    "the master key is to be a credential, and $CREDENTIALS_DIRECTORY is not "
                    "set: systemd sets it for a unit with LoadCredentialEncrypted=");
    }
    if (name.len == 0 || text_find(name, '/') < name.len) {
        return fail(why, STATUS_INVALID, "a credential's name has no slash and is not empty");
    }
    int len = snprintf(path, sizeof path, "%s/%.*s", directory, TEXT_PRINTF(name));

    if (len < 0 || (size_t)len >= sizeof path) {
        return fail(why, STATUS_INVALID, "the credential's path is too long");
    }
    /* systemd makes them 0400, or 0440 for the service's user by an ACL. */
    return path_read(path, S_IWGRP | S_IRWXO, ret_key, why);
}

static enum status default_credential_read(struct text rest, uint8_t ret_key[SEALING_KEY_SIZE],
                                           struct why *why)
{
    if (rest.len > 0) {
        return fail(why, STATUS_INVALID, "\"credential\" or \"credential:NAME\"");
    }
    return credential_read(T("fanfare-master"), ret_key, why);
}

/* `name` as a path that ends in NUL; false: it is none. */
static bool path_make(struct text name, char ret_path[PATH_MAX])
{
    if (name.len == 0 || name.at[0] != '/' || name.len >= PATH_MAX) {
        return false;
    }
    memcpy(ret_path, name.at, name.len);
    ret_path[name.len] = '\0';
    return true;
}

static enum status file_read(struct text name, uint8_t ret_key[SEALING_KEY_SIZE],
                             struct why *why)
{
    char path[PATH_MAX];

    if (!path_make(name, path)) {
        return fail(why, STATUS_INVALID,
                    "\"%.*s\" is no place of a master key: a file's whole path, "
                    "\"exec:PROGRAM\", \"credential\" or \"credential:NAME\"",
                    TEXT_PRINTF(name));
    }
    return path_read(path, S_IRWXG | S_IRWXO, ret_key, why);
}

static enum status program_key(struct text name, uint8_t ret_key[SEALING_KEY_SIZE],
                               struct why *why)
{
    char path[PATH_MAX];
    char content[CONTENT_MAX];
    size_t len = 0;

    if (!path_make(name, path)) {
        return fail(why, STATUS_INVALID, "\"exec:\" wants a program's whole path behind it");
    }
    enum status status = program_read(path, content, sizeof content, &len, why);

    if (status == STATUS_OK) {
        status = content_take(text_make(content, len), path, ret_key, why);
    }
    OPENSSL_cleanse(content, sizeof content);
    return status;
}

struct provider {
    struct text prefix;
    enum status (*read)(struct text rest, uint8_t ret_key[SEALING_KEY_SIZE], struct why *why);
};

/* The first whose prefix it has. */
static const struct provider providers[] = {
    {TEXT("credential:"), credential_read},
    {TEXT("credential"), default_credential_read},
    {TEXT("exec:"), program_key},
    {TEXT(""), file_read},
};

enum status place_read(struct text place, uint8_t ret_key[SEALING_KEY_SIZE], struct why *why)
{
    const struct provider *provider = providers;

    while (!text_starts_with(place, provider->prefix)) {
        provider++;
    }
    return provider->read(text_after(place, provider->prefix.len), ret_key, why);
}
