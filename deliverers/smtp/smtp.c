/* Mail (protocols email and email-json), through the operator's relay, by libcurl on the loop.
 * The relay is not an endpoint: it is where the configuration says, and no egress rule asks. */
#include "smtp.h"

#include "deliverers/common/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Deliveries. */

static void settle_with(struct smtp *smtp, uint64_t delivery_id, enum verdict verdict,
                        const char *reason)
{
    const struct outcome outcome = {
        .verdict = verdict, .reason = reason, .peer = "", .answer = ""};

    smtp->host->settle(smtp->host, delivery_id, &outcome);
}

static struct mail *mail_take(struct smtp *smtp, const struct delivery *delivery)
{
    struct mail *mail = smtp->spare;

    if (mail != NULL) {
        smtp->spare = mail->next;
    } else {
        mail = malloc(sizeof *mail);
    }
    if (mail != NULL) {
        *mail = (struct mail){.smtp = smtp, .delivery = delivery, .started_ns = uv_hrtime()};
    }
    return mail;
}

static void mail_give_back(struct mail *mail)
{
    struct smtp *smtp = mail->smtp;

    mail->next = smtp->spare;
    smtp->spare = mail;
}

static void wait_for_channel(struct smtp *smtp, struct mail *mail)
{
    mail->next = NULL;
    *smtp->waiting_end = mail;
    smtp->waiting_end = &mail->next;
}

/* Takes *place, a mail that waits, out of the list. */
static struct mail *wait_end(struct smtp *smtp, struct mail **place)
{
    struct mail *mail = *place;

    *place = mail->next;
    if (smtp->waiting_end == &mail->next) {
        smtp->waiting_end = place;
    }
    return mail;
}

/* The first that is free: those that are connected are the first ones. */
static struct channel *free_channel(struct smtp *smtp)
{
    for (size_t i = 0; i < smtp->channel_count; i++) {
        if (smtp->channels[i].mail == NULL) {
            return &smtp->channels[i];
        }
    }
    return NULL;
}

static const char *missing_reason(struct smtp *smtp)
{
    (void)snprintf(smtp->why, sizeof smtp->why,
                   "this server has no mail relay: set smtp.%s in its configuration",
                   smtp->missing);
    return smtp->why;
}

static void mail_send(struct channel *channel, struct mail *mail)
{
    const char *trouble = channel_send(channel, mail);

    if (trouble != NULL) {
        settle_with(mail->smtp, mail->delivery->id, VERDICT_RETRY, trouble);
        mail_give_back(mail);
    }
}

static void deliver_one(struct smtp *smtp, const struct delivery *delivery)
{
    const char *why = "";

    if (smtp->missing != NULL) { /* it may be set before the retries end */
        settle_with(smtp, delivery->id, VERDICT_RETRY, missing_reason(smtp));
        return;
    }
    if (!address_check(delivery->endpoint, &why)) {
        settle_with(smtp, delivery->id, VERDICT_REFUSED, why);
        return;
    }
    struct mail *mail = mail_take(smtp, delivery);
    struct channel *channel = free_channel(smtp);

    if (mail == NULL) {
        settle_with(smtp, delivery->id, VERDICT_RETRY, "out of memory");
    } else if (channel != NULL) {
        mail_send(channel, mail);
    } else {
        wait_for_channel(smtp, mail);
    }
}

static void smtp_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        deliver_one(self, deliveries[i]);
    }
}

void smtp_finished(struct channel *channel, const struct outcome *outcome)
{
    struct smtp *smtp = channel->smtp;
    struct mail *mail = channel->mail;

    channel->mail = NULL;
    smtp->host->settle(smtp->host, mail->delivery->id, outcome);
    mail_give_back(mail);
    while (smtp->waiting != NULL && channel->mail == NULL) {
        mail_send(channel, wait_end(smtp, &smtp->waiting));
    }
}

static void smtp_cancel(void *self, uint64_t delivery_id)
{
    struct smtp *smtp = self;

    for (size_t i = 0; i < smtp->channel_count; i++) {
        struct channel *channel = &smtp->channels[i];
        struct mail *mail = channel->mail;

        if (mail != NULL && mail->delivery->id == delivery_id) {
            const struct outcome outcome = {
                .verdict = VERDICT_RETRY, .reason = "cancelled", .peer = "", .answer = ""};

            channel_abandon(channel);
            channel->mail = mail;
            smtp_finished(channel, &outcome);
            return;
        }
    }
    for (struct mail **place = &smtp->waiting; *place != NULL; place = &(*place)->next) {
        if ((*place)->delivery->id == delivery_id) {
            mail_give_back(wait_end(smtp, place));
            settle_with(smtp, delivery_id, VERDICT_RETRY, "cancelled");
            return;
        }
    }
}

static bool smtp_accepts(void *self, const char *protocol, const char *endpoint,
                         const char **ret_why)
{
    struct smtp *smtp = self;

    (void)protocol;
    if (smtp->missing != NULL) {
        *ret_why = missing_reason(smtp);
        return false;
    }
    return address_check(endpoint, ret_why);
}

/* --- Options. */

