/* PagerDuty's Events API v2 (developer.pagerduty.com/docs/events-api-v2-overview). */
#include "base/digest.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "formats/internal.h"

#define SUMMARY_MAX   1024
#define DEDUP_KEY_MAX 255
#define FIELD_MAX     255
#define DETAILS_MAX   ((size_t)480000) /* bytes as JSON, of 512,000 for the whole event */

static const struct text actions[] = {
    [ALERT_UNKNOWN] = TEXT("trigger"),
    [ALERT_FIRING] = TEXT("trigger"),
    [ALERT_ACKNOWLEDGED] = TEXT("acknowledge"),
    [ALERT_RESOLVED] = TEXT("resolve"),
};

static const struct text severities[] = {
    [SEVERITY_UNKNOWN] = TEXT("error"), [SEVERITY_CRITICAL] = TEXT("critical"),
    [SEVERITY_ERROR] = TEXT("error"),   [SEVERITY_WARNING] = TEXT("warning"),
    [SEVERITY_INFO] = TEXT("info"),
};

/* The message's own id when nothing names the incident: the same on every attempt.  A key that
 * is too long becomes its hash, for a cut one might be that of another incident. */
static struct text dedup_key(struct rendering *rendering, const struct alert *alert)
{
    uint8_t digest[SHA256_SIZE];
    struct buffer hex;
    char id[UUID_SIZE];

    if (alert->dedup_key.len == 0) {
        uuid_format(rendering->input->message->id, id);
        return arena_copy(rendering->arena, text_from(id));
    }
    if (alert->dedup_key.len <= DEDUP_KEY_MAX) {
        return alert->dedup_key;
    }
    digest_sha256(alert->dedup_key, digest);
    buffer_init(&hex, sizeof digest * 2);
    hex_encode(&hex, text_make(digest, sizeof digest));
    struct text key = arena_copy(rendering->arena, buffer_text(&hex));

    buffer_free(&hex);
    return key;
}

static void add_optional(struct rendering *rendering, const char *name, struct text value)
{
    if (value.len > 0) {
        add_member(rendering->to, name, cut_characters(rendering->arena, value, FIELD_MAX));
    }
}

static void add_details(struct rendering *rendering)
{
    struct buffer *to = rendering->to;
    struct text body = rendering->body;

    buffer_add_string(to, ",\"custom_details\":");
    if (body.len <= DETAILS_MAX && is_json_object(body)) {
        buffer_add(to, body);
        return;
    }
    buffer_add_byte(to, '{');
    add_member(to, "message", cut_escaped(rendering->arena, body, DETAILS_MAX));
    buffer_add_byte(to, '}');
}

static void add_payload(struct rendering *rendering, const struct alert *alert)
{
    const struct message *message = rendering->input->message;
    struct buffer *to = rendering->to;
    struct text summary = alert->title.len > 0 ? alert->title : alert->text;
    struct text source = alert->source.len > 0 ? alert->source : topic_name(message->topic_arn);
    char time[TIMESTAMP_SIZE];

    timestamp_format(message->time_ms, time);
    buffer_add_string(to, ",\"payload\":{");
    add_member(to, "summary", cut_characters(rendering->arena, summary, SUMMARY_MAX));
    add_optional(rendering, "source", source);
    add_member(to, "severity", severities[alert->severity]);
    add_member(to, "timestamp", text_from(time));
    add_optional(rendering, "component", alert->component);
    add_optional(rendering, "group", alert->group);
    add_optional(rendering, "class", alert->class);
    add_details(rendering);
    buffer_add_byte(to, '}');
}

bool pagerduty_render(struct rendering *rendering)
{
    struct buffer *to = rendering->to;
    struct alert alert = alert_read(rendering);

    if (rendering->input->routing_key.len == 0) {
        rendering->why = "Fanfare.Format is pagerduty, and Fanfare.RoutingKey is not set";
        return false;
    }
    buffer_add_byte(to, '{');
    add_member(to, "routing_key", rendering->input->routing_key);
    add_member(to, "event_action", actions[alert.status]);
    add_member(to, "dedup_key", dedup_key(rendering, &alert));
    add_member(to, "client", T("Fanfare"));
    add_payload(rendering, &alert);
    if (alert.url.len > 0) {
        buffer_add_string(to, ",\"links\":[{");
        add_member(to, "href", alert.url);
        buffer_add_string(to, "}]");
    }
    buffer_add_byte(to, '}');
    return true;
}
