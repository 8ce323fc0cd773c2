/* One connection to the relay: a mail after the other goes through it. */
#include "smtp.h"

#include "deliverers/common/mutants.h"
#include "deliverers/common/outcomes.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A relay that says nothing for so long has lost the connection. */
#define REPLY_WAIT_S 60L

/* --- Sockets: the channel knows its own. */

static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct channel *channel = context;
    curl_socket_t opened = socket(
        address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);

    (void)purpose;
    if (opened >= 0) {
        size_t place = channel->socket_count < SOCKETS_MAX ? channel->socket_count++ : 0;

        channel->sockets[place] = opened;
    }
    return opened;
}

static int on_close_socket(void *context, curl_socket_t closed)
{
    struct channel *channel = context;

    for (size_t i = 0; i < channel->socket_count; i++) {
        if (channel->sockets[i] == closed) {
            channel->sockets[i] = channel->sockets[--channel->socket_count];
        }
    }
    return transfers_close_socket(&channel->transfers, closed);
}

/* Nobody waits for what the relay may still say: libcurl would, for its answer to QUIT, and the
 * loop with it. */
static void channel_hang_up(struct channel *channel)
{
    for (size_t i = 0; i < channel->socket_count; i++) {
        (void)shutdown(channel->sockets[i], SHUT_RD);
    }
}

/* --- What is said. */

static void command_remember(struct channel *channel, const char *line, size_t size)
{
    size_t len = 0;

    while (len < size && len + 1 < sizeof channel->command && line[len] >= 'A'
           && line[len] <= 'Z') {
        channel->command[len] = line[len];
        len++;
    }
    channel->command[len] = '\0';
}

static int on_said(CURL *easy, curl_infotype type, char *at, size_t size, void *context)
{
    struct channel *channel = context;

    (void)easy;
    if (type == CURLINFO_HEADER_OUT) {
        if (size >= 4 && memcmp(at, "QUIT", 4) == 0) {
            channel->is_leaving = true;
            channel_hang_up(channel);
        } else {
            command_remember(channel, at, size);
        }
    } else if (type == CURLINFO_HEADER_IN && !channel->is_leaving) {
        size_t kept = size < REPLY_KEPT ? size : REPLY_KEPT;

        memcpy(channel->reply, at, kept);
        channel->reply_size = kept;
    }
    return 0;
}

