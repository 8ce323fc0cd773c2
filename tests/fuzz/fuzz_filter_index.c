/* A program of index operations: every line of the input is a policy to add, a message to
 * match, or (a line "-n") an id to remove.  After every match the index agrees with the
 * policies tried one by one, and an emptied index holds nothing. # link: filter */
#include <fanfare/filter.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 32

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct machine {
    struct filter_index *index;
    struct filter_policy *policies[SLOTS]; /* by id */
    uint32_t next;
};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void slot_clear(struct machine *machine, uint32_t id)
{
    enum filter_status expected = machine->policies[id] == NULL ? FILTER_NOT_FOUND : FILTER_OK;

    require(filter_index_remove(machine->index, id) == expected);
    filter_policy_free(machine->policies[id]);
    machine->policies[id] = NULL;
}

static void policy_add(struct machine *machine, const char *line, size_t len,
                       enum filter_scope scope)
{
    uint32_t id = machine->next++ % SLOTS;
    struct filter_policy *policy;

    if (filter_policy_compile(line, len, scope, FILTER_PROFILE_FANFARE, &policy, NULL)
        != FILTER_OK) {
        return;
    }
    slot_clear(machine, id);
    require(filter_index_add(machine->index, id, policy) == FILTER_OK);
    require(filter_index_add(machine->index, id, policy) == FILTER_EXISTS);
    machine->policies[id] = policy;
}

static void message_match(struct machine *machine, const char *line, size_t len)
{
    struct filter_attribute attribute = {"a", 1, FILTER_ATTRIBUTE_STRING, line, len};
    struct filter_message message = {
        .attributes = &attribute, .attribute_count = 1, .body = line, .body_len = len};
    const uint32_t *ids;
    size_t count;
    size_t at = 0;

    require(filter_index_match(machine->index, &message, &ids, &count) == FILTER_OK);
    for (uint32_t id = 0; id < SLOTS; id++) {
        bool found = at < count && ids[at] == id;
        bool matches = false;

        if (machine->policies[id] != NULL) {
            require(filter_policy_matches(machine->policies[id], &message, &matches)
                    == FILTER_OK);
        }
        require(matches == found);
        at += found;
    }
    require(at == count);
}

static void line_run(struct machine *machine, const char *line, size_t len)
{
    if (len > 1 && line[0] == '-') {
        slot_clear(machine, (uint32_t)line[1] % SLOTS);
    } else if (len > 1 && line[0] == '+') {
        policy_add(machine, line + 1, len - 1, FILTER_SCOPE_BODY);
    } else if (len > 1 && line[0] == '*') {
        policy_add(machine, line + 1, len - 1, FILTER_SCOPE_ATTRIBUTES);
    } else {
        message_match(machine, line, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine machine = {.index = filter_index_create()};
    const char *at = (const char *)data;
    const char *end = at + size;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline == NULL ? end : newline) - at);

        line_run(&machine, at, len);
        at += newline == NULL ? len : len + 1;
    }
    for (uint32_t id = 0; id < SLOTS; id++) {
        slot_clear(&machine, id);
    }
    require(filter_index_count(machine.index) == 0);
    filter_index_free(machine.index);
    return 0;
}
