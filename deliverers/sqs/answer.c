/* What a server's answer means for each message of a batch. */
#include "sqs.h"

#include "deliverers/common/outcomes.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_ROOM 256

/* --- Errors by name: of the Query protocol and of JSON, without what stands in front. */

struct error_row {
    const char *code;
    enum verdict verdict;
    const char *advice; /* for people, or "" */
};

/* What is not here is judged by whose fault the server says it is. */
static const struct error_row error_rows[] = {
    {"NonExistentQueue", VERDICT_REFUSED, ""},
    {"QueueDoesNotExist", VERDICT_REFUSED, ""},
    {"AccessDenied", VERDICT_REFUSED, ""},
    {"AccessDeniedException", VERDICT_REFUSED, ""},
    {"InvalidMessageContents", VERDICT_REFUSED, ""},
    {"InvalidParameterValue", VERDICT_REFUSED, ""},
    {"MissingParameter", VERDICT_REFUSED, ""},
    {"UnsupportedOperation", VERDICT_REFUSED, ""},
    /* The credentials are ours: what waits is delivered once they are right. */
    {"InvalidClientTokenId", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"InvalidAccessKeyId", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"UnrecognizedClientException", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"SignatureDoesNotMatch", VERDICT_RETRY, ": see secret_key_file and region in sqs.servers"},
    {"InvalidSignatureException", VERDICT_RETRY,
     ": see secret_key_file and region in sqs.servers"},
    {"IncompleteSignature", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"MissingAuthenticationToken", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"MissingAuthenticationTokenException", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"InvalidSecurity", VERDICT_RETRY, ": see access_key in sqs.servers"},
    {"ExpiredToken", VERDICT_RETRY, ""},
    {"RequestExpired", VERDICT_RETRY, ": the clocks differ"},
    {"RequestTimeTooSkewed", VERDICT_RETRY, ": the clocks differ"},
    {"BatchRequestTooLong", VERDICT_RETRY, ": see batch_bytes_max in sqs.servers"},
    {"Throttling", VERDICT_RETRY, ""},
    {"ThrottlingException", VERDICT_RETRY, ""},
    {"RequestThrottled", VERDICT_RETRY, ""},
    {"TooManyRequestsException", VERDICT_RETRY, ""},
    {"KmsThrottled", VERDICT_RETRY, ""},
    {"OverLimit", VERDICT_RETRY, ""},
    {"QueueDeletedRecently", VERDICT_RETRY, ""},
    {"InternalError", VERDICT_RETRY, ""},
    {"InternalFailure", VERDICT_RETRY, ""},
    {"InternalServerError", VERDICT_RETRY, ""},
    {"ServiceUnavailable", VERDICT_RETRY, ""},
    {"RequestTimeout", VERDICT_RETRY, ""},
};

/* "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue" */
static const char *short_code(const char *code)
{
    const char *sharp = strrchr(code, '#');
    const char *dot = strrchr(code, '.');

    if (sharp != NULL) {
        return sharp + 1;
    }
    return dot != NULL ? dot + 1 : code;
}

static void judge_error(const char *code, const char *message, enum verdict otherwise,
                        struct verdict_of *ret)
{
    const char *advice = "";
    const char *name = short_code(code);

    ret->verdict = otherwise;
    for (size_t i = 0; i < sizeof error_rows / sizeof error_rows[0]; i++) {
        if (strcmp(error_rows[i].code, name) == 0) {
            ret->verdict = error_rows[i].verdict;
            advice = error_rows[i].advice;
        }
    }
    (void)snprintf(ret->reason, sizeof ret->reason, "%.64s%s%.128s%s", name,
                   message[0] == '\0' ? "" : ": ", message, advice);
}

/* --- One entry. */

/* As either protocol says it of one that was taken. */
struct answer_taken {
    const char *message_id, *body_md5, *attributes_md5; /* "" where it says nothing */
};

static bool differs(const char *said, const char *ours)
{
    return said[0] != '\0' && ours[0] != '\0' && strcmp(said, ours) != 0;
}

static void judge_taken(const struct sqs_entry *entry, const struct answer_taken *taken,
                        struct verdict_of *ret)
{
    bool is_whole = !differs(taken->body_md5, entry->body_md5)
                    && !differs(taken->attributes_md5, entry->attributes_md5);

