/* Inside smtp/: mails under way, the channels they go through, and how a mail is written. */
#ifndef DELIVERERS_SMTP_SMTP_H
#define DELIVERERS_SMTP_SMTP_H

#include "deliverers/common/text_buffer.h"
#include "deliverers/common/transfers.h"
#include "deliverers/deliverer.h"

#define REPLY_KEPT 1024
#define SOCKETS_MAX                                                          \
    8 /* of one channel: the addresses of the relay that are tried at a time \
       */
#define CHANNELS_MAX 16

/* --- address.c: RFC 5321's mailboxes, as far as they can be nothing else. */

#define ADDRESS_MAX 254

/* false with a reason, static text. */
bool address_check(const char *address, const char **ret_why);

/* --- mime.c: RFC 2045, 2047, 5322. */

/* Text with any line ends, in lines of at most 76 characters with CRLF. */
void put_quoted_printable(struct text_buffer *to, const char *at, size_t len);
void put_base64_lines(struct text_buffer *to, const char *at, size_t len);
/* "Name: text", as encoded words unless it is plain ASCII.  What is no character of a line
 * becomes a blank. */
void put_text_header(struct text_buffer *to, const char *name, const char *text);
/* `From: "title" <address>`, without a title the address alone. */
void put_mailbox_header(struct text_buffer *to, const char *name, const char *title,
                        const char *address);
/* "Date: Mon, 23 Nov 2026 03:00:00 +0000" */
void put_date_header(struct text_buffer *to, int64_t time_ms);

/* --- letter.c: a delivery as a mail. */

struct letter_origin {
    const char *from;      /* the address */
    const char *from_name; /* "": the topic's DisplayName */
};

/* Appends the whole mail, head and body; to->is_broken: out of memory. */
void letter_write(struct text_buffer *to, const struct letter_origin *origin,
                  const struct delivery *delivery);

/* --- A delivery that waits for a channel, or has one. */

struct mail {
    struct mail *next; /* in smtp.waiting, or smtp.spare */
    struct smtp *smtp;
    const struct delivery *delivery;
    uint64_t started_ns;
};

/* --- channel.c: one connection to the relay, used again and again.  Each has a multi handle of
 * its own, so that it knows which sockets are its. */

struct channel {
    struct smtp *smtp;
    struct transfers transfers;
    CURL *easy;
    struct mail *mail; /* NULL: free */
    curl_socket_t sockets[SOCKETS_MAX];
    size_t socket_count;
    char rcpt_text[ADDRESS_MAX + 3];
    struct curl_slist rcpt;
    struct text_buffer letter;
    size_t sent;     /* of the letter */
    bool is_leaving; /* QUIT was said: what comes now is no answer to the mail */
    char command[8]; /* the last one sent: what a refusal refuses */
    char reply[REPLY_KEPT];
    size_t reply_size;
    char error[CURL_ERROR_SIZE];
};

struct smtp {
    struct deliverer_host *host;
    struct channel *channels;
    size_t channel_count;
    struct mail *waiting; /* first come first */
    struct mail **waiting_end;
    struct mail *spare;
    /* options */
    const char *missing; /* the option without which nothing can be sent, or NULL */
    char url[512];
    bool wants_starttls;
    char sender[ADDRESS_MAX + 3];
    struct letter_origin origin;
    const char *user, *ca_file;
    char password[512];
    char why[640]; /* of accepts() */
};

bool channel_open(struct channel *channel, struct smtp *smtp);
void channel_close(struct channel *channel);
/* The mail is the channel's until smtp_finished, which comes later; or a reason why it cannot
 * be sent now, static text. */
const char *channel_send(struct channel *channel, struct mail *mail);
/* Lets go of what it sends, without an outcome. */
void channel_abandon(struct channel *channel);

/* smtp.c: the channel is free again; tells the host and goes on with what waits. */
void smtp_finished(struct channel *channel, const struct outcome *outcome);

#endif
