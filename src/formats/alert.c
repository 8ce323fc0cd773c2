/* What people want to know of a message: out of its attributes, else out of the members of a
 * JSON object, under the names that monitoring tools use. */
#include "base/json.h"
#include "formats/internal.h"

#define URL_MAX_LEN 2048

enum alert_field {
    FIELD_TITLE,
    FIELD_TEXT,
    FIELD_URL,
    FIELD_DEDUP_KEY,
    FIELD_SOURCE,
    FIELD_COMPONENT,
    FIELD_GROUP,
    FIELD_CLASS,
    FIELD_STATUS,
    FIELD_SEVERITY,
    FIELD_COUNT
};

/* Of the same field the first that is there counts. */
static const struct {
    struct text name;
    enum alert_field field;
} names[] = {
    {TEXT("title"), FIELD_TITLE},
    {TEXT("AlarmName"), FIELD_TITLE},
    {TEXT("summary"), FIELD_TEXT},
    {TEXT("NewStateReason"), FIELD_TEXT},
    {TEXT("url"), FIELD_URL},
    {TEXT("dedup_key"), FIELD_DEDUP_KEY},
    {TEXT("AlarmArn"), FIELD_DEDUP_KEY},
    {TEXT("AlarmName"), FIELD_DEDUP_KEY},
    {TEXT("source"), FIELD_SOURCE},
    {TEXT("host"), FIELD_SOURCE},
    {TEXT("component"), FIELD_COMPONENT},
    {TEXT("service"), FIELD_COMPONENT},
    {TEXT("group"), FIELD_GROUP},
    {TEXT("class"), FIELD_CLASS},
    {TEXT("status"), FIELD_STATUS},
    {TEXT("NewStateValue"), FIELD_STATUS},
    {TEXT("severity"), FIELD_SEVERITY},
};

struct word {
    struct text word;
    int meaning;
};

static const struct word status_words[] = {
    {TEXT("firing"), ALERT_FIRING},
    {TEXT("alerting"), ALERT_FIRING},
    {TEXT("alarm"), ALERT_FIRING},
    {TEXT("problem"), ALERT_FIRING},
    {TEXT("trigger"), ALERT_FIRING},
    {TEXT("triggered"), ALERT_FIRING},
    {TEXT("ack"), ALERT_ACKNOWLEDGED},
    {TEXT("acknowledge"), ALERT_ACKNOWLEDGED},
    {TEXT("acknowledged"), ALERT_ACKNOWLEDGED},
    {TEXT("ok"), ALERT_RESOLVED},
    {TEXT("recovery"), ALERT_RESOLVED},
    {TEXT("resolve"), ALERT_RESOLVED},
    {TEXT("resolved"), ALERT_RESOLVED},
};

static const struct word severity_words[] = {
    {TEXT("critical"), SEVERITY_CRITICAL},  {TEXT("fatal"), SEVERITY_CRITICAL},
    {TEXT("emergency"), SEVERITY_CRITICAL}, {TEXT("disaster"), SEVERITY_CRITICAL},
    {TEXT("page"), SEVERITY_CRITICAL},      {TEXT("error"), SEVERITY_ERROR},
    {TEXT("high"), SEVERITY_ERROR},         {TEXT("warning"), SEVERITY_WARNING},
    {TEXT("warn"), SEVERITY_WARNING},       {TEXT("average"), SEVERITY_WARNING},
    {TEXT("info"), SEVERITY_INFO},          {TEXT("information"), SEVERITY_INFO},
    {TEXT("notice"), SEVERITY_INFO},        {TEXT("low"), SEVERITY_INFO},
};

static int meaning_of(struct text text, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal_ignore_case(text, words[i].word)) {
            return words[i].meaning;
        }
    }
    return 0;
}

/* --- Finding the fields. */

struct found {
    struct text fields[FIELD_COUNT];
    size_t row[FIELD_COUNT]; /* the row it was found by */
};

static void found_take(struct found *found, struct text name, struct text value)
{
    for (size_t i = 0; i < countof(names); i++) {
        enum alert_field field = names[i].field;

        if (text_equal(names[i].name, name) && value.len > 0
            && (found->fields[field].len == 0 || i < found->row[field])) {
            found->fields[field] = value;
            found->row[field] = i;
        }
    }
}

static void found_in_json(struct found *found, struct text body, struct arena *arena)
{
    struct json_reader reader;

    if (!is_json_object(body)) {
        return;
    }
    json_reader_init(&reader, body, arena);
    (void)json_next(&reader);
    while (json_next(&reader) == JSON_NAME) {
        struct text name = reader.value;
        struct json_reader peek;
        struct text raw;

        if (!json_raw(&reader, &raw)) {
            return;
        }
        json_reader_init(&peek, raw, arena);
        if (json_next(&peek) == JSON_STRING) {
            found_take(found, name, peek.value);
        }
    }
}

/* What may stand in a link. */
static struct text checked_url(struct text url)
{
    if (url.len > URL_MAX_LEN
        || !(text_starts_with(url, T("https://")) || text_starts_with(url, T("http://")))) {
        return (struct text){0};
    }
    for (size_t i = 0; i < url.len; i++) {
        if (url.at[i] <= ' ' || url.at[i] > '~' || url.at[i] == '"' || url.at[i] == '<'
            || url.at[i] == '>' || url.at[i] == '\\') {
            return (struct text){0};
        }
    }
    return url;
}

struct alert alert_read(const struct rendering *rendering)
{
    const struct message *message = rendering->input->message;
    struct found of_json = {.row = {0}};
    struct found found = {.row = {0}};

    found_in_json(&of_json, rendering->body, rendering->arena);
    for (size_t i = 0; i < message->attribute_count; i++) {
        if (!text_starts_with(message->attributes[i].type, T("Binary"))) {
            found_take(&found, message->attributes[i].name, message->attributes[i].value);
        }
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        found.fields[i] = found.fields[i].len > 0 ? found.fields[i] : of_json.fields[i];
    }
    const struct text *fields = found.fields;

    return (struct alert){
        .title = fields[FIELD_TITLE].len > 0 ? fields[FIELD_TITLE] : message->subject,
        .text = fields[FIELD_TEXT].len > 0 ? fields[FIELD_TEXT] : rendering->body,
        .url = checked_url(fields[FIELD_URL]),
        .dedup_key = fields[FIELD_DEDUP_KEY],
        .source = fields[FIELD_SOURCE],
        .component = fields[FIELD_COMPONENT],
        .group = fields[FIELD_GROUP],
        .class = fields[FIELD_CLASS],
        .status = (enum alert_status)meaning_of(fields[FIELD_STATUS], status_words,
                                                countof(status_words)),
        .severity = (enum alert_severity)meaning_of(fields[FIELD_SEVERITY], severity_words,
                                                    countof(severity_words)),
    };
}

enum alert_mood alert_mood(const struct alert *alert)
{
    static const enum alert_mood moods[] = {
        [SEVERITY_UNKNOWN] = MOOD_PLAIN, [SEVERITY_CRITICAL] = MOOD_BAD,
        [SEVERITY_ERROR] = MOOD_BAD,     [SEVERITY_WARNING] = MOOD_WARNING,
        [SEVERITY_INFO] = MOOD_INFO,
    };

    if (alert->status == ALERT_RESOLVED) {
        return MOOD_GOOD;
    }
    return alert->status == ALERT_FIRING && alert->severity == SEVERITY_UNKNOWN
               ? MOOD_BAD
               : moods[alert->severity];
}
