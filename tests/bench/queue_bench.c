/* What a queue server takes: sends, receives and deletes over SQS's JSON protocol, alone and in
 * batches of ten, as fast as it goes or at a fixed pace.
 *
 *     queue_bench PORT ROW [name=value ...]
 *
 * prints one line of JSON.  queue_bench.py starts the servers and runs the rows beside nginx;
 * any server that speaks the protocol can be measured. */
/* link: base bench_load */
#include "base/memory.h"
#include "tests/bench/load.h"
#include "tests/support/need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX   10
#define HANDLE_ROOM 2048
#define SEND_ROOM   ((size_t)16 * 1024 * 1024)

enum kind {
    KIND_SEND,
    KIND_RECEIVE,
    KIND_DELETE,
    KIND_COUNT
};

static const char *const kind_names[KIND_COUNT] = {"send", "receive", "delete"};

/* A round of a row: from which kind of request to which. */
struct row {
    const char *name;
    enum kind first, last;
};

static const struct row rows[] = {
    {"send", KIND_SEND, KIND_SEND},
    {"cycle", KIND_SEND, KIND_DELETE},
    {"drain", KIND_RECEIVE, KIND_DELETE},
};

struct bench {
    struct load load;
    const struct row *row;
    struct text queue;     /* its URL */
    uint64_t batch;        /* messages in a request; 1: not the batch operations */
    uint64_t bytes;        /* of a body */
    uint64_t wait_s;       /* WaitTimeSeconds */
    uint64_t is_fifo;      /* all in one group */
    uint64_t is_echo;      /* the server only answers 200: handles are made up */
    uint64_t salt;         /* makes deduplication ids new in each run */
    struct buffer send;    /* of the send request: its JSON, made once */
    size_t ids[BATCH_MAX]; /* where deduplication ids stand in it */
    uint64_t sent, received, deleted, failures, empty;
};

/* --- Requests. */

static const char *const targets[KIND_COUNT][2] = {
    {"SendMessage", "SendMessageBatch"},
    {"ReceiveMessage", "ReceiveMessage"},
    {"DeleteMessage", "DeleteMessageBatch"},
};

/* The head that an SDK sends. */
static void head_add(struct buffer *to, const struct bench *bench, enum kind kind, size_t len)
{
    buffer_printf(to,
                  "POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-Amz-Target: AmazonSQS.%s\r\n"
                  "Content-Type: application/x-amz-json-1.0\r\nUser-Agent: queue_bench\r\n"
                  "X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 "
                  "Credential=test/20260101/us-east-1/sqs/aws4_request, "
                  "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                  "Signature=%064d\r\nContent-Length: %zu\r\n\r\n",
                  bench->load.port, targets[kind][bench->batch > 1], 0, len);
}

static void url_add(struct buffer *to, const struct bench *bench)
{
    buffer_printf(to, "{\"QueueUrl\":\"%.*s\"", TEXT_PRINTF(bench->queue));
}

static void message_add(struct buffer *to, struct bench *bench, size_t i)
{
    buffer_add_string(to, "\"MessageBody\":\"");
    memset(buffer_extend(to, bench->bytes), 'x', bench->bytes);
    buffer_add_byte(to, '"');
    if (bench->is_fifo) {
        buffer_add_string(to, ",\"MessageGroupId\":\"one\",\"MessageDeduplicationId\":\"");
        bench->ids[i] = to->len;
        buffer_printf(to, "%020d\"", 0);
    }
}

static void send_make(struct bench *bench)
{
    struct buffer *to = &bench->send;

    buffer_init(to, SEND_ROOM);
    url_add(to, bench);
    buffer_add_string(to, bench->batch > 1 ? ",\"Entries\":[" : ",");
    for (size_t i = 0; i < bench->batch; i++) {
        if (bench->batch > 1) {
            buffer_printf(to, "%s{\"Id\":\"%zu\",", i > 0 ? "," : "", i);
        }
        message_add(to, bench, i);
        buffer_add_string(to, bench->batch > 1 ? "}" : "");
    }
    buffer_add_string(to, bench->batch > 1 ? "]}" : "}");
    NEED(!to->overflown);
}

