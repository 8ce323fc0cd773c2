/* How soon the commit thread runs: everybody waits for it. */
#ifndef STORE_PRIORITY_H
#define STORE_PRIORITY_H

/* Real-time round robin for the calling thread where the process may, else short time slices
 * where the kernel knows them, else nothing. */
void priority_raise(void);

#endif
