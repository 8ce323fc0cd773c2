/* What is done with keys: Encrypt, Decrypt, ReEncrypt, data keys, random bytes. */
#include "services/kms/internal.h"

#include <stdlib.h>

#define PLAIN_MAX  4096
#define CIPHER_MAX 6144
#define BYTES_MAX  1024
#define ALGORITHM  "SYMMETRIC_DEFAULT"

struct cipher_input {
    struct text id, source_id;
    struct text plain, cipher;
    struct string_map context, source_context;
    struct text spec, algorithm, source_algorithm;
    struct optional_integer bytes;
};

struct cipher_output {
    struct text id, source_id;
    struct text plain, cipher;
    struct text algorithm, source_algorithm;
};

#define IN(name_, type_, member)                                          \
    {                                                                     \
        .name = (name_), .type = (type_), AT(struct cipher_input, member) \
    }
#define NEEDS(name_, type_, member)                                                         \
    {                                                                                       \
        .name = (name_), .type = (type_), .required = true, AT(struct cipher_input, member) \
    }
#define OUT(name_, type_, member)                                          \
    {                                                                      \
        .name = (name_), .type = (type_), AT(struct cipher_output, member) \
    }

/* --- Contexts: the pairs in the order of their names, so that it is the same however sent. */

static int pair_order(const void *a, const void *b)
{
    return text_compare(((const struct string_pair *)a)->name,
                        ((const struct string_pair *)b)->name);
}

static struct text context_of(struct request *request, const struct string_map *given)
{
    struct text context = {0};
    struct buffer buffer;

    if (given->count == 0) {
        return context;
    }
    qsort(given->items, given->count, sizeof *given->items, pair_order);
    buffer_init(&buffer, UINT32_MAX);
    for (size_t i = 0; i < given->count; i++) {
        buffer_add_counted(&buffer, given->items[i].name);
        buffer_add_counted(&buffer, given->items[i].value);
    }
    context = arena_copy(request->arena, buffer_text(&buffer));
    buffer_free(&buffer);
    return context;
}

/* --- The parts of the operations. */

static enum status algorithm_check(struct request *request, struct text algorithm)
{
    return algorithm.len == 0 || text_equal(algorithm, T(ALGORITHM))
               ? STATUS_OK
               : request_fail(request, &kms_invalid_usage,
                              "The algorithm is not one of a symmetric key's: " ALGORITHM ".");
}

static enum status length_check(struct request *request, const char *member, struct text bytes,
                                size_t max)
{
    return bytes.len > 0 && bytes.len <= max
               ? STATUS_OK
               : request_fail(request, &kms_validation,
                              "1 validation error detected: Value at '%s' failed to satisfy "
                              "constraint: Member must have length between 1 and %zu",
                              member, max);
}

static enum status find_usable(struct request *request, struct step *step, struct text id,
                               struct kms_key **ret_key)
{
    enum status status = kms_find(request, step, id, ret_key);

    return status != STATUS_OK ? status : kms_check_usable(request, *ret_key);
}

static enum status seal(struct request *request, struct step *step, const struct kms_key *key,
                        struct text context, struct text plain, struct text *ret_cipher)
{
    struct buffer buffer;
    struct why why = {""};

    buffer_init(&buffer, PLAIN_MAX + KMS_CIPHER_EXTRA);
    enum status status = kms_encrypt(step, key, context, plain, &buffer, &why);

    if (status == STATUS_OK) {
        *ret_cipher = arena_copy(request->arena, buffer_text(&buffer));
    }
    buffer_free(&buffer);
    return kms_fail_status(request, key, status, &why);
}

/* The key that made it, which must be the one that `id` names, if it names one. */
static enum status cipher_key(struct request *request, struct step *step, struct text id,
                              struct text cipher, struct kms_key **ret_key)
{
    const struct kms_scope scope = kms_scope_of(request);
    struct kms_key *wanted = NULL;
    enum status status = length_check(request, "ciphertextBlob", cipher, CIPHER_MAX);

    if (status == STATUS_OK && id.len > 0) {
        status = kms_find(request, step, id, &wanted);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *ret_key = kms_cipher_key(kms_of(step), &scope, cipher);
    if (*ret_key == NULL) {
        return request_fail(request, &kms_invalid_ciphertext, "%s", "");
    }
    return wanted == NULL || wanted == *ret_key
               ? kms_check_usable(request, *ret_key)
               : request_fail(request, &kms_incorrect_key,
                              "The key ID in the request does not identify a CMK that can "
                              "perform this operation.");
}

struct opening {
    struct text id, context, cipher; /* `id` as above */
    struct kms_key *key;             /* that opened it */
};

static enum status open_cipher(struct request *request, struct step *step,
                               struct opening *opening, struct text *ret_plain)
{
    struct buffer buffer;
    struct why why = {""};
    enum status status = cipher_key(request, step, opening->id, opening->cipher, &opening->key);