/* "smtp://host:port/helo" */
static bool read_relay(struct smtp *smtp)
{
    struct deliverer_host *host = smtp->host;
    const char *name = host->option(host, "host");
    const char *tls = host->option(host, "tls");
    const char *helo = host->option(host, "helo");
    bool is_bare_v6 = strchr(name, ':') != NULL && name[0] != '[';

    if (name[strcspn(name, "/@?# \t")] != '\0' || helo[strcspn(helo, "/@?# \t\r\n")] != '\0') {
        return option_complain(smtp->host, "host, helo", "it is not the name of a host");
    }
    smtp->wants_starttls = strcmp(tls, "starttls") == 0;
    int len = snprintf(smtp->url, sizeof smtp->url, "%s://%s%s%s:%s/%s",
                       strcmp(tls, "tls") == 0 ? "smtps" : "smtp", is_bare_v6 ? "[" : "", name,
                       is_bare_v6 ? "]" : "", host->option(host, "port"), helo);

    if (strcmp(tls, "none") == 0 && host->option(host, "user")[0] != '\0') {
        host->log(host, LEVEL_WARN, "option=tls warning=\"the password goes unencrypted\"");
    }
    return len > 0 && (size_t)len < sizeof smtp->url;
}

static bool read_origin(struct smtp *smtp)
{
    struct deliverer_host *host = smtp->host;
    const char *why = "";

    smtp->origin = (struct letter_origin){.from = host->option(host, "from"),
                                          .from_name = host->option(host, "from_name")};
    if (smtp->missing == NULL && !address_check(smtp->origin.from, &why)) {
        return option_complain(smtp->host, "from", why);
    }
    (void)snprintf(smtp->sender, sizeof smtp->sender, "<%s>", smtp->origin.from);
    return true;
}

static bool read_options(struct smtp *smtp)
{
    struct deliverer_host *host = smtp->host;

    smtp->ca_file = host->option(host, "ca_file");
    smtp->user = host->option(host, "user");
    if (host->option(host, "host")[0] == '\0') {
        smtp->missing = "host";
    } else if (host->option(host, "from")[0] == '\0') {
        smtp->missing = "from";
    }
    return option_password(host, smtp->password, sizeof smtp->password) && read_relay(smtp)
           && read_origin(smtp);
}

/* --- Its life. */

static void smtp_close(void *self)
{
    struct smtp *smtp = self;
    struct mail *mail = NULL;

    for (size_t i = 0; i < smtp->channel_count; i++) {
        struct channel *channel = &smtp->channels[i];

        mail = channel->mail;
        channel_close(channel);
        free(mail);
    }
    while ((mail = smtp->waiting) != NULL) {
        smtp->waiting = mail->next;
        free(mail);
    }
    while ((mail = smtp->spare) != NULL) {
        smtp->spare = mail->next;
        free(mail);
    }
    free(smtp->channels);
    free(smtp);
}

static bool channels_open(struct smtp *smtp, size_t count)
{
    smtp->channels = calloc(count, sizeof *smtp->channels);
    while (smtp->channels != NULL && smtp->channel_count < count) {
        if (!channel_open(&smtp->channels[smtp->channel_count], smtp)) {
            return false;
        }
        smtp->channel_count++;
    }
    return smtp->channels != NULL;
}

static int smtp_open(struct deliverer_host *host, void **ret_self)
{
    long connections = strtol(host->option(host, "connections"), NULL, 10);
    struct smtp *smtp = calloc(1, sizeof *smtp);

    if (smtp == NULL) {
        return -1;
    }
    smtp->host = host;
    smtp->waiting_end = &smtp->waiting;
    if (!read_options(smtp)
        || !channels_open(smtp,
                          connections < CHANNELS_MAX ? (size_t)connections : CHANNELS_MAX)) {
        smtp_close(smtp);
        return -1;
    }
    *ret_self = smtp;
    return 0;
}

static const char *const smtp_protocols[] = {"email", "email-json", NULL};
static const struct deliverer_option smtp_options[] = {
    {"host", "", "mail relay (smart host) that takes the mails; empty: no mail", OPTION_TEXT},
    {"port", "25", "its port; usual are 25, 587 (starttls) and 465 (tls)", OPTION_NUMBER},
    {"tls", "starttls", "none, starttls (or nothing is sent), or tls from the first byte",
     "none|starttls|tls"},
    {"ca_file", "", "PEM file of the authorities that may vouch for the relay", OPTION_TEXT},
    {"user", "", "name to sign in with; empty: without signing in", OPTION_TEXT},
    {"password", "", "its password", OPTION_SECRET},
    {"password_file", "", "file whose first line is the password, instead", OPTION_TEXT},
    {"from", "", "address that mails come from, and bounces go to", OPTION_TEXT},
    {"from_name", "", "name shown with it; empty: the topic's DisplayName", OPTION_TEXT},
    {"helo", "", "name this host gives itself in EHLO; empty: its host name", OPTION_TEXT},
    {"connections", "2", "to the relay at a time, at most 16; each is kept for many mails",
     OPTION_NUMBER},
    {.name = NULL},
};

extern const struct deliverer deliverer_smtp;

const struct deliverer deliverer_smtp = {
    .abi = DELIVERER_ABI,
    .name = "smtp",
    .protocols = smtp_protocols,
    .options = smtp_options,
    .max_batch = 1,
    .open = smtp_open,
    .accepts = smtp_accepts,
    .deliver = smtp_deliver,
    .cancel = smtp_cancel,
    .close = smtp_close,
};
