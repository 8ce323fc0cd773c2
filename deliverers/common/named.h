/* Things that an operator names, an option's JSON {"name": {"setting": value}}: commands that
 * may be run, servers that may be delivered to.  A kind of thing is a table of its settings. */
#ifndef DELIVERERS_COMMON_NAMED_H
#define DELIVERERS_COMMON_NAMED_H

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHY_ROOM 256

/* Writes why not, cut to its room.  Always false: return refuse(...). */
__attribute__((format(printf, 2, 3))) bool refuse(char why[WHY_ROOM], const char *format, ...);

/* What is being read, for the one who reads a setting of it. */
struct named {
    const struct named_kind *kind;
    char *thing; /* begins with its name, a char * */
    char *why;   /* WHY_ROOM bytes */
};

/* refuse(), with "<noun> <name>: " before. */
__attribute__((format(printf, 2, 3))) bool named_refuse(const struct named *named,
                                                        const char *format, ...);

/* A setting: takes its value into the thing, or refuses.  Of a number: what it may be, in
 * uint64_t at `offset`, and what it is when nothing is said; a default of 0 may be said, too.
 */
struct named_setting {
    const char *name;
    bool (*take)(const struct named *named, const struct named_setting *setting, json_t *value);
    size_t offset;
    uint64_t least, most, value;
};

/* 4, "4", "64KiB", "1MiB", "2GiB" */
bool named_number(const struct named *named, const struct named_setting *setting,
                  json_t *value);
/* Not empty; a char * to be freed. */
bool named_text(const struct named *named, const struct named_setting *setting, json_t *value);
/* true or false, a bool. */
bool named_flag(const struct named *named, const struct named_setting *setting, json_t *value);

struct named_kind {
    const char *noun, *plural;
    const char *rule; /* "a server has a name and settings": of names and what they stand for */
    bool (*is_name)(const char *name); /* NULL: any is one */
    size_t size;                       /* of a thing */
    const struct named_setting *settings;
    size_t setting_count;
    bool (*finish)(const struct named *named); /* all settings are read: do they fit? */
    void (*free_thing)(void *thing);           /* what it holds, also when it is half read */
};

/* An array of things, to be freed by named_free; false: nothing is to be freed, and why. */
bool named_read(const struct named_kind *kind, const char *json, void **ret_things,
                size_t *ret_count, char ret_why[WHY_ROOM]);
void named_free(const struct named_kind *kind, void *things, size_t count);
/* A list that ends with NULL, and its texts.  NULL is fine. */
void texts_free(char **texts);

#endif
