/* Regular expressions: PCRE2 with limits, so that no pattern can stall its host. */
#ifndef FILTERS_OPERATORS_REGEX_H
#define FILTERS_OPERATORS_REGEX_H

#include "account.h"

#define REGEX_MATCH_LIMIT 100000 /* steps of one match */

struct regex;

enum regex_result {
    REGEX_FINE,
    REGEX_INVALID,
    REGEX_NO_MEMORY
};

/* Why a pattern was refused. */
struct regex_error {
    char text[160];
    size_t offset; /* in the pattern */
};

/* What later matches met; for whoever has the regex. */
struct regex_trouble {
    bool starved;  /* out of memory */
    uint32_t over; /* matches that were given up at a limit */
};

/* *trouble is kept by later matches; it must outlive the regex.  `account` counts the compiled
 * form. */
enum regex_result regex_create(struct account *account, struct slice pattern,
                               struct regex_trouble *trouble, struct regex **ret_regex,
                               struct regex_error *ret_error);
void regex_free(struct regex *regex);
/* A policy's regexes form a list. */
void regex_free_all(struct regex *first);
/* Finds the pattern anywhere in the text.  A match that exceeds the limits is no match, and
 * is counted. */
bool regex_search(const struct regex *regex, struct slice text);
/* The longest piece of text that every match must contain (inside the pattern, borrowed); empty
 * when none is certain. */
struct slice regex_literal(struct slice pattern);

#endif
