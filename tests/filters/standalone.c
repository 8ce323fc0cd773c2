/* A program that has only what was installed: the smallest use of every part of the door. */
#include <fanfare/filter.h>

#include <stdio.h>
#include <string.h>

static int failures;

static void expect(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "not so: %s\n", what);
        failures++;
    }
}

static struct filter_policy *compile(const char *text)
{
    struct filter_policy *policy = NULL;

    expect(filter_policy_compile(text, strlen(text), FILTER_SCOPE_BODY, FILTER_PROFILE_SNS,
                                 &policy, NULL)
               == FILTER_OK,
           text);
    return policy;
}

int main(void)
{
    static const char body[] = "{\"shop\": \"north\", \"price\": 12.5}";
    struct filter_message message = {.body = body, .body_len = sizeof body - 1};
    struct filter_policy *north = compile("{\"shop\": [\"north\"]}");
    struct filter_policy *cheap = compile("{\"price\": [{\"numeric\": [\"<\", 10]}]}");
    struct filter_index *index = filter_index_create();
    struct filter_explanation explanation;
    struct filter_error error = {0};
    struct filter_policy *wrong = NULL;
    const uint32_t *ids = NULL;
    size_t count = 0;
    bool matches = false;

    expect(filter_policy_matches(north, &message, &matches) == FILTER_OK && matches, "north");
    expect(filter_index_add(index, 7, north) == FILTER_OK, "add");
    expect(filter_index_add(index, 8, cheap) == FILTER_OK, "add");
    expect(filter_index_match(index, &message, &ids, &count) == FILTER_OK && count == 1
               && ids[0] == 7,
           "only the first of the index matches");
    expect(filter_explain(cheap, &message, &explanation) == FILTER_OK && !explanation.matches
               && explanation.finding_count == 1
               && strcmp(explanation.findings[0].seen, "12.5") == 0,
           "the explanation shows what was seen");
    filter_explanation_clear(&explanation);
    expect(filter_policy_compile("{\"a\": []}", 9, FILTER_SCOPE_BODY, FILTER_PROFILE_SNS,
                                 &wrong, &error)
                   == FILTER_INVALID
               && strstr(error.text, "Empty arrays are not allowed") != NULL,
           "AWS's text");
    filter_error_clear(&error);
    expect(filter_index_remove(index, 7) == FILTER_OK && filter_index_count(index) == 1,
           "remove");
    filter_index_free(index);
    filter_policy_free(north);
    filter_policy_free(cheap);
    return failures == 0 ? 0 : 1;
}
