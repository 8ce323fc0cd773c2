/* Chats: Slack's incoming webhooks, Discord's, and the adaptive card of a Teams workflow. */
#include "base/json.h"
#include "base/timestamp.h"
#include "formats/internal.h"

static void add_number(struct buffer *to, const char *name, int64_t value)
{
    buffer_printf(to, ",\"%s\":%lld", name, (long long)value);
}

/* --- Slack (api.slack.com/messaging/webhooks, reference/messaging/attachments). */

#define SLACK_TITLE_MAX 1024
#define SLACK_TEXT_MAX  40000

/* '&', '<' and '>' are Slack's own characters: escaped, nobody can mention a channel. */
static struct text slack_escaped(struct arena *arena, struct text text, size_t max)
{
    static const struct {
        char byte;
        const char *escape;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}};
    struct text cut = cut_characters(arena, text, max);
    struct buffer escaped;

    buffer_init(&escaped, text.len * 5 + 16);
    for (size_t i = 0; i < cut.len; i++) {
        const char *escape = NULL;

        for (size_t j = 0; j < countof(escapes); j++) {
            escape = cut.at[i] == escapes[j].byte ? escapes[j].escape : escape;
        }
        if (escape != NULL) {
            buffer_add_string(&escaped, escape);
        } else {
            buffer_add_byte(&escaped, cut.at[i]);
        }
    }
    struct text result = arena_copy(arena, buffer_text(&escaped));

    buffer_free(&escaped);
    return result;
}

static void slack_attachment(struct rendering *rendering, const struct alert *alert,
                             struct text title, struct text text)
{
    static const struct text colors[] = {
        [MOOD_PLAIN] = TEXT("#808080"),   [MOOD_BAD] = TEXT("danger"),
        [MOOD_WARNING] = TEXT("warning"), [MOOD_INFO] = TEXT("#439FE0"),
        [MOOD_GOOD] = TEXT("good"),
    };
    const struct message *message = rendering->input->message;
    struct buffer *to = rendering->to;

    buffer_add_string(to, "{\"attachments\":[{");
    add_member(to, "color", colors[alert_mood(alert)]);
    add_member(to, "fallback", title.len > 0 ? title : text);
    if (title.len > 0) {
        add_member(to, "title", title);
    }
    if (alert->url.len > 0) {
        add_member(to, "title_link", alert->url);
    }
    add_member(to, "text", text);
    buffer_add_string(to, ",\"mrkdwn_in\":[\"text\"]");
    add_member(to, "footer", topic_name(message->topic_arn));
    add_number(to, "ts", message->time_ms / 1000);
    buffer_add_string(to, "}]}");
}

bool slack_render(struct rendering *rendering)
{
    struct arena *arena = rendering->arena;
    struct alert alert = alert_read(rendering);
    struct text title = slack_escaped(arena, alert.title, SLACK_TITLE_MAX);
    struct text text = slack_escaped(arena, alert.text, SLACK_TEXT_MAX - SLACK_TITLE_MAX);

    if (alert_mood(&alert) != MOOD_PLAIN || alert.url.len > 0) {
        slack_attachment(rendering, &alert, title, text);
        return true;
    }
    if (title.len > 0) {
        text = arena_printf(arena, "*%.*s*\n%.*s", TEXT_PRINTF(title), TEXT_PRINTF(text));
    }
    buffer_add_byte(rendering->to, '{');
    add_member(rendering->to, "text", text);
    buffer_add_byte(rendering->to, '}');
    return true;
}

/* --- Discord (discord.com/developers/docs/resources/webhook). */

#define DISCORD_CONTENT_MAX     2000
#define DISCORD_TITLE_MAX       256
#define DISCORD_DESCRIPTION_MAX 4096

