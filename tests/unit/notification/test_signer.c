/* The signer, its key and its memory; signatures are checked by the openssl command. */
#include "notification/notification.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct wish {
    struct signing signing;
    uint32_t done;
    char signature[1024];
};

static sem_t ready;

static void on_wake(void *context)
{
    (void)context;
    (void)sem_post(&ready);
}

static void on_done(struct signing *signing, struct text signature)
{
    struct wish *wish = signing->context;

    wish->done++;
    (void)snprintf(wish->signature, sizeof wish->signature, "%.*s", TEXT_PRINTF(signature));
}

static struct signer *open_signer(const char *directory, size_t remembered)
{
    struct signer_options options = {
        .directory = directory, .threads = 2, .remembered = remembered, .wake = on_wake};
    struct signer *signer = NULL;
    struct why why = {""};

    (void)sem_init(&ready, 0, 0);
    cr_assert_eq(signer_open(&options, &signer, &why), STATUS_OK, "%s", why.text);
    return signer;
}

/* Within 20 seconds. */
static void wait_for(struct signer *signer, const struct wish *wish)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    while (wish->done == 0) {
        cr_assert_eq(sem_timedwait(&ready, &until), 0, "no signature came");
        signer_poll(signer);
    }
}

static void ask(struct signer *signer, struct wish *wish, const char *text, uint8_t version)
{
    *wish = (struct wish){
        .signing = {
            .text = text_from(text), .version = version, .done = on_done, .context = wish}};
    signer_sign(signer, &wish->signing);
}