    ret->verdict = is_whole ? VERDICT_DELIVERED : VERDICT_RETRY;
    (void)snprintf(ret->reason, sizeof ret->reason,
                   is_whole ? "taken as %.100s"
                            : "it arrived changed: the MD5 of message %.100s is another",
                   taken->message_id);
}

/* The place that an Id names; `count`: none. */
static size_t place_of(const char *id, size_t count)
{
    char *end = NULL;
    unsigned long place = id[0] >= '0' && id[0] <= '9' ? strtoul(id, &end, 10) : count;

    return end != NULL && *end == '\0' && place < count ? (size_t)place : count;
}

/* --- JSON. */

static const char *json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void read_json_batch(const json_t *root, const struct sqs_entry *entries, size_t count,
                            struct verdict_of *ret)
{
    size_t i = 0;
    const json_t *item = NULL;

    json_array_foreach(json_object_get(root, "Successful"), i, item)
    {
        const struct answer_taken taken = {json_text(item, "MessageId"),
                                           json_text(item, "MD5OfMessageBody"),
                                           json_text(item, "MD5OfMessageAttributes")};
        size_t place = place_of(json_text(item, "Id"), count);

        if (place < count) {
            judge_taken(&entries[place], &taken, &ret[place]);
        }
    }
    json_array_foreach(json_object_get(root, "Failed"), i, item)
    {
        size_t place = place_of(json_text(item, "Id"), count);
        bool is_ours = json_is_true(json_object_get(item, "SenderFault"));

        if (place < count) {
            judge_error(json_text(item, "Code"), json_text(item, "Message"),
                        is_ours ? VERDICT_REFUSED : VERDICT_RETRY, &ret[place]);
        }
    }
}

/* The error's name and text, or false. */
static bool read_json_error(const json_t *root, char code[VALUE_ROOM], char message[VALUE_ROOM])
{
    const char *text = json_text(root, "message");

    (void)snprintf(code, VALUE_ROOM, "%s", json_text(root, "__type"));
    (void)snprintf(message, VALUE_ROOM, "%s",
                   text[0] == '\0' ? json_text(root, "Message") : text);
    return code[0] != '\0';
}

/* --- XML: SQS's answers are flat; elements are found by name. */

struct answer_span {
    const char *at;
    size_t len;
};

static const char *span_find(struct answer_span span, const char *text)
{
    return span.at == NULL ? NULL : memmem(span.at, span.len, text, strlen(text));
}

/* Behind <name> up to </name>; at == NULL: there is none.  *io_rest goes on behind it. */
static struct answer_span xml_element(struct answer_span *io_rest, const char *name)
{
    char tag[64];
    const char *from = NULL;
    const char *to = NULL;
    const char *end = io_rest->at == NULL ? NULL : io_rest->at + io_rest->len;

    (void)snprintf(tag, sizeof tag, "<%s>", name);
    from = span_find(*io_rest, tag);
    if (from == NULL) {
        return (struct answer_span){0};
    }
    from += strlen(tag);
    (void)snprintf(tag, sizeof tag, "</%s>", name);
    to = span_find((struct answer_span){from, (size_t)(end - from)}, tag);
    if (to == NULL) {
        return (struct answer_span){0};
    }
    io_rest->at = to + strlen(tag);
    io_rest->len = (size_t)(end - io_rest->at);
    return (struct answer_span){from, (size_t)(to - from)};
}

