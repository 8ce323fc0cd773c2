/* Any bytes as a policy, in every scope and profile: compiled, or refused with a text.
 * # link: filter */
#include <fanfare/filter.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(const char *text, size_t len, enum filter_scope scope,
                    enum filter_profile profile)
{
    static const struct filter_message message = {.body = "{\"a\":\"b\"}", .body_len = 9};
    struct filter_error error = {.text = NULL};
    struct filter_policy *policy;
    bool matches;
    enum filter_status status =
        filter_policy_compile(text, len, scope, profile, &policy, &error);

    if (status == FILTER_OK) {
        if (filter_policy_matches(policy, &message, &matches) != FILTER_OK) {
            abort();
        }
        filter_policy_free(policy);
    } else if (status != FILTER_INVALID || error.text == NULL || error.offset > len
               || error.len < strlen(error.text)) {
        abort();
    }
    filter_error_clear(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compile((const char *)data, size, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS);
    compile((const char *)data, size, FILTER_SCOPE_ATTRIBUTES, FILTER_PROFILE_FANFARE);
    return 0;
}
