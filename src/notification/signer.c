/* The signer: wishes come from the loop's thread, low-priority threads of its own sign, and
 * signer_poll brings the signatures back.  Equal texts are signed once. */
#include "base/memory.h"
#include "base/must.h"
#include "base/random.h"
#include "notification/certificate.h"
#include "notification/notification.h"
#include "notification/signatures.h"

#include <openssl/evp.h>
#include <sys/resource.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define THREADS_MAX    16
#define NICE           10
#define SIGNATURE_SIZE 512 /* bytes, RSA-4096 */
#define RETRY_MS       5000

/* One text to sign, for all who wish for it. */
struct job {
    struct list_node node; /* in pending or finished */
    struct map_node map;   /* in jobs; the loop's thread only */
    struct list wishes;    /* struct signing; the loop's thread only */
    uint64_t hash[2];
    uint8_t version;
    size_t signature_len; /* base64; 0: failed */
    char signature[SIGNATURE_MAX];
    struct text text; /* a copy: whoever wished first may cancel */
    char bytes[];
};

struct signer {
    /* The loop's thread only. */
    struct map jobs; /* under way, by hash */
    struct signatures signatures;
    uint64_t seed;
    bool is_named; /* the certificate was seen under the lock: it does not change any more */
    struct signer_options options;
    char *directory;
    pthread_t threads[THREADS_MAX];
    uint32_t thread_count;

    pthread_mutex_t lock;
    pthread_cond_t work; /* pending, has_key, has_failed or is_stopping changed */
    struct list pending;
    struct list finished;
    bool has_key;
    bool has_failed;  /* there is no key (yet) */
    bool is_hopeless; /* nor will there be one */
    bool is_stopping;
    struct timespec retry_at;
    struct certificate certificate; /* constant once has_key */
    struct why why;                 /* of has_failed */
    enum signer_news news;          /* not told yet */
};

/* --- The threads. */

static void job_sign(struct job *job, EVP_PKEY *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = job->version == 2 ? EVP_sha256() : EVP_sha1();
    unsigned char signature[SIGNATURE_SIZE];
    size_t size = sizeof signature;
    struct buffer encoded;

    /* The default padding of an RSA key is PKCS#1 v1.5. */
    if (context != NULL && EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1
        && EVP_DigestSign(context, signature, &size, (const unsigned char *)job->text.at,
                          job->text.len)
               == 1) {
        buffer_init(&encoded, SIGNATURE_MAX);
        base64_encode(&encoded, text_make(signature, size));
        memcpy(job->signature, encoded.at, encoded.len);
        job->signature_len = encoded.len;
        buffer_free(&encoded);
    }
    EVP_MD_CTX_free(context);
}

static void timespec_add_ms(struct timespec *time, uint32_t ms)
{
    time->tv_sec += ms / 1000;
    time->tv_nsec += (long)(ms % 1000) * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000;
    }
}

/* Reads or makes the key.  What cannot be read or written now may be later: a full disk, no
 * file descriptor free. */
static void key_try(struct signer *signer)
{
    struct certificate certificate = {0};
    struct why why = {""};
    enum status status = certificate_open(signer->directory, &certificate, &why);

    (void)pthread_mutex_lock(&signer->lock);
    bool is_told = signer->has_failed && strcmp(signer->why.text, why.text) == 0;

    signer->certificate = certificate;
    signer->why = why;
    signer->has_key = status == STATUS_OK;
    signer->has_failed = status != STATUS_OK;
    signer->is_hopeless = status == STATUS_INVALID;
    if (status == STATUS_OK) {
        signer->news = certificate.made != NULL      ? SIGNER_MADE
                       : certificate.is_key_readable ? SIGNER_OPEN
                                                     : SIGNER_READY;
    } else if (!is_told) {
        signer->news = signer->is_hopeless ? SIGNER_FAILED : SIGNER_WAITS;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &signer->retry_at);
    timespec_add_ms(&signer->retry_at, signer->options.retry_ms);
    (void)pthread_cond_broadcast(&signer->work);
    (void)pthread_mutex_unlock(&signer->lock);
    signer->options.wake(signer->options.wake_context);
}

/* Under the lock: whether the key is to be tried for again. */
static bool key_is_due(const struct signer *signer)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return signer->has_failed && !signer->is_hopeless
           && (now.tv_sec > signer->retry_at.tv_sec
               || (now.tv_sec == signer->retry_at.tv_sec
                   && now.tv_nsec >= signer->retry_at.tv_nsec));
}

