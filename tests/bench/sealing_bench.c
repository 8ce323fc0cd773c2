/* link: sealing base */
/* What sealing and opening a row costs: sealing_bench [milliseconds a row].  One line of JSON
 * per size: microseconds a row and a KiB, both ways, and a data key unwrapped. */
#include "base/clock.h"
#include "base/memory.h"
#include "sealing/sealing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t key[SEALING_KEY_SIZE] = {1};

#define PLACE T("b12345678")

struct figures {
    double seal_us, open_us;
};

static double each_us(int64_t began_us, uint64_t count)
{
    return (double)(clock_boot_us() - began_us) / (double)count;
}

static struct figures measure(struct sealer *sealer, size_t size, int64_t last_us)
{
    struct blob *row = blob_new(size);
    struct row_seal seal = {.key = key, .key_number = 1, .place = PLACE, .head = 27};
    struct figures figures;
    int64_t began_us = clock_boot_us();

    memset(row->at, 'x', size);
    while (clock_boot_us() - began_us < last_us) {
        seal.counter++;
        blob_unref(row_seal(sealer, blob_text(row), &seal));
    }
    figures.seal_us = each_us(began_us, seal.counter);
    struct blob *sealed = row_seal(sealer, blob_text(row), &seal);
    uint64_t opened = 0;

    began_us = clock_boot_us();
    while (clock_boot_us() - began_us < last_us) {
        struct blob *back = row_open(sealer, blob_text(sealed), key, PLACE);

        if (back == NULL) {
            abort();
        }
        blob_unref(back);
        opened++;
    }
    figures.open_us = each_us(began_us, opened);
    blob_unref(sealed);
    blob_unref(row);
    return figures;
}

static double measure_unwrap(int64_t last_us)
{
    struct masters *masters = masters_of(key, 1);
    struct random *random = random_seeded(1);
    uint8_t wrapped[WRAPPED_SIZE];
    uint8_t back[SEALING_KEY_SIZE];
    uint64_t count = 0;

    masters_wrap(masters, random, PLACE, key, wrapped);
    int64_t began_us = clock_boot_us();

    while (clock_boot_us() - began_us < last_us) {
        if (masters_unwrap(masters, PLACE, text_make(wrapped, sizeof wrapped), back, NULL)
            != STATUS_OK) {
            abort();
        }
        count++;
    }
    double us = each_us(began_us, count);

    masters_free(masters);
    memory_free(random);
    return us;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64, 256, 1024, 4096, 65536, 1048576};
    int64_t last_us = (argc > 1 ? strtol(argv[1], NULL, 10) : 20) * 1000;
    struct sealer *sealer = sealer_create();

    for (size_t i = 0; i < countof(sizes); i++) {
        struct figures figures = measure(sealer, sizes[i], last_us);
        double kib = (double)sizes[i] / 1024;

        (void)printf("{\"bytes\": %zu, \"seal_us\": %.2f, \"open_us\": %.2f, "
                     "\"seal_us_kib\": %.2f, \"open_us_kib\": %.2f}\n",
                     sizes[i], figures.seal_us, figures.open_us, figures.seal_us / kib,
                     figures.open_us / kib);
    }
    (void)printf("{\"unwrap_us\": %.2f}\n", measure_unwrap(last_us));
    sealer_free(sealer);
    return 0;
}
