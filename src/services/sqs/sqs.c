/* Amazon SQS as a table of operations. */
#include "services/sqs/sqs.h"

#include "services/sqs/internal.h"

static const struct operation *const families[] = {
    sqs_queue_operations,      sqs_attribute_operations, sqs_send_operations,
    sqs_receive_operations,    sqs_settle_operations,    sqs_tag_operations,
    sqs_permission_operations, sqs_move_operations,      NULL,
};

static const char *const unserved[] = {NULL};

const struct service sqs_service = {
    .name = "sqs",
    .version = "2012-11-05",
    .xml_namespace = "http://queue.amazonaws.com/doc/2012-11-05/",
    .target_prefix = "AmazonSQS",
    .json_type_prefix = "com.amazonaws.sqs#",
    .error_has_detail = true,
    .families = families,
    .unserved = unserved,
    .missing = sqs_missing,
    .owns_path = sqs_owns_path,
};
