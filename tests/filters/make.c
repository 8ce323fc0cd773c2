/* Policies and messages at random, from small tables so that they meet often. */
#include "tests/filters/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  16384
#define COUNT(of) (sizeof(of) / sizeof(of)[0])

const struct string_sample string_samples[] = {
    {"", "", 0, {0}},
    {"a", "a", 0, {0}},
    {"ab", "ab", 0, {0}},
    {"abc", "abc", 0, {0}},
    {"abcabcabcab", "abcabcabcab", 0, {0}},
    {"b", "b", 0, {0}},
    {"ba", "ba", 0, {0}},
    {"A", "a", 0, {0}},
    {"aB", "ab", 0, {0}},
    {"\xc3\x89t\xc3\xa9", "\xc3\xa9t\xc3\xa9", 0, {0}},
    {"\xc3\xa9T\xc3\x89", "\xc3\xa9t\xc3\xa9", 0, {0}},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 0, {0}},
    {"a*b", "a*b", 0, {0}},
    {"a\\b", "a\\b", 0, {0}},
    {"a\"b/\n", "a\"b/\n", 0, {0}},
    {"10.0.0.1", "10.0.0.1", 4, {10, 0, 0, 1}},
    {"10.0.0.2", "10.0.0.2", 4, {10, 0, 0, 2}},
    {"10.1.0.1", "10.1.0.1", 4, {10, 1, 0, 1}},
    {"::1", "::1", 6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1", 6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"2001:db8::7",
     "2001:db8::7",
     6,
     {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}},
    {"10.0.0.256", "10.0.0.256", 0, {0}},
    {"1", "1", 0, {0}},
    {"true", "true", 0, {0}},
    {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbc", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbc", 0, {0}},
    {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbc",
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbc",
     0,
     {0}},
};
const size_t string_sample_count = COUNT(string_samples);

const struct number_sample number_samples[] = {
    {"-123456789012345678901234567890", 0},
    {"-1e3", 1},
    {"-1000.0", 1},
    {"-3", 2},
    {"-0.50", 3},
    {"-5e-1", 3},
    {"-1e-9000", 4},
    {"0", 5},
    {"-0", 5},
    {"0.0e5", 5},
    {"1e-9000", 6},
    {"0.00001", 7},
    {"1", 8},
    {"1.0", 8},
    {"10e-1", 8},
    {"1.00001", 9},
    {"2", 10},
    {"10", 11},
    {"99.5", 12},
    {"100", 13},
    {"1E+2", 13},
    {"9007199254740993", 14},
    {"9007199254740993.5", 15},
    {"9007199254740994", 16},
    {"123456789012345678901234567890", 17},
    {"123456789012345678901234567891", 18},
    {"1e9000", 19},
    {"10e8999", 19},
    {"2e9000", 20},
};
const size_t number_sample_count = COUNT(number_samples);

static const char *const names[] = {"a", "b", "c", "d", "l", "x", "a.b", "", "\xc3\xbc"};
static const char *const wildcards[] = {"*",      "a*",        "*b",      "a*b",    "*b*",
                                        "*ab*c*", "a\\*b",     "b*b*c",   "a\\\\*", "10.*",
                                        "abc",    "*abc*abc*", "*bbbbbb*"};
static const char *const regexes[] = {"^a",     "b$",      "a.c",    "ab|ba",   "[ab]c*b",
                                      "(ab)+c", "abc",     "^$",     "x?abc",   "abcabc",
                                      "10[.]0", "bb*bbbc", "[]b]bb", "[^]abc]b"};

struct block_sample {
    const char *text;
    int family;
    unsigned bits;
    unsigned char address[16];
};

static const struct block_sample blocks[] = {
    {"10.0.0.0/8", 4, 8, {10}},
    {"10.0.0.0/16", 4, 16, {10}},
    {"10.0.0.3/31", 4, 31, {10, 0, 0, 2}},
    {"0.0.0.0/0", 4, 0, {0}},
    {"::/0", 6, 0, {0}},
    {"2001:db8::/33", 6, 33, {0x20, 0x01, 0x0d, 0xb8}},
    {"::/127", 6, 127, {0}},
};

/* Chance and memory. */

