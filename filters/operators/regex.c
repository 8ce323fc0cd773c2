/* {"regex": "..."}, profile fanfare only. */
#include "operators/regex.h"

#include "compiler.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

#define REGEX_DEPTH_LIMIT   1000
#define REGEX_HEAP_LIMIT    1024 /* KiB */
#define REGEX_PATTERN_MAX   4096 /* bytes */
#define REGEX_SUBJECT_LIMIT 65536

struct regex {
    struct account *account;
    size_t counted;
    pcre2_general_context *memory;
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_code *code;
    struct regex_trouble *trouble;
    struct regex *next; /* of the same policy */
};

static void *regex_allocate(size_t size, void *unused)
{
    (void)unused;
    return malloc(size);
}

static void regex_deallocate(void *memory, void *unused)
{
    (void)unused;
    free(memory);
}

void regex_free(struct regex *regex)
{
    if (regex == NULL) {
        return;
    }
    regex->account->bytes -= regex->counted;
    pcre2_code_free(regex->code);
    pcre2_match_data_free(regex->data);
    pcre2_match_context_free(regex->context);
    pcre2_general_context_free(regex->memory);
    account_free(regex->account, regex, sizeof *regex);
}

void regex_free_all(struct regex *first)
{
    while (first != NULL) {
        struct regex *next = first->next;

        regex_free(first);
        first = next;
    }
}

static enum regex_result regex_compile(struct regex *regex, struct slice pattern,
                                       struct regex_error *ret_error)
{
    pcre2_compile_context *context = pcre2_compile_context_create(regex->memory);
    PCRE2_SIZE offset = 0;
    int code = 0;

    if (context == NULL) {
        return REGEX_NO_MEMORY;
    }
    (void)pcre2_set_max_pattern_length(context, REGEX_PATTERN_MAX);
    regex->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len,
                                PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                                &code, &offset, context);
    pcre2_compile_context_free(context);
    if (regex->code != NULL) {
        return REGEX_FINE;
    }
    if (code == PCRE2_ERROR_HEAP_FAILED) {
        return REGEX_NO_MEMORY;
    }
    ret_error->offset = offset;
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)ret_error->text, sizeof ret_error->text);
    return REGEX_INVALID;
}

/* Best effort: without JIT the interpreter works under the same limits. */
static void regex_optimize(struct regex *regex)
{
    size_t size = 0;
    size_t compiled = 0;

    (void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &size);
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_JITSIZE, &compiled);
    regex->counted = size + compiled;
    regex->account->bytes += regex->counted;
}

static bool regex_prepare(struct regex *regex)
{
    regex->memory = pcre2_general_context_create(regex_allocate, regex_deallocate, NULL);
    if (regex->memory == NULL) {
        return false;
    }
    regex->context = pcre2_match_context_create(regex->memory);
    regex->data = pcre2_match_data_create(1, regex->memory);
    if (regex->context == NULL || regex->data == NULL) {
        return false;
    }
    (void)pcre2_set_match_limit(regex->context, REGEX_MATCH_LIMIT);
    (void)pcre2_set_depth_limit(regex->context, REGEX_DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(regex->context, REGEX_HEAP_LIMIT);
    return true;
}

enum regex_result regex_create(struct account *account, struct slice pattern,
                               struct regex_trouble *trouble, struct regex **ret_regex,
                               struct regex_error *ret_error)
{
    struct regex *regex = account_zero(account, sizeof *regex);
    enum regex_result result = REGEX_NO_MEMORY;

    if (regex == NULL) {
        return REGEX_NO_MEMORY;
    }
    regex->account = account;
    regex->trouble = trouble;
    if (regex_prepare(regex)) {
        result = regex_compile(regex, pattern, ret_error);
    }
    if (result != REGEX_FINE) {
        regex_free(regex);
        return result;
    }
    regex_optimize(regex);
    *ret_regex = regex;
    return REGEX_FINE;
}

bool regex_search(const struct regex *regex, struct slice text)
{
    int found;

    if (text.len > REGEX_SUBJECT_LIMIT) {
        regex->trouble->over++;
        return false;
    }
    found = pcre2_match(regex->code, (PCRE2_SPTR)text.at, text.len, 0, 0, regex->data,
                        regex->context);
    if (found == PCRE2_ERROR_NOMEMORY) {
        regex->trouble->starved = true;
    } else if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        regex->trouble->over++;
    }
    return found >= 0;
}

