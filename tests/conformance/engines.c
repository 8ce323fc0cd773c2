/* What every engine promises, tried on each: order, atomicity, ranges, sizes, restarts. */
#include "trial.h"

#include "base/memory.h"
#include "base/random.h"
#include "tests/support/temp_dir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static struct filling filling;

static void rows_come_in_byte_order(struct trial *trial)
{
    static const char *const keys[] = {"m", "b", "zz", "a", "z", "b\x01", "aa"};

    filling_begin(&filling);
    for (size_t i = 0; i < countof(keys); i++) {
        filling_put(&filling, text_from(keys[i]), T("1"));
    }
    filling_commit(&filling, trial);
    CHECK(strcmp(trial_list(trial, "", "", false), "a=1 aa=1 b=1 b\x01=1 m=1 z=1 zz=1 ") == 0);
    CHECK(strcmp(trial_list(trial, "", "", true), "zz=1 z=1 m=1 b\x01=1 b=1 aa=1 a=1 ") == 0);
}

static void the_last_change_of_a_key_counts(struct trial *trial)
{
    trial_put(trial, "old", "1");
    filling_begin(&filling);
    filling_put(&filling, T("twice"), T("1"));
    filling_put(&filling, T("gone"), T("1"));
    filling_delete(&filling, T("old"));
    filling_delete(&filling, T("never"));
    filling_put(&filling, T("twice"), T("2"));
    filling_delete(&filling, T("gone"));
    filling_delete(&filling, T("back"));
    filling_put(&filling, T("back"), T("1"));
    filling_commit(&filling, trial);
    CHECK(strcmp(trial_list(trial, "", "", false), "back=1 twice=2 ") == 0);
}

static void ranges_include_from_and_exclude_to(struct trial *trial)
{
    static const struct {
        const char *from;
        const char *to;
        const char *forward;
        const char *backward;
    } cases[] = {
        {"", "", "b=1 d=1 f=1 ", "f=1 d=1 b=1 "},
        {"b", "f", "b=1 d=1 ", "d=1 b=1 "},
        {"c", "e", "d=1 ", "d=1 "},
        {"c", "", "d=1 f=1 ", "f=1 d=1 "},
        {"", "d", "b=1 ", "b=1 "},
        {"g", "", "", ""},
        {"", "a", "", ""},
        {"d", "d", "", ""},
        {"f", "b", "", ""},
        {"b", "b\x01", "b=1 ", "b=1 "},
    };

    trial_put(trial, "d", "1");
    trial_put(trial, "b", "1");
    trial_put(trial, "f", "1");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < countof(cases); i++) {
            CHECK(strcmp(trial_list(trial, cases[i].from, cases[i].to, false), cases[i].forward)
                  == 0);
            CHECK(strcmp(trial_list(trial, cases[i].from, cases[i].to, true), cases[i].backward)
                  == 0);
        }
        trial_reopen(trial);
    }
}

static bool count_to_two(void *context, const struct engine_row *row)
{
    int *count = context;

    (void)row;
    return ++*count < 2;
}

static void a_visitor_may_stop(struct trial *trial)
{
    int count = 0;

    trial_put(trial, "a", "1");
    trial_put(trial, "b", "1");
    trial_put(trial, "c", "1");
    CHECK(trial->engine->scan(trial->self, T(""), T(""), false, count_to_two, &count)
          == STATUS_OK);
    CHECK(count == 2);
}

static void an_empty_store_and_an_empty_batch_are_fine(struct trial *trial)
{
    CHECK(trial_list(trial, "", "", false)[0] == '\0');
    CHECK(trial_list(trial, "", "", true)[0] == '\0');
    filling_begin(&filling);
    filling_commit(&filling, trial);
    filling_begin(&filling);
    filling_put(&filling, T("nothing"), T(""));
    filling_commit(&filling, trial);
    trial_reopen(trial);
    CHECK(strcmp(trial_list(trial, "", "", false), "nothing= ") == 0);
    CHECK(trial->engine->free_bytes(trial->self) > 0);
}

