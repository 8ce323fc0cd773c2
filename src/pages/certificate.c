/* The certificate that notifications are signed with, under the name that they give. */
#include "pages/internal.h"

static void show(struct pages *pages, struct http_request *request)
{
    struct signer *signer = pages->options.signer;
    struct text name = signer_certificate_name(signer);

    if (name.len == 0 || !text_equal(text_after(request->path, 1), name)) {
        page_answer(request, 404, T("text/plain"), T("no such certificate\n"));
        return;
    }
    page_answer(request, 200, T("application/x-pem-file"), signer_certificate(signer));
}

const struct page page_certificate = {.path = "/SimpleNotificationService-",
                                      .is_prefix = true,
                                      .method = "GET",
                                      .is_open = true,
                                      .show = show};