static const struct {
    const char *name;
    char byte;
} xml_names[] = {
    {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

/* The byte that `*io_at` of it begins, which moves behind it. */
static char xml_byte(struct answer_span text, size_t *io_at)
{
    const char *at = text.at + *io_at;
    size_t left = text.len - *io_at;

    for (size_t i = 0; *at == '&' && i < sizeof xml_names / sizeof xml_names[0]; i++) {
        size_t size = strlen(xml_names[i].name);

        if (left >= size && memcmp(at, xml_names[i].name, size) == 0) {
            *io_at += size;
            return xml_names[i].byte;
        }
    }
    ++*io_at;
    return *at;
}

static void xml_text(struct answer_span parent, const char *name, char ret[VALUE_ROOM])
{
    struct answer_span text = xml_element(&parent, name);
    size_t len = 0;
    size_t at = 0;

    while (at < text.len && len + 1 < VALUE_ROOM) {
        ret[len++] = xml_byte(text, &at);
    }
    ret[len] = '\0';
}

static void read_xml_taken(struct answer_span rest, const struct sqs_entry *entries,
                           size_t count, struct verdict_of *ret)
{
    struct answer_span item;

    while ((item = xml_element(&rest, "SendMessageBatchResultEntry")).at != NULL) {
        char id[VALUE_ROOM];
        char message_id[VALUE_ROOM];
        char body_md5[VALUE_ROOM];
        char attributes_md5[VALUE_ROOM];

        xml_text(item, "Id", id);
        xml_text(item, "MessageId", message_id);
        xml_text(item, "MD5OfMessageBody", body_md5);
        xml_text(item, "MD5OfMessageAttributes", attributes_md5);
        const struct answer_taken taken = {message_id, body_md5, attributes_md5};
        size_t place = place_of(id, count);

        if (place < count) {
            judge_taken(&entries[place], &taken, &ret[place]);
        }
    }
}

static void read_xml_failed(struct answer_span rest, size_t count, struct verdict_of *ret)
{
    struct answer_span item;

    while ((item = xml_element(&rest, "BatchResultErrorEntry")).at != NULL) {
        char id[VALUE_ROOM];
        char code[VALUE_ROOM];
        char message[VALUE_ROOM];
        char fault[VALUE_ROOM];

        xml_text(item, "Id", id);
        xml_text(item, "Code", code);
        xml_text(item, "Message", message);
        xml_text(item, "SenderFault", fault);
        size_t place = place_of(id, count);

        if (place < count) {
            judge_error(code, message,
                        strcmp(fault, "true") == 0 ? VERDICT_REFUSED : VERDICT_RETRY,
                        &ret[place]);
        }
    }
}

static bool read_xml_error(struct answer_span answer, char code[VALUE_ROOM],
                           char message[VALUE_ROOM])
{
    xml_text(answer, "Code", code);
    xml_text(answer, "Message", message);
    return code[0] != '\0';
}

/* --- The whole. */

static void judge_all(const struct verdict_of *one, size_t count, struct verdict_of *ret)
{
    for (size_t i = 0; i < count; i++) {
        ret[i] = *one;
    }
}

static enum verdict verdict_of_status(int status)
{
    enum verdict verdict = outcome_of_status(status);

    /* A queue server has nothing to say against the subscription. */
    return verdict == VERDICT_GONE ? VERDICT_REFUSED : verdict;
}

static void judge_failure(int status, const char *code, const char *message, size_t count,
                          struct verdict_of *ret)
{
    struct verdict_of one = {.verdict = verdict_of_status(status)};

    if (code[0] != '\0') {
        judge_error(code, message, one.verdict, &one);
    } else {
        (void)snprintf(one.reason, sizeof one.reason, "HTTP %d %s", status,
                       outcome_status_text(status));
    }
    judge_all(&one, count, ret);
}

void answer_read(const struct sqs_server *server, int status, const struct body *answer,
                 const struct sqs_entry *entries, size_t count, struct verdict_of *ret)
{
    static const struct verdict_of unmentioned = {VERDICT_RETRY,
                                                  "the server did not say whether it took it"};
    char code[VALUE_ROOM] = "";
    char message[VALUE_ROOM] = "";
    struct answer_span span = {answer->at, answer->len};
    json_t *root = server->is_query || answer->at == NULL
                       ? NULL
                       : json_loadb(answer->at, answer->len, 0, NULL);

    judge_all(&unmentioned, count, ret);
    if (status < 200 || status > 299) {
        bool is_told = server->is_query ? read_xml_error(span, code, message)
                                        : read_json_error(root, code, message);

        judge_failure(status, is_told ? code : "", message, count, ret);
    } else if (server->is_query) {
        read_xml_taken(span, entries, count, ret);
        read_xml_failed(span, count, ret);
    } else {
        read_json_batch(root, entries, count, ret);
    }
    json_decref(root);
}