static void send_add(struct buffer *to, struct bench *bench)
{
    for (size_t i = 0; bench->is_fifo && i < bench->batch; i++) {
        char id[32];

        (void)snprintf(id, sizeof id, "%020llu",
                       (unsigned long long)bench->salt + bench->sent + i);
        memcpy(bench->send.at + bench->ids[i], id, 20);
    }
    head_add(to, bench, KIND_SEND, bench->send.len);
    buffer_add(to, buffer_text(&bench->send));
    bench->sent += bench->batch;
}

static void body_add(struct buffer *to, const struct bench *bench, enum kind kind,
                     const struct buffer *body)
{
    head_add(to, bench, kind, body->len);
    buffer_add(to, buffer_text(body));
}

static void receive_add(struct buffer *to, const struct bench *bench)
{
    static struct buffer body;

    buffer_init(&body, HANDLE_ROOM);
    url_add(&body, bench);
    buffer_printf(&body, ",\"MaxNumberOfMessages\":%llu,\"WaitTimeSeconds\":%llu}",
                  (unsigned long long)bench->batch, (unsigned long long)bench->wait_s);
    body_add(to, bench, KIND_RECEIVE, &body);
    buffer_free(&body);
}

/* --- Receipt handles in an answer, deleted one or ten at a time. */

static struct text handle_next(struct text *io_body)
{
    static const char mark[] = "\"ReceiptHandle\":\"";
    const char *found =
        io_body->len == 0 ? NULL : memmem(io_body->at, io_body->len, mark, sizeof mark - 1);

    if (found == NULL) {
        return (struct text){0};
    }
    *io_body = text_after(*io_body, (size_t)(found - io_body->at) + sizeof mark - 1);
    return text_cut(io_body, '"');
}

/* False when nothing was received. */
static bool delete_add(struct buffer *to, struct bench *bench, struct text answer)
{
    struct text made_up = T("AQAAAAEAAAABAAAAAAAAAAEAAAABAAAAAAAA");
    struct buffer body;
    size_t count = 0;

    buffer_init(&body, (BATCH_MAX + 1) * (size_t)HANDLE_ROOM);
    url_add(&body, bench);
    buffer_add_string(&body, bench->batch > 1 ? ",\"Entries\":[" : ",");
    for (; count < bench->batch; count++) {
        struct text handle = bench->is_echo ? made_up : handle_next(&answer);

        if (handle.len == 0) {
            break;
        }
        if (bench->batch > 1) {
            buffer_printf(&body, "%s{\"Id\":\"%zu\",", count > 0 ? "," : "", count);
        }
        buffer_printf(&body, "\"ReceiptHandle\":\"%.*s\"%s", TEXT_PRINTF(handle),
                      bench->batch > 1 ? "}" : "");
    }
    buffer_add_string(&body, bench->batch > 1 ? "]}" : "}");
    NEED(!body.overflown);
    body_add(to, bench, KIND_DELETE, &body);
    buffer_free(&body);
    bench->received += count;
    bench->deleted += count;
    return count > 0;
}

/* --- Rounds. */

static bool answer_is_bad(const struct load_answer *answer)
{
    static const char mark[] = "\"Failed\":[{";

    return answer->status != 200
           || (answer->body.len > 0
               && memmem(answer->body.at, answer->body.len, mark, sizeof mark - 1) != NULL);
}

static void complain(struct bench *bench, int kind, const struct load_answer *answer)
{
    if (bench->failures++ == 0) {
        (void)fprintf(stderr, "%s: HTTP %d %.*s\n", kind_names[kind], answer->status,
                      (int)(answer->body.len < 500 ? answer->body.len : 500), answer->body.at);
    }
}

static int on_next(void *context, uint32_t connection, int kind,
                   const struct load_answer *answer, struct buffer *request)
{
    struct bench *bench = context;

    (void)connection;
    if (answer == NULL) {
        kind = (int)bench->row->first;
    } else if (answer_is_bad(answer)) {
        complain(bench, kind, answer);
        return LOAD_OVER;
    } else if (kind == (int)bench->row->last) {
        return LOAD_OVER;
    } else {
        kind++;
    }
    switch (kind) {
    case KIND_SEND: send_add(request, bench); return kind;
    case KIND_RECEIVE: receive_add(request, bench); return kind;
    default: break;
    }
    if (answer == NULL || !delete_add(request, bench, answer->body)) {
        bench->empty++;
        return LOAD_OVER;
    }
    return kind;
}

/* --- What it was. */