uint32_t chance_below(struct chance *chance, uint32_t limit)
{
    chance->state ^= chance->state << 13;
    chance->state ^= chance->state >> 7;
    chance->state ^= chance->state << 17;
    return (uint32_t)(chance->state >> 32) % limit;
}

bool chance_one_in(struct chance *chance, uint32_t n)
{
    return chance_below(chance, n) == 0;
}

void *memory_zero(struct memory *memory, size_t size)
{
    void *taken = memory->bytes + memory->used;

    memory->used += (size + 15) & ~(size_t)15;
    if (memory->used > memory->size) {
        abort();
    }
    return memset(taken, 0, size);
}

/* Values. */

static struct value string_make(struct chance *chance)
{
    return (struct value){VALUE_STRING, chance_below(chance, (uint32_t)string_sample_count)};
}

static struct value number_make(struct chance *chance)
{
    return (struct value){VALUE_NUMBER, chance_below(chance, (uint32_t)number_sample_count)};
}

static struct value value_make(struct chance *chance)
{
    uint32_t kind = chance_below(chance, 10);

    if (kind < 5) {
        return string_make(chance);
    }
    if (kind < 8) {
        return number_make(chance);
    }
    return (struct value){VALUE_TRUE + chance_below(chance, 3), 0};
}

static const char *name_make(struct chance *chance)
{
    return names[chance_below(chance, chance_one_in(chance, 4) ? COUNT(names) : 3)];
}

/* Policies. */

static struct op *op_make(struct chance *chance, struct memory *memory);

/* Inner tests of anything-but: strings, numbers, or one operator on strings. */
static void inner_make(struct chance *chance, struct memory *memory, struct op *op)
{
    static const enum op_kind kinds[] = {
        OP_VALUE, OP_VALUE, OP_VALUE, OP_PREFIX, OP_SUFFIX, OP_EQUALS_IGNORE_CASE, OP_WILDCARD};
    enum op_kind kind = kinds[chance_below(chance, COUNT(kinds))];
    bool numbers = kind == OP_VALUE && chance_one_in(chance, 3);

    op->inner_count = 1 + chance_below(chance, OP_INNER);
    for (size_t i = 0; i < op->inner_count; i++) {
        struct op *inner = memory_zero(memory, sizeof *inner);

        inner->kind = kind;
        inner->value = numbers ? number_make(chance) : string_make(chance);
        inner->pattern = wildcards[chance_below(chance, COUNT(wildcards))];
        if ((kind == OP_PREFIX || kind == OP_SUFFIX) && inner->value.sample == 0) {
            inner->value.sample = 1; /* empty ones are refused */
        }
        op->inner[i] = inner;
    }
}

static void range_make(struct chance *chance, struct op *op)
{
    op->sides = 1 + chance_below(chance, 15);
    op->sides |= (op->sides & 3) == 0 ? 1 : 0;
    do {
        op->low = chance_below(chance, (uint32_t)number_sample_count);
        op->high = chance_below(chance, (uint32_t)number_sample_count);
    } while ((op->sides & 3) == 3
             && number_samples[op->low].rank >= number_samples[op->high].rank);
}

static struct op *op_make(struct chance *chance, struct memory *memory)
{
    struct op *op = memory_zero(memory, sizeof *op);
    const struct block_sample *block = &blocks[chance_below(chance, COUNT(blocks))];

    op->kind = chance_one_in(chance, 3) ? OP_VALUE : chance_below(chance, OP_KINDS);
    op->value = op->kind == OP_VALUE ? value_make(chance) : string_make(chance);
    if (op->kind == OP_WILDCARD) {
        op->pattern = wildcards[chance_below(chance, COUNT(wildcards))];
    } else if (op->kind == OP_REGEX) {
        op->pattern = regexes[chance_below(chance, COUNT(regexes))];
    } else if (op->kind == OP_RANGE) {
        range_make(chance, op);
    } else if (op->kind == OP_ANYTHING_BUT) {
        inner_make(chance, memory, op);
    } else if (op->kind == OP_CIDR) {
        op->block = block->text;
        op->family = block->family;
        op->bits = block->bits;
        memcpy(op->address, block->address, sizeof op->address);
    }
    return op;
}

