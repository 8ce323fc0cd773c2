/* The bytes of keys: a table letter, then big-endian numbers. */
#include "store/keys.h"

#include "base/bytes.h"
#include "base/must.h"

#include <string.h>

#define KEY_BYTES (KEY_MAX - 1)

static void add_number(struct key *key, uint64_t value, size_t width)
{
    bytes_put_number(key->at + key->len, value, width);
    key->len = (uint8_t)(key->len + width);
}

static uint64_t get_number(const struct key *key, size_t at, size_t width)
{
    must(at + width <= key->len);
    return bytes_number(key->at + at, width);
}

struct key key_table(enum table table)
{
    struct key key = {.len = 1};

    key.at[0] = (uint8_t)table;
    return key;
}

struct key key_name(enum table table, struct text name)
{
    struct key key = key_table(table);

    must(name.len <= KEY_BYTES - 1);
    if (name.len > 0) {
        memcpy(key.at + 1, name.at, name.len);
    }
    key.len = (uint8_t)(1 + name.len);
    return key;
}

struct key key_u32(enum table table, uint32_t a)
{
    struct key key = key_table(table);

    add_number(&key, a, sizeof a);
    return key;
}

struct key key_u64(enum table table, uint64_t a)
{
    struct key key = key_table(table);

    add_number(&key, a, sizeof a);
    return key;
}

struct key key_u32_u32(enum table table, uint32_t a, uint32_t b)
{
    struct key key = key_u32(table, a);

    add_number(&key, b, sizeof b);
    return key;
}

struct key key_u32_u64(enum table table, uint32_t a, uint64_t b)
{
    struct key key = key_u32(table, a);

    add_number(&key, b, sizeof b);
    return key;
}

struct key key_u64_u32(enum table table, uint64_t a, uint32_t b)
{
    struct key key = key_u64(table, a);

    add_number(&key, b, sizeof b);
    return key;
}

struct key key_u32_u64_u8(enum table table, uint32_t a, uint64_t b, uint8_t c)
{
    struct key key = key_u32_u64(table, a, b);

    add_number(&key, c, sizeof c);
    return key;
}

struct key key_u32_u64_u64(enum table table, uint32_t a, uint64_t b, uint64_t c)
{
    struct key key = key_u32_u64(table, a, b);

    add_number(&key, c, sizeof c);
    return key;
}

struct key key_after_prefix(const struct key *prefix)
{
    struct key key = *prefix;

    while (key.len > 0 && key.at[key.len - 1] == UINT8_MAX) {
        key.len--;
    }
    if (key.len > 0) {
        key.at[key.len - 1]++;
    }
    return key; /* all bytes 0xff: empty, which a scan takes as the end */
}

uint32_t key_get_u32(const struct key *key, size_t at)
{
    return (uint32_t)get_number(key, at, sizeof(uint32_t));
}

uint64_t key_get_u64(const struct key *key, size_t at)
{
    return get_number(key, at, sizeof(uint64_t));
}

struct key key_next(const struct key *key)
{
    struct key next = *key;

    if (next.len == sizeof next.at) {
        return key_after_prefix(key); /* nothing longer can come in between */
    }
    next.at[next.len++] = 0;
    return next;
}
