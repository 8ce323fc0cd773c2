/* Rows in LMDB: long values in pieces, what damage does to them, and directories of before. */
#include "base/memory.h"
#include "store/lmdb_map.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAP_BYTES ((uint64_t)16 << 20)
#define LONG_MAX  ((size_t)1 << 20)

static struct temp_dir dir;
static struct lmdb_map *map;
static char bytes[LONG_MAX];

static void begin(void)
{
    dir = temp_dir_make();
    NEED(lmdb_map_open(dir.path, MAP_BYTES, &map, NULL) == STATUS_OK);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 31 + i / 4080);
    }
}

static void end(void)
{
    lmdb_map_close(map);
    map = NULL;
    temp_dir_remove(&dir);
}

TestSuite(lmdb_map, .init = begin, .fini = end);

static void put(const char *key, struct text value)
{
    bool is_fatal = false;

    lmdb_map_begin(map);
    if (value.at == NULL) {
        lmdb_map_delete(map, text_from(key));
    } else {
        lmdb_map_put(map, text_from(key), value);
    }
    NEED(lmdb_map_commit(map, &is_fatal, NULL) == STATUS_OK);
}

struct seen {
    enum status status;
    uint32_t rows;
    uint32_t damaged;
    size_t len; /* of the last sound one */
    bool is_right;
};

/* All rows, the values of which are the beginning of `bytes`. */
static struct seen look(bool reverse)
{
    struct lmdb_view view;
    struct seen seen = {.is_right = true};

    NEED(lmdb_view_open(map, (struct row_range){.reverse = reverse}, &view) == STATUS_OK);
    while (view.rows.advance(&view.rows)) {
        const struct engine_row *row = &view.rows.row;

        seen.rows++;
        seen.damaged += row->is_damaged;
        if (!row->is_damaged) {
            seen.len = row->value.len;
            seen.is_right = seen.is_right && text_equal(row->value, text_make(bytes, seen.len));
        }
    }
    seen.status = view.rows.status;
    lmdb_view_close(&view);
    return seen;
}

/* The pages that rows take: what is left behind would show. */
static uint64_t pages_used(void)
{
    MDB_env *env = NULL;
    MDB_stat stat;

    lmdb_map_close(map);
    NEED(mdb_env_create(&env) == 0 && mdb_env_open(env, dir.path, 0, 0600) == 0);
    NEED(mdb_env_stat(env, &stat) == 0);
    mdb_env_close(env);
    NEED(lmdb_map_open(dir.path, MAP_BYTES, &map, NULL) == STATUS_OK);
    return stat.ms_leaf_pages + stat.ms_overflow_pages;
}

Test(lmdb_map, values_of_every_length_come_back)
{
    static const size_t lens[] = {1, 2030, 4071, 4072, 4080, 4081, 8160, 8161, 70000, LONG_MAX};

    for (size_t i = 0; i < countof(lens); i++) {
        put("key", text_make(bytes, lens[i]));
        for (int reverse = 0; reverse < 2; reverse++) {
            struct seen seen = look(reverse != 0);

            cr_expect_eq(seen.status, STATUS_OK);
            cr_expect_eq(seen.rows, 1, "%zu", lens[i]);
            cr_expect_eq(seen.damaged, 0, "%zu", lens[i]);
            cr_expect_eq(seen.len, lens[i]);
            cr_expect(seen.is_right, "%zu", lens[i]);
        }
    }
}

Test(lmdb_map, a_long_value_leaves_nothing_behind)
{
    put("a", text_make(bytes, 10));
    uint64_t before = pages_used();

    put("b", text_make(bytes, LONG_MAX));
    cr_expect_gt(pages_used(), before + 256);
    put("b", text_make(bytes, 10));
    cr_expect_eq(pages_used(), before, "a shorter one in its place");
    put("b", text_make(bytes, LONG_MAX));
    put("b", (struct text){0});
    cr_expect_eq(pages_used(), before, "deleted");
    cr_expect_eq(look(false).rows, 1);
}

/* --- Damage. */

static void path_of_data(char path[300])
{
    (void)snprintf(path, 300, "%s/data.mdb", dir.path);
}