static void print_result(const struct bench *bench, const struct load_result *result)
{
    uint64_t messages = bench->row->last == KIND_SEND ? bench->sent : bench->deleted;
    uint64_t requests = 0;

    for (size_t i = 0; i < KIND_COUNT; i++) {
        requests += result->kinds[i].count;
    }
    (void)printf("{\"row\":\"%s\",\"fifo\":%s,\"batch\":%llu,\"bytes\":%llu,"
                 "\"connections\":%u,\"rounds\":%llu,\"requests\":%llu,\"messages\":%llu,"
                 "\"seconds\":%.3f,\"requests_per_s\":%.0f,\"messages_per_s\":%.0f",
                 bench->row->name, bench->is_fifo ? "true" : "false",
                 (unsigned long long)bench->batch, (unsigned long long)bench->bytes,
                 bench->load.connections, (unsigned long long)result->rounds,
                 (unsigned long long)requests, (unsigned long long)messages, result->seconds,
                 (double)requests / result->seconds, (double)messages / result->seconds);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (result->kinds[i].count > 0) {
            (void)printf(",\"%s_p50_ms\":%.2f,\"%s_p99_ms\":%.2f", kind_names[i],
                         load_percentile_ms(&result->kinds[i], 0.5), kind_names[i],
                         load_percentile_ms(&result->kinds[i], 0.99));
        }
    }
    (void)printf(",\"empty_receives\":%llu,\"failures\":%llu}\n",
                 (unsigned long long)bench->empty, (unsigned long long)bench->failures);
}

/* --- The command line. */

static const struct {
    const char *name;
    size_t at;
} numbers[] = {
    {"batch", offsetof(struct bench, batch)},
    {"bytes", offsetof(struct bench, bytes)},
    {"wait", offsetof(struct bench, wait_s)},
    {"fifo", offsetof(struct bench, is_fifo)},
    {"echo", offsetof(struct bench, is_echo)},
    {"salt", offsetof(struct bench, salt)},
    {"rounds", offsetof(struct bench, load.rounds_max)},
};

static bool number_set(struct bench *bench, struct text name, struct text value)
{
    for (size_t i = 0; i < countof(numbers); i++) {
        int64_t number = 0;

        if (text_equal(text_from(numbers[i].name), name) && text_to_int64(value, &number)
            && number >= 0) {
            memcpy((char *)bench + numbers[i].at, &number, sizeof number);
            return true;
        }
    }
    return false;
}

static bool option_set(struct bench *bench, const char *option)
{
    struct text value = text_from(option);
    struct text name = text_cut(&value, '=');

    if (text_equal(name, T("queue"))) {
        bench->queue = value;
    } else if (text_equal(name, T("connections"))) {
        bench->load.connections = (uint32_t)strtoul(value.at, NULL, 10);
    } else if (text_equal(name, T("seconds"))) {
        bench->load.seconds = strtod(value.at, NULL);
    } else if (text_equal(name, T("pace"))) {
        bench->load.rounds_per_s = strtod(value.at, NULL);
    } else {
        return number_set(bench, name, value);
    }
    return true;
}

static const struct row *row_named(const char *name)
{
    for (size_t i = 0; i < countof(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

int main(int count, char **arguments)
{
    struct bench bench = {
        .load = {.connections = 64, .seconds = 5, .next = on_next},
        .row = count < 3 ? NULL : row_named(arguments[2]),
        .queue = T("http://127.0.0.1/000000000000/bench"),
        .batch = 1,
        .bytes = 1024,
    };
    struct load_result result;
    bool is_understood = bench.row != NULL;

    for (int i = 3; i < count; i++) {
        is_understood = is_understood && option_set(&bench, arguments[i]);
    }
    if (!is_understood || bench.batch < 1 || bench.batch > BATCH_MAX
        || bench.load.connections == 0) {
        (void)fprintf(stderr,
                      "usage: queue_bench PORT send|cycle|drain [queue=URL] "
                      "[connections=64] [seconds=5] [rounds=0] [pace=ROUNDS_PER_S] [batch=1] "
                      "[bytes=1024] [wait=0] [fifo=0] [salt=0] [echo=0]\n");
        return 2;
    }
    bench.load.port = (uint16_t)strtoul(arguments[1], NULL, 10);
    bench.load.context = &bench;
    send_make(&bench);
    load_run(&bench.load, &result);
    print_result(&bench, &result);
    load_result_free(&result);
    buffer_free(&bench.send);
    return bench.failures > 0;
}
