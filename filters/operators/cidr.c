/* {"cidr": "10.0.0.0/24"}: string leaves that are addresses in the block.  AWS's errors about
 * the address itself carry no position. */
#include "address.h"
#include "compiler.h"
#include "mutants.h"

/* Decimal with an optional sign, as Java reads it; false when it is not one or is huge. */
static bool mask_read(struct slice text, int *ret_bits)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    size_t at = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+') ? 1 : 0;
    int bits = 0;

    if (at == text.len || text.len > 10) {
        return false;
    }
    for (; at < text.len; at++) {
        if (text.at[at] < '0' || text.at[at] > '9') {
            return false;
        }
        bits = bits > 1000 ? bits : bits * 10 + (text.at[at] - '0');
    }
    *ret_bits = negative ? -bits : bits;
    return true;
}

/* "a/b", a slash at the end not counted. */
static bool halves_split(struct slice text, struct slice *ret_address, struct slice *ret_mask)
{
    const char *slash;

    while (text.len > 0 && text.at[text.len - 1] == '/') {
        text.len--;
    }
    slash = text.len == 0 ? NULL : memchr(text.at, '/', text.len);
    if (slash == NULL) {
        return false;
    }
    *ret_address = slice_make(text.at, (size_t)(slash - text.at));
    *ret_mask = slice_make(slash + 1, text.len - ret_address->len - 1);
    return memchr(ret_mask->at, '/', ret_mask->len) == NULL;
}

static void host_bits_clear(unsigned char *address, unsigned len, unsigned bits)
{
    for (unsigned i = 0; i < len; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

        if (kept < 8) {
            address[i] = (unsigned char)(address[i] & (0xff00u >> kept));
        }
    }
}

/* Writes the operand: bits, address. */
static bool block_parse(struct compiler *compiler, size_t at, struct slice text,
                        unsigned char bytes[17], size_t *ret_len)
{
    struct slice address;
    struct slice mask;
    unsigned len;
    int bits;

    if (!halves_split(text, &address, &mask)) {
        return compiler_fails_bare(compiler, at, "Malformed CIDR, one '/' required");
    }
    if (!mask_read(mask, &bits)) {
        return compiler_fails_bare(compiler, at,
                                   "Malformed CIDR, mask bits must be an integer");
    }
    if (bits < 0) {
        return compiler_fails_bare(compiler, at,
                                   "Malformed CIDR, mask bits must not be negative");
    }
    len = address_parse(address, bytes + 1);
    if (len == 0) {
        return compiler_fails_bare(compiler, at, "%s: %.*s",
                                   address_looks_like(address) ? "Invalid IP address"
                                                               : "Nonstandard IP address",
                                   (int)address.len, address.at);
    }
    if ((unsigned)bits >= len * 8) {
        return compiler_fails_bare(compiler, at, "IPv%d mask bits must be < %u",
                                   len == 4 ? 4 : 6, len * 8);
    }
    bytes[0] = (unsigned char)bits;
    host_bits_clear(bytes + 1, len, (unsigned)bits);
    *ret_len = len + 1;
    return true;
}

bool cidr_parse(struct compiler *compiler, uint32_t value, struct test *ret_test)
{
    unsigned char bytes[17];
    struct slice text = {"", 0};
    size_t len = 0;

    if (compiler_token(compiler, value)->type != TOKEN_STRING) {
        /* The wrong name is AWS's own. */
        return compiler_fails(compiler, compiler_behind(compiler, value),
                              "prefix match pattern must be a string");
    }
    if (!compiler_text(compiler, value, &text)
        || !block_parse(compiler, compiler_token(compiler, value)->end, text, bytes, &len)) {
        return false;
    }
    *ret_test = (struct test){.operand = {.kind = TEST_CIDR}};
    return compiler_copy(compiler, slice_make(bytes, len), &ret_test->operand.bytes);
}

bool cidr_matches(const struct operand *operand, const struct leaf *leaf)
{
    const unsigned char *bytes = (const unsigned char *)operand->bytes.at;
    unsigned bits = bytes[0];
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    if (leaf->type != LEAF_STRING || leaf->address_len == 0
        || leaf->address_len + 1u != operand->bytes.len) {
        return false;
    }
    if (memcmp(bytes + 1, leaf->address, whole) != 0) {
        return false;
    }
    return rest == 0 || mutant("filters.cidr-whole-bytes")
           || ((bytes[1 + whole] ^ leaf->address[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}