/* Turns one bit in every place of the file that holds `what`. */
static uint32_t flip(struct text what)
{
    char path[300];
    uint32_t flipped = 0;

    path_of_data(path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    off_t size = lseek(file, 0, SEEK_END);
    char *all = memory_take((size_t)size);

    NEED(file >= 0 && pread(file, all, (size_t)size, 0) == size);
    for (off_t i = 0; i + (off_t)what.len <= size; i++) {
        if (memcmp(all + i, what.at, what.len) == 0) {
            char turned = (char)(all[i] ^ 4);

            NEED(pwrite(file, &turned, 1, i) == 1);
            flipped++;
        }
    }
    memory_free(all);
    close(file);
    return flipped;
}

Test(lmdb_map, a_value_that_changed_on_disk_is_damage_and_its_neighbours_are_not)
{
    put("a", text_make(bytes, 100));
    put("b", T("the value that will be damaged"));
    put("c", text_make(bytes, 100));
    cr_assert_gt(flip(T("the value that will be damaged")), 0);
    struct seen seen = look(false);

    cr_expect_eq(seen.status, STATUS_OK);
    cr_expect_eq(seen.rows, 3);
    cr_expect_eq(seen.damaged, 1);
    cr_expect(seen.is_right);
    put("b", text_make(bytes, 50));
    cr_expect_eq(look(false).damaged, 0, "written anew it is sound");
}

Test(lmdb_map, a_piece_that_changed_on_disk_is_damage)
{
    put("b", text_make(bytes, 70000));
    cr_assert_gt(flip(text_make(bytes + 60000, 100)), 0);
    cr_expect_eq(look(true).damaged, 1);
    put("b", (struct text){0});
    cr_expect_eq(look(true).rows, 0);
}

Test(lmdb_map, a_key_that_changed_on_disk_is_damage_too)
{
    put("key-of-the-row", text_make(bytes, 100));
    cr_assert_gt(flip(T("key-of-the-row")), 0);
    cr_expect_eq(look(false).damaged, 1);
}

Test(lmdb_map, keys_out_of_order_end_a_scan)
{
    put("key-1", text_make(bytes, 100));
    put("key-2", text_make(bytes, 100));
    put("key-3", text_make(bytes, 100));
    cr_assert_gt(flip(T("key-2")), 0);
    cr_expect_eq(look(false).status, STATUS_STORAGE);
    cr_expect_eq(look(true).status, STATUS_STORAGE);
}

Test(lmdb_map, a_file_that_was_cut_is_refused)
{
    struct why why = {.text = ""};
    char path[300];

    put("key", text_make(bytes, LONG_MAX));
    lmdb_map_close(map);
    map = NULL;
    path_of_data(path);
    NEED(truncate(path, 643035) == 0);
    cr_expect_eq(lmdb_map_open(dir.path, MAP_BYTES, &map, &why), STATUS_STORAGE);
    cr_expect(strstr(why.text, "was cut") != NULL, "%s", why.text);
}

/* --- Pages inside the tree. */

#define BRANCH_FLAG  0x01
#define FLAGS_AT     10
#define LOWER_AT     12
#define NODES_AT     16
#define KEY_SIZE_AT  6 /* of a node; its key begins behind that */
#define TREE_ROWS    3000
#define BRANCHES_MAX 64

enum tree_damage {
    LAST_CHILD_LOST,
    CHILDREN_SWAPPED,
    SEPARATOR_CHANGED,
    TREE_DAMAGES
};

static void branch_damage(uint8_t *page, enum tree_damage damage)
{
    uint16_t lower;
    uint16_t nodes[2];

    memcpy(&lower, page + LOWER_AT, sizeof lower);
    memcpy(nodes, page + NODES_AT, sizeof nodes);
    if (damage == LAST_CHILD_LOST) {
        lower = (uint16_t)(lower - sizeof nodes[0]);
        memcpy(page + LOWER_AT, &lower, sizeof lower);
    } else if (damage == SEPARATOR_CHANGED) {
        uint8_t *node = page + nodes[1];
        uint16_t len;

        memcpy(&len, node + KEY_SIZE_AT, sizeof len);
        node[KEY_SIZE_AT + sizeof len + len - 1] ^= 1;
    } else {
        memcpy(page + NODES_AT, &nodes[1], sizeof nodes[1]);
        memcpy(page + NODES_AT + sizeof nodes[1], &nodes[0], sizeof nodes[0]);
    }
}

/* All of them: which ones the newest tree has nobody tells. */
static uint32_t branches_damage(enum tree_damage damage)
{
    uint8_t page[4096];
    uint32_t damaged = 0;
    char path[300];

    path_of_data(path);
    int file = open(path, O_RDWR);

    NEED(file >= 0);
    for (off_t at = 2 * (off_t)sizeof page; pread(file, page, sizeof page, at) == sizeof page;
         at += (off_t)sizeof page) {
        if (page[FLAGS_AT] == BRANCH_FLAG && page[FLAGS_AT + 1] == 0
            && damaged < BRANCHES_MAX) {
            branch_damage(page, damage);
            NEED(pwrite(file, page, sizeof page, at) == sizeof page);
            damaged++;
        }
    }
    NEED(close(file) == 0);
    return damaged;
}

Test(lmdb_map, a_tree_that_leads_astray_is_refused)
{
    for (int damage = 0; damage < TREE_DAMAGES; damage++) {
        struct why why = {.text = ""};
        bool is_fatal = false;
        char key[16];

        lmdb_map_begin(map);
        for (uint32_t i = 0; i < TREE_ROWS; i++) {
            (void)snprintf(key, sizeof key, "tree-%05u", i);
            lmdb_map_put(map, text_from(key), text_make(bytes, 100));
        }
        NEED(lmdb_map_commit(map, &is_fatal, NULL) == STATUS_OK);
        lmdb_map_close(map);
        map = NULL;
        NEED(lmdb_map_open(dir.path, MAP_BYTES, &map, &why) == STATUS_OK);
        lmdb_map_close(map);
        map = NULL;
        cr_assert_gt(branches_damage((enum tree_damage)damage), 0);
        cr_expect_eq(lmdb_map_open(dir.path, MAP_BYTES, &map, &why), STATUS_STORAGE);
        cr_expect_not_null(strstr(why.text, "damaged"), "%s", why.text);
        temp_dir_remove(&dir);
        begin();
    }
}

/* --- The layout of before: values as they are. */

static void old_database(uint32_t rows, bool has_format)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    uint64_t checkpoint = 7;

    lmdb_map_close(map);
    map = NULL;
    temp_dir_remove(&dir);
    dir = temp_dir_make();
    NEED(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, MAP_BYTES) == 0);
    NEED(mdb_env_open(env, dir.path, 0, 0600) == 0);
    NEED(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
    for (uint32_t i = 0; i < rows; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "n%05u", i);
        MDB_val key_val = {.mv_size = (size_t)len, .mv_data = key};
        MDB_val value = {.mv_size = i % 100 == 0 ? 30000 : 200, .mv_data = bytes};

        NEED(mdb_put(txn, dbi, &key_val, &value, 0) == 0);
    }
    MDB_val own = lmdb_val(T("\0checkpoint"));
    MDB_val own_value = {.mv_size = sizeof checkpoint, .mv_data = &checkpoint};
    MDB_val format = lmdb_val(T("mformat"));
    MDB_val format_value = lmdb_val(T("\0\0\0\1"));

    NEED(mdb_put(txn, dbi, &own, &own_value, 0) == 0);
    NEED(!has_format || mdb_put(txn, dbi, &format, &format_value, 0) == 0);
    NEED(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

Test(lmdb_map, a_directory_of_before_is_brought_up_to_date)
{
    uint64_t checkpoint = 0;
    size_t len = 0;

    old_database(1500, true);
    for (int times = 0; times < 2; times++) {
        NEED(lmdb_map_open(dir.path, MAP_BYTES, &map, NULL) == STATUS_OK);
        cr_expect_eq(lmdb_map_get(map, T("\0checkpoint"), &checkpoint, sizeof checkpoint, &len),
                     STATUS_OK);
        cr_expect_eq(checkpoint, 7);
        cr_expect_eq(lmdb_map_get(map, T("mformat"), &checkpoint, sizeof checkpoint, &len),
                     STATUS_OK);
        cr_expect_eq(len, 4);
        cr_expect_eq(look(false).rows, 1501);
        cr_expect_eq(look(false).damaged, 0);
        lmdb_map_close(map);
    }
    map = NULL;
}

Test(lmdb_map, rows_of_no_known_layout_are_refused)
{
    struct why why = {.text = ""};

    old_database(3, false);
    cr_expect_eq(lmdb_map_open(dir.path, MAP_BYTES, &map, &why), STATUS_STORAGE);
    cr_expect(strstr(why.text, "damaged") != NULL, "%s", why.text);
}

Test(lmdb_map, a_database_that_is_gone_or_empty_is_no_new_one)
{
    char path[4096];
    struct why why = {.text = ""};

    lmdb_map_close(map);
    map = NULL;
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir.path);
    NEED(truncate(path, 0) == 0);
    cr_expect_eq(lmdb_map_open(dir.path, MAP_BYTES, &map, &why), STATUS_STORAGE);
    cr_expect(strstr(why.text, "missing or empty") != NULL, "%s", why.text);
    NEED(unlink(path) == 0);
    cr_expect_eq(lmdb_map_open(dir.path, MAP_BYTES, &map, &why), STATUS_STORAGE);
    (void)snprintf(path, sizeof path, "%s/STORE", dir.path);
    NEED(unlink(path) == 0); /* who wants a new one says so */
    cr_expect_eq(lmdb_map_open(dir.path, MAP_BYTES, &map, &why), STATUS_OK, "%s", why.text);
}
