/* Where deliverers come from: the built-in table and shared objects. */
#ifndef OUTBOUND_PLUGINS_H
#define OUTBOUND_PLUGINS_H

#include "base/status.h"
#include "deliverers/deliverer.h"

struct plugin_visitor {
    /* `origin`: "built in", or the file. */
    enum status (*visit)(void *context, const struct deliverer *deliverer, const char *origin,
                         struct why *why);
    void *context;
};

/* Shows the visitor every built-in deliverer, then that of each *.so of `directory` (NULL or
 * absent: none), by name.  What was loaded stays loaded until the process ends.
 * STATUS_INVALID: a file is no deliverer of this version; else what the visitor said. */
MUST_CHECK enum status plugins_each(const char *directory, const struct plugin_visitor *visitor,
                                    struct why *why);

#endif
