/* Master keys: where they come from, which are refused, what they wrap. */
#include "base/memory.h"
#include "sealing/sealing.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

#define CONTEXT T("queue 7, key 1")

static struct temp_dir directory;

static void set_up(void)
{
    directory = temp_dir_make();
}

static void tear_down(void)
{
    temp_dir_remove(&directory);
}

TestSuite(masters, .init = set_up, .fini = tear_down);

/* A file of the directory, its path. */
static const char *file_of(const char *name, struct text content, mode_t mode)
{
    static char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", directory.path, name);
    FILE *file = fopen(path, "wb");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(content.at, 1, content.len, file), content.len);
    (void)fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
    return path;
}

static struct text bytes_of(char fill, char at[SEALING_KEY_SIZE])
{
    memset(at, fill, SEALING_KEY_SIZE);
    return text_make(at, SEALING_KEY_SIZE);
}

static enum status opens(const char *places, struct why *why)
{
    struct masters *masters = NULL;
    enum status status = masters_open(text_from(places), &masters, why);

    if (status == STATUS_OK) {
        masters_free(masters);
    }
    return status;
}

Test(masters, of_32_bytes_and_of_64_digits_are_the_same)
{
    char key[SEALING_KEY_SIZE];
    char first[MASTER_ID_TEXT];
    char second[MASTER_ID_TEXT];
    struct masters *masters = NULL;
    struct why why;

    cr_assert_eq(
        masters_open(text_from(file_of("raw", bytes_of('\x11', key), 0400)), &masters, &why),
        STATUS_OK);
    masters_name(masters, first);
    masters_free(masters);
    const char *hex = "1111111111111111111111111111111111111111111111111111111111111111\n";

    cr_assert_eq(masters_open(text_from(file_of("hex", text_from(hex), 0600)), &masters, &why),
                 STATUS_OK);
    masters_name(masters, second);
    masters_free(masters);
    cr_expect_str_eq(first, second);
}

Test(masters, that_others_may_read_are_refused)
{
    char key[SEALING_KEY_SIZE];
    struct why why;

    for (mode_t mode = 0401; mode <= 0477; mode++) {
        if ((mode & 077U) != 0) {
            cr_expect_eq(opens(file_of("open", bytes_of('k', key), mode), &why),
                         STATUS_INVALID);
            cr_expect_not_null(strstr(why.text, "others than its owner"), "%s", why.text);
        }
    }
}

Test(masters, that_are_none_are_refused_with_words)
{
    static const struct {
        const char *content;
        const char *word;
    } cases[] = {
        {"", "neither 32 bytes"},
        {"short", "neither 32 bytes"},
        {"11111111111111111111111111111111111111111111111111111111111111", "neither 32 bytes"},
        {"zz11111111111111111111111111111111111111111111111111111111111111", "neither"},
        {"111111111111111111111111111111111111111111111111111111111111111111111", "neither"},
    };
    struct why why;

    for (size_t i = 0; i < countof(cases); i++) {
        cr_expect_eq(opens(file_of("bad", text_from(cases[i].content), 0400), &why),
                     STATUS_INVALID, "%zu", i);
        cr_expect_not_null(strstr(why.text, cases[i].word), "%s", why.text);
    }
    cr_expect_eq(opens("/nowhere/at/all", &why), STATUS_INVALID);
    cr_expect_eq(opens(directory.path, &why), STATUS_INVALID);
    cr_expect_eq(opens("relative", &why), STATUS_INVALID);
    cr_expect_eq(opens("", &why), STATUS_INVALID);
}

Test(masters, come_from_a_credential)
{
    char key[SEALING_KEY_SIZE];
    struct why why;

    /* NOLINTBEGIN(concurrency-mt-unsafe): the environment of one thread */
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    cr_expect_eq(opens("credential", &why), STATUS_INVALID);
    (void)setenv("CREDENTIALS_DIRECTORY", directory.path, 1);
    /* NOLINTEND(concurrency-mt-unsafe) */
    cr_expect_eq(opens("credential", &why), STATUS_INVALID, "there is none yet");
    (void)file_of("fanfare-master", bytes_of('c', key), 0440);
    cr_expect_eq(opens("credential", &why), STATUS_OK, "%s", why.text);
    (void)file_of("second", bytes_of('d', key), 0400);
    cr_expect_eq(opens("credential,credential:second", &why), STATUS_OK, "%s", why.text);
    cr_expect_eq(opens("credential:../x", &why), STATUS_INVALID);
}

