/* Variables: FANFARE_<NAME> each setting, FANFARE_<TRANSPORT>_<OPTION> each option. */
#include "settings/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_ROOM 128

static const struct text prefix = TEXT("FANFARE_");

void variable_name(const char *name, char *ret_variable, size_t room)
{
    (void)snprintf(ret_variable, room, "FANFARE_%s", name);
    for (char *at = ret_variable; *at != '\0'; at++) {
        *at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
    }
}

void environment_read(struct settings *settings, struct buffer *errors)
{
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        char name[NAME_ROOM];
        struct why why;

        variable_name(row->name, name, sizeof name);
        const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): before any thread */

        if (value != NULL && setting_read(settings, row, text_from(value), &why) != STATUS_OK) {
            buffer_printf(errors, "$%s: %s\n", name, why.text);
        }
    }
}

/* --- Which variables there are. */

/* Those that are no settings: of the clients, of the start, of builds with planted bugs. */
static const char *const others[] = {"FANFARE_ENDPOINT", "FANFARE_ADMIN_SECRET",
                                     "FANFARE_CONFIG", "FANFARE_MUTANT"};

struct search {
    const char *name;
    size_t len;
    char nearest[NAME_ROOM];
    size_t distance; /* of the nearest: 0: it is that */
};

/* How many letters must be put, taken or changed (Levenshtein); names are short. */
static size_t distance_of(const char *a, size_t a_len, const char *b)
{
    size_t row[NAME_ROOM + 1];
    size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = changed < row[j] ? changed : row[j];
        }
    }
    return row[b_len];
}

static void compare(struct search *search, const char *candidate)
{
    size_t distance = distance_of(search->name, search->len, candidate);

    if (distance < search->distance) {
        search->distance = distance;
        (void)snprintf(search->nearest, sizeof search->nearest, "%s", candidate);
    }
}

static void search_all(const struct settings *settings, struct search *search)
{
    char variable[NAME_ROOM];

    for (size_t i = 0; i < countof(others); i++) {
        compare(search, others[i]);
    }
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        variable_name(row->name, variable, sizeof variable);
        compare(search, variable);
    }
    for (const struct option_known *known = settings->options; known != NULL;
         known = known->next) {
        char name[NAME_ROOM];

        (void)snprintf(name, sizeof name, "%s.%s", known->deliverer->name, known->option->name);
        variable_name(name, variable, sizeof variable);
        compare(search, variable);
    }
}

static bool has(struct text text, const char *part)
{
    return text.len > 0 && memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* Kubernetes tells every container of its neighbours' services: of one named fanfare in
 * variables that begin as ours do. */
static bool is_of_neighbour(struct text name, struct text value)
{
    bool is_address =
        text_starts_with(value, T("tcp://")) || text_starts_with(value, T("udp://"));

    return text_ends_with(name, T("_SERVICE_HOST")) || has(name, "_SERVICE_PORT")
           || (text_ends_with(name, T("_PORT")) && is_address)
           || (has(name, "_PORT_") && (has(name, "_TCP") || has(name, "_UDP")));
}

static void complain(const struct settings *settings, struct text name, struct buffer *errors)
{
    struct search search = {.name = name.at, .len = name.len, .distance = SIZE_MAX};

    search_all(settings, &search);
    if (search.distance == 0) {
        return;
    }
    buffer_printf(errors, "$%.*s: there is no such setting", TEXT_PRINTF(name));
    if (search.distance <= 1 + (name.len - prefix.len) / 3) {
        buffer_printf(errors, "; did you mean %s?", search.nearest);
    }
    buffer_add_byte(errors, '\n');
}

void environment_check(const struct settings *settings, struct buffer *errors)
{
    for (char **at = environ; *at != NULL; at++) {
        struct text value = text_from(*at);
        struct text name = text_cut(&value, '=');

        if (text_starts_with(name, prefix) && !is_of_neighbour(name, value)) {
            complain(settings, name, errors);
        }
    }
}
