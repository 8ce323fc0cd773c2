/* The configuration file: YAML, read whole, every mistake reported with its line. */
#include "settings/declared.h"
#include "settings/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void list_read(struct file *file, const struct setting *setting, const yaml_node_t *node)
{
    struct text_list *list = (void *)((char *)file->settings + setting->offset);
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);

    *list = (struct text_list){
        .items = arena_array(&file->settings->arena, count + 1, sizeof(struct text))};
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = node_at(file, node->data.sequence.items.start[i]);

        if (item->type != YAML_SCALAR_NODE
            || text_find(scalar(item), '\0') < scalar(item).len) {
            file_error(file, item, "\"%s\" takes a list of texts", setting->name);
            continue;
        }
        list->items[list->count++] = node_text(file, item);
    }
}

/* A transport's section: whether it has such options is asked when plug-ins are known, too. */
static void transport_node(struct file *file, const yaml_node_t *key, const yaml_node_t *value)
{
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start;
         pair < value->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = node_at(file, pair->key);
        const yaml_node_t *option = node_at(file, pair->value);

        if (name->type != YAML_SCALAR_NODE) {
            file_error(file, name, "an option's name must be a word");
            continue;
        }
        const struct option_given given = {.transport = scalar(key),
                                           .name = scalar(name),
                                           .value = node_text(file, option),
                                           .is_nested = option->type != YAML_SCALAR_NODE,
                                           .line = node_line(name)};

        option_give(file->settings, &given);
    }
}

static void setting_node(struct file *file, const yaml_node_t *key, const yaml_node_t *value)
{
    const struct setting *setting = setting_find(scalar(key));
    struct why why;

    if (setting == NULL && value->type == YAML_MAPPING_NODE) {
        transport_node(file, key, value);
    } else if (setting == NULL) {
        file_error(file, key, "there is no setting \"%.*s\"", TEXT_PRINTF(scalar(key)));
    } else if (setting->type == SETTING_LIST && value->type == YAML_SEQUENCE_NODE) {
        list_read(file, setting, value);
    } else if (value->type != YAML_SCALAR_NODE) {
        file_error(file, value, "\"%s\" takes one value", setting->name);
    } else if (setting_read(file->settings, setting, scalar(value), &why) != STATUS_OK) {
        file_error(file, value, "%s: %s", setting->name, why.text);
    }
}

static void top_read(struct file *file, const yaml_node_t *root)
{
    struct declared *declared = arena_take(&file->settings->arena, sizeof *declared);

    file->settings->declared = declared;
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);
        const yaml_node_t *value = node_at(file, pair->value);

        if (key->type == YAML_SCALAR_NODE && text_equal(scalar(key), T("queues"))) {
            queues_read(file, value, declared);
        } else if (key->type == YAML_SCALAR_NODE && text_equal(scalar(key), T("topics"))) {
            topics_read(file, value, declared);
        } else if (key->type == YAML_SCALAR_NODE) {
            setting_node(file, key, value);
        } else {
            file_error(file, key, "a setting's name must be a word");
        }
    }
}

static void document_read(struct file *file)
{
    const yaml_node_t *root = yaml_document_get_root_node(&file->document);

    names_check(file);
    if (root != NULL && root->type == YAML_MAPPING_NODE) {
        top_read(file, root);
    } else if (root != NULL) {
        file_error(file, root, "expected settings, like \"listen: 127.0.0.1:4566\"");
    }
}

/* false: what is there is no YAML. */
static bool document_load(struct file *file, yaml_parser_t *parser)
{
    if (yaml_parser_load(parser, &file->document) != 0) {
        return true;
    }
    buffer_printf(file->errors, "%s:%zu: %s\n", file->path, parser->problem_mark.line + 1,
                  parser->problem != NULL ? parser->problem : "not YAML");
    return false;
}

/* Nothing may come after the first document: it would be left out in silence. */
static void end_check(struct file *file, yaml_parser_t *parser)
{
    if (document_load(file, parser)) {
        const yaml_node_t *root = yaml_document_get_root_node(&file->document);

        if (root != NULL) {
            file_error(file, root, "a second document: there may be one");
        }
        yaml_document_delete(&file->document);
    }
}

void settings_read_file(struct settings *settings, const char *path, struct buffer *errors)
{
    struct file file = {.path = path, .settings = settings, .errors = errors};
    FILE *stream = fopen(path, "rbe");
    yaml_parser_t parser;

    if (stream == NULL) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread */
        buffer_printf(errors, "%s: %s\n", path, strerror(errno));
        return;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        buffer_printf(errors, "%s: out of memory\n", path);
        (void)fclose(stream);
        return;
    }
    yaml_parser_set_input_file(&parser, stream);
    if (document_load(&file, &parser)) {
        document_read(&file);
        yaml_document_delete(&file.document);
        end_check(&file, &parser);
    }
    yaml_parser_delete(&parser);
    (void)fclose(stream);
}
