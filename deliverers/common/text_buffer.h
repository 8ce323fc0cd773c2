/* Text that grows, for what a deliverer writes: mails, forms, JSON. */
#ifndef DELIVERERS_COMMON_TEXT_BUFFER_H
#define DELIVERERS_COMMON_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Begins zeroed; `at` is the user's to free().  Not NUL-terminated. */
struct text_buffer {
    char *at;
    size_t len, room;
    bool is_broken; /* out of memory: what follows changes nothing */
};

void put(struct text_buffer *to, const char *at, size_t len);
void put_string(struct text_buffer *to, const char *string);
/* At most 1023 bytes; more breaks it. */
__attribute__((format(printf, 2, 3))) void put_format(struct text_buffer *to,
                                                      const char *format, ...);

#endif