Test(masters, come_from_a_program)
{
    static const struct {
        const char *script;
        const char *word; /* of the refusal; NULL: it is taken */
    } cases[] = {
        {"printf 01234567890123456789012345678901", NULL},
        {"echo MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", NULL},
        {"echo 3031323334353637383930313233343536373839303132333435363738393031", NULL},
        {"echo no key", "neither 32 bytes"},
        {"printf 01234567890123456789012345678901; exit 3", "it failed"},
        {"while :; do echo 01234567890123456789012345678901; done", "failed"},
        {"kill -9 $$", "it failed"},
    };

    char name[MASTER_ID_TEXT];
    char first[MASTER_ID_TEXT] = "";
    char place[600];
    struct why why;

    for (size_t i = 0; i < countof(cases); i++) {
        struct masters *masters = NULL;
        char script[256];

        (void)snprintf(script, sizeof script, "#!/bin/sh\n%s\n", cases[i].script);
        (void)snprintf(place, sizeof place, "exec:%s",
                       file_of("fetch", text_from(script), 0700));
        enum status status = masters_open(text_from(place), &masters, &why);

        cr_assert_eq(status, cases[i].word == NULL ? STATUS_OK : STATUS_INVALID, "%zu: %s", i,
                     why.text);
        if (cases[i].word != NULL) {
            cr_expect_not_null(strstr(why.text, cases[i].word), "%s", why.text);
            continue;
        }
        masters_name(masters, name);
        masters_free(masters);
        if (i > 0) {
            cr_expect_str_eq(name, first);
        }
        memcpy(first, name, sizeof first);
    }
}

Test(masters, come_from_no_program_that_others_can_write)
{
    char place[600];
    struct why why;

    (void)snprintf(
        place, sizeof place, "exec:%s",
        file_of("fetch", T("#!/bin/sh\nprintf 01234567890123456789012345678901\n"), 0722));
    cr_expect_eq(opens(place, &why), STATUS_INVALID);
    cr_expect_not_null(strstr(why.text, "others than its owner can write"), "%s", why.text);
    cr_expect_eq(opens("exec:fetch", &why), STATUS_INVALID);
    cr_expect_eq(opens("exec:/nowhere/at/all", &why), STATUS_INVALID);
}

Test(masters, unwrap_what_they_wrapped_for_that_context_only)
{
    static const uint8_t keys[2 * SEALING_KEY_SIZE] = {[0] = 1, [SEALING_KEY_SIZE] = 2};
    struct masters *masters = masters_of(keys, 2);
    struct random *random = random_seeded(7);
    uint8_t wrapped[WRAPPED_SIZE];
    uint8_t key[SEALING_KEY_SIZE] = {9, 8, 7};
    uint8_t back[SEALING_KEY_SIZE] = {0};
    struct why why;

    masters_wrap(masters, random, CONTEXT, key, wrapped);
    struct text text = text_make(wrapped, sizeof wrapped);

    cr_expect(memmem(wrapped, sizeof wrapped, key, 8) == NULL);
    cr_expect_eq(masters_unwrap(masters, CONTEXT, text, back, &why), STATUS_OK);
    cr_expect(memcmp(key, back, sizeof key) == 0);
    cr_expect_eq(masters_unwrap(masters, T("queue 8, key 1"), text, back, &why),
                 STATUS_INVALID);
    wrapped[WRAPPED_SIZE - 1] ^= 1;
    cr_expect_eq(masters_unwrap(masters, CONTEXT, text, back, &why), STATUS_INVALID);
    cr_expect_eq(masters_unwrap(masters, CONTEXT, text_first(text, 60), back, &why),
                 STATUS_INVALID);
    masters_free(masters);
    memory_free(random);
}

Test(masters, of_before_unwrap_and_the_first_wraps)
{
    static const uint8_t old_key[SEALING_KEY_SIZE] = {1};
    static const uint8_t keys[2 * SEALING_KEY_SIZE] = {[0] = 2, [SEALING_KEY_SIZE] = 1};
    struct masters *before = masters_of(old_key, 1);
    struct masters *both = masters_of(keys, 2);
    struct masters *after = masters_of(keys, 1);
    struct random *random = random_seeded(8);
    uint8_t wrapped[WRAPPED_SIZE];
    uint8_t key[SEALING_KEY_SIZE] = {5};
    struct text text = text_make(wrapped, sizeof wrapped);
    struct why why;

    masters_wrap(before, random, CONTEXT, key, wrapped);
    cr_expect(masters_wrapped_last(before, text));
    cr_expect_not(masters_wrapped_last(both, text));
    cr_expect_eq(masters_unwrap(both, CONTEXT, text, key, &why), STATUS_OK);
    cr_expect_eq(masters_unwrap(after, CONTEXT, text, key, &why), STATUS_NOT_FOUND);
    cr_expect_not_null(strstr(why.text, "not among those given"), "%s", why.text);
    masters_wrap(both, random, CONTEXT, key, wrapped);
    cr_expect(masters_wrapped_last(both, text));
    cr_expect_eq(masters_unwrap(after, CONTEXT, text, key, &why), STATUS_OK);
    masters_free(before);
    masters_free(both);
    masters_free(after);
    memory_free(random);
}

Test(masters, room_is_wiped)
{
    struct key_room *room = key_room_create(4);

    memset(key_room_at(room, 3), 'x', SEALING_KEY_SIZE);
    key_room_wipe(room);
    for (size_t i = 0; i < SEALING_KEY_SIZE; i++) {
        cr_expect_eq(key_room_at(room, 3)[i], 0);
    }
    key_room_free(room);
}
