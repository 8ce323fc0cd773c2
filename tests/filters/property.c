/* For random policies and messages, matching one by one, the index and explain agree with the
 * naive matcher, while policies come and go.
 *
 *   filter_property [SECONDS [SEED]]      20 seconds and seed 1 unless told */
#include "tests/filters/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLICIES    60
#define MESSAGES    40
#define PHASES      3
#define MEMORY_SIZE ((size_t)16 << 20)

struct subject {
    struct policy *model;
    struct naive_policy *naive;
    struct filter_policy *compiled;
    char *text;
    uint32_t id;
    bool present;
};

struct round {
    struct chance chance;
    struct memory memory;
    struct filter_index *index;
    struct subject subjects[POLICIES];
    uint64_t pairs;
    uint64_t matches;
};

static void fail(const struct subject *subject, const char *body, const char *what)
{
    (void)fprintf(stderr, "%s\n  policy %s\n  scope %d\n  body %s\n", what, subject->text,
                  (int)subject->model->scope, body);
    abort();
}

static void subject_compile(struct subject *subject)
{
    struct filter_options options = {.scope = subject->model->scope,
                                     .profile = FILTER_PROFILE_FANFARE,
                                     .limits = {.policy_bytes = 1 << 20,
                                                .keys = 100,
                                                .combinations = 4096,
                                                .wildcard_stars = 9,
                                                .wildcard_points = 100000}};
    struct filter_error error = {.text = NULL};
    enum filter_status status = filter_policy_compile_with(
        subject->text, strlen(subject->text), &options, &subject->compiled, &error);

    if (status == FILTER_INVALID && strcmp(error.text, "Filter policy is too complex") == 0) {
        subject->compiled = NULL; /* $or in $or in $or: leave it out */
    } else if (status != FILTER_OK) {
        fail(subject, "", error.text == NULL ? "no memory" : error.text);
    }
    filter_error_clear(&error);
}

static void subject_add(struct round *round, struct subject *subject)
{
    if (!subject->present && subject->compiled != NULL) {
        if (filter_index_add(round->index, subject->id, subject->compiled) != FILTER_OK) {
            fail(subject, "", "cannot be added");
        }
        subject->present = true;
    }
}

static void subject_remove(struct round *round, struct subject *subject)
{
    enum filter_status status = filter_index_remove(round->index, subject->id);

    if (status != (subject->present ? FILTER_OK : FILTER_NOT_FOUND)) {
        fail(subject, "", "cannot be removed");
    }
    subject->present = false;
}

static void subjects_make(struct round *round)
{
    for (size_t i = 0; i < POLICIES; i++) {
        struct subject *subject = &round->subjects[i];
        bool twin = i > 0 && chance_one_in(&round->chance, 6);

        *subject = (struct subject){.id = (uint32_t)(i * 2654435761u)};
        subject->model = twin ? subject[-1].model : policy_make(&round->chance, &round->memory);
        subject->text = policy_write(&round->chance, &round->memory, subject->model);
        subject->naive = naive_policy_create(subject->model);
        if (subject->naive != NULL) {
            subject_compile(subject);
        }
        subject_add(round, subject);
    }
}

static void explain_check(const struct subject *subject, const struct filter_message *message,
                          bool expected)
{
    struct filter_explanation explanation;

    if (filter_explain(subject->compiled, message, &explanation) != FILTER_OK
        || explanation.matches != expected) {
        fail(subject, message->body, "explain disagrees");
    }
    filter_explanation_clear(&explanation);
}

static bool is_listed(const uint32_t *ids, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* What one message made of the index. */
struct outcome {
    struct naive_message *naive[2];
    const struct filter_message *message;
    const uint32_t *ids;
    size_t count;
};

static bool subject_check(struct round *round, const struct subject *subject,
                          const struct outcome *outcome)
{
    bool expected = naive_matches(subject->naive, outcome->naive);
    bool alone = false;

    if (filter_policy_matches(subject->compiled, outcome->message, &alone) != FILTER_OK
        || alone != expected) {
        fail(subject, outcome->message->body,
             expected ? "does not match alone" : "matches alone");
    }
    if (is_listed(outcome->ids, outcome->count, subject->id)
        != (expected && subject->present)) {
        fail(subject, outcome->message->body, expected ? "is not found" : "is found");
    }
    if (chance_one_in(&round->chance, 16)) {
        explain_check(subject, outcome->message, expected);
    }
    round->pairs++;
    round->matches += expected;
    return expected && subject->present;
}

static void outcome_check(struct round *round, const struct outcome *outcome)
{
    size_t expected = 0;

    for (size_t i = 0; i < POLICIES; i++) {
        if (round->subjects[i].compiled != NULL) {
            expected += subject_check(round, &round->subjects[i], outcome);
        }
    }
    for (size_t i = 1; i < outcome->count; i++) {
        if (outcome->ids[i - 1] >= outcome->ids[i]) {
            abort(); /* ascending, each once */
        }
    }
    if (outcome->count != expected) {
        abort();
    }
}

static void message_check(struct round *round)
{
    struct message *model = message_make(&round->chance, &round->memory);
    struct filter_attribute attributes[ATTRIBUTES_MAX];
    char *body = body_write(&round->chance, &round->memory, model);
    struct filter_message message = {
        .attributes = attributes,
        .attribute_count = attributes_write(&round->chance, &round->memory, model, attributes),
        .body = body,
        .body_len = strlen(body)};
    struct outcome outcome = {.message = &message};

    outcome.naive[FILTER_SCOPE_BODY] = naive_message_create(model, FILTER_SCOPE_BODY);
    outcome.naive[FILTER_SCOPE_ATTRIBUTES] =
        naive_message_create(model, FILTER_SCOPE_ATTRIBUTES);
    if (filter_index_match(round->index, &message, &outcome.ids, &outcome.count) != FILTER_OK) {
        abort();
    }
    outcome_check(round, &outcome);
    naive_message_free(outcome.naive[0]);
    naive_message_free(outcome.naive[1]);
}

static void round_run(struct round *round)
{
    round->memory.used = 0;
    round->index = filter_index_create();
    subjects_make(round);
    for (int phase = 0; phase < PHASES; phase++) {
        for (size_t i = 0; i < MESSAGES; i++) {
            message_check(round);
        }
        for (size_t i = 0; i < POLICIES; i++) {
            if (chance_one_in(&round->chance, 2)) {
                subject_remove(round, &round->subjects[i]);
            } else {
                subject_add(round, &round->subjects[i]);
            }
        }
    }
    for (size_t i = 0; i < POLICIES; i++) {
        subject_remove(round, &round->subjects[i]);
        filter_policy_free(round->subjects[i].compiled);
        naive_policy_free(round->subjects[i].naive);
    }
    if (filter_index_count(round->index) != 0) {
        abort();
    }
    filter_index_free(round->index);
}

int main(int argc, char **argv)
{
    static struct round round;
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 20;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    time_t start = time(NULL);

    round.memory = (struct memory){.bytes = malloc(MEMORY_SIZE), .size = MEMORY_SIZE};
    while (difftime(time(NULL), start) < seconds) {
        round.chance.state = seed++ * 0x9e3779b97f4a7c15u + 88172645463325252u;
        round_run(&round);
    }
    (void)printf("%llu pairs, %llu matches\n", (unsigned long long)round.pairs,
                 (unsigned long long)round.matches);
    free(round.memory.bytes);
    return round.matches > 0 ? 0 : 1;
}