/* Sizes on either side of a page, of an overflow page, and of a whole 1 MiB segment. */
static void sizes_up_to_megabytes_come_back(struct trial *trial)
{
    static const size_t sizes[] = {1,    1024, 2000,  4095,    4096,
                                   4097, 8192, 65536, 1 << 20, 3 << 20};
    char *bytes = memory_take((size_t)3 << 20);
    char *back = memory_take((size_t)3 << 20);
    char key[KEY_MAX - 1];

    memset(key, 'k', sizeof key); /* the longest */
    for (size_t i = 0; i < (size_t)3 << 20; i++) {
        bytes[i] = (char)(i * 2654435761U >> 24);
    }
    for (size_t i = 0; i < countof(sizes); i++) {
        key[sizeof key - 1] = (char)('a' + i);
        filling_begin(&filling);
        filling_put(&filling, text_make(key, sizeof key), text_make(bytes, sizes[i]));
        filling_commit(&filling, trial);
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < countof(sizes); i++) {
            struct text value;

            key[sizeof key - 1] = (char)('a' + i);
            CHECK(trial_get(trial, text_make(key, sizeof key), &value, back, (size_t)3 << 20));
            CHECK(text_equal(value, text_make(bytes, sizes[i])));
        }
        trial_reopen(trial);
    }
    memory_free(bytes);
    memory_free(back);
}

static void a_second_open_is_refused(struct trial *trial)
{
    void *second = NULL;
    struct why why = {.text = ""};
    char expected[64];

    if (!trial->survives) {
        return;
    }
    (void)snprintf(expected, sizeof expected, "in use by process %d:", (int)getpid());
    CHECK(trial->engine->open(trial->location, trial->map_bytes, &second, &why) == STATUS_BUSY);
    CHECK(strstr(why.text, expected) != NULL && strstr(why.text, trial->location) != NULL);
}

static void a_missing_directory_is_refused(struct trial *trial)
{
    void *self = NULL;
    struct why why = {.text = ""};

    if (!trial->survives) {
        return;
    }
    CHECK(trial->engine->open("/nonexistent/fanfare", 0, &self, &why) == STATUS_STORAGE);
    CHECK(strstr(why.text, "/nonexistent/fanfare cannot be written: No such file") != NULL);
}

#define MODEL_KEYS 200

/* What the engine should hold: the number that each key's value is made from, 0 for none. */
struct model {
    uint32_t numbers[MODEL_KEYS];
    uint32_t next;
    struct random *random;
};

static struct text model_key(size_t i, char room[8])
{
    (void)snprintf(room, 8, "k%03zu", i);
    return text_from(room);
}

static struct text model_value(uint32_t number, char room[4096])
{
    size_t len = number * 2654435761U % 4000 + 4;

    memset(room, (int)('a' + number % 26), len);
    memcpy(room, &number, sizeof number);
    return text_make(room, len);
}

static void model_step(struct model *model, struct trial *trial)
{
    char key[8];
    char value[4096];
    uint64_t count = 1 + random_below(model->random, 30);

    filling_begin(&filling);
    for (uint64_t i = 0; i < count; i++) {
        size_t which = random_below(model->random, MODEL_KEYS);
        uint32_t number = random_below(model->random, 3) == 0 ? 0 : ++model->next;

        model->numbers[which] = number;
        if (number == 0) {
            filling_delete(&filling, model_key(which, key));
        } else {
            filling_put(&filling, model_key(which, key), model_value(number, value));
        }
    }
    filling_commit(&filling, trial);
}

/* Follows a scan along the model: `at` is the next key that may come. */
struct following {
    const struct model *model;
    bool reverse;
    size_t at; /* forward: the next index; reverse: the next index + 1 */
    size_t end;
};

static void skip_absent(struct following *following)
{
    const uint32_t *numbers = following->model->numbers;

    while (!following->reverse && following->at < following->end
           && numbers[following->at] == 0) {
        following->at++;
    }
    while (following->reverse && following->at > following->end
           && numbers[following->at - 1] == 0) {
        following->at--;
    }
}

static bool follow(void *context, const struct engine_row *row)
{
    struct following *following = context;
    char key_room[8];
    char value_room[4096];

    if (row->is_deleted) {
        return true;
    }
    skip_absent(following);
    CHECK(following->at != following->end);
    size_t i = following->reverse ? --following->at : following->at++;

    CHECK(text_equal(row->key, model_key(i, key_room)));
    CHECK(text_equal(row->value, model_value(following->model->numbers[i], value_room)));
    return true;
}

