/* The queue's own record. */
#ifndef QUEUES_QUEUE_RECORD_H
#define QUEUES_QUEUE_RECORD_H

#include "queues/queues.h"

struct blob *queue_encode(const struct queue *queue);
MUST_CHECK bool queue_decode(struct text record, struct queue *ret_queue); /* owned texts */
/* deadLetterTargetArn of the RedrivePolicy attribute; owned. */
struct text queue_dead_letter_arn(const struct queue *queue);
void queue_free(struct queue *queue);
struct text text_own(struct text text); /* a copy, to be freed by text_disown */
void text_disown(struct text *text);
void queue_attributes_own(struct queue *queue, const struct queue_attribute *attributes,
                          size_t count);
void queue_attributes_disown(struct queue *queue);

#endif
