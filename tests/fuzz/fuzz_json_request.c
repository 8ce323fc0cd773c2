/* Any bytes as a JSON body: decoded by a schema with every type, rendered as JSON (which
 * decodes to the same again) and as XML. # link: api */
#include "base/json.h"
#include "tests/unit/api/sample.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *input = sample_decode(&sample, WIRE_JSON, text_make(data, size));

    NEED((input == NULL) == (sample.request.error != NULL));
    if (input == NULL) {
        NEED(json_is_valid(sample_render(&sample, WIRE_JSON, NULL)));
    } else {
        struct text once = sample_render(&sample, WIRE_JSON, input);
        struct sample *again = sample_decode(&sample, WIRE_JSON, once);

        NEED(again != NULL);
        NEED(text_equal(sample_render(&sample, WIRE_JSON, again), once));
        NEED(text_is_utf8(sample_render(&sample, WIRE_QUERY, input)));
    }
    sample_close(&sample);
    return 0;
}
