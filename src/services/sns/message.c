/* A published message: checked against AWS's rules and made ready for the router. */
#include "services/sns/message.h"

#include "base/json.h"
#include "services/common/names.h"

#define SUBJECT_MAX 100

static enum status check_subject(struct request *request, struct text subject)
{
    bool is_good = subject.at == NULL || (subject.len > 0 && subject.len < SUBJECT_MAX);

    for (size_t i = 0; i < subject.len && is_good; i++) {
        unsigned char byte = (unsigned char)subject.at[i];

        is_good = byte >= 0x20 && byte != 0x7f;
    }
    return is_good
               ? STATUS_OK
               : request_fail(request, &sns_invalid_parameter, "Invalid parameter: Subject");
}

/* --- Attributes. */

static enum status attribute_fail(struct request *request, struct text name,
                                  const struct wire_attribute *attribute, enum wire_fault fault)
{
    switch ((int)fault) {
    case WIRE_TYPE_UNKNOWN:
        return request_fail(
            request, &sns_attribute_invalid,
            "The message attribute '%.*s' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String.",
            TEXT_PRINTF(name));
    case WIRE_VALUE_NOT_NUMBER:
        return request_fail(request, &sns_attribute_invalid,
                            "Could not cast message attribute '%.*s' value to number.",
                            TEXT_PRINTF(name));
    case WIRE_TYPE_MISSING:
    case WIRE_TYPE_LONG:
        return request_fail(request, &sns_attribute_invalid,
                            "The message attribute '%.*s' must contain a non-empty message "
                            "attribute type.",
                            TEXT_PRINTF(name));
    case WIRE_VALUE_MISSING:
        return request_fail(request, &sns_attribute_invalid,
                            "The message attribute '%.*s' must contain a non-empty message "
                            "attribute value for message attribute type '%.*s'.",
                            TEXT_PRINTF(name), TEXT_PRINTF(attribute->type));
    case WIRE_VALUE_OTHER_FIELD:
    case WIRE_VALUE_CHARACTERS:
        return request_fail(
            request, &sns_attribute_invalid,
            "The message attribute '%.*s' with type '%.*s' must use field '%s'.",
            TEXT_PRINTF(name), TEXT_PRINTF(attribute->type),
            wire_attribute_is_binary(attribute) ? "Binary" : "String");
    default: break;
    }
    return request_fail(
        request, &sns_attribute_invalid,
        "The message attribute name '%.*s' is invalid: it may have up to 256 "
        "letters, digits, '_', '-' and single inner '.', and must not begin with "
        "AWS. or Amazon.",
        TEXT_PRINTF(name));
}

static enum status attributes_take(struct request *request, const struct struct_map *map,
                                   struct message *message, size_t *io_size)
{
    const struct wire_attribute *given = map->items;
    struct message_attribute *attributes =
        arena_array(request->arena, map->count, sizeof *attributes);

    for (size_t i = 0; i < map->count; i++) {
        enum wire_fault fault = wire_attribute_check(map->names[i], &given[i]);

        if (fault != WIRE_FINE) {
            return attribute_fail(request, map->names[i], &given[i], fault);
        }
        attributes[i] = (struct message_attribute){
            .name = map->names[i],
            .type = given[i].type,
            .value = wire_attribute_value(&given[i]),
        };
        *io_size += attributes[i].name.len + attributes[i].type.len + attributes[i].value.len;
    }
    if (!wire_names_are_distinct(request->arena, map->names, map->count)) {
        return request_fail(request, &sns_attribute_invalid,
                            "Message attribute names must be distinct");
    }
    message->attributes = attributes;
    message->attribute_count = map->count;
    return STATUS_OK;
}

/* --- MessageStructure=json. */

struct variants {
    struct message_variant *items;
    size_t count;
    struct text body; /* of `default` */
};

static bool variants_have(const struct variants *variants, struct text protocol)
{
    for (size_t i = 0; i < variants->count; i++) {
        if (text_equal(variants->items[i].protocol, protocol)) {
            return true;
        }
    }
    return text_equal(protocol, T("default")) && variants->body.at != NULL;
}

static bool variants_read(struct text text, struct arena *arena, struct variants *variants)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, text, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    variants->items = arena_array(arena, PROTOCOL_COUNT, sizeof *variants->items);
    while ((token = json_next(&reader)) == JSON_NAME) {
        struct text name = reader.value;
        struct json_reader peek = reader;

        if (variants_have(variants, name)) {
            return false; /* AWS refuses duplicates */
        }
        if (json_next(&peek) != JSON_STRING) {
            if (!json_skip(&reader)) {
                return false;
            }
            continue; /* not a string: ignored */
        }
        reader = peek;
        enum protocol protocol;

        if (text_equal(name, T("default"))) {
            variants->body = reader.value.at == NULL ? T("") : reader.value;
        } else if (protocol_parse(name, &protocol)) {
            variants->items[variants->count++] = (struct message_variant){name, reader.value};
        }
    }
    return token == JSON_OBJECT_END && json_next(&reader) == JSON_END;
}

static enum status structure_take(struct request *request, const struct publish_fields *in,
                                  struct message *message)
{
    struct variants variants = {0};

    message->body = in->message;
    if (in->structure.at == NULL) {
        return STATUS_OK;
    }
    if (!text_equal(in->structure, T("json"))) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: MessageStructure");
    }
    if (!variants_read(in->message, request->arena, &variants)) {
        return request_fail(
            request, &sns_invalid_parameter,
            "Invalid parameter: Message Structure - JSON message body failed to "
            "parse");
    }
    if (variants.body.at == NULL) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Message Structure - No default entry in JSON "
                            "message body");
    }
    message->body = variants.body;
    message->variants = variants.items;
    message->variant_count = variants.count;
    return STATUS_OK;
}

/* --- All of it. */

enum status message_take(struct request *request, const struct publish_fields *in,
                         const struct topic *topic, struct message *ret_message,
                         size_t *ret_size)
{
    struct message message = {
        .subject = in->subject,
        .group_id = in->group_id,
        .deduplication_id = in->deduplication_id,
        .trace_header = request->trace_header,
        .signature_version =
            text_equal(topic_attribute(topic, T("SignatureVersion")), T("2")) ? 2 : 1,
    };
    size_t size = in->message.len;

    if (in->message.len == 0) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Empty message");
    }
    if (in->group_id.at != NULL && !name_is_printable(in->group_id)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: MessageGroupId");
    }
    if (in->deduplication_id.at != NULL) {
        return request_fail(
            request, &sns_invalid_parameter,
            "Invalid parameter: MessageDeduplicationId Reason: The request "
            "includes MessageDeduplicationId parameter that is not valid for this "
            "topic type");
    }
    enum status status = check_subject(request, in->subject);

    status = status != STATUS_OK ? status : structure_take(request, in, &message);
    status = status != STATUS_OK ? status
                                 : attributes_take(request, &in->attributes, &message, &size);
    if (status == STATUS_OK && size > PUBLISH_MAX) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Message too long");
    }
    *ret_message = message;
    *ret_size = size;
    return status;
}
