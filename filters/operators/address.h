/* IP addresses as text. */
#ifndef FILTERS_OPERATORS_ADDRESS_H
#define FILTERS_OPERATORS_ADDRESS_H

#include "slice.h"

/* Writes 4 or 16 bytes and returns how many; 0 when the text is not an address.  An IPv6
 * address that maps an IPv4 one is that IPv4 address.  No names, no zones, no blanks. */
uint8_t address_parse(struct slice text, unsigned char to[16]);
/* Whether it has the shape of an address, valid or not (999.1.1.1, 1:2). */
bool address_looks_like(struct slice text);

#endif