/* Bytes that mean more than themselves. */
static bool is_special(char byte)
{
    return strchr("\\^$.[]|()?*+{}", byte) != NULL;
}

/* The run of plain characters at `from`, less its last character when a quantifier makes that
 * one optional. */
static size_t literal_run(struct slice pattern, size_t from)
{
    size_t end = from;

    while (end < pattern.len && !is_special(pattern.at[end])) {
        end++;
    }
    if (end < pattern.len && end > from && strchr("?*{", pattern.at[end]) != NULL) {
        end--;
        while (end > from && ((unsigned char)pattern.at[end] & 0xc0) == 0x80) {
            end--;
        }
    }
    return end - from;
}

/* Length of the class that begins at `at`; 0 when that is not certain. */
static size_t class_len(struct slice pattern, size_t at)
{
    /* A bracket right behind "[" or "[^" is a member of the class. */
    size_t from = at + 1 < pattern.len && pattern.at[at + 1] == '^' ? at + 3 : at + 2;
    const char *close =
        from < pattern.len ? memchr(pattern.at + from, ']', pattern.len - from) : NULL;
    struct slice inside = slice_make(pattern.at + at + 1, 0);

    if (close == NULL) {
        return 0;
    }
    inside.len = (size_t)(close - inside.at);
    return memchr(inside.at, '\\', inside.len) != NULL
                   || memchr(inside.at, '[', inside.len) != NULL
               ? 0
               : inside.len + 2;
}

/* Skips what is special at `at`; groups, alternatives and options give up with 0. */
static size_t special_skip(struct slice pattern, size_t at)
{
    if (pattern.at[at] == '\\') {
        /* \Q...\E, \x{..}, \p{..} and the like: only classes of one letter are certain. */
        return at + 1 < pattern.len && strchr("dDwWsSbBAzZ.-/\\", pattern.at[at + 1]) != NULL
                   ? 2
                   : 0;
    }
    if (pattern.at[at] == '[') {
        return class_len(pattern, at);
    }
    return strchr("()|", pattern.at[at]) != NULL ? 0 : 1;
}

/* "{2,3}": the numbers are not text. */
static size_t quantifier_len(struct slice pattern, size_t at)
{
    const char *close = memchr(pattern.at + at, '}', pattern.len - at);

    return close == NULL ? 0 : (size_t)(close - (pattern.at + at)) + 1;
}

struct slice regex_literal(struct slice pattern)
{
    struct slice best = {"", 0};
    size_t at = 0;

    while (at < pattern.len) {
        size_t run = literal_run(pattern, at);
        size_t step = run;

        if (run > best.len) {
            best = slice_make(pattern.at + at, run);
        }
        if (run == 0 && !is_special(pattern.at[at])) {
            step = 1; /* one optional character */
        } else if (run == 0) {
            step =
                pattern.at[at] == '{' ? quantifier_len(pattern, at) : special_skip(pattern, at);
        }
        if (step == 0) {
            return slice_make("", 0);
        }
        at += step;
    }
    return best;
}

bool regex_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    struct regex_error error = {.offset = 0};
    struct slice pattern = {"", 0};
    enum regex_result result;

    if (compiler_token(compiler, value)->type != TOKEN_STRING) {
        return compiler_fails(compiler, compiler_behind(compiler, value),
                              "regex match pattern must be a string");
    }
    if (!compiler_text(compiler, value, &pattern)) {
        return false;
    }
    *ret_test = (struct test){.operand = {.kind = TEST_REGEX, .bytes = pattern}};
    result = regex_create(compiler->arena->account, pattern, compiler->trouble,
                          &ret_test->operand.regex, &error);
    if (result == REGEX_NO_MEMORY) {
        return compiler_starves(compiler);
    }
    if (result == REGEX_INVALID) {
        return compiler_fails(compiler, compiler_token(compiler, value)->end,
                              "Invalid regex at pos %zu: %s", error.offset + 1, error.text);
    }
    ret_test->operand.regex->next = compiler->regexes;
    compiler->regexes = ret_test->operand.regex;
    return true;
}

bool regex_matches(const struct operand *operand, const struct leaf *leaf)
{
    return leaf->type == LEAF_STRING && regex_search(operand->regex, leaf->text);
}
