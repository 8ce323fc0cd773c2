/* Inside settings/: the configuration file while it is read. */
#ifndef SETTINGS_NODE_H
#define SETTINGS_NODE_H

#include "settings/internal.h"

#include <yaml.h>

struct file {
    const char *path;
    yaml_document_t document;
    struct settings *settings;
    struct buffer *errors;
};

/* "file:line: what" */
PRINTF_LIKE(3, 4)
void file_error(struct file *file, const yaml_node_t *node, const char *format, ...);
const yaml_node_t *node_at(struct file *file, int index);
int node_line(const yaml_node_t *node); /* from 1 */
/* Of a scalar node; lives as long as the document. */
struct text scalar(const yaml_node_t *node);
/* Into the settings' arena: scalars as they stand, everything else as JSON. */
struct text node_text(struct file *file, const yaml_node_t *node);
/* The value of a mapping's member, or NULL. */
const yaml_node_t *mapping_find(struct file *file, const yaml_node_t *node, struct text name);

/* Of all mappings: a name that is given twice is a mistake. */
void names_check(struct file *file);

/* declared.c: the lists of queues and of topics. */
void queues_read(struct file *file, const yaml_node_t *node, struct declared *declared);
void topics_read(struct file *file, const yaml_node_t *node, struct declared *declared);

#endif
