/* Ascending lists of subscription numbers. */
#include "base/memory.h"
#include "router/internal.h"

#include <string.h>

/* The first place whose number is not below `number`. */
static size_t numbers_place(const struct numbers *numbers, uint32_t number)
{
    size_t from = 0;
    size_t to = numbers->count;

    while (from < to) {
        size_t middle = (from + to) / 2;

        if (numbers->at[middle] < number) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

void numbers_append(struct numbers *numbers, uint32_t number)
{
    if (numbers->count == numbers->room) {
        numbers->room = numbers->room == 0 ? 8 : numbers->room * 2;
        numbers->at = memory_resize(numbers->at, numbers->room * sizeof *numbers->at);
    }
    numbers->at[numbers->count++] = number;
}

void numbers_add(struct numbers *numbers, uint32_t number)
{
    size_t place = numbers_place(numbers, number);

    if (place < numbers->count && numbers->at[place] == number) {
        return;
    }
    numbers_append(numbers, number);
    memmove(numbers->at + place + 1, numbers->at + place,
            (numbers->count - 1 - place) * sizeof *numbers->at);
    numbers->at[place] = number;
}

void numbers_remove(struct numbers *numbers, uint32_t number)
{
    size_t place = numbers_place(numbers, number);

    if (place == numbers->count || numbers->at[place] != number) {
        return;
    }
    numbers->count--;
    memmove(numbers->at + place, numbers->at + place + 1,
            (numbers->count - place) * sizeof *numbers->at);
}

void numbers_free(struct numbers *numbers)
{
    memory_free(numbers->at);
    *numbers = (struct numbers){0};
}