static void discord_embed(struct rendering *rendering, const struct alert *alert)
{
    static const int64_t colors[] = {
        [MOOD_PLAIN] = 0x95a5a6, [MOOD_BAD] = 0xe74c3c,  [MOOD_WARNING] = 0xf39c12,
        [MOOD_INFO] = 0x3498db,  [MOOD_GOOD] = 0x2ecc71,
    };
    const struct message *message = rendering->input->message;
    struct arena *arena = rendering->arena;
    struct buffer *to = rendering->to;
    char time[TIMESTAMP_SIZE];

    timestamp_format(message->time_ms, time);
    buffer_add_string(to, "{\"embeds\":[{");
    add_member(to, "description", cut_characters(arena, alert->text, DISCORD_DESCRIPTION_MAX));
    if (alert->title.len > 0) {
        add_member(to, "title", cut_characters(arena, alert->title, DISCORD_TITLE_MAX));
    }
    if (alert->url.len > 0) {
        add_member(to, "url", alert->url);
    }
    add_number(to, "color", colors[alert_mood(alert)]);
    add_member(to, "timestamp", text_from(time));
    buffer_add_string(to, ",\"footer\":{");
    add_member(to, "text", topic_name(message->topic_arn));
    buffer_add_string(to, "}}]");
}

bool discord_render(struct rendering *rendering)
{
    struct buffer *to = rendering->to;
    struct alert alert = alert_read(rendering);
    struct text content = cut_characters(rendering->arena, alert.text, DISCORD_CONTENT_MAX);
    bool is_plain = alert.title.len == 0 && alert.url.len == 0
                    && alert_mood(&alert) == MOOD_PLAIN && content.at == alert.text.at;

    if (is_plain) {
        buffer_add_byte(to, '{');
        add_member(to, "content", content);
    } else {
        discord_embed(rendering, &alert);
    }
    buffer_add_string(to, ",\"allowed_mentions\":{\"parse\":[]}}"); /* nobody is pinged */
    return true;
}

/* --- Teams (adaptivecards.io/explorer; a workflow takes at most 28 KB). */

#define TEAMS_TITLE_MAX 256
#define TEAMS_TEXT_MAX  ((size_t)23000) /* bytes as JSON: title, link and card take the rest */

static void teams_title(struct rendering *rendering, const struct alert *alert)
{
    static const struct text colors[] = {
        [MOOD_PLAIN] = TEXT("Default"),   [MOOD_BAD] = TEXT("Attention"),
        [MOOD_WARNING] = TEXT("Warning"), [MOOD_INFO] = TEXT("Accent"),
        [MOOD_GOOD] = TEXT("Good"),
    };
    struct buffer *to = rendering->to;
    struct text title =
        alert->title.len > 0 ? alert->title : topic_name(rendering->input->message->topic_arn);

    buffer_add_string(to, "{\"type\":\"TextBlock\",\"weight\":\"Bolder\",\"size\":\"Medium\","
                          "\"wrap\":true,\"style\":\"heading\"");
    add_member(to, "color", colors[alert_mood(alert)]);
    add_member(to, "text", cut_characters(rendering->arena, title, TEAMS_TITLE_MAX));
    buffer_add_string(to, "},");
}

bool teams_render(struct rendering *rendering)
{
    struct buffer *to = rendering->to;
    struct alert alert = alert_read(rendering);

    buffer_add_string(
        to, "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
            "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{"
            "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
            "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"msteams\":{\"width\":\"full\"},"
            "\"body\":[");
    teams_title(rendering, &alert);
    buffer_add_string(to, "{\"type\":\"TextBlock\",\"wrap\":true");
    add_member(to, "text", cut_escaped(rendering->arena, alert.text, TEAMS_TEXT_MAX));
    buffer_add_string(to, "}]");
    if (alert.url.len > 0) {
        buffer_add_string(to, ",\"actions\":[{\"type\":\"Action.OpenUrl\",\"title\":\"Open\"");
        add_member(to, "url", alert.url);
        buffer_add_string(to, "}]");
    }
    buffer_add_string(to, "}}]}");
    return true;
}
