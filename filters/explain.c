/* One policy and one message, for people: which condition failed, and what was there. */
#include "policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Values of one path that are shown, and bytes of one value. */
#define SEEN_VALUES_MAX 8
#define SEEN_BYTES_MAX  120

/* Text under construction in an arena. */
struct writer {
    char *at;
    size_t len;
};

struct explainer {
    struct account account;
    struct arena arena; /* lives on in the explanation */
    const struct filter_policy *policy;
    struct event event;
    struct filter_finding *findings;
    size_t finding_count;
    uint32_t over_before; /* matches that were given up before this one */
    bool starved;
};

static void writer_add(struct writer *writer, const char *bytes, size_t len)
{
    memcpy(writer->at + writer->len, bytes, len);
    writer->len += len;
}

/* Bytes a JSON string may grow to per byte, and the quotes. */
#define JSON_ROOM(len) ((len)*6 + 8)

static void writer_json(struct writer *writer, struct slice text)
{
    size_t len = text.len;

    if (len > SEEN_BYTES_MAX) {
        len = SEEN_BYTES_MAX;
        while (len > 0 && ((unsigned char)text.at[len] & 0xc0) == 0x80) {
            len--; /* not in the middle of a character */
        }
    }
    writer_add(writer, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (byte == '"' || byte == '\\') {
            writer_add(writer, "\\", 1);
        }
        if (byte < 0x20) {
            writer->len += (size_t)snprintf(writer->at + writer->len, 7, "\\u%04x", byte);
        } else {
            writer_add(writer, text.at + i, 1);
        }
    }
    writer_add(writer, len < text.len ? "...\"" : "\"", len < text.len ? 4 : 1);
}

static void writer_leaf(struct writer *writer, const struct leaf *leaf)
{
    if (leaf->type == LEAF_STRING) {
        writer_json(writer, leaf->text);
    } else if (leaf->text.len > SEEN_BYTES_MAX) {
        writer_add(writer, leaf->text.at, SEEN_BYTES_MAX);
        writer_add(writer, "...", 3);
    } else {
        writer_add(writer, leaf->text.at, leaf->text.len);
    }
}

/* The values at a path, "a", 1, ...; NULL when there is none. */
static const char *seen_text(struct explainer *explainer, uint32_t field)
{
    const struct event *event = &explainer->event;
    size_t room = SEEN_VALUES_MAX * (JSON_ROOM((size_t)SEEN_BYTES_MAX) + 8);
    struct writer writer = {.len = 0};
    uint32_t count = 0;

    if (event_first(event, field) == LEAF_NONE) {
        return NULL;
    }
    writer.at = arena_take(&explainer->arena, room);
    if (writer.at == NULL) {
        explainer->starved = true;
        return NULL;
    }
    for (uint32_t leaf = event_first(event, field); leaf != LEAF_NONE;
         leaf = event->leaves[leaf].next) {
        if (count > 0) {
            writer_add(&writer, ", ", 2);
        }
        if (count++ == SEEN_VALUES_MAX) {
            writer_add(&writer, "...", 3);
            break;
        }
        writer_leaf(&writer, &event->leaves[leaf]);
    }
    writer.at[writer.len] = '\0';
    arena_trim(&explainer->arena, writer.at, writer.len + 1);
    return writer.at;
}

