/* Options that more than one transport has. */
#include "deliverers/common/options.h"

#include <stdio.h>
#include <string.h>

bool option_complain(struct deliverer_host *host, const char *option, const char *why)
{
    char line[512];

    (void)snprintf(line, sizeof line, "option=%s error=\"%s\"", option, why);
    host->log(host, LEVEL_ERROR, line);
    return false;
}

bool option_first_line(const char *path, char *to, size_t room)
{
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(to, (int)room, file) != NULL;

    if (file != NULL) {
        (void)fclose(file);
    }
    to[is_read ? strcspn(to, "\r\n") : 0] = '\0';
    return is_read;
}

bool option_password(struct deliverer_host *host, char *to, size_t room)
{
    const char *path = host->option(host, "password_file");

    if (path[0] != '\0') {
        return option_first_line(path, to, room)
               || option_complain(host, "password_file", "it cannot be read, or is empty");
    }
    (void)snprintf(to, room, "%s", host->option(host, "password"));
    return true;
}