static struct object *object_make(struct chance *chance, struct memory *memory,
                                  enum filter_scope scope, int depth)
{
    struct object *object = memory_zero(memory, sizeof *object);

    object->count = 1 + chance_below(chance, depth == 0 ? 3 : 2);
    for (size_t i = 0; i < object->count; i++) {
        struct member *member = &object->members[i];

        if (depth < 2 && chance_one_in(chance, 8)) {
            member->arm_count = 2 + chance_below(chance, LIST_MAX - 1);
            for (size_t j = 0; j < member->arm_count; j++) {
                member->arms[j] = object_make(chance, memory, scope, depth + 1);
            }
            continue;
        }
        member->name = name_make(chance);
        if (scope == FILTER_SCOPE_BODY && depth < 3 && chance_one_in(chance, 4)) {
            member->object = object_make(chance, memory, scope, depth + 1);
            continue;
        }
        member->op_count = 1 + chance_below(chance, LIST_MAX);
        for (size_t j = 0; j < member->op_count; j++) {
            member->ops[j] = op_make(chance, memory);
        }
    }
    return object;
}

struct policy *policy_make(struct chance *chance, struct memory *memory)
{
    struct policy *policy = memory_zero(memory, sizeof *policy);

    policy->scope = chance_one_in(chance, 3) ? FILTER_SCOPE_ATTRIBUTES : FILTER_SCOPE_BODY;
    policy->object = chance_one_in(chance, 50) ? memory_zero(memory, sizeof *policy->object)
                                               : object_make(chance, memory, policy->scope, 0);
    return policy;
}

/* Messages. */

static struct node *node_make(struct chance *chance, struct memory *memory, int depth)
{
    struct node *node = memory_zero(memory, sizeof *node);
    uint32_t kind = depth == 0 ? 8 : chance_below(chance, depth < 4 ? 12 : 6);

    node->kind = kind < 6 ? NODE_LEAF : kind < 10 ? NODE_OBJECT : NODE_ARRAY;
    if (node->kind == NODE_LEAF) {
        node->value = value_make(chance);
        return node;
    }
    node->child_count = chance_below(chance, NODE_CHILDREN + 1);
    for (size_t i = 0; i < node->child_count; i++) {
        node->names[i] = name_make(chance);
        node->children[i] = node_make(chance, memory, depth + 1);
    }
    return node;
}

static struct node *array_make(struct chance *chance, struct memory *memory)
{
    struct node *array = memory_zero(memory, sizeof *array);

    array->kind = NODE_ARRAY;
    array->child_count = chance_below(chance, NODE_CHILDREN + 1);
    for (size_t i = 0; i < array->child_count; i++) {
        array->children[i] = memory_zero(memory, sizeof *array);
        array->children[i]->value = value_make(chance);
    }
    return array;
}

