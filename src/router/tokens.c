/* Confirmation tokens: "2336412f37" and 32 random bytes in hex, good for two days.
 * Row: the first 16 bytes -> u32 topic, u32 subscription, i64 expires, the other 16 bytes. */
#include "base/digest.h"
#include "router/internal.h"

#define TOKEN_PREFIX   "2336412f37"
#define TOKEN_BYTES    32
#define TOKEN_VALID_MS (2LL * 24 * 3600 * 1000)
#define SWEEP_EVERY_MS (3600LL * 1000)
#define SWEEP_ROWS     1024

static struct key token_key(struct text bytes)
{
    return key_name(TABLE_TOKEN, text_first(bytes, 16));
}

/* Writes its row and gives its text, in `arena`. */
static struct text token_create(struct step *step, const struct subscription *subscription,
                                struct arena *arena)
{
    uint8_t bytes[TOKEN_BYTES];
    struct buffer buffer;

    step->random->fill(step->random, bytes, sizeof bytes);
    struct key key = token_key(text_make(bytes, sizeof bytes));

    buffer_init(&buffer, 256);
    buffer_add_u32(&buffer, subscription->topic);
    buffer_add_u32(&buffer, subscription->number);
    buffer_add_u64(&buffer, (uint64_t)(step->now_ms + TOKEN_VALID_MS));
    buffer_add(&buffer, text_make(bytes + 16, sizeof bytes - 16));
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_clear(&buffer);
    buffer_add_string(&buffer, TOKEN_PREFIX);
    hex_encode(&buffer, text_make(bytes, sizeof bytes));
    struct text token = arena_copy(arena, buffer_text(&buffer));

    buffer_free(&buffer);
    return token;
}

enum status subscription_find_token(struct step *step, struct text token, struct arena *arena,
                                    struct subscription *ret)
{
    struct buffer bytes;
    struct blob *row = NULL;
    struct text prefix = T(TOKEN_PREFIX);

    buffer_init(&bytes, TOKEN_BYTES);
    bool is_token = text_starts_with(token, prefix)
                    && token.len == prefix.len + 2 * (size_t)TOKEN_BYTES
                    && hex_decode(&bytes, text_after(token, prefix.len));
    struct text raw = arena_copy(arena, buffer_text(&bytes));

    buffer_free(&bytes);
    if (!is_token) {
        return STATUS_INVALID;
    }
    struct key key = token_key(raw);
    enum status status = record_get(step, &key, &row);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
    }
    struct cursor cursor = cursor_over(blob_text(row));
    uint32_t topic = cursor_u32(&cursor);
    uint32_t number = cursor_u32(&cursor);
    int64_t expires_ms = (int64_t)cursor_u64(&cursor);
    struct text rest = cursor_take(&cursor, TOKEN_BYTES - 16);

    if (!cursor_done(&cursor) || expires_ms < step->now_ms
        || !digest_equal(rest, text_after(raw, 16))) {
        return STATUS_INVALID;
    }
    status = subscription_find_number(step, topic, number, arena, ret);
    return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
}

void subscription_send_confirmation(struct step *step, struct topic *topic,
                                    const struct subscription *subscription)
{
    uint64_t number = step_number(step, COUNTER_MESSAGE);
    struct key key = key_u64(TABLE_BODY, number);
    struct arena arena = {0};
    struct message message = {
        .kind = MESSAGE_SUBSCRIPTION_CONFIRMATION,
        .time_ms = step->now_ms,
        .topic_arn = topic->arn,
        .token = token_create(step, subscription, &arena),
        .signature_version =
            text_equal(topic_attribute(topic, T("SignatureVersion")), T("2")) ? 2 : 1,
    };

    message.body = arena_printf(&arena,
                                "You have chosen to subscribe to the topic %.*s.\nTo confirm "
                                "the subscription, visit the SubscribeURL included in this "
                                "message.",
                                TEXT_PRINTF(topic->arn));
    message_id_make(step, number, message.id);
    record_put(step, &key, message_encode(&message));
    arena_free(&arena);
    body_set_references(step, number, 1);
    deliveries_owe(step, topic->number, number, &subscription->number, 1);
}

/* --- Old tokens go, an hourly look at all of them. */

static void sweep_from(struct step *step, struct key from);

static void on_tokens(struct read *read, struct step *step)
{
    for (uint32_t i = 0; i < read->row_count; i++) {
        struct blob *value = record_overlay(step, &read->rows[i]);
        struct cursor cursor = cursor_over(blob_text(value));

        (void)cursor_u64(&cursor);
        if (value != NULL && (int64_t)cursor_u64(&cursor) < step->now_ms) {
            record_delete(step, &read->rows[i].key);
        }
    }
    if (!read->complete && read->row_count > 0) {
        struct key next = read->rows[read->row_count - 1].key;

        next.at[next.len++] = 0;
        sweep_from(step, next);
    }
    read_free(read);
}

static void sweep_from(struct step *step, struct key from)
{
    struct key table = key_table(TABLE_TOKEN);
    struct read *read = read_create(on_tokens, NULL);

    read->from = from;
    read->to = key_after_prefix(&table);
    read->row_max = SWEEP_ROWS;
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

static void on_sweep(struct timer *timer, struct step *step)
{
    sweep_from(step, key_table(TABLE_TOKEN));
    timer_set(step, timer, step->now_ms + SWEEP_EVERY_MS);
}

void tokens_sweep_start(struct step *step, struct router *router)
{
    router->sweep.fire = on_sweep;
    timer_set(step, &router->sweep, step->now_ms + SWEEP_EVERY_MS);
}
