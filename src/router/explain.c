/* One subscription and one message: does its policy let it through, and what decided. */
#include "router/internal.h"

bool subscription_matches(struct step *step, const struct subscription *subscription,
                          const struct message *message)
{
    struct filter_policy *policy = NULL;
    bool matches = true;

    if (!subscription_policy(subscription, &policy)) {
        return true;
    }
    struct filter_message view = filter_view(router_of(step), message);

    if (filter_policy_matches(policy, &view, &matches) != FILTER_OK) {
        matches = true; /* rather once too often */
    }
    filter_policy_free(policy);
    return matches;
}

static void findings_copy(const struct filter_explanation *explanation, struct arena *arena,
                          struct match_explanation *ret)
{
    struct match_finding *findings =
        arena_array(arena, explanation->finding_count + 1, sizeof *findings);

    for (size_t i = 0; i < explanation->finding_count; i++) {
        const struct filter_finding *finding = &explanation->findings[i];

        findings[i] = (struct match_finding){
            .alternative = finding->alternative,
            .holds = finding->holds,
            .path = arena_copy(arena, text_from(finding->path)),
            .condition = arena_copy(arena, text_from(finding->condition)),
            .seen = arena_copy(arena, text_from(finding->seen)),
        };
    }
    ret->findings = findings;
    ret->finding_count = explanation->finding_count;
}

void subscription_explain(struct step *step, const struct subscription *subscription,
                          const struct message *message, struct arena *arena,
                          struct match_explanation *ret)
{
    struct filter_explanation explanation = {0};
    struct filter_policy *policy = NULL;

    *ret = (struct match_explanation){.matches = true, .reason = T("it has no filter policy")};
    if (!subscription_policy(subscription, &policy)) {
        return;
    }
    struct filter_message view = filter_view(router_of(step), message);

    ret->has_policy = true;
    ret->reason = T("there was not enough memory to explain it");
    if (filter_explain(policy, &view, &explanation) == FILTER_OK) {
        ret->matches = explanation.matches;
        ret->reason = arena_copy(arena, text_from(explanation.reason));
        findings_copy(&explanation, arena, ret);
        filter_explanation_clear(&explanation);
    }
    filter_policy_free(policy);
}