static void model_check(const struct model *model, struct trial *trial, size_t from, size_t to)
{
    char from_room[8];
    char to_room[8];

    for (int reverse = 0; reverse < 2; reverse++) {
        struct following following = {.model = model,
                                      .reverse = reverse != 0,
                                      .at = reverse != 0 ? to : from,
                                      .end = reverse != 0 ? from : to};

        CHECK(trial->engine->scan(trial->self, model_key(from, from_room),
                                  model_key(to, to_room), reverse != 0, follow, &following)
              == STATUS_OK);
        skip_absent(&following);
        CHECK(following.at == following.end);
    }
}

static void random_batches_agree_with_a_model(struct trial *trial)
{
    struct model model = {.random = random_seeded(7)};

    for (int i = 0; i < 600; i++) {
        size_t from = random_below(model.random, MODEL_KEYS);
        size_t to = from + random_below(model.random, MODEL_KEYS - from);

        model_step(&model, trial);
        model_check(&model, trial, from, to);
        if (i % 100 == 99) {
            trial_reopen(trial);
            model_check(&model, trial, 0, MODEL_KEYS);
        }
    }
    memory_free(model.random);
}

/* Commits in which 40 rows always bear one number, while another thread looks. */
struct duet {
    struct trial *trial;
    atomic_bool over;
    atomic_uint acknowledged;
};

#define DUET_ROWS    40
#define DUET_COMMITS 400

struct sighting {
    uint32_t number;
    uint32_t rows;
};

static bool see_row(void *context, const struct engine_row *row)
{
    struct sighting *sighting = context;
    uint32_t number = 0;

    memcpy(&number, row->value.at, sizeof number);
    CHECK(sighting->rows == 0 || number == sighting->number);
    sighting->number = number;
    sighting->rows++;
    return true;
}

static void *duet_look(void *context)
{
    struct duet *duet = context;
    const struct trial *trial = duet->trial;
    bool reverse = false;

    while (!atomic_load(&duet->over)) {
        struct sighting sighting = {.rows = 0};
        uint32_t acknowledged = atomic_load(&duet->acknowledged);

        CHECK(trial->engine->scan(trial->self, T("k"), T("l"), reverse, see_row, &sighting)
              == STATUS_OK);
        CHECK(sighting.rows == (sighting.number == 0 ? 0 : DUET_ROWS));
        CHECK(sighting.number >= acknowledged);
        reverse = !reverse;
    }
    return NULL;
}

static void a_scan_sees_one_moment_while_commits_run(struct trial *trial)
{
    struct duet duet = {.trial = trial};
    static char value[1200];
    char key[8];
    pthread_t looker;

    CHECK(pthread_create(&looker, NULL, duet_look, &duet) == 0);
    for (uint32_t number = 1; number <= DUET_COMMITS; number++) {
        memcpy(value, &number, sizeof number);
        filling_begin(&filling);
        for (size_t i = 0; i < DUET_ROWS; i++) {
            filling_put(&filling, model_key(i, key), text_make(value, sizeof value));
        }
        filling_commit(&filling, trial);
        atomic_store(&duet.acknowledged, number);
    }
    atomic_store(&duet.over, true);
    CHECK(pthread_join(looker, NULL) == 0);
}

static void (*const promises[])(struct trial *trial) = {
    rows_come_in_byte_order,
    the_last_change_of_a_key_counts,
    ranges_include_from_and_exclude_to,
    a_visitor_may_stop,
    an_empty_store_and_an_empty_batch_are_fine,
    sizes_up_to_megabytes_come_back,
    a_second_open_is_refused,
    a_missing_directory_is_refused,
    random_batches_agree_with_a_model,
    a_scan_sees_one_moment_while_commits_run,
};

int main(void)
{
    static const char *const names[] = {"log", "lmdb", "memory"};

    for (size_t i = 0; i < countof(names) * countof(promises); i++) {
        struct temp_dir dir = temp_dir_make();
        const char *name = names[i / countof(promises)];
        struct trial trial = {.engine = engine_find(name),
                              .location = dir.path,
                              .map_bytes = SMALL_BYTES,
                              .survives = strcmp(name, "memory") != 0};

        CHECK(trial.engine != NULL);
        trial_open(&trial);
        promises[i % countof(promises)](&trial);
        trial_close(&trial);
        temp_dir_remove(&dir);
    }
    CHECK(engine_find("nonesuch") == NULL);
    CHECK(engine_find(NULL) == engine_find(ENGINE_DEFAULT));
    return 0;
}
