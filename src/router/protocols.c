/* Subscribe's protocols by name. */
#include "router/router.h"

#define PROTOCOL_TEXT(name, text) [PROTOCOL_##name] = TEXT(text),

static const struct text names[PROTOCOL_COUNT] = {PROTOCOLS(PROTOCOL_TEXT)};

const char *protocol_name(enum protocol protocol)
{
    return names[protocol].at;
}

bool protocol_parse(struct text text, enum protocol *ret_protocol)
{
    for (size_t i = 0; i < countof(names); i++) {
        if (i != PROTOCOL_PLUGIN && text_equal(text, names[i])) {
            *ret_protocol = (enum protocol)i;
            return true;
        }
    }
    return false;
}

struct text subscription_protocol(const struct subscription *subscription)
{
    return subscription->protocol == PROTOCOL_PLUGIN
               ? subscription_attribute(subscription, T(SUBSCRIPTION_PROTOCOL))
               : names[subscription->protocol];
}
