/* Requests to other queue servers and what their answers mean, without a server. */
#include "rig.h"

#include "deliverers/sqs/sqs.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const char configuration[] =
    "{\"json\":{\"url\":\"http://queues.example:9324\",\"accounts\":[\"000000000001\",222],"
    "\"region\":\"eu-west-1\"},"
    "\"query\":{\"url\":\"https://127.0.0.1\",\"public_url\":\"http://sqs.example\",\"protocol\":\"query\",\"accounts\":[\"3\"]}}";

static struct servers servers_get(void)
{
    struct servers servers;
    char why[WHY_ROOM] = "";

    cr_assert(servers_read(configuration, &servers, why), "%s", why);
    return servers;
}

struct place {
    const char *endpoint;
    const char *queue_url; /* NULL: nobody's */
};

static const struct place places[] = {
    {"http://queues.example:9324/1/q", "http://queues.example:9324/1/q"},
    {"http://QUEUES.example.:9324/1/q", "http://queues.example:9324/1/q"},
    {"https://127.0.0.1/1/q", "http://sqs.example/1/q"},
    {"https://127.0.0.1:443/1/q", "http://sqs.example/1/q"},
    {"http://sqs.example:80/1/q", "http://sqs.example/1/q"},
    {"arn:aws:sqs:eu-west-1:000000000001:q", "http://queues.example:9324/000000000001/q"},
    {"arn:aws:sqs:eu-west-1:000000000222:q.fifo",
     "http://queues.example:9324/000000000222/q.fifo"},
    {"arn:aws:sqs:us-east-1:3:q", "http://sqs.example/3/q"},
    {"http://queues.example/1/q", NULL},
    {"https://queues.example:9324/1/q", NULL},
    {"http://queues.example:9324", NULL},
    {"http://queues.example:9324/?q", NULL},
    {"http://queues.example:9324@evil.example/1/q", NULL},
    {"arn:aws:sqs:us-east-1:000000000001:q", NULL},
    {"arn:aws:sqs:eu-west-1:000000000002:q", NULL},
    {"arn:aws:sns:eu-west-1:000000000001:q", NULL},
    {"arn:aws:sqs:eu-west-1:000000000001:q:r", NULL},
    {"arn:aws:sqs:eu-west-1:000000000001:../x", NULL},
    {"arn:aws:sqs:eu-west-1:000000000001:", NULL},
    {"arn:aws:sqs", NULL},
    {"", NULL},
};

Test(sqs, finds_the_server_of_a_queue)
{
    struct servers servers = servers_get();

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct sqs_server *server = NULL;
        char *queue_url = NULL;
        char why[WHY_ROOM] = "";
        bool is_found = servers_find(&servers, places[i].endpoint, &server, &queue_url, why);

        cr_expect_eq(is_found, places[i].queue_url != NULL, "%s: %s", places[i].endpoint, why);
        if (is_found && places[i].queue_url != NULL) {
            cr_expect_str_eq(queue_url, places[i].queue_url);
        }
        cr_expect(is_found || why[0] != '\0', "%s: no reason", places[i].endpoint);
        free(queue_url);
    }
    servers_free(&servers);
}

/* --- Requests. */

static const struct delivery_attribute attributes[] = {
    {"b", "Binary", "\0\1\377", 3}, {"a", "String", "x&y=\"", 5}, {"n", "Number.int", "7", 1}};

static struct delivery delivery_of(const char *endpoint, bool raw)
{
    return (struct delivery){.endpoint = endpoint,
                             .raw = raw,
                             .payload = "a\n\"\\+ \xc3\xa9",
                             .payload_size = 8,
                             .attributes = attributes,
                             .attribute_count = 3,
                             .group_id = "g 1",
                             .deduplication_id = "d"};
}

static void expect_entry(const struct sqs_server *server, size_t place,
                         const struct delivery *delivery, const char *wanted)
{
    struct body body = {0};
    struct sqs_entry entry;
    const char *why = "";

    cr_assert(entry_write(&body, server, place, delivery, &entry, &why), "%s", why);
    cr_expect_str_eq(body.at, wanted);
    cr_expect_str_eq(entry.body_md5, "b2ca495f4bb83349d8fd1ed55ecb0660");
    cr_expect_str_eq(entry.attributes_md5,
                     delivery->raw ? "fab75b479f2fc6804e99104b62cec860" : "");
    body_free(&body);
}

