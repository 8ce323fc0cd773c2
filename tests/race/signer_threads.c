/* The signer under ThreadSanitizer: wishes, cancellations and polls beside four signing
 * threads, and an end in the middle of it. */
/* link: notification base */
#include "notification/notification.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#define WISHES 400
#define ROUNDS 3

struct wish {
    struct signing signing;
    char text[32];
    uint32_t done;
};

static atomic_uint wakes;

static void on_wake(void *context)
{
    (void)context;
    (void)atomic_fetch_add(&wakes, 1);
}

static void on_done(struct signing *signing, struct text signature)
{
    struct wish *wish = signing->context;

    NEED(signature.len == 344);
    wish->done++;
}

static void ask(struct signer *signer, struct wish *wish, uint32_t number)
{
    *wish = (struct wish){.signing = {.version = (uint8_t)(1 + number % 2), .done = on_done}};
    (void)snprintf(wish->text, sizeof wish->text, "text %u", number / 4);
    wish->signing.text = text_from(wish->text);
    wish->signing.context = wish;
    signer_sign(signer, &wish->signing);
}

/* All but every seventh, which is cancelled. */
static bool all_done(const struct wish *wishes)
{
    for (uint32_t i = 0; i < WISHES; i++) {
        if (i % 7 != 0 && wishes[i].done == 0) {
            return false;
        }
    }
    return true;
}

static void run_round(struct signer *signer, struct wish *wishes, bool to_the_end)
{
    for (uint32_t i = 0; i < WISHES; i++) {
        ask(signer, &wishes[i], i);
        if (i % 7 == 0) {
            signer_cancel(signer, &wishes[i].signing);
        }
        (void)signer_certificate_name(signer);
        signer_poll(signer);
    }
    for (int waited = 0; to_the_end && !all_done(wishes); waited++) {
        NEED(waited < 6000);
        (void)poll(NULL, 0, 10);
        signer_poll(signer);
    }
}

int main(void)
{
    static struct wish wishes[WISHES];

    for (int round = 0; round < ROUNDS; round++) {
        struct temp_dir dir = temp_dir_make();
        const struct signer_options options = {
            .directory = dir.path, .threads = 4, .remembered = 16, .wake = on_wake};
        struct signer *signer = NULL;

        NEED(signer_open(&options, &signer, NULL) == STATUS_OK);
        run_round(signer, wishes, round < ROUNDS - 1);
        signer_close(signer);
        temp_dir_remove(&dir);
    }
    NEED(atomic_load(&wakes) > 0);
    return 0;
}