static size_t on_wanted(char *at, size_t size, size_t count, void *context)
{
    struct channel *channel = context;
    size_t left = channel->letter.len - channel->sent;
    size_t len = size * count < left ? size * count : left;

    if (len > 0) {
        memcpy(at, channel->letter.at + channel->sent, len);
    }
    channel->sent += len;
    return len;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's shape */
static size_t on_answer(char *at, size_t size, size_t count, void *context)
{
    (void)at; /* on_said has it */
    (void)context;
    return size * count;
}

static bool channel_start(struct channel *channel, const struct mail *mail, bool is_fresh);

/* --- The outcome. */

static int32_t microseconds(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;

    (void)curl_easy_getinfo(easy, info, &us);
    return us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

static void tell_peer(CURL *easy, char *ret_peer, size_t room)
{
    const char *address = NULL;
    long port = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    (void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    if (address != NULL && address[0] != '\0') {
        (void)snprintf(ret_peer, room, strchr(address, ':') != NULL ? "[%s]:%ld" : "%s:%ld",
                       address, port);
    }
}

/* Its last line, without what follows. */
static int reply_line(const struct channel *channel)
{
    size_t len = 0;

    while (len < channel->reply_size && (unsigned char)channel->reply[len] >= ' '
           && len < REPLY_KEPT) {
        len++;
    }
    return (int)len;
}

static void tell_refusal(const struct channel *channel, struct outcome *outcome, char *reason,
                         size_t room)
{
    const char *advice = "";

    outcome->verdict = outcome_of_smtp(channel->command, outcome->status_code, &advice);
    (void)snprintf(reason, room, "the relay said %.*s to %s%s%s", reply_line(channel),
                   channel->reply,
                   channel->command[0] == '\0' ? "the connection" : channel->command,
                   advice[0] == '\0' ? "" : ": ", advice);
}

static void tell_failure(const struct channel *channel, CURLcode code, struct outcome *outcome,
                         char *reason, size_t room)
{
    const char *meaning = "";

    outcome->verdict = VERDICT_RETRY; /* the relay's trouble is no fault of the mail */
    outcome->status_code = 0;
    (void)outcome_of_curl((int)code, &meaning);
    (void)snprintf(reason, room, "%s%s%s, at the relay %s", meaning,
                   channel->error[0] != '\0' ? ": " : "", channel->error, channel->smtp->url);
}

/* Of the last reply; 0: there was none. */
static int reply_code(const struct channel *channel)
{
    int code = 0;

    for (size_t i = 0; i < 3; i++) {
        if (i >= channel->reply_size || channel->reply[i] < '0' || channel->reply[i] > '9') {
            return 0;
        }
        code = code * 10 + (channel->reply[i] - '0');
    }
    return code;
}

static void channel_settle(struct channel *channel, CURLcode code)
{
    char reason[REPLY_KEPT + 512];
    char peer[INET6_ADDRSTRLEN + 16] = "";
    int status = reply_code(channel);
    struct outcome outcome = {
        .verdict = VERDICT_DELIVERED,
        .status_code = status,
        .reason = reason,
        .peer = peer,
        .answer = channel->reply,
        .answer_size = channel->reply_size,
        .dns_us = microseconds(channel->easy, CURLINFO_NAMELOOKUP_TIME_T),
        .connect_us = microseconds(channel->easy, CURLINFO_CONNECT_TIME_T),
        .tls_us = microseconds(channel->easy, CURLINFO_APPCONNECT_TIME_T),
        .total_us = microseconds(channel->easy, CURLINFO_TOTAL_TIME_T),
    };

    tell_peer(channel->easy, peer, sizeof peer);
    if (code == CURLE_OK) {
        (void)snprintf(reason, sizeof reason, "%.*s", reply_line(channel), channel->reply);
    } else if (status >= 400 && status <= 599 && code != CURLE_OPERATION_TIMEDOUT) {
        tell_refusal(channel, &outcome, reason, sizeof reason);
    } else {
        tell_failure(channel, code, &outcome, reason, sizeof reason);
    }
    smtp_finished(channel, &outcome);
}

/* The relay had grown tired of a connection that was kept, and says so where the mail begins:
 * that is no answer to this mail. */
static bool was_idle(const struct channel *channel)
{
    long connects = 1;

    (void)curl_easy_getinfo(channel->easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && reply_code(channel) == 421 && strcmp(channel->command, "MAIL") == 0
           && !mutant("deliverers.idle-relay-costs-an-attempt");
}

static void on_finished(void *context, void *transfer, CURLcode code)
{
    struct channel *channel = transfer;

    (void)context;
    (void)curl_multi_remove_handle(channel->transfers.multi, channel->easy);
    if (code != CURLE_OK && was_idle(channel) && channel_start(channel, channel->mail, true)) {
        return; /* once more, on a connection of its own */
    }
    channel_settle(channel, code);
}

/* --- Sending. */

static int64_t time_left_ms(const struct mail *mail)
{
    int64_t spent_ms = (int64_t)((uv_hrtime() - mail->started_ns) / 1000000);

    return mail->delivery->timeout_ms - spent_ms;
}

/* The letter is written.  `is_fresh`: not on a connection that is there already.  False: there
 * is no time left, or libcurl takes no more. */
static bool channel_start(struct channel *channel, const struct mail *mail, bool is_fresh)
{
    int64_t left_ms = time_left_ms(mail);

    if (left_ms <= 0) {
        return false;
    }
    channel->sent = 0;
    channel->is_leaving = false;
    channel->reply_size = 0;
    channel->command[0] = '\0';
    channel->error[0] = '\0';
    (void)curl_easy_setopt(channel->easy, CURLOPT_FRESH_CONNECT, is_fresh ? 1L : 0L);
    (void)curl_easy_setopt(channel->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    return curl_multi_add_handle(channel->transfers.multi, channel->easy) == CURLM_OK;
}

const char *channel_send(struct channel *channel, struct mail *mail)
{
    const struct delivery *delivery = mail->delivery;

    channel->letter.len = 0;
    if (time_left_ms(mail) <= 0) {
        return "every connection to the relay was busy all the time: raise smtp.connections, "
               "or ask why the relay is slow";
    }
    letter_write(&channel->letter, &channel->smtp->origin, delivery);
    if (channel->letter.is_broken) {
        return "out of memory";
    }
    (void)snprintf(channel->rcpt_text, sizeof channel->rcpt_text, "<%s>", delivery->endpoint);
    channel->rcpt = (struct curl_slist){.data = channel->rcpt_text, .next = NULL};
    (void)curl_easy_setopt(channel->easy, CURLOPT_MAIL_RCPT, &channel->rcpt);
    (void)curl_easy_setopt(channel->easy, CURLOPT_INFILESIZE_LARGE,
                           (curl_off_t)channel->letter.len);
    if (!channel_start(channel, mail, false)) {
        return "libcurl took no further mail";
    }
    channel->mail = mail;
    return NULL;
}

void channel_abandon(struct channel *channel)
{
    channel_hang_up(channel);
    (void)curl_multi_remove_handle(channel->transfers.multi, channel->easy);
    channel->mail = NULL;
}

/* --- Its life. */

static bool easy_open(struct channel *channel)
{
    const struct smtp *smtp = channel->smtp;
    CURL *easy = transfers_easy(&channel->transfers, "smtp,smtps");

    if (easy == NULL) {
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, channel);
    (void)curl_easy_setopt(easy, CURLOPT_URL, smtp->url);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_MAIL_FROM, smtp->sender);
    (void)curl_easy_setopt(easy, CURLOPT_USE_SSL,
                           (long)(smtp->wants_starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    (void)curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, REPLY_WAIT_S);
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                           1L); /* no waiting for a resolving thread */
    (void)curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_said);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGDATA, channel);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, channel->error);
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_wanted);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, channel);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, channel);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, channel);
    if (smtp->ca_file[0] != '\0') {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, smtp->ca_file);
    }
    if (smtp->user[0] != '\0') {
        (void)curl_easy_setopt(easy, CURLOPT_USERNAME, smtp->user);
        (void)curl_easy_setopt(easy, CURLOPT_PASSWORD, smtp->password);
    }
    channel->easy = easy;
    return true;
}

bool channel_open(struct channel *channel, struct smtp *smtp)
{
    channel->smtp = smtp;
    channel->transfers.finished = on_finished;
    channel->transfers.context = channel;
    if (!transfers_open(&channel->transfers, smtp->host->loop)) {
        return false;
    }
    if (!easy_open(channel)) {
        transfers_close(&channel->transfers);
        return false;
    }
    return true;
}

void channel_close(struct channel *channel)
{
    if (channel->mail != NULL) {
        channel_abandon(channel);
    }
    channel_hang_up(channel);
    curl_easy_cleanup(channel->easy);
    transfers_close(&channel->transfers);
    free(channel->letter.at);
}
