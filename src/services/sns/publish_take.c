/* What a message may be: subject, body, structure, attributes, FIFO's ids. */
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "services/common/names.h"
#include "services/sns/publish.h"

#include <string.h>

#define SUBJECT_MAX  100 /* the manual says less, but that many are taken */
#define VARIANTS_MAX 32

static enum status refuse(struct request *request, const char *text)
{
    return request_fail(request, &sns_invalid_parameter, "Invalid parameter: %s", text);
}

size_t publish_size(const struct publish_input *in)
{
    const struct wire_attribute *wires = in->attributes.items;
    size_t size = in->message.len;

    for (size_t i = 0; i < in->attributes.count; i++) {
        size += in->attributes.names[i].len + wires[i].type.len
                + wire_attribute_value(&wires[i]).len;
    }
    return size;
}

/* --- Subject. */

/* 1-100 characters, none of them a control. */
static bool subject_is_valid(struct text subject)
{
    size_t characters = 0;

    for (size_t i = 0; i < subject.len; i++) {
        uint8_t c = (uint8_t)subject.at[i];

        if (c < 0x20 || c == 0x7f) {
            return false;
        }
        characters += (c & 0xc0) != 0x80;
    }
    return characters >= 1 && characters <= SUBJECT_MAX;
}

/* --- Attributes, in SNS's words: the name and the type fill the gaps. */

static const struct {
    const char *text;
    bool has_name, has_type;
} fault_texts[] = {
    [WIRE_NAME_EMPTY] = {"Message attribute name can not be empty.", false, false},
    [WIRE_NAME_LONG] = {"Length of message attribute name must be less than 256 bytes.", false,
                        false},
    [WIRE_NAME_STARTS_DOT] = {"Invalid message attribute name starting with character '.' was "
                              "found.",
                              false, false},
    [WIRE_NAME_ENDS_DOT] = {"Invalid message attribute name ending with character '.' was "
                            "found.",
                            false, false},
    [WIRE_NAME_DOTS] = {"Message attribute name can not have successive '.' character.", false,
                        false},
    [WIRE_NAME_RESERVED] = {"Message attribute names starting with 'AWS.' or 'Amazon.' are "
                            "reserved for use by Amazon.",
                            false, false},
    [WIRE_TYPE_LONG] = {"Length of message attribute type must be less than 256 bytes.", false,
                        false},
    [WIRE_TYPE_UNKNOWN] = {"has an invalid message attribute type, the set of supported type "
                           "prefixes is Binary, Number, and String.",
                           true, false},
    [WIRE_VALUE_MISSING] = {"must contain non-empty message attribute value for message "
                            "attribute type",
                            true, true},
    [WIRE_VALUE_CHARACTERS] = {"contains a character that XML 1.0 does not have.", true, false},
};

static enum status type_missing(struct request *request, struct text name, size_t entry)
{
    struct text where =
        entry == 0
            ? (struct text){0}
            : arena_printf(request->arena, "publishBatchRequestEntries.%zu.member.", entry);

    return request_fail(request, &sns_validation_error,
                        "1 validation error detected: Value null at "
                        "'%.*smessageAttributes.%.*s.member.dataType' failed to satisfy "
                        "constraint: Member must not be null",
                        TEXT_PRINTF(where), TEXT_PRINTF(name));
}

static enum status attribute_fail(struct request *request, struct text name,
                                  const struct wire_attribute *attribute, enum wire_fault fault)
{
    const struct error_kind *kind = &sns_parameter_value_invalid;
    const char *text = fault_texts[fault].text;

    if (fault_texts[fault].has_type) {
        return request_fail(request, kind, "The message attribute '%.*s' %s '%.*s'.",
                            TEXT_PRINTF(name), text, TEXT_PRINTF(attribute->type));
    }
    if (fault_texts[fault].has_name) {
        return request_fail(request, kind, "The message attribute '%.*s' %s", TEXT_PRINTF(name),
                            text);
    }
    return request_fail(request, kind, "%s", text);
}

static enum status attribute_refuse_wire(struct request *request, struct text name,
                                         const struct wire_attribute *attribute,
                                         enum wire_fault fault, size_t entry)
{
    const struct error_kind *kind = &sns_parameter_value_invalid;

