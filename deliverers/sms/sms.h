/* Inside sms/: what is said to whom, how long it is, and the ways out. */
#ifndef DELIVERERS_SMS_SMS_H
#define DELIVERERS_SMS_SMS_H

#include "deliverers/common/text_buffer.h"
#include "deliverers/common/transfers.h"
#include "deliverers/common/url.h"
#include "deliverers/common/vetted.h"
#include "deliverers/deliverer.h"

#define NUMBER_SIZE 17   /* a plus, 15 digits, NUL */
#define SENDER_SIZE 21   /* of a sender id, or a number or short code to send from */
#define TEXT_MAX    1600 /* characters, AWS's ceiling */
#define ANSWER_KEPT 1024

/* --- text.c: E.164 and GSM 03.38. */

/* Writes "+41790000000"; blanks and hyphens are forgiven.  false with a reason, static text. */
bool number_read(const char *endpoint, char ret_number[NUMBER_SIZE], const char **ret_why);
/* AWS's rule: 1 to 11 letters and digits, a letter among them. */
bool sender_is_name(const char *sender);

struct segments {
    uint32_t count;
    size_t characters;
    bool is_gsm7; /* else UCS-2 */
};

/* How a phone gets it: 160 characters of GSM 03.38 or 70 units of UTF-16 in one piece, else 153
 * or 67 in each, and no pair is cut. */
struct segments segments_count(const char *at, size_t len);

/* --- prepare.c: a delivery as what is said. */

struct short_message {
    char to[NUMBER_SIZE];
    char from[SENDER_SIZE];  /* "" : the gateway's own */
    const char *type;        /* "Promotional" or "Transactional" */
    const char *id;          /* the MessageId */
    struct text_buffer text; /* UTF-8 without control characters but line ends */
    struct segments segments;
};

struct sms_rules {
    const char *sender, *type;
    const char *prefixes; /* "+41,+49"; "": anywhere */
    double price;         /* of a segment, in USD; 0: unknown, then MaxPrice says nothing */
    uint32_t segments_max;
};

/* false with a reason in `why`: it must not be sent.  `ret_message` is the caller's to end. */
bool message_prepare(const struct sms_rules *rules, const struct delivery *delivery,
                     struct short_message *ret_message, char *why, size_t room);
void message_end(struct short_message *message);
bool number_is_served(const struct sms_rules *rules, const char *number);

/* --- template.c: how gateways want to be asked. */

enum escape {
    ESCAPE_FORM, /* percent-encoded */
    ESCAPE_JSON
};

/* Replaces {to} {from} {text} {type} {id} {segments} {coding} in a pattern, and of `user` and
 * `password` {user} and {password}.  What else stands in braces stays. */
void template_fill(struct text_buffer *to, const char *pattern, enum escape escape,
                   const struct short_message *message, const char *user, const char *password);

/* --- sms.c and gateway.c. */

struct gateway_shape {
    const char *name;
    const char *query; /* pattern behind the URL; NULL: none */
    const char *body;  /* pattern of a POST; NULL: a GET */
    enum escape escape;
    const char *content_type;
    bool signs_in; /* user and password as HTTP Basic */
};

struct sms {
    struct deliverer_host *host;
    struct sms_rules rules;
    const struct gateway_shape *shape; /* NULL: the spool */
    const char *spool_file;
    /* of the gateway */
    const char *missing; /* the option without which it cannot be asked, or NULL */
    struct url url;
    const char *user, *body, *header, *ca_file;
    char password[512];
    struct transfers transfers;
    bool has_transfers;
    struct asking *askings;
    uint64_t next_ticket;
    char why[512];
};

extern const struct gateway_shape gateway_shapes[]; /* NULL-terminated by name */

/* Takes the message over; leads to one settle(). */
void gateway_ask(struct sms *sms, const struct delivery *delivery,
                 struct short_message *take_message);
void gateway_cancel(struct sms *sms, uint64_t delivery_id);
void gateway_on_finished(void *context, void *transfer, CURLcode code);
void gateway_drop(struct sms *sms); /* everything under way, unsettled */

void sms_settle(struct sms *sms, uint64_t delivery_id, enum verdict verdict,
                const char *reason);

#endif
