/* SMS: an account's settings, and the phones that opted out.  Member names begin in lower case,
 * as AWS has them here alone. */
#include "services/common/names.h"
#include "services/common/page_token.h"
#include "services/sns/internal.h"

#define OPT_IN_AGAIN_MS (30LL * 24 * 3600 * 1000)

/* --- Settings. */

struct sms_attributes {
    struct string_map attributes;
};

static const struct field sms_attributes_fields[] = {
    {.name = "attributes",
     .type = FIELD_STRING_MAP,
     .required = true,
     AT(struct sms_attributes, attributes)},
    FIELDS_END,
};

static bool is_percentage(struct text value)
{
    int64_t number = 0;

    return text_to_int64(value, &number) && number >= 0 && number <= 100;
}

static bool is_amount(struct text value)
{
    int64_t number = 0;

    return text_to_int64(value, &number) && number >= 0;
}

static bool is_type(struct text value)
{
    return text_equal(value, T("Promotional")) || text_equal(value, T("Transactional"));
}

static bool is_sender(struct text value)
{
    size_t letters = 0;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        letters += is_letter;
        if (!is_letter && (c < '0' || c > '9')) {
            return false;
        }
    }
    return letters > 0 && value.len <= 11;
}

static bool is_anything(struct text value)
{
    return value.len <= 2048;
}

static const struct {
    struct text name;
    bool (*is_valid)(struct text value);
    const char *must;     /* NULL: AWS says no more than that it is invalid */
    struct text fallback; /* what is shown while it is not set; empty: nothing */
} rules[] = {
    {TEXT("DefaultSMSType"), is_type, NULL, {0}},
    {TEXT("DefaultSenderID"), is_sender, "be 1 to 11 letters and digits with a letter", {0}},
    {TEXT("DeliveryStatusIAMRole"), is_anything, "be shorter", {0}},
    {TEXT("DeliveryStatusSuccessSamplingRate"),
     is_percentage,
     "be a number from 0 to 100",
     {0}},
    {TEXT("MonthlySpendLimit"), is_amount, "be a whole number", TEXT("1")},
    {TEXT("UsageReportS3Bucket"), is_anything, "be shorter", {0}},
};

static enum status pair_check(struct request *request, const struct string_pair *pair)
{
    for (size_t i = 0; i < countof(rules); i++) {
        if (!text_equal(rules[i].name, pair->name)) {
            continue;
        }
        if (pair->value.len == 0 || rules[i].is_valid(pair->value)) {
            return STATUS_OK;
        }
        return rules[i].must == NULL ? request_fail(request, &sns_invalid_parameter,
                                                    "%.*s is invalid", TEXT_PRINTF(pair->name))
                                     : request_fail(request, &sns_invalid_parameter,
                                                    "Invalid parameter: %.*s Reason: must %s",
                                                    TEXT_PRINTF(pair->name), rules[i].must);
    }
    return request_fail(request, &sns_invalid_parameter, "%.*s is not a valid attribute",
                        TEXT_PRINTF(pair->name));
}

static enum status set_sms_attributes(struct request *request, struct step *step,
                                      const void *input, void *output)
{
    const struct sms_attributes *in = input;
    struct topic *topic = NULL;
    struct attribute_set set;
    struct why why = {""};
    enum status status = STATUS_OK;

    (void)output;
    for (size_t i = 0; i < in->attributes.count && status == STATUS_OK; i++) {
        status = pair_check(request, &in->attributes.items[i]);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status =
        sms_topic_open(step, request->account, request->region, sms_topic_name, &topic, &why);
    if (status != STATUS_OK) {
        return sns_fail_status(request, status, &why);
    }
    topic_set_open(request, topic, &set);
    for (size_t i = 0; i < in->attributes.count; i++) {
        if (in->attributes.items[i].value.len == 0) {
            attribute_set_remove(&set, in->attributes.items[i].name);
        } else {
            attribute_set_put(&set, in->attributes.items[i].name,
                              in->attributes.items[i].value);
        }
    }
    topic_set_store(step, topic, &set);
    return STATUS_OK;
}

struct get_sms_input {
    struct string_list attributes;
};

static const struct field get_sms_input_fields[] = {
    {.name = "attributes", .type = FIELD_STRING_LIST, AT(struct get_sms_input, attributes)},
    FIELDS_END,
};

static bool is_wanted(const struct string_list *list, struct text name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (text_equal(list->items[i], name)) {
            return true;
        }
    }
    return list->count == 0;
}

