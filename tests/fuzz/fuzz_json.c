/* The JSON reader and writer under any bytes.
 * # link: base */
#include "base/json.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* What was read, once written, is read as the same again. */
static void check_round_trip(struct text value, struct arena *arena)
{
    struct json_reader again;
    struct buffer written;

    buffer_init(&written, 6 * value.len + 2);
    json_write_string(&written, value);
    must(!written.overflown);
    json_reader_init(&again, buffer_text(&written), arena);
    must(json_next(&again) == JSON_STRING);
    must(text_equal(again.value, value));
    must(json_next(&again) == JSON_END);
    buffer_free(&written);
}

/* Reads all tokens; true when the text is well-formed. */
static bool check_tokens(struct text text, struct arena *arena)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, text, arena);
    for (;;) {
        token = json_next(&reader);
        must(reader.at >= reader.start && reader.at <= reader.end);
        if (token == JSON_END || token == JSON_ERROR) {
            break;
        }
        if (token == JSON_NAME || token == JSON_STRING) {
            must(text_is_utf8(reader.value));
            check_round_trip(reader.value, arena);
        }
    }
    must((token == JSON_ERROR) == (reader.error != NULL));
    must(json_next(&reader) == token);
    return token == JSON_END;
}

/* A whole value taken raw is what stands between the blanks, and valid by itself. */
static void check_raw(struct text text, struct arena *arena)
{
    struct json_reader reader;
    struct text raw;

    json_reader_init(&reader, text, arena);
    must(json_raw(&reader, &raw));
    must(json_next(&reader) == JSON_END);
    must(json_is_valid(raw));
    json_reader_init(&reader, raw, arena);
    if (json_next(&reader) != JSON_ARRAY) {
        return;
    }
    while (json_raw(&reader, &raw)) {
        must(json_is_valid(raw));
    }
    must(reader.error == NULL && json_next(&reader) == JSON_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text text = text_make(data, size);
    struct arena arena = {0};
    bool is_valid = check_tokens(text, &arena);

    must(json_is_valid(text) == is_valid);
    if (is_valid) {
        check_raw(text, &arena);
    }
    arena_free(&arena);
    return 0;
}
