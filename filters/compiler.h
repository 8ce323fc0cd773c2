/* What the operators' parsers see of the compiler: the policy's tokens and its errors. */
#ifndef FILTERS_COMPILER_H
#define FILTERS_COMPILER_H

#include "tokens.h"

#include "operators/operators.h"
#include "operators/regex.h"

struct compiler {
    struct arena *arena; /* of the policy; operands live there */
    struct slice text;   /* of the policy; borrowed for as long as the policy lives */
    struct tokens tokens;
    enum filter_scope scope;
    enum filter_profile profile;
    struct filter_limits limits;
    struct filter_error *error;    /* may be NULL */
    enum filter_status status;     /* why a parser returned false */
    struct regex *regexes;         /* all that were made */
    bool nested;                   /* some key of the policy has an object as its value */
    struct regex_trouble *trouble; /* what regular expressions will meet */
    /* Wildcards of the list of values being read: SNS counts points per pattern. */
    uint32_t wildcard_points;
    uint32_t wildcard_patterns;
    uint32_t wildcard_stars_max; /* in one pattern, of the whole policy */
};

/* All return false.  `offset` is where AWS's parser stood when it noticed. */
bool compiler_starves(struct compiler *compiler);
__attribute__((format(printf, 3, 4))) bool
compiler_fails(struct compiler *compiler, size_t offset, const char *format, ...);
/* An error whose text carries no position. */
__attribute__((format(printf, 3, 4))) bool
compiler_fails_bare(struct compiler *compiler, size_t offset, const char *format, ...);
/* An error whose text carries a position but not the policy. */
__attribute__((format(printf, 3, 4))) bool
compiler_fails_hidden(struct compiler *compiler, size_t offset, const char *format, ...);

static inline const struct token *compiler_token(const struct compiler *compiler,
                                                 uint32_t token)
{
    return &compiler->tokens.list[token];
}

/* Where AWS's parser stands after it has read a token: a string is read lazily, a name together
 * with the start of its value. */
size_t compiler_behind(const struct compiler *compiler, uint32_t token);
/* The token's bytes as written. */
struct slice compiler_written(const struct compiler *compiler, uint32_t token);
/* The unescaped text of a string or name. */
bool compiler_text(struct compiler *compiler, uint32_t token, struct slice *ret_text);
/* Canonical bytes of a number token. */
bool compiler_number(struct compiler *compiler, uint32_t token, struct slice *ret_number);
bool compiler_copy(struct compiler *compiler, struct slice bytes, struct slice *ret_copy);

#endif
