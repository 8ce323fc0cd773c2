/* Confirmation tokens: "2336412f37" and 32 random bytes in hex, good for two days.
 * Row: the first 16 bytes -> u32 topic, u32 subscription, i64 expires, the other 16 bytes, u8
 * whether the subscription is deleted and ends with the token (rows of old: not there). */
#include "base/digest.h"
#include "base/mutants.h"
#include "router/internal.h"

#define TOKEN_PREFIX   "2336412f37"
#define TOKEN_BYTES    32
#define TOKEN_VALID_MS (2LL * 24 * 3600 * 1000)
#define SWEEP_EVERY_MS (3600LL * 1000)

static struct key token_key(struct text bytes)
{
    return key_name(TABLE_TOKEN, text_first(bytes, 16));
}

/* --- Rows. */

struct token_row {
    uint32_t topic, subscription;
    int64_t expires_ms;
    struct text rest; /* of the token; borrowed */
    bool is_of_deleted;
};

static void token_write(struct step *step, struct text bytes,
                        const struct subscription *subscription)
{
    struct key key = token_key(bytes);
    struct buffer buffer;

    buffer_init(&buffer, 256);
    buffer_add_u32(&buffer, subscription->topic);
    buffer_add_u32(&buffer, subscription->number);
    buffer_add_u64(&buffer, (uint64_t)(step->now_ms + TOKEN_VALID_MS));
    buffer_add(&buffer, text_after(bytes, 16));
    buffer_add_u8(&buffer, subscription->is_deleted);
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_free(&buffer);
}

static bool token_read(struct text record, struct token_row *ret)
{
    struct cursor cursor = cursor_over(record);

    ret->topic = cursor_u32(&cursor);
    ret->subscription = cursor_u32(&cursor);
    ret->expires_ms = (int64_t)cursor_u64(&cursor);
    ret->rest = cursor_take(&cursor, TOKEN_BYTES - 16);
    ret->is_of_deleted = cursor.at < cursor.end && cursor_u8(&cursor) != 0;
    return cursor_done(&cursor);
}

/* --- Made and found. */

/* Writes its row and gives its text, in `arena`. */
static struct text token_create(struct step *step, const struct subscription *subscription,
                                struct arena *arena)
{
    uint8_t bytes[TOKEN_BYTES];
    struct buffer buffer;

    step->random->fill(step->random, bytes, sizeof bytes);
    token_write(step, text_make(bytes, sizeof bytes), subscription);
    buffer_init(&buffer, 256);
    buffer_add_string(&buffer, TOKEN_PREFIX);
    hex_encode(&buffer, text_make(bytes, sizeof bytes));
    struct text token = arena_copy(arena, buffer_text(&buffer));

    buffer_free(&buffer);
    return token;
}

/* Its 32 bytes, in `arena`; false: it is none. */
static bool token_parse(struct text token, struct arena *arena, struct text *ret_bytes)
{
    struct text prefix = T(TOKEN_PREFIX);
    struct buffer bytes;

    buffer_init(&bytes, TOKEN_BYTES);
    bool is_token = text_starts_with(token, prefix)
                    && token.len == prefix.len + 2 * (size_t)TOKEN_BYTES
                    && hex_decode(&bytes, text_after(token, prefix.len));

    *ret_bytes = arena_copy(arena, buffer_text(&bytes));
    buffer_free(&bytes);
    return is_token;
}

void token_point(struct step *step, struct text token, const struct subscription *subscription)
{
    struct arena arena = {0};
    struct text bytes;

    if (token_parse(token, &arena, &bytes)) {
        token_write(step, bytes, subscription);
    }
    arena_free(&arena);
}

enum status subscription_find_token(struct step *step, struct text token, struct arena *arena,
                                    struct subscription *ret)
{
    struct blob *record = NULL;
    struct text bytes;

    if (!token_parse(token, arena, &bytes)) {
        return STATUS_INVALID;
    }
    struct key key = token_key(bytes);
    enum status status = record_get(step, &key, &record);
    struct token_row row;

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
    }
    if (!token_read(blob_text(record), &row)
        || (row.expires_ms < step->now_ms && !mutant("router.token-forever"))
        || !digest_equal(row.rest, text_after(bytes, 16))) {
        return STATUS_INVALID;
    }
    status = subscription_find_number(step, row.topic, row.subscription, arena, ret);
    return status == STATUS_NOT_FOUND ? STATUS_INVALID : status;
}

/* --- Sent. */

/* AWS's words. */
static struct text confirmation_body(struct arena *arena, const struct topic *topic,
                                     const struct message *message)
{
    if (message->kind == MESSAGE_UNSUBSCRIBE_CONFIRMATION) {
        return arena_printf(arena,
                            "You have chosen to deactivate subscription %.*s.\nTo cancel this "
                            "operation and restore the subscription, visit the SubscribeURL "
                            "included in this message.",
                            TEXT_PRINTF(message->subscription_arn));
    }
    return arena_printf(arena,
                        "You have chosen to subscribe to the topic %.*s.\nTo confirm the "
                        "subscription, visit the SubscribeURL included in this message.",
                        TEXT_PRINTF(topic->arn));
}

void confirmation_send(struct step *step, struct topic *topic,
                       const struct subscription *subscription, enum message_kind kind)
{
    uint64_t number = step_number(step, COUNTER_MESSAGE);
    struct key key = key_u64(TABLE_BODY, number);
    struct arena arena = {0};
    struct message message = {
        .kind = kind,
        .time_ms = step->now_ms,
        .topic_arn = topic->arn,
        .token = token_create(step, subscription, &arena),
        .signature_version =
            text_equal(topic_attribute(topic, T("SignatureVersion")), T("2")) ? 2 : 1,
    };

    if (kind == MESSAGE_UNSUBSCRIBE_CONFIRMATION) {
        message.subscription_arn = subscription_arn(&arena, topic, subscription->id);
    }
    message.body = confirmation_body(&arena, topic, &message);
    message_id_make(step, number, message.id);
    record_put(step, &key, message_encode(&message));
    arena_free(&arena);
    body_set_references(step, number, 1);
    deliveries_owe(step, topic->number, number, &subscription->number, 1);
}

void subscription_send_confirmation(struct step *step, struct topic *topic,
                                    const struct subscription *subscription)
{
    confirmation_send(step, topic, subscription, MESSAGE_SUBSCRIPTION_CONFIRMATION);
}

/* --- Old tokens go, an hourly look at all of them. */

/* What only that token could have brought back. */
static void deleted_end(struct step *step, const struct token_row *row)
{
    struct subscription deleted = {
        .topic = row->topic, .number = row->subscription, .is_deleted = true};

    if (row->is_of_deleted && !mutant("router.deleted-stays")) {
        subscription_delete(step, &deleted);
    }
}

static void token_meet(struct table_walk *walk, struct step *step, const struct key *key,
                       struct blob *value)
{
    struct token_row row;

    (void)walk;
    if (!token_read(blob_text(value), &row)) {
        record_set_aside(step, key, value, "a confirmation token");
    } else if (row.expires_ms < step->now_ms) {
        record_delete(step, key);
        deleted_end(step, &row);
    }
}

static void on_sweep(struct timer *timer, struct step *step)
{
    const struct table_walk walk = {.from = key_table(TABLE_TOKEN), .visit = token_meet};

    table_walk(step, &walk);
    timer_set(step, timer, step->now_ms + SWEEP_EVERY_MS);
}

void tokens_sweep_start(struct step *step, struct router *router)
{
    router->sweep.fire = on_sweep;
    timer_set(step, &router->sweep, step->now_ms + SWEEP_EVERY_MS);
}