static enum status get_sms_attributes(struct request *request, struct step *step,
                                      const void *input, void *output)
{
    const struct get_sms_input *in = input;
    struct sms_attributes *out = output;
    const struct topic *topic =
        sms_topic(router_of(step), request->account, request->region, sms_topic_name);

    out->attributes = (struct string_map){
        .items = arena_array(request->arena, countof(rules), sizeof(struct string_pair)),
        .is_set = true};
    for (size_t i = 0; i < countof(rules); i++) {
        struct text value =
            topic == NULL ? (struct text){0} : topic_attribute(topic, rules[i].name);

        value = value.len > 0 ? value : rules[i].fallback;
        if (value.len > 0 && is_wanted(&in->attributes, rules[i].name)) {
            out->attributes.items[out->attributes.count++] =
                (struct string_pair){rules[i].name, arena_copy(request->arena, value)};
        }
    }
    return STATUS_OK;
}

/* --- Phones. */

struct phone_input {
    struct text number;
};

static const struct field phone_input_fields[] = {
    {.name = "phoneNumber",
     .type = FIELD_STRING,
     .required = true,
     AT(struct phone_input, number)},
    FIELDS_END,
};

static enum status number_take(struct request *request, const struct phone_input *in,
                               struct text *ret_number)
{
    *ret_number = phone_number_plain(in->number, request->arena);
    return name_is_phone(in->number) && phone_number_is_valid(*ret_number)
               ? STATUS_OK
               : request_fail(request, &sns_invalid_parameter,
                              "Invalid parameter: PhoneNumber Reason: input incorrectly "
                              "formatted");
}

struct opted_out_output {
    struct optional_boolean is_opted_out;
};

static const struct field opted_out_output_fields[] = {
    {.name = "isOptedOut", .type = FIELD_BOOLEAN, AT(struct opted_out_output, is_opted_out)},
    FIELDS_END,
};

static enum status check_opted_out(struct request *request, struct step *step,
                                   const void *input, void *output)
{
    struct opted_out_output *out = output;
    struct subscription found;
    struct text number;
    enum status status = number_take(request, input, &number);

    if (status != STATUS_OK) {
        return status;
    }
    status =
        opt_out_find(step, request->account, request->region, number, request->arena, &found);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    out->is_opted_out = (struct optional_boolean){
        .is_set = true, .value = status == STATUS_OK && found.is_confirmed};
    return STATUS_OK;
}

static enum status opt_in(struct request *request, struct step *step, const void *input,
                          void *output)
{
    struct subscription found;
    struct text number;
    int64_t since_ms = 0;
    enum status status = number_take(request, input, &number);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    status =
        opt_out_find(step, request->account, request->region, number, request->arena, &found);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && !found.is_confirmed)) {
        return STATUS_OK; /* it never opted out */
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (text_to_int64(subscription_attribute(&found, T(OPTED_IN_AT)), &since_ms)
        && step->now_ms < since_ms + OPT_IN_AGAIN_MS) {
        return request_fail(
            request, &sns_invalid_parameter,
            "Invalid parameter: PhoneNumber Reason: a phone number can be opted "
            "in once every 30 days");
    }
    opt_out_end(step, &found, request->arena);
    return STATUS_OK;
}

/* Not one of AWS's: there phones say STOP to the carrier, here a gateway passes it on. */
static enum status opt_out(struct request *request, struct step *step, const void *input,
                           void *output)
{
    struct text number;
    struct why why = {""};
    enum status status = number_take(request, input, &number);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    status = opt_out_add(step, request->account, request->region, number, request->arena, &why);
    return sns_fail_status(request, status, &why);
}

/* --- All of them. */

struct list_phones_input {
    struct text next_token;
};

static const struct field list_phones_input_fields[] = {
    {.name = "nextToken", .type = FIELD_STRING, AT(struct list_phones_input, next_token)},
    FIELDS_END,
};

struct list_phones_output {
    struct string_list numbers;
    struct text next_token;
    bool is_begun;
    struct subscription_page page;
    struct text rows[PAGE_SIZE_MAX];
};

static const struct field list_phones_output_fields[] = {
    {.name = "phoneNumbers", .type = FIELD_STRING_LIST, AT(struct list_phones_output, numbers)},
    {.name = "nextToken", .type = FIELD_STRING, AT(struct list_phones_output, next_token)},
    FIELDS_END,
};

static enum status list_begin(struct request *request, const struct list_phones_input *in,
                              struct list_phones_output *out)
{
    struct text place = {0};
    int64_t after = 0;

    out->is_begun = true;
    out->numbers = (struct string_list){.items = out->rows, .is_set = true};
    out->page.arena = request->arena;
    if (in->next_token.len > 0
        && (!page_token_decode(request->arena, in->next_token, &place)
            || !text_to_int64(place, &after) || after < 0 || after > UINT32_MAX)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: NextToken Reason: Invalid token");
    }
    out->page.after = (uint32_t)after;
    return STATUS_OK;
}

