/* One more delivery of a message, beside whatever it still owes. */
#include "delivery/internal.h"

enum status delivery_again(struct step *step, struct lane_id id, uint64_t message,
                           int64_t due_ms)
{
    struct lane *lane = lane_open(step, id.topic, id.subscription);
    struct attempt attempt = {
        .message = message, .accepted_ms = step->now_ms, .is_again = true};

    due_ms = lane_row_due(lane, due_ms);
    enum status status = lane_find_place(step, lane, message, &due_ms);

    status = status != STATUS_OK ? status : body_add_references(step, message, 1);
    if (status == STATUS_OK) {
        lane_put_row(step, lane, &attempt, due_ms);
    } else {
        lane_want(step, lane); /* which ends it when it has nothing else */
    }
    return status;
}
