/* Any bytes as a body and as attributes against policies of every operator: one by one and in
 * an index the answer is the same, and explain gives it too. # link: filter */
#include <fanfare/filter.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define POLICIES (sizeof texts / sizeof texts[0])

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const texts[] = {
    "{}",
    "{\"a\":[\"x\",1,true,false,null,\"10.0.0.1\"]}",
    "{\"a\":{\"b\":[1.5],\"c\":[\"y\"]},\"d\":[{\"exists\":false}]}",
    "{\"a\":{\"b\":[{\"anything-but\":[1,2]}]}}",
    "{\"a\":[{\"prefix\":\"ab\"},{\"suffix\":\"yz\"},{\"wildcard\":\"m*n*o\"}]}",
    "{\"a\":[{\"equals-ignore-case\":\"\xc3\x89\"},{\"regex\":\"abc[0-9]+\"}]}",
    "{\"a\":[{\"numeric\":[\">=\",-1,\"<\",1e5]}],\"b\":[{\"anything-but\":{\"prefix\":\"p\"}}]}",
    "{\"b\":[{\"cidr\":\"10.0.0.0/8\"},{\"cidr\":\"2001:db8::/32\"}]}",
    "{\"$or\":[{\"a\":[\"x\"]},{\"b\":{\"c\":[{\"exists\":true}]}}],\"d\":[{\"exists\":true}]}",
    "{\"\":[\"\"],\"a.b\":[\"\\u0000\"]}",
};

/* The last byte of the input says how the attributes are read. */
static size_t attributes_make(const uint8_t *data, size_t size, struct filter_attribute to[2])
{
    static const char *const names[] = {"a", "b"};
    uint8_t types = size > 0 ? data[size - 1] : 0;

    for (size_t i = 0; i < 2; i++) {
        to[i] = (struct filter_attribute){.name = names[i],
                                          .name_len = 1,
                                          .type = types >> (2 * i) & 3,
                                          .value = (const char *)data,
                                          .value_len = size};
    }
    return types >> 4 & 1 ? 2 : types >> 5 & 1;
}

struct subjects {
    struct filter_index *index;
    struct filter_policy *policies[2 * POLICIES];
    uint32_t count;
};

/* Made once: what is fuzzed here is the message. */
static struct subjects *subjects_make(void)
{
    static struct subjects subjects;

    if (subjects.index != NULL) {
        return &subjects;
    }
    subjects.index = filter_index_create();
    for (size_t i = 0; i < 2 * POLICIES; i++) {
        struct filter_policy *policy;

        if (filter_policy_compile(texts[i / 2], strlen(texts[i / 2]),
                                  (enum filter_scope)(i % 2), FILTER_PROFILE_FANFARE, &policy,
                                  NULL)
            != FILTER_OK) {
            continue; /* nested, in attributes */
        }
        if (filter_index_add(subjects.index, subjects.count, policy) != FILTER_OK) {
            abort();
        }
        subjects.policies[subjects.count++] = policy;
    }
    return &subjects;
}

static void explain_check(const struct filter_policy *policy,
                          const struct filter_message *message, bool matches)
{
    struct filter_explanation explanation;

    if (filter_explain(policy, message, &explanation) != FILTER_OK
        || explanation.matches != matches) {
        abort();
    }
    filter_explanation_clear(&explanation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct subjects *subjects = subjects_make();
    struct filter_attribute attributes[2];
    struct filter_message message = {.attributes = attributes,
                                     .attribute_count = attributes_make(data, size, attributes),
                                     .body = (const char *)data,
                                     .body_len = size};
    const uint32_t *ids;
    size_t count;
    size_t at = 0;

    if (filter_index_match(subjects->index, &message, &ids, &count) != FILTER_OK) {
        abort();
    }
    for (uint32_t i = 0; i < subjects->count; i++) {
        bool found = at < count && ids[at] == i;
        bool matches;

        if (filter_policy_matches(subjects->policies[i], &message, &matches) != FILTER_OK
            || matches != found) {
            abort();
        }
        explain_check(subjects->policies[i], &message, matches);
        at += found;
    }
    if (at != count) {
        abort();
    }
    return 0;
}
