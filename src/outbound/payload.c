/* What is sent: in which form, signed in which ways, as the subscription asks. */
#include "base/clock.h"
#include "outbound/internal.h"

#define SIGNATURES_MAX ((size_t)16 * 1024)

/* --- What the subscription asks for. */

static struct text setting(const struct sending *sending, struct text name)
{
    return subscription_attribute(&sending->subscription, name);
}

/* Handshakes are SNS's in any case: nothing else has any. */
static const struct format *format_chosen(const struct sending *sending)
{
    struct text name = setting(sending, T("Fanfare.Format"));
    const struct format *format = NULL;

    if (sending->message.kind != MESSAGE_NOTIFICATION) {
        return format_find(T("sns"));
    }
    if (name.len == 0 && sending->subscription.protocol == PROTOCOL_LAMBDA) {
        name = T("lambda"); /* functions expect their event, whoever runs them */
    }
    if ((name.len == 0 || text_equal(name, T("sns")))
        && text_equal(setting(sending, T("RawMessageDelivery")), T("true"))) {
        name = T("raw");
    }
    format = name.len == 0 ? NULL : format_find(name);
    return format != NULL ? format : format_find(T("sns"));
}

static bool signs_as(const struct sending *sending, struct text way)
{
    struct text signing = setting(sending, T("Fanfare.Signing"));

    return text_equal(signing, T("both")) || text_equal(signing, way);
}

void payload_choose(struct sending *sending)
{
    sending->format = format_chosen(sending);
    sending->delivery.format = format_name(sending->format);
    sending->delivery.raw = text_equal(text_from(sending->delivery.format), T("raw"));
    sending->is_webhook = signs_as(sending, T("standard"));
}

bool payload_wants_signature(const struct sending *sending)
{
    bool is_default = setting(sending, T("Fanfare.Signing")).len == 0;

    return format_is_signed(sending->format)
           && (is_default || sending->message.kind != MESSAGE_NOTIFICATION
               || signs_as(sending, T("sns")));
}

/* --- Rendering. */

static void header_add(struct sending *sending, const char *name, const char *value)
{
    struct delivery_field *headers = sending->headers;

    headers[sending->delivery.header_count++] = (struct delivery_field){name, value};
}

static const char *arena_string(struct sending *sending, struct text text)
{
    return arena_copy(&sending->arena, text).at;
}

/* The headers of Standard Webhooks; the id is that of the message, on every attempt. */
static bool webhook_headers(struct sending *sending)
{
    const struct webhook webhook = {
        .id = arena_printf(&sending->arena, "msg_%s", sending->delivery.message_id),
        .time_ms = clock_now_ms(),
        .body = text_make(sending->delivery.payload, sending->delivery.payload_size),
    };
    struct buffer signatures;

    buffer_init(&signatures, SIGNATURES_MAX);
    bool is_signed = webhook_sign(&signatures, &webhook, setting(sending, T("Fanfare.Secret")));

    header_add(sending, "webhook-id", webhook.id.at);
    header_add(sending, "webhook-timestamp",
               arena_printf(&sending->arena, "%lld", (long long)(webhook.time_ms / 1000)).at);
    header_add(sending, "webhook-signature", arena_string(sending, buffer_text(&signatures)));
    buffer_free(&signatures);
    return is_signed;
}

static bool has_secret(const struct sending *sending)
{
    return setting(sending, T("Fanfare.Secret")).len > 0;
}

bool payload_render(struct sending *sending, struct text signature, const char **ret_why)
{
    struct delivery *delivery = &sending->delivery;
    const struct format_input input = {
        .message = &sending->message,
        .target = &sending->target,
        .signature = signature,
        .certificate_name = signer_certificate_name(sending->outbound->options.signer),
        .routing_key = setting(sending, T("Fanfare.RoutingKey")),
    };
    struct formatted formatted;

    if (!format_render(sending->format, &input, &sending->payload, &sending->arena, &formatted,
                       ret_why)) {
        return false;
    }
    if (formatted.header_count > 0 || sending->is_webhook) {
        sending->headers =
            arena_array(&sending->arena, formatted.header_count + 3, sizeof *sending->headers);
    }
    for (size_t i = 0; i < formatted.header_count; i++) {
        header_add(sending, formatted.headers[i].name, formatted.headers[i].value);
    }
    delivery->headers = sending->headers;
    delivery->payload = formatted.body.at;
    delivery->payload_size = formatted.body.len;
    delivery->content_type = formatted.content_type;
    return true;
}

bool payload_sign(struct sending *sending, const char **ret_why)
{
    if (!sending->is_webhook || webhook_headers(sending)) {
        return true;
    }
    *ret_why =
        has_secret(sending)
            ? "every secret of Fanfare.Secret has ended: set another"
            : "Fanfare.Signing asks for Standard Webhooks, and Fanfare.Secret is not set";
    return false;
}
