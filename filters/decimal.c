/* Canonical decimals.  Layout of a positive number: two bytes of exponent (0xc000 + e, where
 * the number is 0.d1d2d3... times ten to the e; far exponents have a marker and eight bytes),
 * then pairs of digits plus one.  A negative number is the complement of its magnitude and a
 * 0xff. */
#include "decimal.h"

#include "mutants.h"

#include <math.h>

#define HEADER_ZERO    0x8000u
#define HEADER_MIDDLE  0xc000u
#define HEADER_TINY    0x9000u
#define HEADER_HUGE    0xf000u
#define EXPONENT_NEAR  8000
#define EXPONENT_LIMIT 1000000000000000 /* 10^15 */

struct number_text {
    bool negative;
    const char *digits; /* from the first significant one; may contain the point */
    const char *end;    /* behind the last significant one */
    int64_t exponent;
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool exponent_parse(const char *at, const char *end, int64_t *ret_exponent)
{
    bool negative = at < end && *at == '-';
    int64_t value = 0;

    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (at == end) {
        return false;
    }
    for (; at < end; at++) {
        if (!is_digit(*at)) {
            return false;
        }
        value = value >= EXPONENT_LIMIT ? EXPONENT_LIMIT : value * 10 + (*at - '0');
    }
    *ret_exponent = negative ? -value : value;
    return true;
}

/* The significant digits of a mantissa: none, or the first and the last that are not 0. */
struct mantissa {
    const char *first;
    const char *last;
    const char *point; /* or the end */
};

/* Digits with at most one point among them, one digit at least. */
static bool mantissa_scan(const char *at, const char *end, struct mantissa *mantissa)
{
    bool any = false;

    *mantissa = (struct mantissa){.point = end};
    for (const char *here = at; here < end; here++) {
        if (*here == '.' && mantissa->point == end) {
            mantissa->point = here;
            continue;
        }
        if (!is_digit(*here)) {
            return false;
        }
        any = true;
        if (*here != '0') {
            mantissa->first = mantissa->first == NULL ? here : mantissa->first;
            mantissa->last = here;
        }
    }
    return any;
}

/* Finds the significant digits of the mantissa [at, end) and where the point stands. */
static bool mantissa_parse(const char *at, const char *end, struct number_text *number)
{
    struct mantissa mantissa;

    if (!mantissa_scan(at, end, &mantissa)) {
        return false;
    }
    if (mantissa.first != NULL) {
        ptrdiff_t before = mantissa.point - mantissa.first;

        number->digits = mantissa.first;
        number->end = mantissa.last + 1;
        number->exponent += before > 0 || mutant("filters.small-numbers") ? before : before + 1;
    }
    return true;
}

static bool number_parse(struct slice text, struct number_text *number)
{
    const char *at = text.at;
    const char *end = text.at + text.len;
    const char *mantissa_end;

    *number = (struct number_text){.negative = text.len > 0 && *at == '-'};
    if (text.len > 0 && (*at == '-' || *at == '+')) {
        at++;
    }
    for (mantissa_end = at; mantissa_end < end; mantissa_end++) {
        if (*mantissa_end == 'e' || *mantissa_end == 'E') {
            break;
        }
    }
    if (mantissa_end < end && !exponent_parse(mantissa_end + 1, end, &number->exponent)) {
        return false;
    }
    return mantissa_parse(at, mantissa_end, number);
}

static size_t header_write(int64_t exponent, unsigned char *to)
{
    uint32_t header = (uint32_t)((int64_t)HEADER_MIDDLE + exponent);
    uint64_t far = (uint64_t)exponent + (UINT64_C(1) << 63);
    bool is_far = exponent > EXPONENT_NEAR || exponent < -EXPONENT_NEAR;

    if (is_far) {
        header = exponent > 0 ? HEADER_HUGE : HEADER_TINY;
    }
    to[0] = (unsigned char)(header >> 8);
    to[1] = (unsigned char)header;
    for (int i = 0; is_far && i < 8; i++) {
        to[2 + i] = (unsigned char)(far >> (56 - 8 * i));
    }
    return is_far ? 10 : 2;
}

static size_t digits_write(const struct number_text *number, unsigned char *to)
{
    size_t count = 0;
    unsigned pair = 0;
    bool half = false;

    for (const char *at = number->digits; at < number->end; at++) {
        if (*at == '.') {
            continue;
        }
        pair = pair * 10 + (unsigned)(*at - '0');
        if (half) {
            to[count++] = (unsigned char)(pair + 1);
            pair = 0;
        }
        half = !half;
    }
    if (half) {
        to[count++] = (unsigned char)(pair * 10 + 1);
    }
    return count;
}

bool decimal_parse(struct slice text, char *to, size_t *ret_len)
{
    unsigned char *bytes = (unsigned char *)to;
    struct number_text number;
    size_t len;

    if (!number_parse(text, &number)) {
        return false;
    }
    if (number.digits == NULL) {
        bytes[0] = HEADER_ZERO >> 8;
        *ret_len = 1;
        return true;
    }
    len = header_write(number.exponent, bytes);
    len += digits_write(&number, bytes + len);
    if (number.negative) {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (unsigned char)~bytes[i];
        }
        bytes[len++] = 0xff;
    }
    *ret_len = len;
    return true;
}

bool decimal_is_number(struct slice text)
{
    struct number_text number;

    return number_parse(text, &number);
}

uint64_t decimal_key(struct slice canonical)
{
    uint64_t key = 0;

    for (size_t i = 0; i < 8; i++) {
        key = key << 8 | (i < canonical.len ? (unsigned char)canonical.at[i] : 0u);
    }
    return key;
}

double decimal_approximate(struct slice canonical)
{
    const unsigned char *bytes = (const unsigned char *)canonical.at;
    unsigned flip = canonical.len > 0 && bytes[0] < 0x80 ? 0xffu : 0;
    unsigned header;
    double value = 0;
    double scale = 0.01;

    if (canonical.len < 3) {
        return 0;
    }
    header = (bytes[0] ^ flip) << 8 | (bytes[1] ^ flip);
    if (header == HEADER_TINY) {
        return 0;
    }
    if (header == HEADER_HUGE) {
        return flip != 0 ? -HUGE_VAL : HUGE_VAL;
    }
    for (size_t i = 2; i < canonical.len && i < 11 && (bytes[i] ^ flip) != 0; i++) {
        value += ((bytes[i] ^ flip) - 1.0) * scale;
        scale *= 0.01;
    }
    value *= pow(10, (double)header - (double)HEADER_MIDDLE);
    return flip != 0 ? -value : value;
}
