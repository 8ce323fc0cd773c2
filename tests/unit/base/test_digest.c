/* Digests and signatures, against the published vectors. */
#include "base/digest.h"
#include "base/encoding.h"

#include <criterion/criterion.h>

#include <pthread.h>

static bool is_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    struct buffer hex;
    bool equal;

    buffer_init(&hex, 1000);
    hex_encode(&hex, text_make(bytes, len));
    equal = text_equal(buffer_text(&hex), text_from(expected));
    buffer_free(&hex);
    return equal;
}

Test(digest, md5_has_its_known_values)
{
    static const struct {
        const char *text;
        const char *hex;
    } rows[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    };

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < countof(rows); i++) {
            uint8_t md5[MD5_SIZE];

            digest_md5(text_from(rows[i].text), md5);
            cr_expect(is_hex(md5, sizeof(md5), rows[i].hex), "%s", rows[i].text);
        }
    }
}

Test(digest, sha256_has_its_known_values)
{
    uint8_t sha256[SHA256_SIZE];

    digest_sha256((struct text){0}, sha256);
    cr_expect(is_hex(sha256, sizeof(sha256),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    digest_sha256(T("abc"), sha256);
    cr_expect(is_hex(sha256, sizeof(sha256),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

Test(digest, hmac_has_its_known_values_and_forgets_the_last_key)
{
    static const uint8_t long_key[131] = {0xaa};
    uint8_t mac[SHA256_SIZE];

    digest_hmac_sha256(T("Jefe"), T("what do ya want for nothing?"), mac);
    cr_expect(is_hex(mac, sizeof(mac),
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    digest_hmac_sha256(text_make(long_key, sizeof(long_key)), T("x"), mac);
    digest_hmac_sha256((struct text){0}, (struct text){0}, mac);
    cr_expect(is_hex(mac, sizeof(mac),
                     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

/* The reference vectors: key 00..0f, message 00..(n-1). */
Test(digest, siphash_has_its_known_values)
{
    static const uint64_t expected[] = {
        UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
        UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
        UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
        UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
        UINT64_C(0x93f5f5799a932462), UINT64_C(0x9e0082df0ba9e4b0),
    };
    static const uint8_t bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    for (size_t i = 0; i < countof(expected); i++) {
        cr_expect_eq(digest_siphash(bytes, text_make(bytes, i)), expected[i], "length %zu", i);
    }
    cr_expect_eq(digest_siphash(bytes, text_make(bytes, 15)), UINT64_C(0xa129ca6149be45e5));
}

/* These are on disks: a change here would lose what was stored under them. */
Test(digest, the_fast_one_never_changes)
{
    cr_expect_eq(digest_fast((struct text){0}), UINT64_C(0x2d06800538d394c2));
    cr_expect_eq(digest_fast(T("")), UINT64_C(0x2d06800538d394c2));
    cr_expect_eq(digest_fast(T("abc")), UINT64_C(0x78af5f94892f3950));
}

Test(digest, equality_is_of_all_bytes)
{
    cr_expect(digest_equal(T("abc"), T("abc")));
    cr_expect_not(digest_equal(T("abc"), T("abd")));
    cr_expect_not(digest_equal(T("abc"), T("ab")));
    cr_expect(digest_equal(T(""), (struct text){0}));
}

static void *digest_often(void *argument)
{
    size_t *wrong = argument;

    for (int i = 0; i < 1000; i++) {
        uint8_t md5[MD5_SIZE];

        digest_md5(T("abc"), md5);
        *wrong += is_hex(md5, sizeof(md5), "900150983cd24fb0d6963f7d28e17f72") ? 0 : 1;
    }
    return NULL;
}

Test(digest, threads_do_not_disturb_each_other)
{
    pthread_t threads[4];
    size_t wrong[countof(threads)] = {0};

    for (size_t i = 0; i < countof(threads); i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, digest_often, &wrong[i]), 0);
    }
    for (size_t i = 0; i < countof(threads); i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect_eq(wrong[i], 0);
    }
}

/* Each test is a process of its own. */
Test(digest, of_a_process_follows_its_secret)
{
    static const uint8_t one[DIGEST_SECRET_SIZE] = {1}, two[DIGEST_SECRET_SIZE] = {2};
    static const struct text keys[] = {
        TEXT(""), TEXT("a"), TEXT("orders"), TEXT("a name of more than sixteen bytes"),
        TEXT("0123456789012345678901234567890123456789012345678901"
             "23456789012345678901234567890123456789012345678901"
             "23456789012345678901234567890123456789012345678901"
             "23456789012345678901234567890123456789012345678901"
             "2345678901234567890123456789012345678901234567890")};

    for (size_t i = 0; i < countof(keys); i++) {
        cr_expect_eq(digest_in_process(keys[i]), digest_fast(keys[i]));
    }
    digest_set_secret(one);
    for (size_t i = 1; i < countof(keys); i++) {
        uint64_t digest = digest_in_process(keys[i]);

        cr_expect_neq(digest, digest_fast(keys[i]), "%zu", i);
        cr_expect_eq(digest, digest_in_process(keys[i]));
        digest_set_secret(two);
        cr_expect_neq(digest, digest_in_process(keys[i]), "%zu", i);
        digest_set_secret(one);
    }
}