static const char *text_copy(struct explainer *explainer, struct slice text)
{
    char *copy = arena_take(&explainer->arena, text.len + 1);

    if (copy == NULL) {
        explainer->starved = true;
        return "";
    }
    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

static bool condition_explain(struct explainer *explainer, uint32_t alternative,
                              const struct condition *condition)
{
    bool holds = condition_holds(explainer->policy, condition, &explainer->event);

    explainer->findings[explainer->finding_count++] =
        (struct filter_finding){.alternative = alternative,
                                .holds = holds,
                                .path = text_copy(explainer, condition->path),
                                .condition = text_copy(explainer, condition->source),
                                .seen = seen_text(explainer, condition->node)};
    return holds;
}

/* What became of the conjunctions. */
struct verdict {
    bool matches;
    bool only_arrays;        /* some conjunction fails only because its elements differ */
    const char *failed_path; /* of the first condition that does not hold */
};

/* Whether every condition holds; adds a finding for each. */
static bool conditions_explain(struct explainer *explainer, uint32_t number,
                               struct verdict *verdict)
{
    const struct conjunction *conjunction = &explainer->policy->conjunctions[number];
    bool holds = true;

    for (uint32_t i = 0; i < conjunction->count; i++) {
        const struct condition *condition =
            &explainer->policy->conditions[conjunction->conditions[i]];
        bool this_holds = condition_explain(explainer, number, condition);

        if (!this_holds && verdict->failed_path == NULL) {
            verdict->failed_path = explainer->findings[explainer->finding_count - 1].path;
        }
        holds = holds && this_holds;
    }
    return holds;
}

static void conjunction_explain(struct explainer *explainer, uint32_t number,
                                struct verdict *verdict)
{
    enum joint_result joint;

    if (!conditions_explain(explainer, number, verdict)) {
        return;
    }
    joint = conjunction_joins(explainer->policy, &explainer->policy->conjunctions[number],
                              &explainer->event);
    explainer->starved = explainer->starved || joint == JOINT_NO_MEMORY;
    verdict->matches = verdict->matches || joint == JOINT_HOLDS;
    verdict->only_arrays = verdict->only_arrays || joint == JOINT_FAILS;
}

__attribute__((format(printf, 2, 3))) static const char *
reason_write(struct explainer *explainer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    int len;
    char *text;

    va_start(arguments, format);
    va_copy(again, arguments);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    text = arena_take(&explainer->arena, (size_t)len + 1);
    if (text == NULL) {
        explainer->starved = true;
    } else {
        (void)vsnprintf(text, (size_t)len + 1, format, arguments);
    }
    va_end(arguments);
    return text == NULL ? "" : text;
}

static const char *reason_of(struct explainer *explainer, const struct verdict *verdict)
{
    const struct filter_policy *policy = explainer->policy;
    bool readable = event_has_root(&explainer->event, policy_root(policy));

    if (policy->conjunction_count == 0) {
        return reason_write(explainer, "The policy is empty: every message matches.");
    }
    if (!readable && policy->scope == FILTER_SCOPE_BODY) {
        return reason_write(explainer, "The body is not a JSON object, so no policy with scope "
                                       "MessageBody matches it.");
    }
    if (!readable) {
        return reason_write(explainer, "The message has no attributes, or one of them is "
                                       "malformed, so no policy with scope MessageAttributes "
                                       "matches it.");
    }
    if (verdict->matches) {
        return reason_write(explainer, "Every condition holds%s.",
                            policy->conjunction_count > 1 ? " of some alternative" : "");
    }
    if (verdict->only_arrays) {
        return reason_write(explainer,
                            "Every condition holds, but not in the same element of an "
                            "array that they share.");
    }
    if (policy->trouble.over > explainer->over_before) {
        return reason_write(
            explainer,
            "The condition on \"%s\" does not hold: a regular expression was "
            "given up at its limits (64 KiB of text, %d steps), which counts as "
            "no match.",
            verdict->failed_path, REGEX_MATCH_LIMIT);
    }
    if (policy->conjunction_count > 1) {
        return reason_write(explainer,
                            "No alternative holds; the first condition that fails is "
                            "on \"%s\".",
                            verdict->failed_path);
    }
    return reason_write(explainer, "The condition on \"%s\" does not hold.",
                        verdict->failed_path);
}

static size_t findings_room(const struct filter_policy *policy)
{
    size_t room = 1;

    for (uint32_t i = 0; i < policy->conjunction_count; i++) {
        room += policy->conjunctions[i].count;
    }
    return room;
}

static enum filter_status explain(struct explainer *explainer,
                                  const struct filter_message *message,
                                  struct filter_explanation *ret_explanation)
{
    const struct filter_policy *policy = explainer->policy;
    struct verdict verdict = {.matches = policy->conjunction_count == 0};
    enum filter_status status = event_scan(&explainer->event, &policy->paths, message,
                                           policy->scope == FILTER_SCOPE_ATTRIBUTES,
                                           policy->scope == FILTER_SCOPE_BODY);

    explainer->over_before = policy->trouble.over;
    explainer->findings =
        arena_take(&explainer->arena, findings_room(policy) * sizeof *explainer->findings);
    if (status != FILTER_OK || explainer->findings == NULL) {
        return FILTER_NO_MEMORY;
    }
    for (uint32_t i = 0; i < policy->conjunction_count; i++) {
        conjunction_explain(explainer, i, &verdict);
    }
    *ret_explanation = (struct filter_explanation){.matches = verdict.matches,
                                                   .reason = reason_of(explainer, &verdict),
                                                   .findings = explainer->findings,
                                                   .finding_count = explainer->finding_count};
    return explainer->starved || policy->trouble.starved ? FILTER_NO_MEMORY : FILTER_OK;
}

enum filter_status filter_explain(const struct filter_policy *policy,
                                  const struct filter_message *message,
                                  struct filter_explanation *ret_explanation)
{
    struct explainer *explainer = calloc(1, sizeof *explainer);
    struct filter_explanation explanation;
    enum filter_status status;

    if (explainer == NULL) {
        return FILTER_NO_MEMORY;
    }
    explainer->policy = policy;
    arena_init(&explainer->arena, &explainer->account);
    event_init(&explainer->event, &explainer->account);
    status = explain(explainer, message, &explanation);
    event_free(&explainer->event);
    if (status != FILTER_OK) {
        arena_free(&explainer->arena);
        free(explainer);
        return status;
    }
    explanation.memory = explainer;
    *ret_explanation = explanation;
    return FILTER_OK;
}

void filter_explanation_clear(struct filter_explanation *explanation)
{
    struct explainer *explainer = explanation->memory;

    if (explainer != NULL) {
        arena_free(&explainer->arena);
        free(explainer);
    }
    *explanation = (struct filter_explanation){.memory = NULL};
}