Test(sqs, writes_entries_in_both_protocols)
{
    struct servers servers = servers_get();
    struct delivery raw = delivery_of("http://queues.example:9324/1/q", true);
    struct delivery full = delivery_of("http://queues.example:9324/1/q.fifo", false);

    expect_entry(&servers.items[0], 0, &raw,
                 "{\"Id\":\"0\",\"MessageBody\":\"a\\u000a\\u0022\\u005c+ \xc3\xa9\","
                 "\"MessageAttributes\":{\"b\":{\"DataType\":\"Binary\",\"BinaryValue\":"
                 "\"AAH/\"},\"a\":{\"DataType\":\"String\",\"StringValue\":\"x&y=\\u0022\"},"
                 "\"n\":{\"DataType\":\"Number.int\",\"StringValue\":\"7\"}}}");
    expect_entry(&servers.items[0], 1, &full,
                 ",{\"Id\":\"1\",\"MessageBody\":\"a\\u000a\\u0022\\u005c+ \xc3\xa9\","
                 "\"MessageGroupId\":\"g 1\",\"MessageDeduplicationId\":\"d\"}");
    expect_entry(
        &servers.items[1], 0, &raw,
        "&SendMessageBatchRequestEntry.1.Id=0"
        "&SendMessageBatchRequestEntry.1.MessageBody=a%0A%22%5C%2B%20%C3%A9"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=b"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=Binary"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.BinaryValue=AAH%2F"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.2.Name=a"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.2.Value.DataType=String"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.2.Value.StringValue=x%26y%3D%22"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.3.Name=n"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.3.Value.DataType=Number.int"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.3.Value.StringValue=7");
    expect_entry(&servers.items[1], 1, &full,
                 "&SendMessageBatchRequestEntry.2.Id=1"
                 "&SendMessageBatchRequestEntry.2.MessageBody=a%0A%22%5C%2B%20%C3%A9"
                 "&SendMessageBatchRequestEntry.2.MessageGroupId=g%201"
                 "&SendMessageBatchRequestEntry.2.MessageDeduplicationId=d");
    servers_free(&servers);
}

Test(sqs, refuses_more_attributes_than_sqs_takes)
{
    struct servers servers = servers_get();
    struct delivery delivery = delivery_of("http://queues.example:9324/1/q", true);
    struct body body = {0};
    struct sqs_entry entry;
    const char *why = "";

    delivery.attribute_count = 11;
    cr_expect_not(entry_write(&body, &servers.items[0], 0, &delivery, &entry, &why));
    cr_expect_eq(body.len, 0);
    cr_expect_not_null(strstr(why, "10 message attributes"));
    servers_free(&servers);
}

/* --- Answers. */

struct answer {
    bool is_query;
    int status;
    const char *text;
    enum verdict verdicts[2];
    const char *reasons[2]; /* a part of each; the second may be NULL: as the first */
};

#define MD5 "5d41402abc4b2a76b9719d911017c592"
#define XML(inside) \
    "<R xmlns=\"x\"><SendMessageBatchResult>" inside "</SendMessageBatchResult></R>"

static const struct answer answers[] = {
    {false,
     200,
     "{\"Successful\":[{\"Id\":\"1\",\"MessageId\":\"m1\",\"MD5OfMessageBody\":\"" MD5 "\"},"
     "{\"Id\":\"0\",\"MessageId\":\"m0\",\"MD5OfMessageBody\":\"" MD5 "\"}]}",
     {VERDICT_DELIVERED, VERDICT_DELIVERED},
     {"taken as m0", "taken as m1"}},
    {true,
     200,
     XML("<SendMessageBatchResultEntry><Id>0</Id><MessageId>m0</MessageId><MD5OfMessageBody>" MD5
         "</MD5OfMessageBody></SendMessageBatchResultEntry><BatchResultErrorEntry><Id>1</Id>"
         "<Code>Odd</Code><Message>a &lt;b&gt; &amp;c</Message><SenderFault>true</SenderFault>"
         "</BatchResultErrorEntry>"),
     {VERDICT_DELIVERED, VERDICT_REFUSED},
     {"taken as m0", "Odd: a <b> &c"}},
    {false,
     200,
     "{\"Successful\":[{\"Id\":\"0\",\"MD5OfMessageBody\":\"0\"}],\"Failed\":[{\"Id\":\"1\","
     "\"Code\":\"InternalError\",\"SenderFault\":true}]}",
     {VERDICT_RETRY, VERDICT_RETRY},
     {"arrived changed", "InternalError"}},
    {false,
     200,
     "{\"Successful\":[{\"Id\":\"0\",\"MD5OfMessageBody\":\"" MD5
     "\",\"MD5OfMessageAttributes\":\"1\"}],\"Failed\":[{\"Id\":\"1\",\"Code\":\"Strange\"}]}",
     {VERDICT_RETRY, VERDICT_RETRY},
     {"arrived changed", "Strange"}},
    {false,
     200,
     "{\"Successful\":[{\"Id\":\"0\"}]}",
     {VERDICT_DELIVERED, VERDICT_RETRY},
     {"taken", "did not say"}},
    {false, 200, "", {VERDICT_RETRY, VERDICT_RETRY}, {"did not say", NULL}},
    {false, 200, "<html>", {VERDICT_RETRY, VERDICT_RETRY}, {"did not say", NULL}},
    {true, 200, "{}", {VERDICT_RETRY, VERDICT_RETRY}, {"did not say", NULL}},
    {true,
     200,
     XML("<SendMessageBatchResultEntry><Id>0</Id>"),
     {VERDICT_RETRY, VERDICT_RETRY},
     {"did not say", NULL}},
    {false,
     200,
     "{\"Successful\":[{\"Id\":\"2\"},{\"Id\":\"-1\"},{\"Id\":\"0x\"},{\"Id\":0},{},7],"
     "\"Failed\":{}}",
     {VERDICT_RETRY, VERDICT_RETRY},
     {"did not say", NULL}},
    {false,
     400,
     "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"gone\"}",
     {VERDICT_REFUSED, VERDICT_REFUSED},
     {"QueueDoesNotExist: gone", NULL}},
    {true,
     400,
     "<ErrorResponse><Error><Code>AWS.SimpleQueueService.NonExistentQueue</Code></Error>"
     "</ErrorResponse>",
     {VERDICT_REFUSED, VERDICT_REFUSED},
     {"NonExistentQueue", NULL}},
    {false,
     400,
     "{\"__type\":\"RequestThrottled\"}",
     {VERDICT_RETRY, VERDICT_RETRY},
     {"RequestThrottled", NULL}},
    {false,
     403,
     "{\"__type\":\"x#AccessDenied\"}",
     {VERDICT_REFUSED, VERDICT_REFUSED},
     {"AccessDenied", NULL}},
    {false,
     403,
     "{\"__type\":\"InvalidClientTokenId\"}",
     {VERDICT_RETRY, VERDICT_RETRY},
     {"access_key in sqs.servers", NULL}},
    {false,
     404,
     "<html>no such page</html>",
     {VERDICT_REFUSED, VERDICT_REFUSED},
     {"HTTP 404", NULL}},
    {false, 410, "", {VERDICT_REFUSED, VERDICT_REFUSED}, {"HTTP 410", NULL}},
    {true, 500, "oops", {VERDICT_RETRY, VERDICT_RETRY}, {"HTTP 500", NULL}},
    {false, 302, "", {VERDICT_REFUSED, VERDICT_REFUSED}, {"redirects are not followed", NULL}},
};

Test(sqs, reads_what_came_of_each_message)
{
    struct servers servers = servers_get();
    const struct sqs_entry entries[2] = {{.body_md5 = MD5, .attributes_md5 = "2"},
                                         {.body_md5 = MD5}};

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct answer *row = &answers[i];
        struct body body = {0};
        struct verdict_of verdicts[2];

        body_text(&body, row->text);
        answer_read(&servers.items[row->is_query], row->status, &body, entries, 2, verdicts);
        for (size_t j = 0; j < 2; j++) {
            const char *reason = row->reasons[j] == NULL ? row->reasons[0] : row->reasons[j];

            cr_expect_eq(verdicts[j].verdict, row->verdicts[j], "%s: %s", row->text,
                         verdicts[j].reason);
            cr_expect_not_null(strstr(verdicts[j].reason, reason == NULL ? "" : reason),
                               "%s: %s", row->text, verdicts[j].reason);
        }
        body_free(&body);
    }
    servers_free(&servers);
}
