/* One message as an entry of SendMessageBatch, in either protocol, and the sums that the answer
 * must show. */
#include "sqs.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX 10 /* SQS's */
#define NAME_ROOM      64

/* --- MD5, as SQS has it: against mistakes, not against malice. */

static void md5_text(EVP_MD_CTX *context, char ret[MD5_ROOM])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    ret[0] = '\0';
    if (EVP_DigestFinal_ex(context, digest, &size) == 1) {
        for (unsigned i = 0; i < size && i < 16; i++) {
            (void)snprintf(ret + (size_t)i * 2, 3, "%02x", digest[i]);
        }
    }
    EVP_MD_CTX_free(context);
}

/* NULL: there is no MD5 here; then nothing is compared. */
static EVP_MD_CTX *md5_begin(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

static void md5_counted(EVP_MD_CTX *context, const char *bytes, size_t size)
{
    const unsigned char count[4] = {(unsigned char)(size >> 24U), (unsigned char)(size >> 16U),
                                    (unsigned char)(size >> 8U), (unsigned char)size};

    (void)EVP_DigestUpdate(context, count, sizeof count);
    (void)EVP_DigestUpdate(context, bytes, size);
}

static void md5_of(const char *bytes, size_t size, char ret[MD5_ROOM])
{
    EVP_MD_CTX *context = md5_begin();

    ret[0] = '\0';
    if (context != NULL) {
        (void)EVP_DigestUpdate(context, bytes, size);
        md5_text(context, ret);
    }
}

static bool is_binary(const struct delivery_attribute *attribute)
{
    return strncmp(attribute->type, "Binary", 6) == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct delivery_attribute *const *left = a;
    const struct delivery_attribute *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

/* SQS Developer Guide, "Calculating the MD5 message digest for message attributes". */
static void md5_of_attributes(const struct delivery *delivery, char ret[MD5_ROOM])
{
    const struct delivery_attribute *sorted[ATTRIBUTES_MAX];
    size_t count = delivery->attribute_count;
    EVP_MD_CTX *context = count == 0 ? NULL : md5_begin();

    ret[0] = '\0';
    if (context == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &delivery->attributes[i];
    }
    qsort(sorted, count, sizeof(struct delivery_attribute *), by_name);
    for (size_t i = 0; i < count; i++) {
        md5_counted(context, sorted[i]->name, strlen(sorted[i]->name));
        md5_counted(context, sorted[i]->type, strlen(sorted[i]->type));
        (void)EVP_DigestUpdate(context, is_binary(sorted[i]) ? "\2" : "\1", 1);
        md5_counted(context, sorted[i]->value, sorted[i]->value_size);
    }
    md5_text(context, ret);
}

/* --- JSON. */

static void json_member(struct body *body, const char *name, const char *bytes, size_t size)
{
    body_text(body, ",\"");
    body_text(body, name);
    body_text(body, "\":");
    body_json(body, bytes, size);
}

static void json_attribute(struct body *body, const struct delivery_attribute *attribute)
{
    body_json(body, attribute->name, strlen(attribute->name));
    body_text(body, ":{\"DataType\":");
    body_json(body, attribute->type, strlen(attribute->type));
    if (is_binary(attribute)) {
        body_text(body, ",\"BinaryValue\":\"");
        body_base64(body, attribute->value, attribute->value_size);
        body_text(body, "\"}");
    } else {
        json_member(body, "StringValue", attribute->value, attribute->value_size);
        body_text(body, "}");
    }
}

static void json_attributes(struct body *body, const struct delivery *delivery)
{
    if (delivery->attribute_count == 0) {
        return;
    }
    body_text(body, ",\"MessageAttributes\":{");
    for (size_t i = 0; i < delivery->attribute_count; i++) {
        body_text(body, i == 0 ? "" : ",");
        json_attribute(body, &delivery->attributes[i]);
    }
    body_text(body, "}");
}

/* --- Query. */

/* "&SendMessageBatchRequestEntry.<place>.<name>=" and the value. */
static void query_member(struct body *body, size_t place, const char *name, const char *bytes,
                         size_t size)
{
    char begin[64];

    (void)snprintf(begin, sizeof begin, "&SendMessageBatchRequestEntry.%zu.", place + 1);
    body_text(body, begin);
    body_text(body, name);
    body_text(body, "=");
    body_form(body, bytes, size);
}

static void query_attribute(struct body *body, size_t place, size_t number,
                            const struct delivery_attribute *attribute)
{
    static const struct body none = {0};
    struct body base64 = none;
    char name[NAME_ROOM];

    (void)snprintf(name, sizeof name, "MessageAttribute.%zu.Name", number);
    query_member(body, place, name, attribute->name, strlen(attribute->name));
    (void)snprintf(name, sizeof name, "MessageAttribute.%zu.Value.DataType", number);
    query_member(body, place, name, attribute->type, strlen(attribute->type));
    (void)snprintf(name, sizeof name, "MessageAttribute.%zu.Value.%s", number,
                   is_binary(attribute) ? "BinaryValue" : "StringValue");
    if (is_binary(attribute)) {
        body_base64(&base64, attribute->value, attribute->value_size);
        query_member(body, place, name, base64.at == NULL ? "" : base64.at, base64.len);
        body->is_short_of_memory = body->is_short_of_memory || base64.is_short_of_memory;
        body_free(&base64);
    } else {
        query_member(body, place, name, attribute->value, attribute->value_size);
    }
}

/* --- Either. */

static void member(struct body *body, const struct sqs_server *server, size_t place,
                   const char *name, const char *text)
{
    if (server->is_query) {
        query_member(body, place, name, text, strlen(text));
    } else {
        json_member(body, name, text, strlen(text));
    }
}

static void attributes(struct body *body, const struct sqs_server *server, size_t place,
                       const struct delivery *delivery)
{
    if (!server->is_query) {
        json_attributes(body, delivery);
        return;
    }
    for (size_t i = 0; i < delivery->attribute_count; i++) {
        query_attribute(body, place, i + 1, &delivery->attributes[i]);
    }
}

static bool is_fifo(const char *endpoint)
{
    size_t len = strlen(endpoint);

    return len > 5 && strcmp(endpoint + len - 5, ".fifo") == 0;
}

static void groups(struct body *body, const struct sqs_server *server, size_t place,
                   const struct delivery *delivery)
{
    if (!is_fifo(delivery->endpoint) || delivery->group_id == NULL) {
        return;
    }
    member(body, server, place, "MessageGroupId", delivery->group_id);
    if (delivery->deduplication_id[0] != '\0') {
        member(body, server, place, "MessageDeduplicationId", delivery->deduplication_id);
    }
}

bool entry_write(struct body *body, const struct sqs_server *server, size_t place,
                 const struct delivery *delivery, struct sqs_entry *ret, const char **ret_why)
{
    char id[24];

    if (delivery->raw && delivery->attribute_count > ATTRIBUTES_MAX) {
        *ret_why = "more than 10 message attributes: a raw message for SQS may have no more";
        return false;
    }
    *ret = (struct sqs_entry){.delivery = delivery};
    (void)snprintf(id, sizeof id, "%zu", place);
    if (server->is_query) {
        query_member(body, place, "Id", id, strlen(id));
        query_member(body, place, "MessageBody", delivery->payload, delivery->payload_size);
    } else {
        body_text(body, place == 0 ? "{\"Id\":\"" : ",{\"Id\":\"");
        body_text(body, id);
        body_text(body, "\"");
        json_member(body, "MessageBody", delivery->payload, delivery->payload_size);
    }
    md5_of(delivery->payload, delivery->payload_size, ret->body_md5);
    if (delivery->raw) {
        attributes(body, server, place, delivery);
        md5_of_attributes(delivery, ret->attributes_md5);
    }
    groups(body, server, place, delivery);
    body_text(body, server->is_query ? "" : "}");
    return true;
}