    if (status != STATUS_OK) {
        return status;
    }
    buffer_init(&buffer, CIPHER_MAX);
    status = kms_decrypt(step, opening->key, opening->context, opening->cipher, &buffer, &why);
    if (status == STATUS_OK) {
        *ret_plain = arena_copy(request->arena, buffer_text(&buffer));
    }
    buffer_free(&buffer);
    return kms_fail_status(request, opening->key, status, &why);
}

static struct text arn_of(struct request *request, const struct kms_key *key)
{
    return arena_copy(request->arena, key->arn);
}

/* --- Encrypt and Decrypt. */

static const struct field encrypt_input_fields[] = {
    NEEDS("KeyId", FIELD_STRING, id),
    NEEDS("Plaintext", FIELD_BLOB, plain),
    IN("EncryptionContext", FIELD_STRING_MAP, context),
    IN("EncryptionAlgorithm", FIELD_STRING, algorithm),
    FIELDS_END,
};

static const struct field encrypt_output_fields[] = {
    OUT("CiphertextBlob", FIELD_BLOB, cipher),
    OUT("KeyId", FIELD_STRING, id),
    OUT("EncryptionAlgorithm", FIELD_STRING, algorithm),
    FIELDS_END,
};

static enum status encrypt(struct request *request, struct step *step, const void *input,
                           void *output)
{
    const struct cipher_input *in = input;
    struct cipher_output *out = output;
    struct kms_key *key = NULL;
    enum status status = algorithm_check(request, in->algorithm);

    status =
        status != STATUS_OK ? status : length_check(request, "plaintext", in->plain, PLAIN_MAX);
    status = status != STATUS_OK ? status : find_usable(request, step, in->id, &key);
    if (status != STATUS_OK) {
        return status;
    }
    out->id = arn_of(request, key);
    out->algorithm = T(ALGORITHM);
    return seal(request, step, key, context_of(request, &in->context), in->plain, &out->cipher);
}

static const struct field decrypt_input_fields[] = {
    NEEDS("CiphertextBlob", FIELD_BLOB, cipher),
    IN("EncryptionContext", FIELD_STRING_MAP, context),
    IN("KeyId", FIELD_STRING, id),
    IN("EncryptionAlgorithm", FIELD_STRING, algorithm),
    FIELDS_END,
};

static const struct field decrypt_output_fields[] = {
    OUT("KeyId", FIELD_STRING, id),
    OUT("Plaintext", FIELD_BLOB, plain),
    OUT("EncryptionAlgorithm", FIELD_STRING, algorithm),
    FIELDS_END,
};

static enum status decrypt(struct request *request, struct step *step, const void *input,
                           void *output)
{
    const struct cipher_input *in = input;
    struct cipher_output *out = output;
    struct opening opening = {
        .id = in->id, .context = context_of(request, &in->context), .cipher = in->cipher};
    enum status status = algorithm_check(request, in->algorithm);

    if (status == STATUS_OK) {
        status = open_cipher(request, step, &opening, &out->plain);
    }
    if (status == STATUS_OK) {
        out->id = arn_of(request, opening.key);
        out->algorithm = T(ALGORITHM);
    }
    return status;
}

/* --- ReEncrypt. */

static const struct field reencrypt_input_fields[] = {
    NEEDS("CiphertextBlob", FIELD_BLOB, cipher),
    IN("SourceEncryptionContext", FIELD_STRING_MAP, source_context),
    IN("SourceKeyId", FIELD_STRING, source_id),
    NEEDS("DestinationKeyId", FIELD_STRING, id),
    IN("DestinationEncryptionContext", FIELD_STRING_MAP, context),
    IN("SourceEncryptionAlgorithm", FIELD_STRING, source_algorithm),
    IN("DestinationEncryptionAlgorithm", FIELD_STRING, algorithm),
    FIELDS_END,
};

static const struct field reencrypt_output_fields[] = {
    OUT("CiphertextBlob", FIELD_BLOB, cipher),
    OUT("SourceKeyId", FIELD_STRING, source_id),
    OUT("KeyId", FIELD_STRING, id),
    OUT("SourceEncryptionAlgorithm", FIELD_STRING, source_algorithm),
    OUT("DestinationEncryptionAlgorithm", FIELD_STRING, algorithm),
    FIELDS_END,
};

static enum status reencrypt(struct request *request, struct step *step, const void *input,
                             void *output)
{
    const struct cipher_input *in = input;
    struct cipher_output *out = output;
    struct opening opening = {
        .id = in->source_id,
        .context = context_of(request, &in->source_context),
        .cipher = in->cipher,
    };
    struct kms_key *key = NULL;
    struct text plain = {0};
    enum status status = algorithm_check(request, in->source_algorithm);

    status = status != STATUS_OK ? status : algorithm_check(request, in->algorithm);
    status = status != STATUS_OK ? status : find_usable(request, step, in->id, &key);
    if (status == STATUS_OK) {
        status = open_cipher(request, step, &opening, &plain);
    }
    if (status != STATUS_OK) {
        return status;
    }
    out->id = arn_of(request, key);
    out->source_id = arn_of(request, opening.key);
    out->algorithm = T(ALGORITHM);
    out->source_algorithm = T(ALGORITHM);
    return seal(request, step, key, context_of(request, &in->context), plain, &out->cipher);
}

/* --- Data keys and random bytes. */

static const struct field data_key_input_fields[] = {
    NEEDS("KeyId", FIELD_STRING, id),
    IN("EncryptionContext", FIELD_STRING_MAP, context),
    IN("KeySpec", FIELD_STRING, spec),
    IN("NumberOfBytes", FIELD_INTEGER, bytes),
    FIELDS_END,
};

static const struct field data_key_output_fields[] = {
    OUT("CiphertextBlob", FIELD_BLOB, cipher),
    OUT("Plaintext", FIELD_BLOB, plain),
    OUT("KeyId", FIELD_STRING, id),
    FIELDS_END,
};

static enum status count_check(struct request *request, int64_t count)
{
    return count >= 1 && count <= BYTES_MAX
               ? STATUS_OK
               : request_fail(request, &kms_validation,
                              "1 validation error detected: Value at 'numberOfBytes' failed to "
                              "satisfy constraint: Member must have value between 1 and %d",
                              BYTES_MAX);
}

static enum status data_key_length(struct request *request, const struct cipher_input *in,
                                   int64_t *ret_count)
{
    if ((in->spec.len > 0) == in->bytes.is_set) {
        return request_fail(request, &kms_validation,
                            "Please specify either number of bytes or key spec, and not both.");
    }
    if (in->bytes.is_set) {
        *ret_count = in->bytes.value;
        return count_check(request, in->bytes.value);
    }
    *ret_count = text_equal(in->spec, T("AES_256")) ? 32 : 16;
    return text_equal(in->spec, T("AES_256")) || text_equal(in->spec, T("AES_128"))
               ? STATUS_OK
               : request_fail(request, &kms_validation,
                              "1 validation error detected: Value '%.*s' at 'keySpec' failed "
                              "to satisfy constraint: Member must satisfy enum value set: "
                              "[AES_256, AES_128]",
                              TEXT_PRINTF(in->spec));
}

static struct text random_bytes(struct request *request, struct step *step, int64_t count)
{
    char *bytes = arena_take(request->arena, (size_t)count);

