/* A delivery as a mail: RFC 5322, 2045, 2046, 2369, 3834, 8058. */
#include "smtp.h"

#include <stdlib.h>
#include <string.h>

#define SUBJECT_DEFAULT "AWS Notification Message"

/* The mails that ask something, by the type of the message. What SNS says behind the first line
 * of these is about an URL which a mail has not. */
struct question {
    const char *type;
    const char *subject;
    const char *note; /* before the link */
};

static const struct question questions[] = {
    {"SubscriptionConfirmation", "AWS Notification - Subscription Confirmation",
     "To confirm it, open this link. If you did not ask for it, do nothing: without your "
     "confirmation nothing more is sent."},
    {"UnsubscribeConfirmation", "AWS Notification - Unsubscribe Confirmation",
     "If that was a mistake, open this link within two days to be subscribed again. Else do "
     "nothing: nothing more is sent."},
};

/* NULL: it asks nothing. */
static const struct question *question_of(const struct delivery *delivery)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (strcmp(delivery->message_type, questions[i].type) == 0) {
            return &questions[i];
        }
    }
    return NULL;
}

/* What follows is built of: the text as people read it, and the link below it. */
struct content {
    const char *text;
    size_t text_size;
    const char *note; /* before the link */
    const char *url;  /* or "" */
};

/* --- Links and ids. */

/* Fit for a header between < and >, and for HTML between quotes. */
static bool is_plain_url(const char *url)
{
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~'
            || strchr("<>\"'\\", *at) != NULL) {
            return false;
        }
    }
    return url[0] != '\0' && strlen(url) <= 900;
}

/* The last part of an ARN. */
static const char *arn_tail(const char *arn)
{
    const char *colon = strrchr(arn, ':');

    return colon == NULL ? arn : colon + 1;
}

static const char *origin_domain(const struct letter_origin *origin)
{
    const char *at = strrchr(origin->from, '@');

    return at == NULL ? "localhost" : at + 1;
}

/* --- The head. */

static const char *subject_of(const struct delivery *delivery)
{
    const struct question *question = question_of(delivery);

    if (question != NULL) {
        return question->subject;
    }
    if (delivery->subject[0] != '\0') {
        return delivery->subject;
    }
    return delivery->topic_title[0] != '\0' ? delivery->topic_title : SUBJECT_DEFAULT;
}

/* The same at every attempt, so that whoever got it twice can tell. */
static void put_message_id(struct text_buffer *to, const struct letter_origin *origin,
                           const struct delivery *delivery)
{
    const char *subscription = delivery->subscription_arn[0] != '\0'
                                   ? arn_tail(delivery->subscription_arn)
                                   : "confirm";

    put_format(to, "Message-ID: <%s.%s@%s>\r\n", delivery->message_id, subscription,
               origin_domain(origin));
}

static void put_unsubscribe(struct text_buffer *to, const struct delivery *delivery)
{
    if (is_plain_url(delivery->unsubscribe_url)) {
        put_string(to, "List-Unsubscribe: <");
        put_string(to, delivery->unsubscribe_url);
        put_string(to, ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    }
}

static void put_head(struct text_buffer *to, const struct letter_origin *origin,
                     const struct delivery *delivery)
{
    const char *title =
        origin->from_name[0] != '\0' ? origin->from_name : delivery->topic_title;

    put_mailbox_header(to, "From", title, origin->from);
    put_mailbox_header(to, "To", "", delivery->endpoint);
    put_text_header(to, "Subject", subject_of(delivery));
    put_date_header(to, delivery->time_ms);
    put_message_id(to, origin, delivery);
    put_text_header(to, "X-Topic-Arn", delivery->topic_arn);
    put_string(to, "Auto-Submitted: auto-generated\r\n"
                   "Precedence: bulk\r\n");
    put_unsubscribe(to, delivery);
    put_string(to, "MIME-Version: 1.0\r\n");
}

/* --- Parts. */

/* Mostly ASCII stays readable as quoted-printable; other text is shorter in base64. */
static bool is_mostly_ascii(const struct text_buffer *text)
{
    size_t others = 0;

    for (size_t i = 0; i < text->len; i++) {
        others += (unsigned char)text->at[i] > 0x7e;
    }
    return others <= text->len / 6;
}

/* Base64 carries a text's line ends as they are: they must be CRLF before. */
static void put_with_crlf(struct text_buffer *to, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_end = at[i] == '\n' || at[i] == '\r';

        if (is_end) {
            put(to, "\r\n", 2);
            i += at[i] == '\r' && i + 1 < len && at[i + 1] == '\n';
        } else {
            put(to, at + i, 1);
        }
    }
}

