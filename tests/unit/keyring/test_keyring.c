/* Users' keys: their rows, their names, their end. */
#include "base/memory.h"
#include "keyring/keyring.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const uint8_t master[SEALING_KEY_SIZE] = {7};
static const struct kms_scope scope = {TEXT("000000000000"), TEXT("us-east-1")};

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static struct {
    struct step step;
    struct masters *masters;
} rig;

static void rig_begin(void)
{
    rig.step = (struct step){.now_ms = 1000000, .random = random_seeded(3)};
    rig.step.records = records_create(1 << 20);
    rig.step.kms = kms_create(rig.masters);
}

static void rig_end(void)
{
    records_end(rig.step.records);
    kms_free(rig.step.kms);
    records_free(rig.step.records);
    memory_free(rig.step.random);
}

static void rig_open(void)
{
    rig.masters = masters_of(master, 1);
    rig_begin();
}

static void rig_close(void)
{
    rig_end();
    masters_free(rig.masters);
}

TestSuite(keyring, .init = rig_open, .fini = rig_close);

static struct kms_key *key_make(void)
{
    struct kms_key *key = NULL;
    struct why why;

    const struct kms_wish wish = {T("words"), T("{}"), false};

    cr_assert_eq(kms_key_create(&rig.step, &scope, &wish, &key, &why), STATUS_OK);
    return key;
}

static struct key row_key(const struct kms_key *key)
{
    return key_name(TABLE_KMS_KEY, text_make(key->id, sizeof key->id));
}

/* The reference of the caller's. */
static struct blob *row_of(const struct kms_key *key)
{
    struct key at = row_key(key);
    struct blob *row = NULL;

    cr_assert_eq(record_peek(&rig.step, &at, &row), STATUS_OK);
    return blob_ref(row);
}

Test(keyring, a_key_is_found_by_its_id_where_it_is_and_nowhere_else)
{
    const struct kms_scope elsewhere = {TEXT("000000000000"), TEXT("eu-west-1")};
    struct kms_key *key = key_make();

    cr_expect_eq(kms_key_find(rig.step.kms, &scope, text_from(key->name)), key);
    cr_expect_null(kms_key_find(rig.step.kms, &elsewhere, text_from(key->name)));
    cr_expect_null(kms_key_find(rig.step.kms, &scope, T("x")));
}

Test(keyring, keys_come_in_the_order_of_their_ids)
{
    struct text after = {0};
    size_t count = 0;

    for (int i = 0; i < 40; i++) {
        (void)key_make();
    }
    for (const struct kms_key *key = kms_key_after(rig.step.kms, &scope, after); key != NULL;
         key = kms_key_after(rig.step.kms, &scope, after)) {
        cr_expect(text_compare(after, text_from(key->name)) < 0);
        after = text_from(key->name);
        count++;
    }
    cr_expect_eq(count, 40);
}

Test(keyring, a_row_comes_back_as_it_was_and_no_part_of_it_does)
{
    struct kms_key *key = key_make();
    struct key at = row_key(key);

    cr_assert_eq(kms_alias_put(&rig.step, key, T("alias/b")), STATUS_OK);
    cr_assert_eq(kms_alias_put(&rig.step, key, T("alias/a")), STATUS_OK);
    kms_key_set_state(&rig.step, key, KMS_DISABLED, 0);
    struct blob *row = row_of(key);

    rig_end();
    for (size_t len = 0; len < row->len; len++) {
        rig_begin();
        cr_expect_neq(kms_load(rig.step.kms, &at, text_first(blob_text(row), len)), STATUS_OK,
                      "%zu", len);
        rig_end();
    }
    rig_begin();
    cr_assert_eq(kms_load(rig.step.kms, &at, blob_text(row)), STATUS_OK);
    const struct kms_alias *alias = kms_alias_find(rig.step.kms, &scope, T("alias/b"));

    cr_assert_not_null(alias);
    cr_expect_eq(alias->key->state, KMS_DISABLED);
    cr_expect_eq(alias->key->alias_count, 2);
    cr_expect(text_equal(alias->key->description, T("words")));
    blob_unref(row);
}

Test(keyring, an_alias_moves_from_key_to_key)
{
    struct kms_key *one = key_make();
    struct kms_key *two = key_make();

    cr_assert_eq(kms_alias_put(&rig.step, one, T("alias/x")), STATUS_OK);
    cr_assert_eq(kms_alias_put(&rig.step, two, T("alias/x")), STATUS_OK);
    cr_expect_eq(kms_alias_find(rig.step.kms, &scope, T("alias/x"))->key, two);
    cr_expect_eq(one->alias_count, 0);
    for (int i = 1; i < KMS_ALIASES_MAX; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "alias/%d", i);
        cr_assert_eq(kms_alias_put(&rig.step, two, text_from(name)), STATUS_OK);
    }
    cr_expect_eq(kms_alias_put(&rig.step, two, T("alias/more")), STATUS_FULL);
}

Test(keyring, a_key_goes_when_its_time_has_come_and_not_before)
{
    struct kms_key *key = key_make();
    struct key at = row_key(key);
    struct blob *row = NULL;
    char name[UUID_SIZE];

    memcpy(name, key->name, sizeof name);
    (void)key_make();
    kms_key_set_state(&rig.step, key, KMS_PENDING_DELETION, rig.step.now_ms + 7 * DAY_MS);
    rig.step.now_ms += 7 * DAY_MS - 1;
    records_run(&rig.step);
    cr_expect_not_null(kms_key_find(rig.step.kms, &scope, text_from(name)));
    rig.step.now_ms += 1;
    records_run(&rig.step);
    cr_expect_null(kms_key_find(rig.step.kms, &scope, text_from(name)));
    cr_expect_eq(record_peek(&rig.step, &at, &row), STATUS_NOT_FOUND);
    cr_expect_eq(records_next_wake(rig.step.records), INT64_MAX);
}

Test(keyring, a_ciphertext_is_its_keys_and_its_contexts)
{
    struct kms_key *key = key_make();
    struct kms_key *other = key_make();
    struct buffer cipher;
    struct buffer plain;
    struct why why;

    buffer_init(&cipher, 1024);
    buffer_init(&plain, 1024);
    cr_assert_eq(kms_encrypt(&rig.step, key, T("context"), T("words"), &cipher, &why),
                 STATUS_OK);
    struct text bytes = buffer_text(&cipher);

    cr_expect_eq(kms_cipher_key(rig.step.kms, &scope, bytes), key);
    cr_expect_eq(kms_decrypt(&rig.step, key, T("context"), bytes, &plain, &why), STATUS_OK);
    cr_expect(text_equal(buffer_text(&plain), T("words")));
    cr_expect_eq(kms_decrypt(&rig.step, key, T("other"), bytes, &plain, &why), STATUS_INVALID);
    cr_expect_eq(kms_decrypt(&rig.step, other, T("context"), bytes, &plain, &why),
                 STATUS_INVALID);
    for (size_t i = 0; i < bytes.len; i++) {
        cipher.at[i] ^= 1;
        cr_expect_eq(kms_decrypt(&rig.step, key, T("context"), bytes, &plain, &why),
                     STATUS_INVALID);
        cipher.at[i] ^= 1;
    }
    buffer_free(&cipher);
    buffer_free(&plain);
}
