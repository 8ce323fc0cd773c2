/* Private to services/sns: one message on its way in. */
#ifndef SERVICES_SNS_PUBLISH_H
#define SERVICES_SNS_PUBLISH_H

#include "services/sns/internal.h"

/* One message as it is asked for, alone or as an entry of a batch. */
struct publish_input {
    struct text topic_arn; /* Publish */
    struct text target_arn;
    struct text phone_number;
    struct text id; /* of an entry */
    struct text message;
    struct text subject;
    struct text structure;
    struct struct_map attributes;
    struct text deduplication_id;
    struct text group_id;
};

/* Checks everything and fills in the message, in the request's arena; fails the request.
 * `entry`: its place in a batch from 1, or 0. */
MUST_CHECK enum status publish_take(struct request *request, const struct topic *topic,
                                    const struct publish_input *in, size_t entry,
                                    struct message *ret_message);
/* The bytes that AWS counts: body, attributes' names, types and values. */
size_t publish_size(const struct publish_input *in);

#endif
