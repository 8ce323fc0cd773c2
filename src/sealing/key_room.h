/* Memory for keys: locked against swapping and left out of core dumps as far as the system lets
 * us, wiped when it is given back. */
#ifndef SEALING_KEY_ROOM_H
#define SEALING_KEY_ROOM_H

#include "base/text.h"

#define SEALING_KEY_SIZE 32

struct key_room;

/* Room for `count` keys, zeroed. */
struct key_room *key_room_create(size_t count);
/* Wipes and frees; NULL is fine. */
void key_room_free(struct key_room *room);
/* The place of key `index`, SEALING_KEY_SIZE bytes. */
uint8_t *key_room_at(const struct key_room *room, size_t index);
/* Zeroes all of it. */
void key_room_wipe(struct key_room *room);
/* Zeroes a key that was on the stack. */
void key_wipe(uint8_t key[SEALING_KEY_SIZE]);
/* False: the system refused to lock it (RLIMIT_MEMLOCK), so it may be swapped out. */
bool key_room_is_locked(const struct key_room *room);

#endif
