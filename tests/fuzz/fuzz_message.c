/* A message's record under any bytes; what it decodes to must be renderable and encode again.
 * # link: notification base */
#include "base/json.h"
#include "notification/notification.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void check_again(const struct message *message, struct text record)
{
    struct blob *again = message_encode(message);

    must(text_equal(blob_text(again), record));
    blob_unref(again);
}

static void check_envelope(const struct message *message)
{
    const struct envelope_target target = {.protocol = T("http"), .base_url = T("http://x")};
    struct buffer buffer;
    bool is_text = text_is_utf8(message->body) && text_is_utf8(message->subject)
                   && text_is_utf8(message->token) && text_is_utf8(message->topic_arn)
                   && text_is_utf8(message->sequence_number);

    buffer_init(&buffer, (size_t)1 << 20U);
    envelope_string_to_sign(&buffer, message, &target);
    buffer_clear(&buffer);
    envelope_render(&buffer, message, &target, T("c2ln"), T("x.pem"));
    if (is_text && message->attribute_count == 0 && message->variant_count == 0) {
        must(json_is_valid(buffer_text(&buffer)));
    }
    buffer_free(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text record = text_make(data, size);
    struct arena arena = {0};
    struct message message;

    if (message_decode(record, &arena, &message)) {
        check_again(&message, record);
        check_envelope(&message);
    }
    arena_free(&arena);
    return 0;
}