/* Until the page, or the list, is full. */
static enum status numbers_read(struct step *step, const struct topic *topic,
                                struct list_phones_output *out, bool *ret_is_last)
{
    enum status status = STATUS_OK;

    *ret_is_last = false;
    while (!*ret_is_last && out->numbers.count < PAGE_SIZE_MAX) {
        if (out->page.range.read == NULL) {
            out->page.topic = topic->number;
            out->page.max = (uint32_t)(PAGE_SIZE_MAX - out->numbers.count);
        }
        status = subscription_page_read(step, &out->page);
        if (status != STATUS_OK) {
            return status;
        }
        for (size_t i = 0; i < out->page.count; i++) {
            out->rows[out->numbers.count] = out->page.rows[i].endpoint;
            out->numbers.count += out->page.rows[i].is_confirmed;
        }
        *ret_is_last = out->page.is_last;
    }
    return STATUS_OK;
}

static enum status list_opted_out(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    struct list_phones_output *out = output;
    const struct topic *topic =
        sms_topic(router_of(step), request->account, request->region, sms_opted_out_name);
    enum status status = out->is_begun ? STATUS_OK : list_begin(request, input, out);
    bool is_last = true;

    if (status == STATUS_OK && topic != NULL) {
        status = numbers_read(step, topic, out, &is_last);
    }
    if (status == STATUS_OK && !is_last) {
        out->next_token = page_token_encode(
            request->arena, arena_printf(request->arena, "%u", out->page.after));
    }
    return status;
}

static void list_leave(struct request *request, struct step *step, void *input, void *output)
{
    struct list_phones_output *out = output;

    (void)request;
    (void)step;
    (void)input;
    subscription_page_end(&out->page);
}

/* --- The sandbox: there is none. */

static const struct field sandbox_output_fields[] = {
    {.name = "IsInSandbox", .type = FIELD_BOOLEAN, AT(struct opted_out_output, is_opted_out)},
    FIELDS_END,
};

static enum status get_sandbox_status(struct request *request, struct step *step,
                                      const void *input, void *output)
{
    struct opted_out_output *out = output;

    (void)request;
    (void)step;
    (void)input;
    out->is_opted_out = (struct optional_boolean){.is_set = true};
    return STATUS_OK;
}

static const struct field no_fields[] = {FIELDS_END};

const struct operation sns_sms_operations[] = {
    {.name = "SetSMSAttributes",
     .permission = "sns:SetSMSAttributes",
     .handle = set_sms_attributes,
     .input = sms_attributes_fields,
     .input_size = sizeof(struct sms_attributes),
     .output = no_fields,
     .output_size = 1},
    {.name = "GetSMSAttributes",
     .permission = "sns:GetSMSAttributes",
     .only_reads = true,
     .handle = get_sms_attributes,
     .input = get_sms_input_fields,
     .input_size = sizeof(struct get_sms_input),
     .output = sms_attributes_fields,
     .output_size = sizeof(struct sms_attributes)},
    {.name = "CheckIfPhoneNumberIsOptedOut",
     .permission = "sns:CheckIfPhoneNumberIsOptedOut",
     .only_reads = true,
     .handle = check_opted_out,
     .input = phone_input_fields,
     .input_size = sizeof(struct phone_input),
     .output = opted_out_output_fields,
     .output_size = sizeof(struct opted_out_output)},
    {.name = "ListPhoneNumbersOptedOut",
     .permission = "sns:ListPhoneNumbersOptedOut",
     .only_reads = true,
     .handle = list_opted_out,
     .leave = list_leave,
     .input = list_phones_input_fields,
     .input_size = sizeof(struct list_phones_input),
     .output = list_phones_output_fields,
     .output_size = sizeof(struct list_phones_output)},
    {.name = "OptInPhoneNumber",
     .permission = "sns:OptInPhoneNumber",
     .handle = opt_in,
     .input = phone_input_fields,
     .input_size = sizeof(struct phone_input),
     .output = no_fields,
     .output_size = 1},
    {.name = "OptOutPhoneNumber",
     .permission = "sns:OptInPhoneNumber",
     .handle = opt_out,
     .input = phone_input_fields,
     .input_size = sizeof(struct phone_input),
     .output = no_fields,
     .output_size = 1},
    {.name = "GetSMSSandboxAccountStatus",
     .permission = "sns:GetSMSSandboxAccountStatus",
     .only_reads = true,
     .handle = get_sandbox_status,
     .input = no_fields,
     .input_size = 1,
     .output = sandbox_output_fields,
     .output_size = sizeof(struct opted_out_output)},
    OPERATIONS_END,
};
