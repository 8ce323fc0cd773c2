/* The change log after a crash: what is torn is dropped, what is damaged is told. */
#include "store/claims.h"
#include "store/engines.h"
#include "store/keys.h"
#include "store/log_engine.h"
#include "store/segment.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define STORE_BYTES ((uint64_t)16 << 20)

static struct temp_dir dir;

static void make_dir(void)
{
    dir = temp_dir_make();
}

static void remove_dir(void)
{
    temp_dir_remove(&dir);
}

static void commit_number(void *self, uint32_t number, size_t len)
{
    struct key key = key_u32(TABLE_TOPIC, number);
    struct batch *batch = batch_create(number);
    struct blob *value = blob_new(len);
    bool is_fatal = false;

    memset(value->at, (int)number, len);
    batch_add(batch, &key, value, NULL);
    NEED(engine_log.commit(self, batch, &is_fatal, NULL) == STATUS_OK);
    batch_free(batch);
    blob_unref(value);
}

/* A process that commits 1 to `count` and is gone without closing. */
static void commit_and_crash(uint32_t count, size_t len)
{
    pid_t child = fork();
    int ended = 0;

    NEED(child >= 0);
    if (child == 0) {
        void *self = NULL;

        if (engine_log.open(dir.path, STORE_BYTES, &self, NULL) != STATUS_OK) {
            _exit(1);
        }
        for (uint32_t i = 1; i <= count; i++) {
            commit_number(self, i, len);
        }
        _exit(0);
    }
    NEED(waitpid(child, &ended, 0) == child);
    NEED(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}

static bool count_row(void *context, const struct engine_row *row)
{
    uint32_t *count = context;

    ++*count;
    NEED(row->value.at[0] == (char)*count);
    return true;
}

/* How many commits a new process finds; it closes orderly. */
static uint32_t reopen_and_count(void)
{
    uint32_t count = 0;
    void *self = NULL;

    NEED(engine_log.open(dir.path, STORE_BYTES, &self, NULL) == STATUS_OK);
    NEED(engine_log.scan(self, T(""), T(""), false, count_row, &count) == STATUS_OK);
    engine_log.close(self);
    return count;
}

static void expect_refused(const char *reason)
{
    void *self = NULL;
    struct why why = {.text = ""};

    NEED(engine_log.open(dir.path, STORE_BYTES, &self, &why) == STATUS_STORAGE);
    NEED(strstr(why.text, reason) != NULL);
}

static int open_segment(unsigned index)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/changes.%u", dir.path, index);
    int fd = open(path, O_RDWR);

    NEED(fd >= 0);
    return fd;
}

static void cut_segment(unsigned index, off_t bytes)
{
    int fd = open_segment(index);

    NEED(ftruncate(fd, bytes) == 0);
    close(fd);
}

static void remove_segment(unsigned index)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/changes.%u", dir.path, index);
    NEED(unlink(path) == 0);
}

static void overwrite(unsigned index, off_t at, struct text bytes)
{
    int fd = open_segment(index);

    NEED(pwrite(fd, bytes.at, bytes.len, at) == (ssize_t)bytes.len);
    close(fd);
}

static struct engine_opening reopen_and_report(void)
{
    struct engine_opening opening = {.replayed = UINT64_MAX};
    void *self = NULL;

    NEED(engine_log.open(dir.path, STORE_BYTES, &self, NULL) == STATUS_OK);
    engine_log.opening(self, &opening);
    engine_log.close(self);
    return opening;
}

