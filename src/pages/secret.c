/* POST /_fanfare/subscriptions/rotate-secret?subscription=ARN[&grace_s=N][&type=hmac|ed25519]:
 * a new Fanfare.Secret, told once; the ones before sign on until the grace is over. */
#include "base/json.h"
#include "base/memory.h"
#include "daemon/pages.h"

#include <string.h>

#define SECRET      "Fanfare.Secret"
#define GRACE_S     86400
#define GRACE_S_MAX (30LL * 86400)

struct secret_call {
    struct page_call page;
    struct arena arena;
    uint8_t subscription[16];
    int64_t grace_ms;
    bool is_ed25519;
    struct text secret, public_key;
};

/* The attributes with another secret. */
static void attributes_change(struct secret_call *this, const struct subscription *before,
                              struct text secrets, struct subscription *ret_after)
{
    struct attribute *attributes =
        arena_array(&this->arena, before->attribute_count + 1, sizeof *attributes);
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

static enum status run(struct call *call, struct step *step)
{
    struct secret_call *this =
        container_of(container_of(call, struct page_call, call), struct secret_call, page);
    struct subscription before;
    struct subscription after;
    enum status status = subscription_find(step, this->subscription, &this->arena, &before);

    if (status != STATUS_OK) {
        return status;
    }
    status = webhook_secret_make(&this->arena, step->random, this->is_ed25519, &this->secret,
                                 &this->public_key);
    if (status != STATUS_OK) {
        return status;
    }
    struct text secrets =
        webhook_secrets_rotate(&this->arena, subscription_attribute(&before, T(SECRET)),
                               this->secret, step->now_ms, this->grace_ms);

    attributes_change(this, &before, secrets, &after);
    subscription_update(step, &before, &after);
    return STATUS_OK;
}

static void finish(struct page_call *call, enum status status)
{
    struct secret_call *this = container_of(call, struct secret_call, page);
    struct buffer body;

    if (status != STATUS_OK) {
        page_fail(call->request, status == STATUS_NOT_FOUND ? 404 : 503, "%s",
                  status == STATUS_NOT_FOUND ? "there is no such subscription"
                                             : status_name(status));
        return;
    }
    buffer_init(&body, 4096);
    buffer_add_byte(&body, '{');
    json_text(&body, "secret", this->secret);
    if (this->public_key.len > 0) {
        json_text(&body, "public_key", this->public_key);
    }
    json_number(&body, "grace_s", this->grace_ms / 1000);
    buffer_add_byte(&body, '}');
    page_answer_json(call->request, 200, &body);
}

static void drop(struct page_call *call)
{
    struct secret_call *this = container_of(call, struct secret_call, page);

    arena_free(&this->arena);
    memory_free(this);
}

void page_rotate_secret(struct server *server, struct http_request *request)
{
    struct text grace = page_parameter(request, T("grace_s"));
    struct text type = page_parameter(request, T("type"));
    struct secret_call *this = NULL;
    uint8_t id[16];
    int64_t grace_s = GRACE_S;

    if (!page_subscription_id(page_parameter(request, T("subscription")), id)) {
        page_fail(request, 400, "subscription: not the ARN of a subscription");
        return;
    }
    if (grace.len > 0
        && (!text_to_int64(grace, &grace_s) || grace_s < 0 || grace_s > GRACE_S_MAX)) {
        page_fail(request, 400, "grace_s: whole seconds, up to 30 days");
        return;
    }
    if (type.len > 0 && !text_equal(type, T("hmac")) && !text_equal(type, T("ed25519"))) {
        page_fail(request, 400, "type: hmac or ed25519");
        return;
    }
    this = memory_zero(sizeof *this);
    this->page.finish = finish;
    this->page.drop = drop;
    this->page.call.run = run;
    this->grace_ms = grace_s * 1000;
    this->is_ed25519 = text_equal(type, T("ed25519"));
    memcpy(this->subscription, id, sizeof id);
    page_call_start(server, request, &this->page);
}
