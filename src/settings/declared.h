/* Resources that the configuration declares: created and updated at start, never deleted. */
#ifndef SETTINGS_DECLARED_H
#define SETTINGS_DECLARED_H

#include "settings/settings.h"

struct declared_attribute {
    struct text name; /* AWS's */
    struct text value;
};

struct declared_queue {
    struct text name;
    struct declared_attribute *attributes;
    size_t attribute_count;
    int line;
};

struct declared_subscription {
    struct text protocol;
    struct text endpoint; /* a queue's name, its ARN, or a URL */
    struct declared_attribute *attributes;
    size_t attribute_count;
    int line;
};

struct declared_topic {
    struct text name;
    struct declared_attribute *attributes;
    size_t attribute_count;
    struct declared_subscription *subscriptions;
    size_t subscription_count;
    int line;
};

struct declared {
    struct declared_queue *queues;
    size_t queue_count;
    struct declared_topic *topics;
    size_t topic_count;
};

#endif
