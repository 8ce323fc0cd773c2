/* Signatures remembered. */
#include "notification/signatures.h"

#include "base/memory.h"
#include "base/must.h"

#include <string.h>

static struct text hash_text(const uint64_t hash[2])
{
    return text_make(hash, 2 * sizeof hash[0]);
}

void signatures_init(struct signatures *signatures, size_t room)
{
    *signatures = (struct signatures){.room = room};
    if (room > 0) { /* zeroed pages stay untouched until they are used */
        signatures->ring = memory_array(room, sizeof *signatures->ring);
    }
}

void signatures_free(struct signatures *signatures)
{
    map_free(&signatures->map);
    memory_free(signatures->ring);
}

struct text signatures_find(const struct signatures *signatures, const uint64_t hash[2])
{
    struct map_node *node = map_find(&signatures->map, hash_text(hash));

    if (node == NULL) {
        return (struct text){0};
    }
    const struct remembered *found = container_of(node, struct remembered, map);

    return text_make(found->signature, found->len);
}

void signatures_add(struct signatures *signatures, const uint64_t hash[2],
                    struct text signature)
{
    must(signature.len <= SIGNATURE_MAX);
    if (signatures->room == 0 || signature.len == 0
        || map_find(&signatures->map, hash_text(hash)) != NULL) {
        return;
    }
    struct remembered *place = &signatures->ring[signatures->next];

    signatures->next = (signatures->next + 1) % signatures->room;
    if (place->len > 0) {
        map_remove(&signatures->map, &place->map);
    }
    memcpy(place->hash, hash, sizeof place->hash);
    memcpy(place->signature, signature.at, signature.len);
    place->len = (uint32_t)signature.len;
    map_insert(&signatures->map, &place->map, hash_text(place->hash));
}
