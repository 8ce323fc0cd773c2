/* Aliases: each a name of one key, kept in that key's row. */
#include "keyring/internal.h"

static struct text own(struct text text)
{
    return text_make(memory_copy_text(text), text.len);
}

/* "account/region/alias/name" in `to`. */
static struct text full_name(struct buffer *to, const struct kms_scope *scope, struct text name)
{
    buffer_init(to, 4096);
    buffer_printf(to, "%.*s/%.*s/%.*s", TEXT_PRINTF(scope->account), TEXT_PRINTF(scope->region),
                  TEXT_PRINTF(name));
    return buffer_text(to);
}

struct kms_alias *kms_alias_find(const struct kms *kms, const struct kms_scope *scope,
                                 struct text name)
{
    struct buffer buffer;
    struct map_node *node = map_find(&kms->aliases, full_name(&buffer, scope, name));

    buffer_free(&buffer);
    return node == NULL ? NULL : container_of(node, struct kms_alias, map);
}

void kms_alias_add(struct kms *kms, struct kms_key *key, struct text name, int64_t created_ms)
{
    const struct kms_scope scope = {key->account, key->region};
    struct kms_alias *alias = memory_zero(sizeof *alias);
    struct list_node *before = key->aliases.head.next;
    struct buffer buffer;

    alias->name = own(name);
    alias->full = own(full_name(&buffer, &scope, name));
    alias->key = key;
    alias->created_ms = created_ms;
    buffer_free(&buffer);
    map_insert(&kms->aliases, &alias->map, alias->full);
    while (before != &key->aliases.head
           && text_compare(container_of(before, struct kms_alias, node)->name, name) < 0) {
        before = before->next;
    }
    list_insert_before(before, &alias->node);
    key->alias_count++;
}

void kms_alias_free(struct kms *kms, struct kms_alias *alias)
{
    alias->key->alias_count--;
    list_remove(&alias->node);
    map_remove(&kms->aliases, &alias->map);
    text_drop(alias->name);
    text_drop(alias->full);
    memory_free(alias);
}

enum status kms_alias_put(struct step *step, struct kms_key *key, struct text name)
{
    const struct kms_scope scope = {key->account, key->region};
    struct kms_alias *before = kms_alias_find(kms_of(step), &scope, name);

    if (before != NULL && before->key == key) {
        return STATUS_OK;
    }
    if (key->alias_count >= KMS_ALIASES_MAX) {
        return STATUS_FULL;
    }
    if (before != NULL) {
        kms_alias_remove(step, before);
    }
    kms_alias_add(kms_of(step), key, name, step->now_ms);
    kms_key_put(step, key);
    return STATUS_OK;
}

void kms_alias_remove(struct step *step, struct kms_alias *alias)
{
    struct kms_key *key = alias->key;

    kms_alias_free(kms_of(step), alias);
    kms_key_put(step, key);
}