static bool name_is_taken(const struct message *message, const char *name)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        if (strcmp(message->attributes[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

struct message *message_make(struct chance *chance, struct memory *memory)
{
    struct message *message = memory_zero(memory, sizeof *message);
    uint32_t attributes = chance_below(chance, ATTRIBUTES_MAX + 1);

    message->body = chance_one_in(chance, 12) ? NULL : node_make(chance, memory, 0);
    for (uint32_t i = 0; i < attributes; i++) {
        struct attribute attribute = {.name = name_make(chance),
                                      .type = chance_below(chance, 4)};

        attribute.value = attribute.type == FILTER_ATTRIBUTE_NUMBER ? number_make(chance)
                                                                    : string_make(chance);
        attribute.array = array_make(chance, memory);
        if (!name_is_taken(message, attribute.name)) {
            message->attributes[message->attribute_count++] = attribute;
        }
    }
    return message;
}

/* JSON. */

struct writer {
    struct chance *chance;
    char *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void write_text(struct writer *writer,
                                                             const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    writer->len += (size_t)vsnprintf(writer->text + writer->len, TEXT_MAX - writer->len, format,
                                     arguments);
    va_end(arguments);
    if (writer->len + 64 > TEXT_MAX) {
        abort();
    }
}

static void write_blank(struct writer *writer)
{
    if (chance_one_in(writer->chance, 10)) {
        write_text(writer, "%s", chance_one_in(writer->chance, 2) ? " " : "\n\t");
    }
}

static void write_string(struct writer *writer, const char *text)
{
    write_text(writer, "\"");
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (strncmp(text, "\xf0\x9f\x98\x80", 4) == 0 && chance_one_in(writer->chance, 2)) {
            write_text(writer, "\\uD83d\\ude00");
            text += 3;
        } else if (byte == '"' || byte == '\\') {
            write_text(writer, "\\%c", byte);
        } else if (byte < 0x20 || (byte < 0x80 && chance_one_in(writer->chance, 12))) {
            write_text(writer, "\\u%04x", byte);
        } else {
            write_text(writer, "%c", byte);
        }
    }
    write_text(writer, "\"");
}

static void write_value(struct writer *writer, const struct value *value)
{
    static const char *const literals[] = {
        [VALUE_TRUE] = "true", [VALUE_FALSE] = "false", [VALUE_NULL] = "null"};

    if (value->type == VALUE_STRING) {
        write_string(writer, string_samples[value->sample].text);
    } else {
        write_text(writer, "%s",
                   value->type == VALUE_NUMBER ? number_samples[value->sample].text
                                               : literals[value->type]);
    }
}

static const char *op_name(enum op_kind kind)
{
    static const char *const op_names[OP_KINDS] = {[OP_PREFIX] = "prefix",
                                                   [OP_SUFFIX] = "suffix",
                                                   [OP_EQUALS_IGNORE_CASE] =
                                                       "equals-ignore-case",
                                                   [OP_PREFIX_IGNORE_CASE] = "prefix",
                                                   [OP_SUFFIX_IGNORE_CASE] = "suffix",
                                                   [OP_WILDCARD] = "wildcard",
                                                   [OP_REGEX] = "regex"};

    return op_names[kind];
}

static void write_range(struct writer *writer, const struct op *op)
{
    write_text(writer, "{\"numeric\":[");
    if ((op->sides & 1) != 0) {
        write_text(writer, "\"%s\",%s%s", (op->sides & 4) != 0 ? ">=" : ">",
                   number_samples[op->low].text, (op->sides & 2) != 0 ? "," : "");
    }
    if ((op->sides & 2) != 0) {
        write_text(writer, "\"%s\",%s", (op->sides & 8) != 0 ? "<=" : "<",
                   number_samples[op->high].text);
    }
    write_text(writer, "]}");
}

/* The operand of an operator on strings. */
static void write_operand(struct writer *writer, const struct op *op)
{
    bool ignores = op->kind == OP_PREFIX_IGNORE_CASE || op->kind == OP_SUFFIX_IGNORE_CASE;

    write_text(writer, "%s", ignores ? "{\"equals-ignore-case\":" : "");
    if (op->kind == OP_WILDCARD || op->kind == OP_REGEX) {
        write_string(writer, op->pattern);
    } else {
        write_value(writer, &op->value);
    }
    write_text(writer, "%s", ignores ? "}" : "");
}

static void write_anything_but(struct writer *writer, const struct op *op)
{
    bool list = op->inner_count > 1 || chance_one_in(writer->chance, 2);
    const char *name = op->inner[0]->kind == OP_VALUE ? NULL : op_name(op->inner[0]->kind);

    write_text(writer, "{\"anything-but\":");
    if (name != NULL) {
        write_text(writer, "{\"%s\":", name);
    }
    write_text(writer, "%s", list ? "[" : "");
    for (size_t i = 0; i < op->inner_count; i++) {
        write_text(writer, "%s", i > 0 ? "," : "");
        write_operand(writer, op->inner[i]);
    }
    write_text(writer, "%s%s}", list ? "]" : "", name != NULL ? "}" : "");
}

static void write_op(struct writer *writer, const struct op *op)
{
    write_blank(writer);
    if (op->kind == OP_VALUE) {
        write_value(writer, &op->value);
    } else if (op->kind == OP_RANGE) {
        write_range(writer, op);
    } else if (op->kind == OP_CIDR) {
        write_text(writer, "{\"cidr\":\"%s\"}", op->block);
    } else if (op->kind == OP_EXISTS || op->kind == OP_ABSENT) {
        write_text(writer, "{\"exists\": %s}", op->kind == OP_EXISTS ? "true" : "false");
    } else if (op->kind == OP_ANYTHING_BUT) {
        write_anything_but(writer, op);
    } else {
        write_text(writer, "{\"%s\":", op_name(op->kind));
        write_operand(writer, op);
        write_text(writer, "}");
    }
    write_blank(writer);
}

static void write_object(struct writer *writer, const struct object *object);

static void write_member(struct writer *writer, const struct member *member)
{
    write_blank(writer);
    write_string(writer, member->name == NULL ? "$or" : member->name);
    write_text(writer, ":");
    write_blank(writer);
    if (member->object != NULL) {
        write_object(writer, member->object);
        return;
    }
    write_text(writer, "[");
    for (size_t i = 0; i < member->arm_count; i++) {
        write_text(writer, "%s", i > 0 ? "," : "");
        write_object(writer, member->arms[i]);
    }
    for (size_t i = 0; i < member->op_count; i++) {
        write_text(writer, "%s", i > 0 ? "," : "");
        write_op(writer, member->ops[i]);
    }
    write_text(writer, "]");
}

static void write_object(struct writer *writer, const struct object *object)
{
    write_text(writer, "{");
    for (size_t i = 0; i < object->count; i++) {
        write_text(writer, "%s", i > 0 ? "," : "");
        write_member(writer, &object->members[i]);
    }
    write_text(writer, "}");
}

static void write_node(struct writer *writer, const struct node *node)
{
    if (node->kind == NODE_LEAF) {
        write_value(writer, &node->value);
        return;
    }
    write_text(writer, node->kind == NODE_OBJECT ? "{" : "[");
    for (size_t i = 0; i < node->child_count; i++) {
        write_text(writer, "%s", i > 0 ? "," : "");
        write_blank(writer);
        if (node->kind == NODE_OBJECT) {
            write_string(writer, node->names[i]);
            write_text(writer, ":");
        }
        write_node(writer, node->children[i]);
        write_blank(writer);
    }
    write_text(writer, node->kind == NODE_OBJECT ? "}" : "]");
}

static char *text_keep(struct memory *memory, const struct writer *writer)
{
    char *copy = memory_zero(memory, writer->len + 1);

    memcpy(copy, writer->text, writer->len);
    return copy;
}

char *policy_write(struct chance *chance, struct memory *memory, const struct policy *policy)
{
    char text[TEXT_MAX];
    struct writer writer = {chance, text, 0};

    write_object(&writer, policy->object);
    return text_keep(memory, &writer);
}

char *body_write(struct chance *chance, struct memory *memory, const struct message *message)
{
    static const char *const broken[] = {
        "",         "plain",    "[]",         "\"{}\"",
        "{\"a\":1", "{} {}",    "{\"a\":01}", "{\"a\":\"\x01\"}",
        "nul",      "{\"a\" 1}"};
    char text[TEXT_MAX];
    struct writer writer = {chance, text, 0};

    if (message->body == NULL) {
        write_text(&writer, "%s", broken[chance_below(chance, COUNT(broken))]);
    } else {
        write_node(&writer, message->body);
    }
    return text_keep(memory, &writer);
}

size_t attributes_write(struct chance *chance, struct memory *memory,
                        const struct message *message, struct filter_attribute *to)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct attribute *attribute = &message->attributes[i];
        char text[TEXT_MAX];
        struct writer writer = {chance, text, 0};

        if (attribute->type == FILTER_ATTRIBUTE_STRING_ARRAY) {
            write_node(&writer, attribute->array);
        } else if (attribute->type == FILTER_ATTRIBUTE_NUMBER) {
            write_value(&writer, &attribute->value);
        } else {
            write_text(&writer, "%s", string_samples[attribute->value.sample].text);
        }
        to[i] = (struct filter_attribute){.name = attribute->name,
                                          .name_len = strlen(attribute->name),
                                          .type = attribute->type,
                                          .value = text_keep(memory, &writer),
                                          .value_len = writer.len};
    }
    return message->attribute_count;
}
