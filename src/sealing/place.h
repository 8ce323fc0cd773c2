/* Where a master key comes from.  Inside sealing/. */
#ifndef SEALING_PLACE_H
#define SEALING_PLACE_H

#include "base/status.h"
#include "sealing/key_room.h"

/* Reads the key of one place (see masters_open) straight into its room. */
MUST_CHECK enum status place_read(struct text place, uint8_t ret_key[SEALING_KEY_SIZE],
                                  struct why *why);

#endif