/* Under the lock: until something changes, or the key is due. */
static void work_wait(struct signer *signer, bool is_first)
{
    if (is_first && signer->has_failed && !signer->is_hopeless) {
        (void)pthread_cond_clockwait(&signer->work, &signer->lock, CLOCK_MONOTONIC,
                                     &signer->retry_at);
    } else {
        (void)pthread_cond_wait(&signer->work, &signer->lock);
    }
}

/* NULL: the end.  Waits until there is a key, or for now none; the first thread tries again. */
static struct job *job_next(struct signer *signer, bool is_first)
{
    struct list_node *node = NULL;

    (void)pthread_mutex_lock(&signer->lock);
    for (;;) {
        if (signer->is_stopping) {
            break;
        }
        if (is_first && key_is_due(signer)) {
            (void)pthread_mutex_unlock(&signer->lock);
            key_try(signer);
            (void)pthread_mutex_lock(&signer->lock);
        } else if (!list_is_empty(&signer->pending)
                   && (signer->has_key || signer->has_failed)) {
            node = list_pop(&signer->pending);
            break;
        } else {
            work_wait(signer, is_first);
        }
    }
    (void)pthread_mutex_unlock(&signer->lock);
    return node == NULL ? NULL : container_of(node, struct job, node);
}

static void job_finish(struct signer *signer, struct job *job)
{
    (void)pthread_mutex_lock(&signer->lock);
    list_push(&signer->finished, &job->node);
    (void)pthread_mutex_unlock(&signer->lock);
    signer->options.wake(signer->options.wake_context);
}

static bool has_key_now(struct signer *signer)
{
    (void)pthread_mutex_lock(&signer->lock);
    bool has_key = signer->has_key; /* and stays so */

    (void)pthread_mutex_unlock(&signer->lock);
    return has_key;
}

