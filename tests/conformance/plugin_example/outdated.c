/* A plug-in of another time: its version of the door is not ours. */
#include "deliverers/deliverer.h"

const struct deliverer deliverer_plugin = {.abi = DELIVERER_ABI + 1, .name = "outdated"};
