/* Shared by the operators on strings. */
#ifndef FILTERS_OPERATORS_TEXT_H
#define FILTERS_OPERATORS_TEXT_H

#include "compiler.h"

/* The operator's operand as text, else "<name> match pattern must be a string". */
bool text_operand(struct compiler *compiler, uint32_t value, const char *name,
                  struct slice *ret_text);
/* A string test over the text, folded where the kind asks for it. */
bool text_test(struct compiler *compiler, enum test_kind kind, struct slice text,
               struct test *ret_test);
/* A wildcard's text to its operand; counts its stars. */
bool wildcard_test(struct compiler *compiler, uint32_t value, struct slice text,
                   struct test *ret_test);

#endif
