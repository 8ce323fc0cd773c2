/* Private to services/sqs: what its families share. */
#ifndef SERVICES_SQS_INTERNAL_H
#define SERVICES_SQS_INTERNAL_H

#include "api/api.h"
#include "services/common/attribute_set.h"
#include "services/common/wire_attributes.h"

/* Names and addresses for field tables. */
#define AT(type, member) .offset = offsetof(type, member)

#define QUEUE_NAME_MAX   80
#define BATCH_MAX        10
#define VISIBILITY_MAX_S 43200

/* --- Errors (errors.c). */

extern const struct error_kind sqs_queue_does_not_exist;
extern const struct error_kind sqs_queue_name_exists;
extern const struct error_kind sqs_invalid_parameter_value;
extern const struct error_kind sqs_missing_parameter;
extern const struct error_kind sqs_invalid_attribute_name;
extern const struct error_kind sqs_invalid_attribute_value;
extern const struct error_kind sqs_invalid_message_contents;
extern const struct error_kind sqs_receipt_handle_is_invalid;
extern const struct error_kind sqs_message_not_inflight;
extern const struct error_kind sqs_queue_deleted_recently;
extern const struct error_kind sqs_over_limit;
extern const struct error_kind sqs_purge_in_progress;
extern const struct error_kind sqs_resource_not_found;
extern const struct error_kind sqs_empty_batch;
extern const struct error_kind sqs_too_many_entries;
extern const struct error_kind sqs_ids_not_distinct;
extern const struct error_kind sqs_invalid_batch_id;
extern const struct error_kind sqs_batch_too_long;
extern const struct error_kind sqs_unsupported_operation;

/* Whether the key that the queue names may be used: asked where messages come and go. */
MUST_CHECK enum status sqs_check_key(struct request *request, struct step *step,
                                     const struct queue *queue);
enum status sqs_missing(struct request *request, const struct operation *operation,
                        struct text name);
/* STATUS_FULL, STATUS_BUSY and the like of the core, as AWS would say it. */
enum status sqs_fail_status(struct request *request, enum status status, const struct why *why);

/* What one entry of a batch, or a whole call, failed with. */
struct sqs_fault {
    const struct error_kind *kind;
    struct text message; /* in the request's arena */
};

/* Fills *fault and returns STATUS_INVALID. */
PRINTF_LIKE(4, 5)
enum status sqs_fault_set(struct request *request, struct sqs_fault *fault,
                          const struct error_kind *kind, const char *format, ...);
/* The whole call fails with it. */
enum status sqs_fail_with(struct request *request, const struct sqs_fault *fault);

/* --- Queue URLs (queue_url.c). */

/* The queue that QueueUrl (or else the request's path) means; fails the request when there is
 * none. */
MUST_CHECK enum status sqs_queue(struct request *request, struct step *step, struct text url,
                                 struct queue **ret_queue);
struct text sqs_queue_url(struct request *request, const struct queue *queue);
enum status sqs_no_queue(struct request *request);
bool sqs_owns_path(struct request *request, struct text path, struct text *ret_queue_url);

/* --- Attributes of queues (attribute_rules.c). */

/* Where the attributes of one call go: a set to be stored and the settings they mean. */
struct attribute_change {
    struct request *request;
    struct step *step;
    struct queue_name name;
    bool is_new; /* CreateQueue */
    struct attribute_set *set;
    struct queue_settings *settings;
};

/* Checks every pair of `given` and takes it over; fails the request. */
MUST_CHECK enum status attribute_rules_apply(const struct attribute_change *change,
                                             const struct string_map *given);
/* What an attribute is worth, its default included; at == NULL: it has no value. */
struct text attribute_rules_value(struct request *request, const struct queue *queue,
                                  struct text name);
/* Whether that is what the queue has, shown or not. */
bool attribute_rules_equal(struct request *request, const struct queue *queue, struct text name,
                           struct text wanted);
bool attribute_rules_know(struct text name);
/* The pairs that GetQueueAttributes' `All` answers, in the request's arena. */
void attribute_rules_list(struct request *request, const struct queue *queue,
                          struct string_map *ret_attributes);
/* The queue's present attributes, to be changed. */
void queue_set_open(struct request *request, const struct queue *queue,
                    struct attribute_set *ret_set);
/* Writes them back. */
void queue_set_store(struct step *step, struct queue *queue,
                     const struct queue_settings *settings, const struct attribute_set *set);

/* Adds tags to the set, checked; fails the request. */
MUST_CHECK enum status queue_tags_take(struct request *request, struct attribute_set *set,
                                       const struct string_map *tags);

/* RedrivePolicy and RedriveAllowPolicy (redrive_rules.c). */
enum status redrive_policy_apply(const struct attribute_change *change, struct text value);
enum status redrive_allow_policy_apply(const struct attribute_change *change,
                                       struct text value);
/* Says in the log when the change leaves a dead-letter queue that keeps messages no longer than
 * its source: what dies late would be gone at once. */
void redrive_retention_warn(struct step *step, const struct queue *queue,
                            const struct string_map *given);

/* --- Messages (message.c). */

/* Checks attributes and brings them into the core's form, in the request's arena. */
MUST_CHECK enum status message_attributes_take(struct request *request,
                                               const struct struct_map *given,
                                               struct sqs_fault *fault,
                                               struct queue_message_attribute **ret_attributes);
/* Hex MD5 of the attributes, in the arena; sorts them.  Empty when there are none. */
struct text message_attributes_md5(struct arena *arena,
                                   struct queue_message_attribute *attributes, size_t count);
struct text text_md5(struct arena *arena, struct text bytes);

/* --- Batches (batch.c). */

struct batch_failure {
    struct text id;
    struct optional_boolean sender_fault;
    struct text code;
    struct text message;
};

extern const struct field batch_failure_fields[];
extern const struct field batch_id_fields[]; /* of a struct text: {Id} */

/* Number of entries, ids valid and distinct; `ids` one per entry. `name` as AWS calls the
 * entries of this call. */
MUST_CHECK enum status batch_check(struct request *request, const char *name,
                                   const struct text *ids, size_t count);
void batch_failure_fill(struct batch_failure *failure, struct request *request, struct text id,
                        const struct sqs_fault *fault);

/* --- The families. */

extern const struct operation sqs_queue_operations[];
extern const struct operation sqs_attribute_operations[];
extern const struct operation sqs_send_operations[];
extern const struct operation sqs_receive_operations[];
extern const struct operation sqs_settle_operations[];
extern const struct operation sqs_tag_operations[];
extern const struct operation sqs_permission_operations[];
extern const struct operation sqs_move_operations[];

#endif