    if (fault == WIRE_TYPE_MISSING) {
        return type_missing(request, name, entry);
    }
    if (fault == WIRE_NAME_CHARACTER) {
        return request_fail(
            request, kind,
            "Invalid non-alphanumeric character '#x%X' was found in the message "
            "attribute name. Can only include alphanumeric characters, hyphens, "
            "underscores, or dots.",
            wire_name_bad_character(name));
    }
    if (fault == WIRE_VALUE_OTHER_FIELD) {
        return request_fail(request, kind,
                            "The message attribute '%.*s' with type '%.*s' must use field "
                            "'%s'.",
                            TEXT_PRINTF(name), TEXT_PRINTF(attribute->type),
                            wire_attribute_is_binary(attribute) ? "Binary" : "String");
    }
    if (fault == WIRE_VALUE_NOT_NUMBER) {
        return request_fail(request, kind,
                            "Could not cast message attribute '%.*s' value to number.",
                            TEXT_PRINTF(name));
    }
    return attribute_fail(request, name, attribute, fault);
}

static enum status attributes_take(struct request *request, const struct struct_map *given,
                                   size_t entry, struct message *message)
{
    const struct wire_attribute *wires = given->items;

    if (given->count == 0) {
        return STATUS_OK;
    }
    struct message_attribute *attributes =
        arena_array(request->arena, given->count, sizeof *attributes);

    for (size_t i = 0; i < given->count; i++) {
        enum wire_fault fault = wire_attribute_check(WIRE_SNS, given->names[i], &wires[i]);

        if (fault != WIRE_FINE) {
            return attribute_refuse_wire(request, given->names[i], &wires[i], fault, entry);
        }
        attributes[i] = (struct message_attribute){given->names[i], wires[i].type,
                                                   wire_attribute_value(&wires[i])};
    }
    if (!wire_names_are_distinct(request->arena, given->names, given->count)) {
        return request_fail(request, &sns_parameter_value_invalid,
                            "Message attribute names must be distinct.");
    }
    message->attributes = attributes;
    message->attribute_count = given->count;
    return STATUS_OK;
}

/* --- MessageStructure. */

/* Keys that some endpoint may read; others are ignored. */
static bool is_variant_key(struct text key)
{
    static const struct text platforms[] = {
        TEXT("default"),
        TEXT("APNS"),
        TEXT("APNS_SANDBOX"),
        TEXT("APNS_VOIP"),
        TEXT("APNS_VOIP_SANDBOX"),
        TEXT("MACOS"),
        TEXT("MACOS_SANDBOX"),
        TEXT("GCM"),
        TEXT("ADM"),
        TEXT("BAIDU"),
        TEXT("MPNS"),
        TEXT("WNS"),
    };
    enum protocol protocol;

    for (size_t i = 0; i < countof(platforms); i++) {
        if (text_equal(platforms[i], key)) {
            return true;
        }
    }
    return protocol_parse(key, &protocol);
}

struct structure {
    struct message_variant variants[VARIANTS_MAX]; /* `default` among them */
    size_t count;
};

/* Where that key's text is, or will be. */
static size_t structure_place(const struct structure *structure, struct text key)
{
    size_t place = 0;

    while (place < structure->count && !text_equal(structure->variants[place].protocol, key)) {
        place++;
    }
    return place;
}

/* One member, its name read.  Values that are no strings are ignored; of a key twice the last
 * counts. */
static bool member_read(struct json_reader *reader, struct structure *structure)
{
    struct text key = reader->value;
    struct json_reader before = *reader;

    if (json_next(reader) != JSON_STRING) {
        *reader = before;
        return json_skip(reader);
    }
    if (!is_variant_key(key)) {
        return true;
    }
    size_t place = structure_place(structure, key);

    if (place == VARIANTS_MAX) {
        return false;
    }
    structure->variants[place] = (struct message_variant){key, reader->value};
    structure->count += place == structure->count;
    return true;
}

static bool structure_read(struct text json, struct arena *arena, struct structure *structure)
{
    struct json_reader reader;
    enum json_token token;

    json_reader_init(&reader, json, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        if (!member_read(&reader, structure)) {
            return false;
        }
    }
    return token == JSON_OBJECT_END && json_next(&reader) == JSON_END;
}

