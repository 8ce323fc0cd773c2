/* POST /_fanfare/subscriptions/rotate-secret?subscription=ARN[&grace_s=N][&type=hmac|ed25519]:
 * a new Fanfare.Secret, told once; the ones before sign on until the grace is over. */
#include "pages/internal.h"

#define SECRET      "Fanfare.Secret"
#define GRACE_S     86400
#define GRACE_S_MAX (30LL * 86400)

struct secret_call {
    struct page_call page;
    struct page_id subscription;
    int64_t grace_s;
    struct text type;
    struct text secret, public_key;
};

/* The attributes with another secret. */
static void attributes_change(struct secret_call *this, const struct subscription *before,
                              struct text secrets, struct subscription *ret_after)
{
    struct attribute *attributes =
        arena_array(&this->page.arena, before->attribute_count + 1, sizeof *attributes);
    bool is_put = false;
    size_t count = 0;

    for (size_t i = 0; i < before->attribute_count; i++) { /* sorted by name */
        bool is_secret = text_equal(before->attributes[i].name, T(SECRET));

        if (!is_put && (is_secret || text_compare(before->attributes[i].name, T(SECRET)) > 0)) {
            attributes[count++] = (struct attribute){T(SECRET), secrets};
            is_put = true;
        }
        if (!is_secret) {
            attributes[count++] = before->attributes[i];
        }
    }
    if (!is_put) {
        attributes[count++] = (struct attribute){T(SECRET), secrets};
    }
    *ret_after = *before;
    ret_after->attributes = attributes;
    ret_after->attribute_count = count;
}

static enum status run(struct page_call *call, struct step *step)
{
    struct secret_call *this = container_of(call, struct secret_call, page);
    struct subscription before;
    struct subscription after;
    enum status status = subscription_find(step, this->subscription.id, &call->arena, &before);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND
                   ? fail(&call->why, status, "there is no such subscription")
                   : status;
    }
    status =
        webhook_secret_make(&call->arena, step->random, text_equal(this->type, T("ed25519")),
                            &this->secret, &this->public_key);
    if (status != STATUS_OK) {
        return status;
    }
    struct text secrets =
        webhook_secrets_rotate(&call->arena, subscription_attribute(&before, T(SECRET)),
                               this->secret, step->now_ms, this->grace_s * 1000);

    attributes_change(this, &before, secrets, &after);
    subscription_update(step, &before, &after);
    return STATUS_OK;
}

static void tell(struct page_call *call, struct buffer *to)
{
    const struct secret_call *this = container_of(call, struct secret_call, page);

    json_text(to, "secret", this->secret);
    if (this->public_key.len > 0) {
        json_text(to, "public_key", this->public_key);
    }
    json_number(to, "grace_s", this->grace_s);
}

static bool begin(struct page_call *call)
{
    struct text type = container_of(call, struct secret_call, page)->type;

    if (type.len > 0 && !text_equal(type, T("hmac")) && !text_equal(type, T("ed25519"))) {
        (void)fail(&call->why, STATUS_INVALID, "type: hmac or ed25519");
        return false;
    }
    return true;
}

static const struct page_parameter parameters[] = {
    {"subscription", PARAMETER_SUBSCRIPTION, offsetof(struct secret_call, subscription),
     .is_required = true, .form = "not the ARN of a subscription"},
    {"grace_s", PARAMETER_NUMBER, offsetof(struct secret_call, grace_s), .most = GRACE_S_MAX,
     .otherwise = GRACE_S, .form = "whole seconds, up to 30 days"},
    {"type", PARAMETER_TEXT, offsetof(struct secret_call, type), .form = NULL},
    PARAMETERS_END,
};

const struct page page_rotate_secret = {
    .path = "/_fanfare/subscriptions/rotate-secret",
    .method = "POST",
    .is_for_admins = true,
    .permission = "fanfare:RotateSecret",
    .call_size = sizeof(struct secret_call),
    .parameters = parameters,
    .begin = begin,
    .run = run,
    .write = tell,
};
