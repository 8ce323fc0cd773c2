/* Text messages (protocol sms): through an HTTP gateway, or, where there is none, into a spool
 * file and the log. */
#include "sms.h"

#include "deliverers/common/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sms_settle(struct sms *sms, uint64_t delivery_id, enum verdict verdict, const char *reason)
{
    const struct outcome outcome = {
        .verdict = verdict, .reason = reason, .peer = "", .answer = ""};

    sms->host->settle(sms->host, delivery_id, &outcome);
}

/* --- The spool: a line of JSON for each. */

static bool append(const char *path, const char *at, size_t len)
{
    /* A link that somebody else put there would have us write into a file of theirs, or ours.
     */
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_written = file >= 0 && write(file, at, len) == (ssize_t)len;

    if (file >= 0) {
        (void)close(file);
    }
    return is_written;
}

static void spool(struct sms *sms, const struct delivery *delivery,
                  const struct short_message *message)
{
    static const char pattern[] =
        "{\"to\":\"{to}\",\"from\":\"{from}\",\"type\":\"{type}\",\"segments\":{segments},"
        "\"id\":\"{id}\",\"text\":\"{text}\"}\n";
    struct text_buffer line = {0};

    template_fill(&line, pattern, ESCAPE_JSON, message, "", "");
    put(&line, "", 1);
    if (line.is_broken) {
        sms_settle(sms, delivery->id, VERDICT_RETRY, "out of memory");
    } else if (sms->spool_file[0] != '\0' && !append(sms->spool_file, line.at, line.len - 1)) {
        (void)snprintf(sms->why, sizeof sms->why, "the spool file %s cannot be written: %s",
                       sms->spool_file,
                       errno == ELOOP ? "it is a symbolic link" : strerrordesc_np(errno));
        sms_settle(sms, delivery->id, VERDICT_RETRY, sms->why);
    } else {
        line.at[line.len - 2] = '\0';
        sms->host->log(sms->host, LEVEL_INFO, line.at);
        sms_settle(sms, delivery->id, VERDICT_DELIVERED, "spooled: there is no gateway");
    }
    free(line.at);
}

/* --- Deliveries. */

static void deliver_one(struct sms *sms, const struct delivery *delivery)
{
    struct short_message message;
    char why[256];

    if (sms->missing != NULL) {
        (void)snprintf(why, sizeof why, "set sms.%s: the gateway cannot be asked without",
                       sms->missing);
        sms_settle(sms, delivery->id, VERDICT_RETRY, why);
        return;
    }
    if (!message_prepare(&sms->rules, delivery, &message, why, sizeof why)) {
        sms_settle(sms, delivery->id, VERDICT_REFUSED, why);
        message_end(&message);
        return;
    }
    if (sms->shape != NULL) {
        gateway_ask(sms, delivery, &message);
        return;
    }
    spool(sms, delivery, &message);
    message_end(&message);
}

static void sms_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        deliver_one(self, deliveries[i]);
    }
}

static void sms_cancel(void *self, uint64_t delivery_id)
{
    gateway_cancel(self, delivery_id);
}

static bool sms_accepts(void *self, const char *protocol, const char *endpoint,
                        const char **ret_why)
{
    struct sms *sms = self;
    char number[NUMBER_SIZE];

    (void)protocol;
    if (!number_read(endpoint, number, ret_why)) {
        return false;
    }
    if (!number_is_served(&sms->rules, number)) {
        *ret_why = "sms.prefixes does not name that number's country";
        return false;
    }
    return true;
}

/* --- Options. */

static bool read_rules(struct sms *sms)
{
    struct deliverer_host *host = sms->host;

    sms->rules = (struct sms_rules){
        .sender = host->option(host, "sender_id"),
        .type = host->option(host, "type"),
        .prefixes = host->option(host, "prefixes"),
        .price = strtod(host->option(host, "price_per_segment"), NULL),
        .segments_max = (uint32_t)strtoul(host->option(host, "segments_max"), NULL, 10),
    };
    sms->spool_file = host->option(host, "spool_file");
    return true;
}

static bool read_gateway(struct sms *sms)
{
    struct deliverer_host *host = sms->host;
    const char *name = host->option(host, "gateway");
    const struct gateway_shape *shape = gateway_shapes;

    while (shape->name != NULL && strcmp(shape->name, name) != 0) {
        shape++;
    }
    sms->shape = shape->name == NULL ? NULL : shape;
    sms->user = host->option(host, "user");
    sms->body = host->option(host, "body");
    sms->header = host->option(host, "header");
    sms->ca_file = host->option(host, "ca_file");
    if (sms->shape != NULL && host->option(host, "url")[0] == '\0') {
        sms->missing = "url";
    }
    return option_password(host, sms->password, sizeof sms->password);
}

