/* Keys of users, as AWS KMS has them: named by aliases, enabled or not, deleted after a while;
 * their bytes are wrapped by the master key and never leave this room. */
#ifndef KEYRING_KEYRING_H
#define KEYRING_KEYRING_H

#include "base/buffer.h"
#include "base/encoding.h"
#include "step/step.h"

struct kms;

/* The running cell's. */
static inline struct kms *kms_of(const struct step *step)
{
    return step->kms;
}

#define KMS_KEYS_MAX    10000 /* of a server */
#define KMS_ALIASES_MAX 50    /* of a key */

enum kms_state { /* stored: only append */
    KMS_ENABLED,
    KMS_DISABLED,
    KMS_PENDING_DELETION
};

/* Whose and where: borrowed. */
struct kms_scope {
    struct text account, region;
};

/* All of it is read-only outside this folder. */
struct kms_key {
    struct map_node map; /* private */
    uint8_t id[16];
    char name[UUID_SIZE];             /* the id, as users have it */
    struct text account, region, arn; /* owned */
    struct text description, policy;  /* owned */
    bool is_managed;                  /* by the server: alias/aws/... */
    enum kms_state state;
    int64_t created_ms;
    int64_t deletes_ms;  /* of KMS_PENDING_DELETION */
    struct list aliases; /* struct kms_alias, by name */
    size_t alias_count;
    uint8_t wrapped[WRAPPED_SIZE];
};

struct kms_alias {
    struct map_node map;   /* private */
    struct list_node node; /* in its key's */
    struct text name;      /* "alias/orders"; owned */
    struct text full;      /* private; owned */
    struct kms_key *key;
    int64_t created_ms;
};

/* --- Keys (keys.c). */

struct kms_wish {
    struct text description, policy;
    bool is_managed;
};

/* STATUS_DENIED: there is no master key to wrap it with; STATUS_FULL: there are too many. */
MUST_CHECK enum status kms_key_create(struct step *step, const struct kms_scope *scope,
                                      const struct kms_wish *wish, struct kms_key **ret_key,
                                      struct why *why);
/* Of that account and region, by the id that users have; NULL: there is none. */
struct kms_key *kms_key_find(const struct kms *kms, const struct kms_scope *scope,
                             struct text id);
/* By id, the first of that account and region whose id is > `after` (empty: from the start);
 * NULL at the end. */
struct kms_key *kms_key_after(const struct kms *kms, const struct kms_scope *scope,
                              struct text after);
void kms_key_set_state(struct step *step, struct kms_key *key, enum kms_state state,
                       int64_t deletes_ms);
void kms_key_set_policy(struct step *step, struct kms_key *key, struct text policy);
void kms_key_set_description(struct step *step, struct kms_key *key, struct text description);

/* --- Aliases (aliases.c). */

/* NULL: there is none of that name. */
struct kms_alias *kms_alias_find(const struct kms *kms, const struct kms_scope *scope,
                                 struct text name);
/* Points the name to that key, wherever it pointed before. STATUS_FULL: the key has too many.
 */
MUST_CHECK enum status kms_alias_put(struct step *step, struct kms_key *key, struct text name);
void kms_alias_remove(struct step *step, struct kms_alias *alias);

/* --- Ciphertexts (cipher.c): u8 format, the key's id, nonce, encrypted bytes, tag; bound to a
 * context, which must be said again.  One that no key of ours made is STATUS_INVALID. */

#define KMS_CIPHER_EXTRA (1 + 16 + 12 + 16)

/* STATUS_DENIED: the master key that wrapped this one is not at hand. */
MUST_CHECK enum status kms_encrypt(struct step *step, const struct kms_key *key,
                                   struct text context, struct text plain, struct buffer *to,
                                   struct why *why);
/* The key that made it; NULL: none of that account and region. */
struct kms_key *kms_cipher_key(const struct kms *kms, const struct kms_scope *scope,
                               struct text cipher);
MUST_CHECK enum status kms_decrypt(struct step *step, const struct kms_key *key,
                                   struct text context, struct text cipher, struct buffer *to,
                                   struct why *why);

/* --- For core/ only. */

struct kms *kms_create(const struct masters *masters);
void kms_free(struct kms *kms);
MUST_CHECK enum status kms_load(struct kms *kms, const struct key *key, struct text row);
/* Wraps anew what an older master wrapped, and begins to wait for what is to be deleted. */
void kms_start(struct step *step);

#endif