static void work(struct signer *signer, bool is_first)
{
    struct job *job = NULL;

    /* On Linux this is about the calling thread.  Publishing goes before signing. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    if (is_first) {
        key_try(signer);
    }
    while ((job = job_next(signer, is_first)) != NULL) {
        if (has_key_now(signer)) {
            job_sign(job, signer->certificate.key);
        }
        job_finish(signer, job);
    }
}

static void *thread_run(void *argument)
{
    work(argument, false);
    return NULL;
}

static void *first_thread_run(void *argument)
{
    work(argument, true);
    return NULL;
}

/* --- Its life. */

enum status signer_open(const struct signer_options *options, struct signer **ret_signer,
                        struct why *why)
{
    uint32_t threads = options->threads > THREADS_MAX ? THREADS_MAX : options->threads;
    struct signer *signer = NULL;
    struct random *random = random_system();

    if (access(options->directory, W_OK | X_OK) != 0) {
        memory_free(random);
        return fail(why, STATUS_STORAGE, "cannot write to %s: %s", options->directory,
                    strerrordesc_np(errno));
    }
    signer = memory_zero(sizeof *signer);
    signer->options = *options;
    signer->options.retry_ms = options->retry_ms > 0 ? options->retry_ms : RETRY_MS;
    signer->directory = memory_copy_text(text_from(options->directory));
    signer->seed = random_u64(random);
    memory_free(random);
    signatures_init(&signer->signatures, options->remembered);
    list_init(&signer->pending);
    list_init(&signer->finished);
    (void)pthread_mutex_init(&signer->lock, NULL);
    (void)pthread_cond_init(&signer->work, NULL);
    for (uint32_t i = 0; i < (threads == 0 ? 1 : threads); i++) {
        if (pthread_create(&signer->threads[i], NULL, i == 0 ? first_thread_run : thread_run,
                           signer)
            != 0) {
            break;
        }
        signer->thread_count++;
    }
    if (signer->thread_count == 0) {
        signer_close(signer);
        return fail(why, STATUS_FULL, "no thread could be started to sign");
    }
    *ret_signer = signer;
    return STATUS_OK;
}

static void jobs_free(struct signer *signer)
{
    struct map_node *node = NULL;

    while ((node = map_pop(&signer->jobs)) != NULL) {
        memory_free(container_of(node, struct job, map));
    }
    map_free(&signer->jobs);
}

void signer_close(struct signer *signer)
{
    if (signer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&signer->lock);
    signer->is_stopping = true;
    (void)pthread_cond_broadcast(&signer->work);
    (void)pthread_mutex_unlock(&signer->lock);
    for (uint32_t i = 0; i < signer->thread_count; i++) {
        (void)pthread_join(signer->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&signer->work);
    (void)pthread_mutex_destroy(&signer->lock);
    jobs_free(signer);
    signatures_free(&signer->signatures);
    certificate_close(&signer->certificate);
    memory_free(signer->directory);
    memory_free(signer);
}

/* --- Wishes. */

/* Seeded, so that nobody can prepare two texts that are taken for each other. */
static void signing_hash(const struct signer *signer, struct signing *signing)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(signing->text.at, signing->text.len,
                                               signer->seed + signing->version);

    signing->hash[0] = hash.low64;
    signing->hash[1] = hash.high64;
}

static struct job *job_start(struct signer *signer, const struct signing *signing)
{
    struct job *job = memory_take(sizeof *job + signing->text.len);

    memset(job, 0, sizeof *job);
    memcpy(job->bytes, signing->text.at, signing->text.len);
    job->text = text_make(job->bytes, signing->text.len);
    job->version = signing->version;
    memcpy(job->hash, signing->hash, sizeof job->hash);
    list_init(&job->wishes);
    map_insert(&signer->jobs, &job->map, text_make(job->hash, sizeof job->hash));
    (void)pthread_mutex_lock(&signer->lock);
    list_push(&signer->pending, &job->node);
    (void)pthread_cond_signal(&signer->work);
    (void)pthread_mutex_unlock(&signer->lock);
    return job;
}

void signer_sign(struct signer *signer, struct signing *signing)
{
    must(!list_contains(&signing->node));
    signing_hash(signer, signing);
    struct text signature = signatures_find(&signer->signatures, signing->hash);

    if (signature.len > 0) {
        signing->done(signing, signature);
        return;
    }
    struct map_node *node =
        map_find(&signer->jobs, text_make(signing->hash, sizeof signing->hash));
    struct job *job =
        node != NULL ? container_of(node, struct job, map) : job_start(signer, signing);

    list_push(&job->wishes, &signing->node);
}

void signer_cancel(struct signer *signer, struct signing *signing)
{
    (void)signer; /* what is under way is finished and remembered all the same */
    list_remove(&signing->node);
}

static void job_settle(struct signer *signer, struct job *job)
{
    struct text signature = text_make(job->signature, job->signature_len);
    struct list_node *node = NULL;

    map_remove(&signer->jobs, &job->map);
    signatures_add(&signer->signatures, job->hash, signature);
    while ((node = list_pop(&job->wishes)) != NULL) {
        struct signing *signing = container_of(node, struct signing, node);

        signing->done(signing, signature);
    }
    memory_free(job);
}

void signer_poll(struct signer *signer)
{
    struct list finished;
    struct list_node *node = NULL;

    list_init(&finished);
    (void)pthread_mutex_lock(&signer->lock);
    list_move_all(&finished, &signer->finished);
    (void)pthread_mutex_unlock(&signer->lock);
    while ((node = list_pop(&finished)) != NULL) {
        job_settle(signer, container_of(node, struct job, node));
    }
}

static bool signer_has_key(struct signer *signer)
{
    if (!signer->is_named) {
        (void)pthread_mutex_lock(&signer->lock);
        signer->is_named = signer->has_key;
        (void)pthread_mutex_unlock(&signer->lock);
    }
    return signer->is_named;
}

struct text signer_certificate(struct signer *signer)
{
    return signer_has_key(signer) ? text_from(signer->certificate.pem) : (struct text){0};
}

struct text signer_certificate_name(struct signer *signer)
{
    return signer_has_key(signer) ? text_from(signer->certificate.name) : (struct text){0};
}

bool signer_has_failed(struct signer *signer, struct why *ret_why)
{
    (void)pthread_mutex_lock(&signer->lock);
    bool has_failed = signer->has_failed;

    if (has_failed) {
        *ret_why = signer->why;
    }
    (void)pthread_mutex_unlock(&signer->lock);
    return has_failed;
}

enum signer_news signer_next_news(struct signer *signer, struct why *ret_text)
{
    (void)pthread_mutex_lock(&signer->lock);
    enum signer_news news = signer->news;

    *ret_text = signer->why;
    if (news == SIGNER_MADE) {
        (void)snprintf(ret_text->text, sizeof ret_text->text, "%s", signer->certificate.made);
    } else if (news == SIGNER_OPEN) {
        (void)snprintf(ret_text->text, sizeof ret_text->text, "%s/%s", signer->directory,
                       CERTIFICATE_KEY_FILE);
    }
    signer->news = SIGNER_SILENT;
    (void)pthread_mutex_unlock(&signer->lock);
    return news;
}
