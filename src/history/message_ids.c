/* Message ids.  64 of a UUID's bits hide the message's number behind a keyed permutation, the
 * others are chance: who has the id finds the message without an index, and nobody can read the
 * traffic out of two ids. */
#include "base/digest.h"
#include "history/internal.h"

#include <string.h>

#define ROUNDS 4

/* Not bytes 6 and 8: their text says the version and the variant. */
static const uint8_t places[8] = {0, 1, 2, 3, 4, 5, 9, 10};

static uint32_t mix(const struct history *history, uint32_t round, uint32_t half)
{
    uint8_t bytes[sizeof history->secret + 5];

    memcpy(bytes, history->secret, sizeof history->secret);
    bytes[sizeof history->secret] = (uint8_t)round;
    for (size_t i = 0; i < 4; i++) {
        bytes[sizeof history->secret + 1 + i] = (uint8_t)(half >> (24 - 8 * i));
    }
    return (uint32_t)digest_fast(text_make(bytes, sizeof bytes));
}

static uint64_t hide(const struct history *history, uint64_t number)
{
    uint32_t left = (uint32_t)(number >> 32);
    uint32_t right = (uint32_t)number;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t next = left ^ mix(history, round, right);

        left = right;
        right = next;
    }
    return (uint64_t)left << 32 | right;
}

static uint64_t reveal(const struct history *history, uint64_t hidden)
{
    uint32_t left = (uint32_t)(hidden >> 32);
    uint32_t right = (uint32_t)hidden;

    for (uint32_t round = ROUNDS; round-- > 0;) {
        uint32_t before = right ^ mix(history, round, left);

        right = left;
        left = before;
    }
    return (uint64_t)left << 32 | right;
}

void message_id_make(struct step *step, uint64_t message, uint8_t ret_id[16])
{
    uint64_t hidden = hide(history_of(step), message);

    step->random->fill(step->random, ret_id, 16);
    for (size_t i = 0; i < sizeof places; i++) {
        ret_id[places[i]] = (uint8_t)(hidden >> (56 - 8 * i));
    }
}

uint64_t message_id_number(const struct step *step, const uint8_t id[16])
{
    uint64_t hidden = 0;

    for (size_t i = 0; i < sizeof places; i++) {
        hidden = hidden << 8 | id[places[i]];
    }
    uint64_t number = reveal(history_of(step), hidden);

    return number <= step_counter(step, COUNTER_MESSAGE) ? number : 0;
}
