/* Pages of their own for keys. */
#include "sealing/key_room.h"

#include "base/memory.h"
#include "base/must.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

struct key_room {
    uint8_t *at;
    size_t size;
    size_t count;
    bool is_locked;
};

struct key_room *key_room_create(size_t count)
{
    struct key_room *room = memory_zero(sizeof *room);

    room->count = count;
    room->size = count * SEALING_KEY_SIZE;
    room->at =
        mmap(NULL, room->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(room->at != MAP_FAILED);
    room->is_locked = mlock(room->at, room->size) == 0;
    (void)madvise(room->at, room->size, MADV_DONTDUMP);
    return room;
}

void key_room_free(struct key_room *room)
{
    if (room == NULL) {
        return;
    }
    key_room_wipe(room);
    (void)munmap(room->at, room->size);
    memory_free(room);
}

uint8_t *key_room_at(const struct key_room *room, size_t index)
{
    must(index < room->count);
    return room->at + index * SEALING_KEY_SIZE;
}

void key_room_wipe(struct key_room *room)
{
    OPENSSL_cleanse(room->at, room->size);
}

void key_wipe(uint8_t key[SEALING_KEY_SIZE])
{
    OPENSSL_cleanse(key, SEALING_KEY_SIZE);
}

bool key_room_is_locked(const struct key_room *room)
{
    return room->is_locked;
}