static void put_part(struct text_buffer *to, const char *type, const struct text_buffer *text)
{
    bool is_readable = is_mostly_ascii(text);

    put_format(to, "Content-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
               type, is_readable ? "quoted-printable" : "base64");
    if (is_readable) {
        put_quoted_printable(to, text->at, text->len);
        return;
    }
    struct text_buffer canonical = {0};

    put_with_crlf(&canonical, text->at, text->len);
    put_base64_lines(to, canonical.at, canonical.len);
    to->is_broken = to->is_broken || canonical.is_broken;
    free(canonical.at);
}

static void put_html_text(struct text_buffer *to, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (at[i]) {
        case '&': put_string(to, "&amp;"); break;
        case '<': put_string(to, "&lt;"); break;
        case '>': put_string(to, "&gt;"); break;
        case '"': put_string(to, "&quot;"); break;
        default: put(to, at + i, 1);
        }
    }
}

static void plain_write(struct text_buffer *to, const struct content *content)
{
    put(to, content->text, content->text_size);
    if (content->url[0] != '\0') {
        put_string(to, "\n\n--\n");
        put_string(to, content->note);
        put_string(to, "\n");
        put_string(to, content->url);
        put_string(to, "\n");
    }
}

static void html_write(struct text_buffer *to, const struct content *content)
{
    put_string(to, "<!DOCTYPE html>\n<html><head><meta charset=\"UTF-8\"></head><body>\n"
                   "<div style=\"white-space:pre-wrap\">");
    put_html_text(to, content->text, content->text_size);
    put_string(to, "</div>\n");
    if (content->url[0] != '\0') {
        put_string(to, "<hr><p>");
        put_string(to, content->note);
        put_string(to, "<br><a href=\"");
        put_html_text(to, content->url, strlen(content->url));
        put_string(to, "\">");
        put_html_text(to, content->url, strlen(content->url));
        put_string(to, "</a></p>\n");
    }
    put_string(to, "</body></html>\n");
}

static void put_written(struct text_buffer *to, const char *type, const struct content *content,
                        void (*write)(struct text_buffer *to, const struct content *content))
{
    struct text_buffer text = {0};

    write(&text, content);
    put_part(to, type, &text);
    to->is_broken = to->is_broken || text.is_broken;
    free(text.at);
}

/* --- The whole. */

static struct content content_of(const struct delivery *delivery)
{
    const struct question *question = question_of(delivery);
    bool asks = question != NULL;
    const char *url = asks ? delivery->confirm_url : delivery->unsubscribe_url;
    const char *end = asks ? memchr(delivery->body, '\n', delivery->body_size) : NULL;

    return (struct content){
        .text = delivery->body,
        .text_size = end == NULL ? delivery->body_size : (size_t)(end - delivery->body),
        .note =
            asks ? question->note : "To receive nothing more of this topic, open this link:",
        .url = is_plain_url(url) ? url : "",
    };
}

/* Neither of the encodings can contain it. */
static void put_boundary(struct text_buffer *to, const struct delivery *delivery,
                         const char *end)
{
    put_format(to, "--=_%s%s\r\n", delivery->message_id, end);
}

void letter_write(struct text_buffer *to, const struct letter_origin *origin,
                  const struct delivery *delivery)
{
    struct content content = content_of(delivery);

    put_head(to, origin, delivery);
    if (strcmp(delivery->protocol, "email-json") == 0) {
        const struct content json = {
            .text = delivery->payload, .text_size = delivery->payload_size, .url = ""};

        put_written(to, "text/plain", &json, plain_write);
        return;
    }
    put_format(to, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n",
               delivery->message_id);
    put_boundary(to, delivery, "");
    put_written(to, "text/plain", &content, plain_write);
    put_boundary(to, delivery, "");
    put_written(to, "text/html", &content, html_write);
    put_boundary(to, delivery, "--");
}
