/* The hostile endpoint as a program, for tests in other languages:
 *   hostile_endpoint [--port N] --mode MODE
 * prints its port, then one line per request that was read, until standard input ends or it is
 * killed. */
#include "hostile_endpoint.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int usage(void)
{
    (void)fprintf(stderr, "usage: hostile_endpoint [--port N] --mode MODE\nmodes: status-NNN");
    for (const char *const *mode = hostile_modes(); *mode != NULL; mode++) {
        (void)fprintf(stderr, " %s", *mode);
    }
    (void)fprintf(stderr, "\n");
    return 2;
}

/* Until standard input ends. */
static void report_requests(struct hostile_endpoint *endpoint)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    uint32_t said = 0;
    char byte = 0;

    while (poll(&input, 1, 20) <= 0 || read(STDIN_FILENO, &byte, 1) > 0) {
        for (uint32_t now = hostile_requests(endpoint); said < now; said++) {
            (void)printf("request %u\n", said + 1);
        }
        (void)fflush(stdout);
    }
}

int main(int count, char **arguments)
{
    static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                          {"mode", required_argument, NULL, 'm'},
                                          {NULL, 0, NULL, 0}};
    struct hostile_options options = {.mode = NULL};
    int option = 0;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    while ((option = getopt_long(count, arguments, "", names, NULL)) != -1) {
        if (option == 'p') {
            options.port = (uint16_t)strtoul(optarg, NULL, 10);
        } else if (option == 'm') {
            options.mode = optarg;
        } else {
            return usage();
        }
    }
    if (options.mode == NULL) {
        return usage();
    }
    struct hostile_endpoint *endpoint = hostile_start(&options);

    if (endpoint == NULL) {
        return 1;
    }
    (void)printf("%u\n", hostile_port(endpoint));
    (void)fflush(stdout);
    report_requests(endpoint);
    hostile_stop(endpoint);
    return 0;
}