    step->random->fill(step->random, bytes, (size_t)count);
    return text_make(bytes, (size_t)count);
}

static enum status generate_data_key(struct request *request, struct step *step,
                                     const void *input, void *output)
{
    const struct cipher_input *in = input;
    struct cipher_output *out = output;
    struct kms_key *key = NULL;
    int64_t count = 0;
    enum status status = data_key_length(request, in, &count);

    status = status != STATUS_OK ? status : find_usable(request, step, in->id, &key);
    if (status != STATUS_OK) {
        return status;
    }
    out->plain = random_bytes(request, step, count);
    out->id = arn_of(request, key);
    return seal(request, step, key, context_of(request, &in->context), out->plain,
                &out->cipher);
}

static enum status generate_data_key_without_plaintext(struct request *request,
                                                       struct step *step, const void *input,
                                                       void *output)
{
    enum status status = generate_data_key(request, step, input, output);

    ((struct cipher_output *)output)->plain = (struct text){0};
    return status;
}

static const struct field random_input_fields[] = {
    NEEDS("NumberOfBytes", FIELD_INTEGER, bytes),
    FIELDS_END,
};

static const struct field random_output_fields[] = {
    OUT("Plaintext", FIELD_BLOB, plain),
    FIELDS_END,
};

static enum status generate_random(struct request *request, struct step *step,
                                   const void *input, void *output)
{
    const struct cipher_input *in = input;
    enum status status = count_check(request, in->bytes.value);

    if (status == STATUS_OK) {
        ((struct cipher_output *)output)->plain = random_bytes(request, step, in->bytes.value);
    }
    return status;
}

#define CIPHER_OPERATION(fields_, output_, handle_)                                     \
    .handle = (handle_), .input = (fields_), .input_size = sizeof(struct cipher_input), \
    .output = (output_), .output_size = sizeof(struct cipher_output)

const struct operation kms_cipher_operations[] = {
    {.name = "Encrypt",
     .permission = "kms:Encrypt",
     CIPHER_OPERATION(encrypt_input_fields, encrypt_output_fields, encrypt)},
    {.name = "Decrypt",
     .permission = "kms:Decrypt",
     CIPHER_OPERATION(decrypt_input_fields, decrypt_output_fields, decrypt)},
    {.name = "ReEncrypt",
     .permission = "kms:ReEncrypt",
     CIPHER_OPERATION(reencrypt_input_fields, reencrypt_output_fields, reencrypt)},
    {.name = "GenerateDataKey",
     .permission = "kms:GenerateDataKey",
     CIPHER_OPERATION(data_key_input_fields, data_key_output_fields, generate_data_key)},
    {.name = "GenerateDataKeyWithoutPlaintext",
     .permission = "kms:GenerateDataKeyWithoutPlaintext",
     CIPHER_OPERATION(data_key_input_fields, data_key_output_fields,
                      generate_data_key_without_plaintext)},
    {.name = "GenerateRandom",
     .permission = "kms:GenerateRandom",
     CIPHER_OPERATION(random_input_fields, random_output_fields, generate_random)},
    OPERATIONS_END,
};
