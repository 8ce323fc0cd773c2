/* A policy's JSON as a flat list of tokens, each knowing where its value ends. */
#ifndef FILTERS_TOKENS_H
#define FILTERS_TOKENS_H

#include "account.h"

enum token_type {
    TOKEN_OBJECT,
    TOKEN_ARRAY,
    TOKEN_NAME, /* its value is the next token */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL
};

struct token {
    enum token_type type;
    bool escaped;   /* a string or name with backslashes */
    uint32_t start; /* offsets in the text; strings with their quotes */
    uint32_t end;
    uint32_t next; /* the first token behind this value */
};

struct tokens {
    struct account *account;
    struct token *list;
    uint32_t count;
    uint32_t room;
};

/* What is wrong with a text that is not JSON. */
struct token_error {
    char text[256]; /* in Jackson's words, without a position */
    size_t offset;
};

enum token_result {
    TOKENS_FINE,
    TOKENS_INVALID,
    TOKENS_NO_MEMORY
};

/* `text` is shorter than 4 GiB. */
enum token_result tokens_read(struct tokens *tokens, struct account *account, struct slice text,
                              struct token_error *ret_error);
void tokens_free(struct tokens *tokens);

/* The children of an object (names) or array (values): from token + 1 while < end. */
static inline uint32_t token_count_values(const struct tokens *tokens, uint32_t array)
{
    uint32_t count = 0;

    for (uint32_t i = array + 1; i < tokens->list[array].next; i = tokens->list[i].next) {
        count++;
    }
    return count;
}

#endif
