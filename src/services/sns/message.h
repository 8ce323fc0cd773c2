/* A published message on its way from the wire to the router. */
#ifndef SERVICES_SNS_MESSAGE_H
#define SERVICES_SNS_MESSAGE_H

#include "services/sns/internal.h"

#define PUBLISH_MAX 262144 /* bytes of a message with its attributes, and of a whole batch */

/* What Publish and an entry of PublishBatch share. */
struct publish_fields {
    struct text message;
    struct text subject;
    struct text structure;
    struct struct_map attributes; /* of struct wire_attribute */
    struct text group_id;
    struct text deduplication_id;
};

/* Checks it and fails the request, or fills *ret_message (texts borrowed) and its size in
 * bytes. */
MUST_CHECK enum status message_take(struct request *request, const struct publish_fields *in,
                                    const struct topic *topic, struct message *ret_message,
                                    size_t *ret_size);

#endif
