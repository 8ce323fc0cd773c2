/* Secrets of Standard Webhooks: made, and changed at leisure. */
#include "base/encoding.h"
#include "notification/notification.h"
#include "notification/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SECRET_BYTES 32
#define SECRETS_KEPT 8 /* with the new one */

static struct text prefixed(struct arena *arena, const char *prefix, const uint8_t *bytes)
{
    struct buffer text;

    buffer_init(&text, 128);
    buffer_add_string(&text, prefix);
    base64_encode(&text, text_make(bytes, SECRET_BYTES));
    struct text made = arena_copy(arena, buffer_text(&text));

    buffer_free(&text);
    return made;
}

static enum status public_make(struct arena *arena, const uint8_t *seed,
                               struct text *ret_public)
{
    uint8_t bytes[SECRET_BYTES];
    size_t size = sizeof bytes;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SECRET_BYTES);
    bool is_made = key != NULL && EVP_PKEY_get_raw_public_key(key, bytes, &size) == 1;

    EVP_PKEY_free(key);
    if (is_made) {
        *ret_public = prefixed(arena, "whpk_", bytes);
    }
    return is_made ? STATUS_OK : STATUS_INVALID;
}

enum status webhook_secret_make(struct arena *arena, struct random *random, bool is_ed25519,
                                struct text *ret_secret, struct text *ret_public)
{
    uint8_t bytes[SECRET_BYTES];
    enum status status = STATUS_OK;

    random->fill(random, bytes, sizeof bytes);
    *ret_public = (struct text){0};
    *ret_secret = prefixed(arena, is_ed25519 ? "whsk_" : "whsec_", bytes);
    if (is_ed25519) {
        status = public_make(arena, bytes, ret_public);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return status;
}

bool webhook_secret_cut(struct text *io_secret, int64_t *ret_until_ms)
{
    struct text rest = *io_secret;
    struct text until = T("until=");
    size_t len = io_secret->len;

    *ret_until_ms = INT64_MAX;
    *io_secret = text_cut(&rest, ';');
    return io_secret->len == len
           || (text_starts_with(rest, until)
               && text_to_int64(text_after(rest, until.len), ret_until_ms));
}

struct text webhook_secrets_rotate(struct arena *arena, struct text secrets, struct text secret,
                                   int64_t now_ms, int64_t grace_ms)
{
    struct text rest = secrets;
    struct buffer all;

    buffer_init(&all, (size_t)64 * 1024);
    buffer_add(&all, secret);
    for (size_t kept = 1; rest.len > 0 && kept < SECRETS_KEPT; kept++) {
        struct text older = text_cut(&rest, ' ');
        int64_t until_ms = 0;
        bool is_one = webhook_secret_cut(&older, &until_ms) && older.len > 0;

        until_ms = until_ms < now_ms + grace_ms ? until_ms : now_ms + grace_ms;
        if (is_one && until_ms > now_ms) {
            buffer_printf(&all, " %.*s;until=%lld", TEXT_PRINTF(older), (long long)until_ms);
        }
    }
    struct text rotated = arena_copy(arena, buffer_text(&all));

    buffer_free(&all);
    return rotated;
}
