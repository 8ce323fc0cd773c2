/* The daemon: all rooms, wired. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "settings/settings.h"

/* Runs until SIGTERM or SIGINT; the process's exit code. */
int server_run(struct settings *settings);

#endif