/* `default` is the body, the others go along with it. */
static enum status structure_take(struct request *request, const struct publish_input *in,
                                  struct message *message)
{
    struct structure *structure = arena_take(request->arena, sizeof *structure);

    if (!structure_read(in->message, request->arena, structure)) {
        return refuse(request, "Message Structure - JSON message body failed to parse");
    }
    size_t place = structure_place(structure, T("default"));

    if (place == structure->count) {
        return refuse(request, "Message Structure - No default entry in JSON message body");
    }
    message->body = structure->variants[place].body;
    structure->variants[place] = structure->variants[--structure->count];
    message->variants = structure->variants;
    message->variant_count = structure->count;
    return STATUS_OK;
}

static enum status body_take(struct request *request, const struct publish_input *in,
                             struct message *message)
{
    if (in->message.len == 0) {
        return refuse(request, "Empty message");
    }
    message->body = in->message;
    if (in->structure.len == 0) {
        return STATUS_OK;
    }
    return text_equal(in->structure, T("json")) ? structure_take(request, in, message)
                                                : refuse(request, "MessageStructure");
}

/* --- FIFO. */

static enum status id_check(struct request *request, const char *parameter, struct text id)
{
    if (id.at == NULL || name_is_printable(id)) {
        return STATUS_OK;
    }
    return request_fail(request, &sns_invalid_parameter,
                        "Invalid parameter: %s Reason: %s can only include alphanumeric and "
                        "punctuation characters. 1 to 128 in length.",
                        parameter, parameter);
}

static struct text content_id(struct arena *arena, struct text body)
{
    uint8_t digest[SHA256_SIZE];
    struct buffer hex;

    digest_sha256(body, digest);
    buffer_init(&hex, (size_t)2 * SHA256_SIZE);
    hex_encode(&hex, text_make(digest, sizeof digest));
    struct text text = arena_copy(arena, buffer_text(&hex));

    buffer_free(&hex);
    return text;
}

static enum status fifo_take(struct request *request, const struct topic *topic,
                             const struct publish_input *in, struct message *message)
{
    bool is_by_content =
        text_equal(topic_attribute(topic, T("ContentBasedDeduplication")), T("true"));

    if (in->group_id.at == NULL) {
        return refuse(request, "The MessageGroupId parameter is required for FIFO topics");
    }
    if (in->deduplication_id.at == NULL && !is_by_content) {
        return refuse(request, "The topic should either have ContentBasedDeduplication enabled "
                               "or MessageDeduplicationId provided explicitly");
    }
    message->deduplication_id = in->deduplication_id.at != NULL
                                    ? in->deduplication_id
                                    : content_id(request->arena, in->message);
    return STATUS_OK;
}

static enum status ids_take(struct request *request, const struct topic *topic,
                            const struct publish_input *in, struct message *message)
{
    enum status status = id_check(request, "MessageGroupId", in->group_id);

    if (status == STATUS_OK) {
        status = id_check(request, "MessageDeduplicationId", in->deduplication_id);
    }
    if (status != STATUS_OK) {
        return status;
    }
    message->group_id = in->group_id;
    if (topic->is_fifo) {
        return fifo_take(request, topic, in, message);
    }
    if (in->deduplication_id.at != NULL) {
        return refuse(request, "MessageDeduplicationId Reason: The request includes "
                               "MessageDeduplicationId parameter that is not valid for this "
                               "topic type");
    }
    return STATUS_OK;
}

enum status publish_take(struct request *request, const struct topic *topic,
                         const struct publish_input *in, size_t entry,
                         struct message *ret_message)
{
    struct message *message = ret_message;
    enum status status;

    *message = (struct message){
        .kind = MESSAGE_NOTIFICATION,
        .subject = in->subject,
        .signature_version =
            text_equal(topic_attribute(topic, T("SignatureVersion")), T("2")) ? 2 : 1,
        .trace_header = request->trace_header,
    };
    if (in->subject.at != NULL && !subject_is_valid(in->subject)) {
        return refuse(request, "Subject");
    }
    status = body_take(request, in, message);
    if (status == STATUS_OK) {
        status = attributes_take(request, &in->attributes, entry, message);
    }
    if (status == STATUS_OK && entry == 0 && publish_size(in) > PUBLISH_MAX) {
        return refuse(request, "Message too long");
    }
    return status != STATUS_OK ? status : ids_take(request, topic, in, message);
}
