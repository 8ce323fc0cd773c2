/* power_cut JOURNAL: prints how many events it has.
 * power_cut JOURNAL EVENTS SEED DIRECTORY: makes DIRECTORY, which is there and empty, as the
 * disk may have it after so many events, and prints a line for each mark until then. */
#include "base/memory.h"
#include "tests/support/power_cut.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5) {
        (void)fprintf(stderr, "usage: power_cut JOURNAL [EVENTS SEED DIRECTORY]\n");
        return 2;
    }
    struct power_cut *cut = power_cut_open(argv[1]);

    if (argc == 2) {
        printf("%llu\n", (unsigned long long)power_cut_events(cut));
        power_cut_close(cut);
        return 0;
    }
    uint64_t events = strtoull(argv[2], NULL, 10);
    struct random *random = random_seeded(strtoull(argv[3], NULL, 10));

    power_cut_advance(cut, events);
    power_cut_build(cut, random, argv[4]);
    for (uint64_t i = 0; i < events && i < power_cut_events(cut); i++) {
        const struct power_event *event = power_cut_event(cut, i);

        if (event->kind == POWER_MARK) {
            printf("%.*s\n", (int)event->len, (const char *)(event + 1));
        }
    }
    memory_free(random);
    power_cut_close(cut);
    return 0;
}
