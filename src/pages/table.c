/* All pages. */
#include "pages/internal.h"

const struct page *const pages_table[] = {
    &page_health,
    &page_health_localstack,
    &page_metrics,
    &page_certificate,
    &page_confirm_ask,
    &page_confirm,
    &page_unsubscribe_ask,
    &page_unsubscribe,
    &page_sms_inbound,
    &page_sms_inbound_post,
    &page_story,
    &page_replay_list,
    &page_replay_start,
    &page_replay_cancel,
    &page_dlq_list,
    &page_dlq_messages,
    &page_dlq_redrives,
    &page_dlq_redrive,
    &page_dlq_drop,
    &page_rotate_secret,
    NULL,
};