/* --- Checked before open(). */

static bool check_price(const char *value, const char **ret_why)
{
    char *end = NULL;
    double price = strtod(value, &end);

    *ret_why = "is not a price in USD, like 0.05";
    return end != value && *end == '\0' && price >= 0 && price < 1000;
}

static bool check_sender(const char *value, const char **ret_why)
{
    *ret_why = "must be 1 to 11 letters and digits with a letter, or a number to send from";
    return value[0] == '\0' || sender_is_name(value)
           || (strspn(value, "+0123456789") == strlen(value) && strlen(value) <= 16);
}

static bool check_url(const char *value, const char **ret_why)
{
    struct url url;

    return value[0] == '\0' || url_read(value, &url, ret_why);
}

static bool check_header(const char *value, const char **ret_why)
{
    *ret_why = "is not one line like \"Authorization: Bearer ...\"";
    for (const char *at = value; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return false;
        }
    }
    return value[0] == '\0' || strstr(value, ": ") != NULL;
}

static bool sms_check(const char *option, const char *value, const char **ret_why)
{
    static const struct {
        const char *option;
        bool (*check)(const char *value, const char **ret_why);
    } checks[] = {
        {"price_per_segment", check_price},
        {"sender_id", check_sender},
        {"url", check_url},
        {"header", check_header},
    };

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (strcmp(checks[i].option, option) == 0) {
            return checks[i].check(value, ret_why);
        }
    }
    return true;
}

/* --- Its life. */

static void sms_close(void *self)
{
    struct sms *sms = self;

    gateway_drop(sms);
    if (sms->has_transfers) {
        transfers_close(&sms->transfers);
    }
    free(sms);
}

static int sms_open(struct deliverer_host *host, void **ret_self)
{
    struct sms *sms = calloc(1, sizeof *sms);
    const char *why = "";

    if (sms == NULL) {
        return -1;
    }
    sms->host = host;
    bool is_fine = read_rules(sms) && read_gateway(sms);

    if (is_fine && sms->shape != NULL && sms->missing == NULL) {
        is_fine = url_read(host->option(host, "url"), &sms->url, &why)
                  || option_complain(sms->host, "url", why);
    }
    sms->transfers.finished = gateway_on_finished;
    sms->transfers.context = sms;
    sms->has_transfers = is_fine && transfers_open(&sms->transfers, host->loop);
    if (!sms->has_transfers) {
        sms_close(sms);
        return -1;
    }
    *ret_self = sms;
    return 0;
}

static const char *const sms_protocols[] = {"sms", NULL};
static const struct deliverer_option sms_options[] = {
    {"gateway", "spool",
     "spool (a file and the log), or whose requests: kannel, twilio, form, json",
     "spool|kannel|twilio|form|json"},
    {"spool_file", "{data}/sms.jsonl", "file of the spool; {data}: the data directory",
     OPTION_TEXT},
    {"url", "", "of the gateway: http://127.0.0.1:13013/cgi-bin/sendsms", OPTION_TEXT},
    {"user", "", "name to sign in with: in the query of kannel, else HTTP Basic", OPTION_TEXT},
    {"password", "", "its password", OPTION_SECRET},
    {"password_file", "", "file whose first line is the password, instead", OPTION_TEXT},
    {"header", "", "one more header, like Authorization: Bearer ...", OPTION_SECRET},
    {"body", "",
     "instead of the usual one, with {to} {from} {text} {type} {id} {segments} {coding}",
     OPTION_TEXT},
    {"ca_file", "", "PEM file of trusted certificate authorities instead of the system's",
     OPTION_TEXT},
    {"sender_id", "", "sender of messages that name none", OPTION_TEXT},
    {"type", "Promotional", "of messages that name none", "Promotional|Transactional"},
    {"prefixes", "", "numbers that may be sent to, like +41,+49; empty: all", OPTION_TEXT},
    {"price_per_segment", "0", "in USD, held against a message's MaxPrice", OPTION_TEXT},
    {"inbound_key", "",
     "lets /_fanfare/sms/inbound?key=...&from=...&text=... opt phones out that say STOP",
     OPTION_SECRET},
    {"segments_max", "24", "longer messages are refused", OPTION_NUMBER},
    {.name = NULL},
};

extern const struct deliverer deliverer_sms;

const struct deliverer deliverer_sms = {
    .abi = DELIVERER_ABI,
    .name = "sms",
    .protocols = sms_protocols,
    .options = sms_options,
    .max_batch = 1,
    .open = sms_open,
    .accepts = sms_accepts,
    .deliver = sms_deliver,
    .cancel = sms_cancel,
    .close = sms_close,
    .check = sms_check,
};
