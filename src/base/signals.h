/* Signals: which threads take them, and last words when a mapped file cannot be read. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>

/* Blocks on this thread, and so on those it starts until signals_restore(), every signal that
 * does not come from what the thread itself does: no call of theirs is ever interrupted. */
void signals_block(sigset_t *ret_before);
void signals_restore(const sigset_t *before);

/* A write beyond the file-size limit fails with EFBIG, a full disk like any other, instead of
 * ending the process; so does a write to a closed pipe with EPIPE. */
void signals_ignore_limits(void);

/* From now on a page of a mapped file that cannot be read (the file was cut, the disk failed)
 * ends the process with a line on standard error that names the file, and memory that is not
 * there with one that says what to do: a damaged database can lead LMDB anywhere. */
void signals_explain_faults(void);

#endif
