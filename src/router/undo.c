/* Unsubscribed by somebody who did not sign: what the endpoint may take back. A number of its
 * own keeps what the deletion ended (deliveries, a filter's place) ended, and lets the
 * confirmation go out like any other delivery. */
#include "router/internal.h"

enum status subscription_delete_undoably(struct step *step, struct topic *topic,
                                         const struct subscription *subscription,
                                         struct why *why)
{
    struct subscription kept = *subscription;
    enum status status = step_may_grow(step, why);

    if (status != STATUS_OK) {
        return status;
    }
    kept.number = (uint32_t)step_number(step, COUNTER_SUBSCRIPTION);
    kept.is_deleted = true;
    struct key key = key_u32_u32(TABLE_SUBSCRIPTION, kept.topic, kept.number);

    record_put(step, &key, subscription_encode(&kept));
    subscription_delete(step, subscription);
    confirmation_send(step, topic, &kept, MESSAGE_UNSUBSCRIBE_CONFIRMATION);
    return STATUS_OK;
}

void subscription_give_way(struct step *step, struct text token,
                           const struct subscription *deleted, const struct subscription *live)
{
    token_point(step, token, live);
    subscription_delete(step, deleted);
}

enum status subscription_restore(struct step *step, struct topic *topic, struct text token,
                                 struct subscription *io_deleted, struct why *why)
{
    struct subscription live = *io_deleted;
    enum status status = step_may_grow(step, why);

    if (status != STATUS_OK) {
        return status;
    }
    live.number = (uint32_t)step_number(step, COUNTER_SUBSCRIPTION);
    live.is_deleted = false;
    subscription_write(step, topic, &live);
    subscription_give_way(step, token, io_deleted, &live);
    *io_deleted = live;
    return STATUS_OK;
}
