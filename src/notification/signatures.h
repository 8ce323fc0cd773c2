/* Signatures remembered: a bounded ring of the latest, found by the hash of what was signed. */
#ifndef NOTIFICATION_SIGNATURES_H
#define NOTIFICATION_SIGNATURES_H

#include "base/map.h"

/* Base64 of an RSA-4096 signature, the largest key that is taken. */
#define SIGNATURE_MAX 684

struct remembered {
    struct map_node map; /* by hash; in the map while len > 0 */
    uint64_t hash[2];
    uint32_t len;
    char signature[SIGNATURE_MAX];
};

struct signatures {
    struct map map;
    struct remembered *ring;
    size_t room;
    size_t next; /* the oldest: written over next */
};

void signatures_init(struct signatures *signatures, size_t room);
void signatures_free(struct signatures *signatures);
/* Empty text: not remembered.  Valid until the next signatures_add. */
struct text signatures_find(const struct signatures *signatures, const uint64_t hash[2]);
void signatures_add(struct signatures *signatures, const uint64_t hash[2],
                    struct text signature);

#endif