static void flip_bit(unsigned index, off_t at)
{
    int fd = open_segment(index);
    unsigned char byte = 0;

    NEED(pread(fd, &byte, 1, at) == 1);
    byte ^= 4;
    NEED(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

TestSuite(engine_log, .init = make_dir, .fini = remove_dir);

Test(engine_log, replays_what_was_committed)
{
    commit_and_crash(5, 100);
    cr_expect_eq(reopen_and_count(), 5);
    cr_expect_eq(reopen_and_count(), 5, "and after an orderly end there is nothing to replay");
}

Test(engine_log, leaves_to_the_next_start_what_it_has_no_time_for_at_the_end)
{
    void *self = NULL;

    NEED(engine_log.open(dir.path, STORE_BYTES, &self, NULL) == STATUS_OK);
    struct log_engine *engine = self;

    for (uint32_t i = 1; i <= 100; i++) {
        commit_number(self, i, 40000);
    }
    engine->close_patience_us = 0;
    engine_log.close(self);
    cr_expect_eq(reopen_and_count(), 100);
    cr_expect_eq(reopen_and_count(), 100);
}

/* 100 commits of 40 KiB pass through several 1 MiB segments. */
Test(engine_log, replays_across_segments)
{
    commit_and_crash(100, 40000);
    cr_expect_eq(reopen_and_count(), 100);
    commit_and_crash(100, 40000);
    cr_expect_eq(reopen_and_count(), 100);
}

Test(engine_log, drops_a_record_that_was_cut_short)
{
    commit_and_crash(5, 10000); /* three pages each, from the second page on */
    int fd = open_segment(0);
    static const char zeros[4096];

    cr_assert_eq(pwrite(fd, zeros, sizeof zeros, (off_t)(1 + 4 * 3 + 2) * 4096),
                 (ssize_t)sizeof zeros);
    close(fd);
    cr_expect_eq(reopen_and_count(), 4);
}

Test(engine_log, refuses_damage_with_commits_behind_it)
{
    commit_and_crash(5, 100); /* a page each, from the second page on */
    flip_bit(0, (off_t)3 * 4096 + 60);
    expect_refused("is damaged behind commit 2");
    flip_bit(0, (off_t)3 * 4096 + 60);
    cr_expect_eq(reopen_and_count(), 5);
}

Test(engine_log, takes_a_damaged_last_record_for_torn)
{
    commit_and_crash(5, 100);
    flip_bit(0, (off_t)5 * 4096 + 60);
    cr_expect_eq(reopen_and_count(), 4);
}

Test(engine_log, refuses_a_damaged_header)
{
    commit_and_crash(5, 100);
    flip_bit(0, 20);
    expect_refused("damaged or of a newer version");
}

Test(engine_log, refuses_a_database_older_than_the_log)
{
    char path[300];

    commit_and_crash(100, 40000);
    (void)reopen_and_count();
    commit_and_crash(1, 100);
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir.path);
    cr_assert_eq(unlink(path), 0);
    expect_refused("missing or empty");
    (void)snprintf(path, sizeof path, "%s/STORE", dir.path); /* as if it were an older copy */
    cr_assert_eq(unlink(path), 0);
    expect_refused("the database is older than the log");
}

Test(engine_log, starts_over_in_a_segment_whose_first_record_is_torn)
{
    commit_and_crash(1, 100);
    flip_bit(0, 4096 + 60);
    cr_expect_eq(reopen_and_count(), 0);
    commit_and_crash(3, 100);
    cr_expect_eq(reopen_and_count(), 3);
}

Test(engine_log, refuses_a_log_that_is_missing)
{
    commit_and_crash(5, 100);
    remove_segment(0);
    expect_refused("changes.0 is missing: the commits from 1 on");
    expect_refused("restore the whole data directory from a copy");
}

Test(engine_log, refuses_a_log_that_was_emptied_or_cut)
{
    commit_and_crash(5, 100);
    cut_segment(0, 512 << 10);
    expect_refused("changes.0 was cut");
    cut_segment(0, 4096);
    expect_refused("changes.0 was cut");
    cut_segment(0, 0);
    expect_refused("changes.0 was cut");
}

Test(engine_log, refuses_a_log_whose_header_is_blank)
{
    static const char zeros[48];

    commit_and_crash(5, 100);
    overwrite(0, 0, text_make(zeros, sizeof zeros));
    expect_refused("damaged or of a newer version");
}

/* The newest of several: those before it have been checkpointed, or go on in it. */
Test(engine_log, refuses_to_lose_any_segment_in_use)
{
    struct claims claims;
    struct lmdb_map *map = NULL;

    commit_and_crash(100, 40000);
    NEED(lmdb_map_open(dir.path, STORE_BYTES, &map, NULL) == STATUS_OK);
    NEED(claims_load(map, &claims, NULL) == STATUS_OK && claims.are_noted);
    lmdb_map_close(map);
    unsigned newest = 0;

    for (unsigned i = 1; i < SEGMENTS_MAX; i++) {
        newest = claims.of[i].first > claims.of[newest].first ? i : newest;
    }
    cr_assert_gt(claims.of[newest].first, 1);
    remove_segment(newest);
    expect_refused("is missing");
}

Test(engine_log, refuses_the_log_of_another_time)
{
    char kept[2 * 4096];
    int fd = -1;

    commit_and_crash(3, 100);
    fd = open_segment(0);
    NEED(pread(fd, kept, sizeof kept, 0) == (ssize_t)sizeof kept);
    close(fd);
    cr_assert_eq(reopen_and_count(), 3);
    commit_and_crash(3, 100);
    overwrite(0, 0, text_make(kept, sizeof kept));
    expect_refused("is not the one that the database belongs to");
}

/* The header is there, the note in the database is not yet: nothing can have been written. */
Test(engine_log, starts_after_a_crash_between_header_and_note)
{
    struct segment *segment = NULL;
    bool is_fatal = false;

    commit_and_crash(5, 100);
    cr_assert_eq(segment_open(dir.path, 1, SEGMENT_BYTES_MIN, &segment, NULL), STATUS_OK);
    cr_assert_eq(segment_begin(segment, 6, &is_fatal, NULL), STATUS_OK);
    segment_close(segment);
    cr_expect_eq(reopen_and_count(), 5);
    commit_and_crash(100, 40000);
    cr_expect_eq(reopen_and_count(), 100);
}

Test(engine_log, tells_what_it_replayed_and_what_it_dropped)
{
    commit_and_crash(5, 10000);
    struct engine_opening opening = reopen_and_report();

    cr_expect_eq(opening.replayed, 5);
    cr_expect_eq(opening.dropped_bytes, 0);
    opening = reopen_and_report();
    cr_expect_eq(opening.replayed, 0);
    commit_and_crash(5, 10000);
    flip_bit(0, (off_t)(1 + 4 * 3 + 2) * 4096 + 60); /* the third page of the last record */
    opening = reopen_and_report();
    cr_expect_eq(opening.replayed, 4);
    cr_expect_gt(opening.dropped_bytes, 10000);
    cr_expect_str_eq(opening.dropped_from, "changes.0");
}

/* What is behind the end of a file that was never used so far is of the torn record as well. */
Test(engine_log, counts_what_is_left_of_a_record_without_its_beginning)
{
    static const char zeros[4096];

    commit_and_crash(5, 10000);
    overwrite(0, (off_t)(1 + 4 * 3) * 4096, text_make(zeros, sizeof zeros));
    struct engine_opening opening = reopen_and_report();

    cr_expect_eq(opening.replayed, 4);
    cr_expect_eq(opening.dropped_bytes, (uint64_t)3 * 4096);
}

/* As a version left it that knew no notes: a header of format 1, and no row. */
static void make_old(void)
{
    struct lmdb_map *map = NULL;
    char header[4096];
    char old[40];
    struct buffer buffer = buffer_over(old, sizeof old);
    bool is_fatal = false;
    int fd = open_segment(0);

    NEED(pread(fd, header, sizeof header, 0) == (ssize_t)sizeof header);
    close(fd);
    struct cursor cursor = cursor_over(text_make(header, sizeof header));
    uint64_t magic = cursor_u64(&cursor);

    (void)cursor_u64(&cursor);
    buffer_add_u64(&buffer, magic);
    buffer_add_u64(&buffer, 1);
    buffer_add_u64(&buffer, cursor_u64(&cursor));
    buffer_add_u64(&buffer, cursor_u64(&cursor));
    buffer_add_u64(&buffer, log_record_checksum(buffer_text(&buffer), magic));
    memset(header, 0, sizeof header);
    memcpy(header, old, sizeof old);
    overwrite(0, 0, text_make(header, sizeof header));
    NEED(lmdb_map_open(dir.path, STORE_BYTES, &map, NULL) == STATUS_OK);
    lmdb_map_begin(map);
    lmdb_map_delete(map, T("\0segments"));
    NEED(lmdb_map_commit(map, &is_fatal, NULL) == STATUS_OK);
    lmdb_map_close(map);
}

Test(engine_log, takes_over_a_log_that_was_never_noted_and_notes_it)
{
    struct claims claims;
    struct lmdb_map *map = NULL;

    commit_and_crash(5, 100);
    make_old();
    commit_and_crash(0, 0); /* opens and is gone */
    NEED(lmdb_map_open(dir.path, STORE_BYTES, &map, NULL) == STATUS_OK);
    cr_assert_eq(claims_load(map, &claims, NULL), STATUS_OK);
    lmdb_map_close(map);
    cr_expect_eq(claims.of[0].first, 1);
    cr_expect_eq(reopen_and_count(), 5);
}

Test(engine_log, makes_room_of_what_was_deleted_when_asked)
{
    void *self = NULL;
    bool is_fatal = false;

    NEED(engine_log.open(dir.path, STORE_BYTES, &self, NULL) == STATUS_OK);
    struct log_engine *engine = self;

    commit_number(self, 1, 100);
    cr_expect_eq(engine_log.relieve(self, &is_fatal, NULL), STATUS_OK);
    cr_expect_eq(engine->active->records, 0);
    cr_expect_eq(engine_log.relieve(self, &is_fatal, NULL), STATUS_OK, "nothing to do");
    commit_number(self, 2, 100);
    engine_log.close(self);
    cr_expect_eq(reopen_and_count(), 2);
}

/* The limit on the size of files stands for a disk on which no file may grow any more. */
Test(engine_log, goes_on_in_another_file_when_one_cannot_grow)
{
    struct rlimit limit = {.rlim_cur = 3 << 20, .rlim_max = RLIM_INFINITY};
    void *self = NULL;

    NEED(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    NEED(engine_log.open(dir.path, 8 * STORE_BYTES, &self, NULL) == STATUS_OK);
    for (int i = 0; i < 800; i++) { /* 8 MB of one row that is replaced, in files of 3 */
        commit_number(self, 1, 10000);
    }
    engine_log.close(self);
    cr_expect_eq(reopen_and_count(), 1);
}

Test(engine_log, takes_over_a_directory_of_the_engine_lmdb_but_not_back)
{
    void *self = NULL;
    struct why why = {.text = ""};

    cr_assert_eq(engine_lmdb.open(dir.path, STORE_BYTES, &self, NULL), STATUS_OK);
    struct key key = key_u32(TABLE_TOPIC, 1);
    struct batch *batch = batch_create(1);
    struct blob *value = blob_copy(T("\1"));
    bool is_fatal = false;

    batch_add(batch, &key, value, NULL);
    cr_assert_eq(engine_lmdb.commit(self, batch, &is_fatal, NULL), STATUS_OK);
    batch_free(batch);
    blob_unref(value);
    engine_lmdb.close(self);
    cr_expect_eq(reopen_and_count(), 1);
    cr_expect_eq(engine_lmdb.open(dir.path, STORE_BYTES, &self, &why), STATUS_STORAGE);
    cr_expect_not_null(strstr(why.text, "written by the engine \"log\""));
}
