/* A page's parameters, read and checked by their rows. */
#include "base/encoding.h"
#include "base/timestamp.h"
#include "pages/internal.h"

static bool read_number(const struct page_parameter *row, struct text value, int64_t *ret)
{
    return text_to_int64(value, ret) && *ret >= row->least && *ret <= row->most;
}

static bool read_flag(struct text value, bool *ret)
{
    *ret = text_equal(value, T("true"));
    return *ret || text_equal(value, T("false"));
}

static bool read_time(struct text value, int64_t *ret_ms)
{
    int64_t seconds = 0;

    if (timestamp_parse(value, ret_ms)) {
        return true;
    }
    if (!text_to_int64(value, &seconds) || seconds < 0 || seconds > INT64_MAX / 1000) {
        return false;
    }
    *ret_ms = seconds * 1000;
    return true;
}

static bool read_subscription(struct text arn, uint8_t ret_id[16])
{
    struct text id = arn;

    while (text_find(id, ':') < id.len) {
        id = text_after(id, text_find(id, ':') + 1);
    }
    return text_starts_with(arn, T("arn:")) && uuid_parse(id, ret_id);
}

static bool value_read(struct page_call *call, const struct page_parameter *row,
                       struct text value)
{
    void *member = (char *)call + row->offset;
    struct page_id *id = member;

    switch (row->kind) {
    case PARAMETER_TEXT: *(struct text *)member = arena_copy(&call->arena, value); return true;
    case PARAMETER_NUMBER: return read_number(row, value, member);
    case PARAMETER_FLAG: return read_flag(value, member);
    case PARAMETER_TIME: return read_time(value, member);
    case PARAMETER_ID: break;
    case PARAMETER_SUBSCRIPTION: id->is_given = true; return read_subscription(value, id->id);
    }
    id->is_given = true;
    return uuid_parse(value, id->id);
}

static void value_leave_out(struct page_call *call, const struct page_parameter *row)
{
    if (row->kind == PARAMETER_NUMBER || row->kind == PARAMETER_TIME) {
        *(int64_t *)(void *)((char *)call + row->offset) = row->otherwise;
    }
}

bool parameters_read(struct page_call *call)
{
    struct http_request *request = call->request;
    const struct page_parameter *row = call->page->parameters;

    for (; row != NULL && row->name != NULL; row++) {
        const char *reason = NULL;
        struct text value =
            form_find(request->arena, request->query, text_from(row->name), &reason);

        if (reason != NULL) {
            (void)fail(&call->why, STATUS_INVALID, "%s", reason);
            return false;
        }
        if (value.len == 0 && !row->is_required) {
            value_leave_out(call, row);
        } else if (value.len == 0 || !value_read(call, row, value)) {
            (void)fail(&call->why, STATUS_INVALID, "%s: %s", row->name, row->form);
            return false;
        }
    }
    return true;
}
