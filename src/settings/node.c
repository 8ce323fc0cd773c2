/* What the file's readers have in common: mistakes with their line, and values as JSON. */
#include "settings/node.h"

#include "base/json.h"
#include "base/map.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

void file_error(struct file *file, const yaml_node_t *node, const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_printf(file->errors, "%s:%zu: %s\n", file->path, node->start_mark.line + 1, text);
}

const yaml_node_t *node_at(struct file *file, int index)
{
    return yaml_document_get_node(&file->document, index);
}

int node_line(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

struct text scalar(const yaml_node_t *node)
{
    return text_make(node->data.scalar.value, node->data.scalar.length);
}

/* --- YAML values as JSON, for filter policies and the like. */

static bool is_plain_literal(const yaml_node_t *node)
{
    struct text text = scalar(node);

    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
           && (text_equal(text, T("true")) || text_equal(text, T("false"))
               || text_equal(text, T("null")) || json_is_valid(text));
}

/* What the frames of a nesting that YAML allows and JSON texts do not need. */
#define JSON_DEPTH     64
#define JSON_BYTES_MAX ((size_t)1024 * 1024)

static void write_json(struct file *file, const yaml_node_t *node, struct buffer *to,
                       int depth);

static void write_scalar(const yaml_node_t *node, struct buffer *to)
{
    if (is_plain_literal(node)) {
        buffer_add(to, scalar(node));
    } else {
        json_write_string(to, scalar(node));
    }
}

static void write_sequence(struct file *file, const yaml_node_t *node, struct buffer *to,
                           int depth)
{
    const yaml_node_item_t *first = node->data.sequence.items.start;

    buffer_add_byte(to, '[');
    for (const yaml_node_item_t *item = first; item < node->data.sequence.items.top; item++) {
        buffer_add_string(to, item > first ? "," : "");
        write_json(file, node_at(file, *item), to, depth + 1);
    }
    buffer_add_byte(to, ']');
}

static void write_mapping(struct file *file, const yaml_node_t *node, struct buffer *to,
                          int depth)
{
    const yaml_node_pair_t *first = node->data.mapping.pairs.start;

    buffer_add_byte(to, '{');
    for (const yaml_node_pair_t *pair = first; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);

        if (key->type != YAML_SCALAR_NODE) {
            file_error(file, key, "a member's name must be a word");
            continue;
        }
        buffer_add_string(to, pair > first ? "," : "");
        json_write_string(to, scalar(key));
        buffer_add_byte(to, ':');
        write_json(file, node_at(file, pair->value), to, depth + 1);
    }
    buffer_add_byte(to, '}');
}

static void write_json(struct file *file, const yaml_node_t *node, struct buffer *to, int depth)
{
    if (to->overflown) {
        return; /* said once, at the end */
    }
    if (depth > JSON_DEPTH) {
        file_error(file, node, "nested too deeply");
        return;
    }
    switch (node->type) {
    case YAML_NO_NODE: buffer_add_string(to, "null"); break;
    case YAML_SCALAR_NODE: write_scalar(node, to); break;
    case YAML_SEQUENCE_NODE: write_sequence(file, node, to, depth); break;
    case YAML_MAPPING_NODE: write_mapping(file, node, to, depth); break;
    }
}

static struct text node_json(struct file *file, const yaml_node_t *node)
{
    struct buffer buffer;

    buffer_init(&buffer, JSON_BYTES_MAX);
    write_json(file, node, &buffer, 0);
    if (buffer.overflown) {
        file_error(file, node, "it is more than %zu MiB as JSON", JSON_BYTES_MAX >> 20);
    }
    struct text text = arena_copy(&file->settings->arena, buffer_text(&buffer));

    buffer_free(&buffer);
    return text;
}

struct text node_text(struct file *file, const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? arena_copy(&file->settings->arena, scalar(node))
                                          : node_json(file, node);
}

const yaml_node_t *mapping_find(struct file *file, const yaml_node_t *node, struct text name)
{
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);

        if (key->type == YAML_SCALAR_NODE && text_equal(scalar(key), name)) {
            return node_at(file, pair->value);
        }
    }
    return NULL;
}

/* --- Names that are given twice: YAML forbids it, its reader does not look. */

struct key {
    struct map_node map; /* by its text */
    int line;
};

static void mapping_check(struct file *file, const yaml_node_t *mapping)
{
    const yaml_node_pair_t *first = mapping->data.mapping.pairs.start;
    size_t count = (size_t)(mapping->data.mapping.pairs.top - first);
    struct key *keys = memory_zero((count + 1) * sizeof *keys);
    struct map seen = {0};

    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *name = node_at(file, first[i].key);
        struct map_node *before =
            name->type == YAML_SCALAR_NODE ? map_find(&seen, scalar(name)) : NULL;

        if (before != NULL) {
            file_error(file, name, "\"%.*s\" is there already, on line %d",
                       TEXT_PRINTF(scalar(name)), container_of(before, struct key, map)->line);
        } else if (name->type == YAML_SCALAR_NODE) {
            keys[i].line = node_line(name);
            map_insert(&seen, &keys[i].map, scalar(name));
        }
    }
    map_free(&seen);
    memory_free(keys);
}

void names_check(struct file *file)
{
    for (const yaml_node_t *node = file->document.nodes.start; node < file->document.nodes.top;
         node++) {
        if (node->type == YAML_MAPPING_NODE) {
            mapping_check(file, node);
        }
    }
}
