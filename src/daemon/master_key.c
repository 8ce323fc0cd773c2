/* The master keys: read once, before the store is opened; never written anywhere. */
#include "base/log.h"
#include "daemon/server.h"

/* A copy of the data directory would hold the key to it. */
static void warn_of_place(const struct settings *settings)
{
    for (struct text rest = settings->master_key; rest.len > 0;) {
        struct text place = text_cut(&rest, ',');
        struct text behind = text_after(place, settings->data.len);

        if (settings->data.len > 0 && text_starts_with(place, settings->data)
            && text_starts_with(behind, T("/"))) {
            log_warn("master_key_beside_data",
                     "file=\"%.*s\" remedy=\"whoever has a copy of the data directory has its "
                     "key as well: keep it elsewhere\"",
                     TEXT_PRINTF(place));
        }
    }
}

enum seal_mode master_key_mode(const struct settings *settings)
{
    return text_equal(settings->encrypt, T("all"))     ? SEAL_ALL
           : text_equal(settings->encrypt, T("named")) ? SEAL_NAMED
                                                       : SEAL_NONE;
}

enum status master_key_open(struct server *server, struct why *why)
{
    const struct settings *settings = server->settings;
    char name[MASTER_ID_TEXT];

    if (settings->master_key.len == 0) {
        return master_key_mode(settings) != SEAL_ALL
                   ? STATUS_OK
                   : fail(why, STATUS_INVALID,
                          "encrypt is \"all\" and there is no key to encrypt with: name one in "
                          "master_key");
    }
    enum status status = masters_open(settings->master_key, &server->masters, why);

    if (status != STATUS_OK) {
        return status;
    }
    masters_name(server->masters, name);
    log_info("master_key", "id=%s encrypt=%.*s", name, TEXT_PRINTF(settings->encrypt));
    if (!masters_are_locked(server->masters)) {
        log_warn("master_key_not_locked",
                 "remedy=\"its memory may be swapped out: raise LimitMEMLOCK=, or turn swap "
                 "off\"");
    }
    warn_of_place(settings);
    return STATUS_OK;
}

void master_key_tell(struct server *server)
{
    struct seals_counters now = cell_seals(server->cell);

    if (server->stale_keys > 0 && now.stale == 0) {
        log_info("master_key_rotated",
                 "data_keys=%llu remedy=\"all are wrapped by the first master key: the others "
                 "can be taken out of master_key\"",
                 (unsigned long long)now.rewrapped);
    }
    server->stale_keys = now.stale;
}
