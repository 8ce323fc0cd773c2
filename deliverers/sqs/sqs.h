/* Inside sqs/: servers that the configuration names, and batches on their way to them. */
#ifndef DELIVERERS_SQS_SQS_H
#define DELIVERERS_SQS_SQS_H

#include "deliverers/common/named.h"
#include "deliverers/common/transfers.h"
#include "deliverers/common/url.h"
#include "deliverers/common/vetted.h"
#include "deliverers/deliverer.h"

#define BATCH_MAX   10 /* SQS's */
#define MD5_ROOM    33
#define REASON_ROOM 400
#define ANSWER_KEPT 1024
#define HEADER_MAX  4

/* --- servers.c: out of the option's JSON. */

struct sqs_server {
    char *name;
    char *base; /* as it was given: "http://host:port" */
    struct url url;
    char *public_base;     /* what its queues' URLs begin with */
    struct url public_url; /* by default the same */
    char **accounts;       /* NULL-terminated: whose ARNs are found here */
    char *region;
    char *access_key; /* NULL: requests are not signed */
    char *secret_file;
    char *secret;  /* out of it, once servers_read_secrets has run */
    char *ca_file; /* NULL: the system's */
    bool is_query; /* speaks the Query protocol, not JSON */
    uint64_t batch_max;
    uint64_t batch_bytes_max;
};

struct servers {
    struct sqs_server *items;
    size_t count;
};

/* false: nothing is to be freed, and why. */
bool servers_read(const char *json, struct servers *ret, char ret_why[WHY_ROOM]);
bool servers_read_secrets(struct servers *servers, char ret_why[WHY_ROOM]);
/* Whose queue that is, by URL or ARN, and the queue's URL as its server knows it, to be freed.
 * false: nobody's, and why. */
bool servers_find(const struct servers *servers, const char *endpoint,
                  const struct sqs_server **ret_server, char **ret_queue_url,
                  char ret_why[WHY_ROOM]);
/* "/account/name" of a URL without query. */
const char *url_path(const char *url);
void servers_free(struct servers *servers);

/* --- body.c: text that grows. */

struct body {
    char *at;
    size_t len;
    size_t room;
    bool is_short_of_memory; /* then it is not complete */
};

void body_add(struct body *body, const char *bytes, size_t size);
void body_text(struct body *body, const char *text);
void body_json(struct body *body, const char *bytes, size_t size); /* quoted */
void body_form(struct body *body, const char *bytes, size_t size); /* %-escaped */
void body_base64(struct body *body, const char *bytes, size_t size);
void body_cut(struct body *body, size_t len); /* back to that length */
void body_free(struct body *body);

/* --- entry.c: one message of a batch. */

struct sqs_entry {
    const struct delivery *delivery; /* NULL: settled */
    char body_md5[MD5_ROOM];
    char attributes_md5[MD5_ROOM]; /* "": it has none */
};

/* Writes the entry of that place into the request; false: it cannot be sent, and why (static).
 */
bool entry_write(struct body *body, const struct sqs_server *server, size_t place,
                 const struct delivery *delivery, struct sqs_entry *ret, const char **ret_why);

/* --- answer.c: what came of each. */

struct verdict_of {
    enum verdict verdict;
    char reason[REASON_ROOM];
};

/* `status` 0: there is none.  Fills in one verdict for each of `count` entries. */
void answer_read(const struct sqs_server *server, int status, const struct body *answer,
                 const struct sqs_entry *entries, size_t count, struct verdict_of *ret);

#endif
