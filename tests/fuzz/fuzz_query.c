/* Any bytes as a form: decoded by a schema with every type, rendered as JSON, which decodes to
 * the same again.
 * # link: api */
#include "tests/unit/api/sample.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On Query a map's item may lack its name, and two may have the same; JSON has no words for the
 * one and refuses the other. */
static bool has_odd_names(const struct text *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_odd = names[i].at == NULL;

        for (size_t other = 0; other < i; other++) {
            is_odd = is_odd || text_equal(names[i], names[other]);
        }
        if (is_odd) {
            return true;
        }
    }
    return false;
}

static bool has_odd_pairs(const struct string_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        bool is_odd = map->items[i].name.at == NULL;

        for (size_t other = 0; other < i; other++) {
            is_odd = is_odd || text_equal(map->items[i].name, map->items[other].name);
        }
        if (is_odd) {
            return true;
        }
    }
    return false;
}

static bool is_odd(const struct sample *input)
{
    return has_odd_names(input->pair_map.names, input->pair_map.count)
           || has_odd_names(input->flat_pair_map.names, input->flat_pair_map.count)
           || has_odd_pairs(&input->map) || has_odd_pairs(&input->flat_map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *input = sample_decode(&sample, WIRE_QUERY, text_make(data, size));

    NEED((input == NULL) == (sample.request.error != NULL));
    if (input == NULL) {
        NEED(text_is_utf8(sample_render(&sample, WIRE_QUERY, NULL)));
    } else if (!is_odd(input)) {
        struct text once = sample_render(&sample, WIRE_JSON, input);
        struct sample *again = sample_decode(&sample, WIRE_JSON, once);

        NEED(again != NULL);
        NEED(text_equal(sample_render(&sample, WIRE_JSON, again), once));
    }
    sample_close(&sample);
    return 0;
}
