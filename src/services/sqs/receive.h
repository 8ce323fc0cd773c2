/* Private to services/sqs: one ReceiveMessage, from the lease to the rendered answer. */
#ifndef SERVICES_SQS_RECEIVE_H
#define SERVICES_SQS_RECEIVE_H

#include "notification/notification.h"
#include "services/sqs/internal.h"

#define RECEIVE_MAX 10

struct receive_input {
    struct text url;
    struct string_list attribute_names; /* deprecated, the same as the next */
    struct string_list system_names;
    struct string_list message_names;
    struct optional_integer max;
    struct optional_integer visibility_s;
    struct optional_integer wait_s;
    struct text attempt_id;
};

/* One message as it is answered. */
struct received {
    struct text message_id;
    struct text handle;
    struct text body_md5;
    struct text body;
    struct text attributes_md5;
    struct string_map system_attributes;
    struct struct_map attributes; /* of struct wire_attribute */
};

/* An envelope that waits for its signature. */
struct unsigned_envelope {
    struct signing signing;
    struct request *request;
    struct message message;
    struct envelope_target target;
    size_t place; /* of its message */
    bool is_waiting;
};

struct receive_output {
    struct struct_list messages;
    bool is_open; /* the lease has been asked for */
    struct queue_receive receive;
    /* What renders it, in the request's arena: thousands of requests may be waiting. */
    struct received *received;
    struct unsigned_envelope *envelopes;
    size_t envelope_count;
    size_t unsigned_count; /* signatures to come, and one more until all are asked for */
    bool has_failed;       /* a signature will never come */
    bool is_fifo;          /* the queue */
};

/* The operation's render(): bodies, envelopes and their signatures, MD5s. */
void receive_render(struct request *request, void *output);

#endif