static void write_file(const char *directory, const char *name, const char *content)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_geq(fputs(content, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static int openssl_verify(const char *directory, const char *digest)
{
    char command[2048];

    (void)snprintf(
        command, sizeof command,
        "cd '%s' && openssl x509 -in signing-cert.pem -noout -pubkey > public.pem && "
        "openssl base64 -d -A -in signature.txt -out signature.bin && openssl dgst -%s "
        "-verify public.pem -signature signature.bin text.txt > verdict.txt",
        directory, digest);
    return system(command); /* NOLINT(concurrency-mt-unsafe): one thread, a test */
}

Test(signer, makes_signatures_that_openssl_verifies)
{
    static const char text[] = "Message\nhello\nType\nNotification\n";
    struct temp_dir dir = temp_dir_make();
    struct signer *signer = open_signer(dir.path, 16);
    struct wish first;
    struct wish second;

    ask(signer, &first, text, 1);
    ask(signer, &second, text, 2);
    wait_for(signer, &first);
    wait_for(signer, &second);
    cr_expect_str_neq(first.signature, second.signature);
    write_file(dir.path, "text.txt", text);
    write_file(dir.path, "signature.txt", first.signature);
    cr_expect_eq(openssl_verify(dir.path, "sha1"), 0);
    write_file(dir.path, "signature.txt", second.signature);
    cr_expect_eq(openssl_verify(dir.path, "sha256"), 0);
    write_file(dir.path, "text.txt", "Message\nhullo\n");
    cr_expect_neq(openssl_verify(dir.path, "sha256"), 0);
    signer_close(signer);
    temp_dir_remove(&dir);
}

Test(signer, signs_equal_texts_once_and_remembers)
{
    struct temp_dir dir = temp_dir_make();
    struct signer *signer = open_signer(dir.path, 2);
    struct wish wishes[4];

    ask(signer, &wishes[0], "same", 1);
    ask(signer, &wishes[1], "same", 1);
    cr_expect_eq(wishes[0].done, 0);
    wait_for(signer, &wishes[0]);
    cr_expect_eq(wishes[1].done, 1, "both came with one signature");
    cr_expect_str_eq(wishes[0].signature, wishes[1].signature);
    ask(signer, &wishes[2], "same", 1);
    cr_expect_eq(wishes[2].done, 1, "remembered: at once");
    cr_expect_str_eq(wishes[2].signature, wishes[0].signature);
    ask(signer, &wishes[1], "other", 1);
    wait_for(signer, &wishes[1]);
    ask(signer, &wishes[3], "third", 1);
    wait_for(signer, &wishes[3]);
    ask(signer, &wishes[2], "same", 1);
    cr_expect_eq(wishes[2].done, 0, "only two are remembered");
    wait_for(signer, &wishes[2]);
    cr_expect_str_eq(wishes[2].signature, wishes[0].signature);
    signer_close(signer);
    temp_dir_remove(&dir);
}

Test(signer, leaves_a_cancelled_wish_alone)
{
    struct temp_dir dir = temp_dir_make();
    struct signer *signer = open_signer(dir.path, 16);
    struct wish cancelled;
    struct wish kept;

    ask(signer, &cancelled, "text", 2);
    ask(signer, &kept, "text", 2);
    signer_cancel(signer, &cancelled.signing);
    wait_for(signer, &kept);
    cr_expect_eq(cancelled.done, 0);
    signer_close(signer);
    temp_dir_remove(&dir);
}

Test(signer, keeps_its_key_and_hides_it)
{
    struct temp_dir dir = temp_dir_make();
    char path[512];
    char name[128];
    struct stat info;
    struct wish first;
    struct wish again;
    struct signer *signer = open_signer(dir.path, 0);

    ask(signer, &first, "text", 1);
    wait_for(signer, &first);
    (void)snprintf(name, sizeof name, "%.*s", TEXT_PRINTF(signer_certificate_name(signer)));
    cr_expect(text_starts_with(text_from(name), T("SimpleNotificationService-")));
    cr_expect_eq(text_from(name).len, 26 + 32 + 4);
    cr_expect(text_starts_with(signer_certificate(signer), T("-----BEGIN CERTIFICATE-----")));
    signer_close(signer);
    (void)snprintf(path, sizeof path, "%s/signing-key.pem", dir.path);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777U, 0600);

    signer = open_signer(dir.path, 0);
    ask(signer, &again, "text", 1);
    wait_for(signer, &again);
    cr_expect_str_eq(again.signature, first.signature);
    cr_expect(text_equal(signer_certificate_name(signer), text_from(name)));
    signer_close(signer);

    (void)snprintf(path, sizeof path, "%s/signing-cert.pem", dir.path);
    cr_assert_eq(unlink(path), 0);
    signer = open_signer(dir.path, 0);
    ask(signer, &again, "text", 1);
    wait_for(signer, &again);
    cr_expect_str_eq(again.signature, first.signature, "a new certificate, the same key");
    signer_close(signer);
    temp_dir_remove(&dir);
}

Test(signer, says_why_there_is_no_key_and_fails_every_wish)
{
    struct temp_dir dir = temp_dir_make();
    struct why why = {""};
    struct wish wish;

    write_file(dir.path, "signing-key.pem", "this is no key\n");
    struct signer *signer = open_signer(dir.path, 16);

    ask(signer, &wish, "text", 1);
    wait_for(signer, &wish);
    cr_expect_str_empty(wish.signature);
    cr_expect(signer_has_failed(signer, &why));
    cr_expect_not_null(strstr(why.text, "signing-key.pem"), "%s", why.text);
    cr_expect_eq(signer_certificate_name(signer).len, 0);
    signer_close(signer);
    temp_dir_remove(&dir);
}

/* The next thing that is said of the key, within 20 seconds. */
static enum signer_news wait_for_news(struct signer *signer, struct why *ret_text)
{
    struct timespec until;
    enum signer_news news = SIGNER_SILENT;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    while ((news = signer_next_news(signer, ret_text)) == SIGNER_SILENT) {
        cr_assert_eq(sem_timedwait(&ready, &until), 0, "nothing was said");
    }
    return news;
}

Test(signer, says_what_it_has_made_and_that_others_can_read_the_key)
{
    struct temp_dir dir = temp_dir_make();
    char path[512];
    struct why text;
    struct signer *signer = open_signer(dir.path, 0);

    cr_expect_eq(wait_for_news(signer, &text), SIGNER_MADE);
    cr_expect_str_eq(text.text, "a key and its certificate");
    cr_expect_eq(signer_next_news(signer, &text), SIGNER_SILENT, "it was said");
    signer_close(signer);

    signer = open_signer(dir.path, 0);
    cr_expect_eq(wait_for_news(signer, &text), SIGNER_READY);
    signer_close(signer);

    (void)snprintf(path, sizeof path, "%s/signing-key.pem", dir.path);
    cr_assert_eq(chmod(path, 0644), 0);
    signer = open_signer(dir.path, 0);
    cr_expect_eq(wait_for_news(signer, &text), SIGNER_OPEN);
    cr_expect_str_eq(text.text, path);
    signer_close(signer);

    cr_assert_eq(chmod(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/signing-cert.pem", dir.path);
    cr_assert_eq(unlink(path), 0);
    signer = open_signer(dir.path, 0);
    cr_expect_eq(wait_for_news(signer, &text), SIGNER_MADE);
    cr_expect_str_eq(text.text, "a certificate for the key");
    signer_close(signer);
    temp_dir_remove(&dir);
}

static void expect_refusal(const char *directory, const char *reason)
{
    struct why text = {""};
    struct wish wish;
    struct signer *signer = open_signer(directory, 0);

    cr_expect_eq(wait_for_news(signer, &text), SIGNER_FAILED);
    cr_expect_not_null(strstr(text.text, reason), "%s", text.text);
    ask(signer, &wish, "text", 1);
    wait_for(signer, &wish);
    cr_expect_str_empty(wish.signature);
    signer_close(signer);
}

Test(signer, refuses_a_key_and_a_certificate_that_are_no_pair)
{
    struct temp_dir dir = temp_dir_make();
    struct temp_dir other = temp_dir_make();
    char path[512];
    char from[512];
    struct why text;

    for (int i = 0; i < 2; i++) {
        struct signer *signer = open_signer(i == 0 ? dir.path : other.path, 0);

        cr_assert_eq(wait_for_news(signer, &text), SIGNER_MADE);
        signer_close(signer);
    }
    (void)snprintf(path, sizeof path, "%s/signing-cert.pem", dir.path);
    (void)snprintf(from, sizeof from, "%s/signing-cert.pem", other.path);
    cr_assert_eq(rename(from, path), 0);
    expect_refusal(dir.path, "does not belong to the key in signing-key.pem");
    write_file(dir.path, "signing-cert.pem", "this is no certificate\n");
    expect_refusal(dir.path, "is no certificate");
    (void)snprintf(from, sizeof from, "%s/signing-key.pem", dir.path);
    cr_assert_eq(unlink(from), 0);
    expect_refusal(dir.path, "its key signing-key.pem is not");
    cr_expect_neq(access(from, F_OK), 0, "no key was made");
    temp_dir_remove(&dir);
    temp_dir_remove(&other);
}

Test(signer, tries_again_when_the_key_cannot_be_read_now)
{
    struct temp_dir dir = temp_dir_make();
    char path[512];
    struct why text = {""};
    struct wish wish;
    struct signer_options options = {
        .directory = dir.path, .threads = 1, .wake = on_wake, .retry_ms = 20};
    struct signer *signer = NULL;

    (void)snprintf(path, sizeof path, "%s/signing-key.pem", dir.path);
    cr_assert_eq(mkdir(path, 0700), 0); /* reading it fails as without a descriptor */
    (void)sem_init(&ready, 0, 0);
    cr_assert_eq(signer_open(&options, &signer, &text), STATUS_OK);
    cr_expect_eq(wait_for_news(signer, &text), SIGNER_WAITS);
    cr_expect(signer_has_failed(signer, &text));
    ask(signer, &wish, "text", 1);
    wait_for(signer, &wish);
    cr_expect_str_empty(wish.signature, "meanwhile wishes fail, and do not hang");
    cr_assert_eq(rmdir(path), 0);
    cr_expect_eq(wait_for_news(signer, &text), SIGNER_MADE);
    cr_expect_not(signer_has_failed(signer, &text));
    ask(signer, &wish, "text", 1);
    wait_for(signer, &wish);
    cr_expect_str_not_empty(wish.signature);
    signer_close(signer);
    temp_dir_remove(&dir);
}

Test(signer, refuses_a_directory_that_is_not_there)
{
    struct signer_options options = {
        .directory = "/nowhere/at/all", .threads = 1, .wake = on_wake};
    struct signer *signer = NULL;
    struct why why = {""};

    cr_expect_eq(signer_open(&options, &signer, &why), STATUS_STORAGE);
    cr_expect_not_null(strstr(why.text, "/nowhere/at/all"));
    cr_expect_null(signer);
}
