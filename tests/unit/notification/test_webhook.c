/* Standard Webhooks: the specification's own example, rotation, bad secrets. */
#include "notification/notification.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>

#include <string.h>

#define HMAC   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECOND "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define SEED   "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const struct webhook example = {
    .id = TEXT("msg_p5jXN8AQM9LWM0D4loKWxJek"),
    .time_ms = 1614265330999,
    .body = TEXT("{\"test\": 2432232314}"),
};

static const char *sign(const char *secrets)
{
    static char text[4096];
    struct buffer to;

    buffer_init(&to, sizeof text);
    bool is_signed = webhook_sign(&to, &example, text_from(secrets));

    cr_expect_eq(is_signed, to.len > 0);
    (void)snprintf(text, sizeof text, "%.*s", TEXT_PRINTF(buffer_text(&to)));
    buffer_free(&to);
    return text;
}

Test(webhook, signs_the_example_of_the_specification)
{
    cr_expect_str_eq(sign(HMAC), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

Test(webhook, signs_with_every_secret_that_has_not_ended)
{
    char first[128];

    (void)snprintf(first, sizeof first, "%s", sign(SECOND));
    const char *both = sign(SECOND " " HMAC ";until=1614265331000");

    cr_expect_eq(strncmp(both, first, strlen(first)), 0);
    cr_expect_str_eq(both + strlen(first), " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    cr_expect_str_eq(sign(SECOND " " HMAC ";until=1614265330999"), first);
    cr_expect_str_eq(sign(HMAC ";until=1"), "");
    cr_expect_str_eq(sign(""), "");
}

Test(webhook, signs_with_ed25519)
{
    unsigned char seed[32];
    unsigned char signature[66];
    const char *text = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
    const char *signed_by = sign(SEED);

    for (unsigned i = 0; i < sizeof seed; i++) {
        seed[i] = (unsigned char)i;
    }
    cr_assert_eq(strncmp(signed_by, "v1a,", 4), 0);
    cr_assert_eq(strlen(signed_by), 4 + 88);
    cr_assert_eq(EVP_DecodeBlock(signature, (const unsigned char *)signed_by + 4, 88), 66);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    cr_assert_eq(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    cr_expect_eq(
        EVP_DigestVerify(context, signature, 64, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

struct fault {
    const char *secrets;
    const char *reason; /* a part of it; NULL: none */
};

Test(webhook, refuses_what_is_no_secret)
{
    static const struct fault rows[] = {
        {HMAC, NULL},
        {SEED " " HMAC ";until=5", NULL},
        {"", "no secret"},
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"},
        {"whsec_", "base64"},
        {"whsec_AAAA", "24 to 64"},
        {"whsec_****", "base64"},
        {"whsk_AAAA", "ed25519"},
        {"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "ed25519"},
        {HMAC ";until=", "until="},
        {HMAC ";", "until="},
        {HMAC ";until=x", "until="},
        {HMAC "  " HMAC, "whsec_"},
        {HMAC " nonsense", "whsec_"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        const char *fault = webhook_secrets_fault(text_from(rows[i].secrets));

        if (rows[i].reason == NULL) {
            cr_expect_null(fault, "%s: %s", rows[i].secrets, fault);
        } else {
            cr_expect(fault != NULL && strstr(fault, rows[i].reason) != NULL, "%s: %s",
                      rows[i].secrets, fault == NULL ? "taken" : fault);
        }
    }
}

Test(webhook, secrets_that_are_replaced_sign_on_for_the_grace)
{
    struct arena arena = {0};

    cr_expect(text_equal(webhook_secrets_rotate(&arena, T(""), T("whsec_new"), 1000, 60),
                         T("whsec_new")));
    cr_expect(text_equal(
        webhook_secrets_rotate(&arena, T("whsec_b whsec_a;until=1010 whsec_gone;until=900"),
                               T("whsec_c"), 1000, 60),
        T("whsec_c whsec_b;until=1060 whsec_a;until=1010")));
    cr_expect(text_equal(webhook_secrets_rotate(&arena, T("whsec_b"), T("whsec_c"), 1000, 0),
                         T("whsec_c")));
    arena_free(&arena);
}
