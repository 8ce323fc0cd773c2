/* Phones.  What an account has set for them in a region, what it sends to them without a topic,
 * and who wants nothing more: kept in two topics that no client sees, so that all of it is as
 * durable, as retried and as explained as what topics do. */
#include "router/internal.h"

#include <string.h>

#define HIDDEN       '!' /* in no name that CreateTopic takes, and before all of them */
#define PHONE_DIGITS 15

struct text const sms_topic_name = TEXT("!sms");
struct text const sms_opted_out_name = TEXT("!sms-opted-out");

bool topic_is_hidden(struct text name)
{
    return name.len > 0 && name.at[0] == HIDDEN;
}

struct topic *sms_topic(struct router *router, struct text account, struct text region,
                        struct text name)
{
    const struct topic_name wanted = {account, region, name};

    return topic_find(router, &wanted);
}

enum status sms_topic_open(struct step *step, struct text account, struct text region,
                           struct text name, struct topic **ret_topic, struct why *why)
{
    const struct topic_name wanted = {account, region, name};

    *ret_topic = topic_find(router_of(step), &wanted);
    return *ret_topic != NULL ? STATUS_OK
                              : topic_create(step, &wanted, NULL, 0, ret_topic, why);
}

struct text phone_number_plain(struct text number, struct arena *arena)
{
    static const struct text separators = TEXT(" -/.");
    char *plain = arena_take(arena, number.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < number.len; i++) {
        if (text_find(separators, number.at[i]) == separators.len) {
            plain[len++] = number.at[i];
        }
    }
    plain[len] = '\0';
    return text_make(plain, len);
}

bool phone_number_is_valid(struct text plain)
{
    if (plain.len < 8 || plain.len > PHONE_DIGITS + 1 || plain.at[0] != '+'
        || plain.at[1] == '0') {
        return false;
    }
    for (size_t i = 1; i < plain.len; i++) {
        if (plain.at[i] < '0' || plain.at[i] > '9') {
            return false;
        }
    }
    return true;
}

/* --- Sent without a topic. */

static enum status carrier_open(struct step *step, struct topic *topic, struct text base_url,
                                struct why *why)
{
    struct subscription carrier = {.protocol = PROTOCOL_SMS,
                                   .owner = topic->account,
                                   .is_confirmed = true,
                                   .was_authenticated = true,
                                   .base_url = base_url};

    return topic->is_ready && topic->confirmed == 0
               ? subscription_create(step, topic, &carrier, why)
               : STATUS_OK;
}

static struct message_attribute *attributes_with_number(const struct message *message,
                                                        struct text number, struct arena *arena)
{
    struct message_attribute *attributes =
        arena_array(arena, message->attribute_count + 1, sizeof *attributes);

    for (size_t i = 0; i < message->attribute_count; i++) {
        attributes[i] = message->attributes[i];
    }
    attributes[message->attribute_count] =
        (struct message_attribute){T(MESSAGE_PHONE_NUMBER), T("String"), number};
    return attributes;
}

enum status phone_publish(struct step *step, const struct phone_target *target,
                          struct arena *arena, struct publish *publish, struct why *why)
{
    struct topic *topic = NULL;
    enum status status =
        sms_topic_open(step, target->account, target->region, sms_topic_name, &topic, why);

    status = status != STATUS_OK ? status : carrier_open(step, topic, target->base_url, why);
    if (status != STATUS_OK) {
        return status;
    }
    publish->message.attributes =
        attributes_with_number(&publish->message, target->number, arena);
    publish->message.attribute_count++;
    return topic_publish(step, topic, publish, why);
}

struct text message_phone_number(const struct message *message)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        if (text_equal(message->attributes[i].name, T(MESSAGE_PHONE_NUMBER))) {
            return message->attributes[i].value;
        }
    }
    return (struct text){0};
}

/* --- Who wants nothing more. */

enum status opt_out_find(struct step *step, struct text account, struct text region,
                         struct text number, struct arena *arena, struct subscription *ret)
{
    struct topic *topic = sms_topic(router_of(step), account, region, sms_opted_out_name);

    return topic == NULL
               ? STATUS_NOT_FOUND
               : subscription_find_endpoint(step, topic, T("sms"), number, arena, ret);
}

enum status opt_out_add(struct step *step, struct text account, struct text region,
                        struct text number, struct arena *arena, struct why *why)
{
    struct topic *topic = NULL;
    struct subscription found;
    enum status status = opt_out_find(step, account, region, number, arena, &found);

    if (status == STATUS_OK) {
        struct subscription changed = found;

        changed.is_confirmed = true;
        if (!found.is_confirmed) {
            subscription_update(step, &found, &changed);
        }
        return STATUS_OK;
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = sms_topic_open(step, account, region, sms_opted_out_name, &topic, why);
    found = (struct subscription){
        .protocol = PROTOCOL_SMS, .endpoint = number, .owner = account, .is_confirmed = true};
    return status != STATUS_OK ? status : subscription_create(step, topic, &found, why);
}

void opt_out_end(struct step *step, const struct subscription *found, struct arena *arena)
{
    struct subscription changed = *found;
    struct attribute since = {T(OPTED_IN_AT),
                              arena_printf(arena, "%lld", (long long)step->now_ms)};

    changed.is_confirmed = false;
    changed.attributes = &since;
    changed.attribute_count = 1;
    subscription_update(step, found, &changed);
}

enum status phone_refuses(struct step *step, struct lane_id lane,
                          struct text subscription_record, struct text message_record,
                          struct why *why)
{
    const struct topic *topic = topic_find_number(router_of(step), lane.topic);
    struct arena arena = {0};
    struct subscription subscription;
    struct subscription found;
    struct message message;
    enum status status = STATUS_NOT_FOUND;

    if (topic != NULL && subscription_decode(subscription_record, &arena, &subscription)
        && message_decode(message_record, &arena, &message)) {
        struct text number = subscription.endpoint.len > 0 ? subscription.endpoint
                                                           : message_phone_number(&message);

        status = opt_out_find(step, topic->account, topic->region,
                              phone_number_plain(number, &arena), &arena, &found);
    }
    if (status == STATUS_OK) {
        status = found.is_confirmed ? fail(why, STATUS_INVALID,
                                           "the phone number has opted out; OptInPhoneNumber "
                                           "ends that")
                                    : STATUS_NOT_FOUND;
    }
    arena_free(&arena);
    return status;
}
