/* A delivery as what is said: number, sender, text, and whether it may go out at its price. */
#include "sms.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE_MAX 10 /* characters of the topic's DisplayName, as AWS has it */

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t room,
                                                         const char *format, ...);

static bool refuse(char *why, size_t room, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why, room, format, arguments);
    va_end(arguments);
    return false;
}

/* Out of the message's attributes, or NULL. */
static const char *attribute_of(const struct delivery *delivery, const char *name)
{
    for (size_t i = 0; i < delivery->attribute_count; i++) {
        if (strcmp(delivery->attributes[i].name, name) == 0) {
            return delivery->attributes[i].value;
        }
    }
    return NULL;
}

static const char *setting_of(const struct delivery *delivery, const char *name)
{
    for (size_t i = 0; i < delivery->setting_count; i++) {
        if (strcmp(delivery->settings[i].name, name) == 0) {
            return delivery->settings[i].value;
        }
    }
    return NULL;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    if (a != NULL && a[0] != '\0') {
        return a;
    }
    return b != NULL && b[0] != '\0' ? b : c;
}

/* --- Whom from. */

/* A number of the operator's, or a short code. */
static bool is_origin(const char *number)
{
    const char *digits = number[0] == '+' ? number + 1 : number;
    size_t len = strspn(digits, "0123456789");

    return digits[len] == '\0' && len >= 3 && len <= 15;
}

static bool take_sender(const struct sms_rules *rules, const struct delivery *delivery,
                        struct short_message *message, char *why, size_t room)
{
    const char *origin = attribute_of(delivery, "AWS.MM.SMS.OriginationNumber");
    const char *name = first_of(attribute_of(delivery, "AWS.SNS.SMS.SenderID"),
                                setting_of(delivery, "SMS.DefaultSenderID"), rules->sender);
    const char *sender = origin != NULL ? origin : name;

    if (origin != NULL && !is_origin(origin)) {
        return refuse(why, room, "AWS.MM.SMS.OriginationNumber is no number");
    }
    if (origin == NULL && name[0] != '\0' && !sender_is_name(name) && !is_origin(name)) {
        return refuse(why, room,
                      "the sender id must be 1 to 11 letters and digits with a letter");
    }
    (void)snprintf(message->from, sizeof message->from, "%s", sender);
    return true;
}

static bool take_type(const struct sms_rules *rules, const struct delivery *delivery,
                      struct short_message *message, char *why, size_t room)
{
    const char *type = first_of(attribute_of(delivery, "AWS.SNS.SMS.SMSType"),
                                setting_of(delivery, "SMS.DefaultSMSType"), rules->type);

    message->type = type;
    return strcmp(type, "Promotional") == 0 || strcmp(type, "Transactional") == 0
           || refuse(why, room, "AWS.SNS.SMS.SMSType is neither Promotional nor Transactional");
}

/* --- What. */

/* The first characters of the title, before the text. */
static void put_title(struct text_buffer *to, const char *title)
{
    size_t len = 0;

    for (size_t characters = 0; title[len] != '\0'; len++) {
        characters += ((unsigned char)title[len] & 0xc0U) != 0x80;
        if (characters > TITLE_MAX) {
            break;
        }
    }
    if (len > 0) {
        put(to, title, len);
        put_string(to, "> ");
    }
}

static void put_speakable(struct text_buffer *to, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)at[i];

        if (byte == '\n' || (byte >= ' ' && byte != 0x7f)) {
            put(to, at + i, 1);
        }
    }
}

static bool take_text(const struct sms_rules *rules, const struct delivery *delivery,
                      struct short_message *message, char *why, size_t room)
{
    put_title(&message->text, delivery->topic_title);
    put_speakable(&message->text, delivery->body, delivery->body_size);
    if (message->text.is_broken) {
        return refuse(why, room, "out of memory");
    }
    message->segments = segments_count(message->text.at, message->text.len);
    if (message->segments.characters > TEXT_MAX
        || message->segments.count > rules->segments_max) {
        return refuse(why, room,
                      "%zu characters in %u segments: at most %d characters and %u segments "
                      "(sms.segments_max) are sent",
                      message->segments.characters, message->segments.count, TEXT_MAX,
                      rules->segments_max);
    }
    return true;
}

static bool check_price(const struct sms_rules *rules, const struct delivery *delivery,
                        const struct short_message *message, char *why, size_t room)
{
    const char *most = attribute_of(delivery, "AWS.SNS.SMS.MaxPrice");
    char *end = NULL;

    if (most == NULL) {
        return true;
    }
    double cap = strtod(most, &end);
    double price = rules->price * message->segments.count;

    if (end == most || *end != '\0' || !(cap >= 0)) {
        return refuse(why, room, "AWS.SNS.SMS.MaxPrice is not a price");
    }
    /* A rounding error is no price. */
    return price <= cap + 1e-9
           || refuse(why, room, "%u segments cost %.5f USD, more than its MaxPrice of %.5f",
                     message->segments.count, price, cap);
}

/* --- Where to. */

bool number_is_served(const struct sms_rules *rules, const char *number)
{
    const char *prefix = rules->prefixes;

    while (*prefix != '\0') {
        size_t len = strcspn(prefix, ", ");

        if (len > 0 && strncmp(number, prefix, len) == 0) {
            return true;
        }
        prefix += len;
        prefix += strspn(prefix, ", ");
    }
    return rules->prefixes[0] == '\0';
}

bool message_prepare(const struct sms_rules *rules, const struct delivery *delivery,
                     struct short_message *ret_message, char *why, size_t room)
{
    struct short_message *message = ret_message;
    const char *fault = "";

    *message = (struct short_message){.id = delivery->message_id};
    if (!number_read(delivery->endpoint, message->to, &fault)) {
        return refuse(why, room, "%s", fault);
    }
    if (!number_is_served(rules, message->to)) {
        return refuse(why, room, "sms.prefixes does not name that number's country");
    }
    return take_sender(rules, delivery, message, why, room)
           && take_type(rules, delivery, message, why, room)
           && take_text(rules, delivery, message, why, room)
           && check_price(rules, delivery, message, why, room);
}

void message_end(struct short_message *message)
{
    free(message->text.at);
    message->text = (struct text_buffer){0};
}
