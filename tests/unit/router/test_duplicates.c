#include "rig.h"

/* For five minutes an id goes nowhere a second time, wherever the sweeps of old ones fall. */
Test(duplicates, an_id_is_known_for_five_minutes)
{
    for (int64_t start_ms = 0; start_ms < 5 * MINUTE_MS; start_ms += MINUTE_MS / 2) {
        static const int64_t known_ms[] = {1, MINUTE_MS, 156000, 294000, 299999};
        struct rig rig;
        int64_t at_ms = 0;

        rig_open(&rig);
        rig_make(&rig, "news.fifo");
        rig_pass(&rig, start_ms);
        struct rig_call first = rig_publish(&rig, "news.fifo", "same", "g");

        for (size_t i = 0; i < sizeof known_ms / sizeof known_ms[0]; i++) {
            rig_pass(&rig, known_ms[i] - at_ms);
            at_ms = known_ms[i];
            struct rig_call again = rig_publish(&rig, "news.fifo", "same", "g");

            cr_expect_arr_eq(again.id, first.id, sizeof first.id, "after %lld ms",
                             (long long)at_ms);
        }
        rig_pass(&rig, 1);
        struct rig_call fresh = rig_publish(&rig, "news.fifo", "same", "g");

        cr_expect_arr_neq(fresh.id, first.id, sizeof first.id);
        rig_pass(&rig, 11 * MINUTE_MS);
        cr_expect_eq(rig_rows(&rig, TABLE_TOPIC_DUPLICATE), 0);
        rig_close(&rig);
    }
}
