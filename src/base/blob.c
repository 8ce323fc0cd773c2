/* Immutable bytes with a reference count. */
#include "base/blob.h"

#include "base/memory.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

struct blob *blob_new(size_t len)
{
    struct blob *blob;

    if (len > UINT32_MAX) {
        abort(); /* every way in is bounded far below */
    }
    blob = memory_take(sizeof(*blob) + len);
    blob->references = 1;
    blob->len = (uint32_t)len;
    return blob;
}

struct blob *blob_copy(struct text text)
{
    struct blob *blob = blob_new(text.len);

    if (text.len > 0) {
        memcpy(blob->at, text.at, text.len);
    }
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    if (blob != NULL) {
        must(blob->references > 0 && blob->references < UINT32_MAX);
        blob->references++;
    }
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob == NULL) {
        return;
    }
    must(blob->references > 0);
    if (--blob->references == 0) {
        memory_free(blob);
    }
}

struct text blob_text(const struct blob *blob)
{
    return blob == NULL ? T("") : text_make(blob->at, blob->len);
}
