/* Subscription attributes that AWS does not have: what each may say.  Who acts on them: the
 * deliverers (deliverers/README.md has the table for users), delivery/, filters. */
#include "base/buffer.h"
#include "delivery/retry_policy.h"
#include "formats/formats.h"
#include "notification/notification.h"
#include "services/sns/internal.h"

#define SECRET_MAX  ((size_t)4096)
#define HEADERS_MAX ((size_t)8192)
#define PEM_MAX     ((size_t)65536)
#define FORMATS_MAX 32 /* that a refusal tells */

/* NULL, or why the value, which is not empty, is refused. */
typedef const char *(*fault_of)(const struct attribute_check *check, struct text value);

struct fanfare_attribute {
    struct text name; /* behind the prefix */
    fault_of fault;
    bool is_write_only;
};

static const char *one_of(const struct attribute_check *check, struct text value,
                          const char *const *words)
{
    struct buffer list;

    buffer_init(&list, 1024);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (text_equal(value, text_from(words[i]))) {
            buffer_free(&list);
            return NULL;
        }
        buffer_printf(&list, "%s%s",
                      i == 0                 ? ""
                      : words[i + 1] == NULL ? " or "
                                             : ", ",
                      words[i]);
    }
    struct text fault =
        arena_printf(check->request->arena, "Invalid value [%.*s]. Must be %.*s.",
                     TEXT_PRINTF(value), TEXT_PRINTF(buffer_text(&list)));

    buffer_free(&list);
    return fault.at;
}

static const char *number_within(const struct attribute_check *check, struct text value,
                                 int64_t min, int64_t max)
{
    int64_t number = 0;

    if (text_to_int64(value, &number) && number >= min && number <= max) {
        return NULL;
    }
    return arena_printf(check->request->arena,
                        "Invalid value [%.*s]. Must be a whole number from %lld to %lld.",
                        TEXT_PRINTF(value), (long long)min, (long long)max)
        .at;
}

static const char *fault_of_profile(const struct attribute_check *check, struct text value)
{
    static const char *const words[] = {"sns", "fanfare", NULL};

    return one_of(check, value, words);
}

static const char *fault_of_format(const struct attribute_check *check, struct text value)
{
    const char *words[FORMATS_MAX + 1] = {NULL};

    for (size_t i = 0; i < FORMATS_MAX; i++) {
        words[i] = format_name_at(i);
    }
    return one_of(check, value, words);
}

static const char *fault_of_signing(const struct attribute_check *check, struct text value)
{
    static const char *const words[] = {"sns", "standard", "both", "none", NULL};

    return one_of(check, value, words);
}

static const char *fault_of_tls(const struct attribute_check *check, struct text value)
{
    static const char *const words[] = {"1.2", "1.3", NULL};

    return one_of(check, value, words);
}

static const char *fault_of_concurrency(const struct attribute_check *check, struct text value)
{
    return number_within(check, value, 1, 1000);
}

static const char *fault_of_rate(const struct attribute_check *check, struct text value)
{
    return number_within(check, value, 1, 100000);
}

static const char *fault_of_schedule(const struct attribute_check *check, struct text value)
{
    struct retry_policy policy = retry_policy_http;
    const char *reason = NULL;

    (void)check;
    return retry_schedule_parse(value, &policy, &reason) ? NULL : reason;
}

static const char *fault_of_timeout(const struct attribute_check *check, struct text value)
{
    return number_within(check, value, 1, 60);
}

/* One line without control characters; its reader says more. */
static const char *fault_of_line(const struct attribute_check *check, struct text value)
{
    (void)check;
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7f) {
            return "must not contain control characters";
        }
    }
    return value.len <= SECRET_MAX ? NULL : "is longer than 4096 bytes";
}

/* Its deliverer reads them. */
static const char *fault_of_headers(const struct attribute_check *check, struct text value)
{
    (void)check;
    return value.len <= HEADERS_MAX ? NULL : "is longer than 8192 bytes";
}

static const char *fault_of_secret(const struct attribute_check *check, struct text value)
{
    const char *fault = fault_of_line(check, value);

    return fault != NULL ? fault : webhook_secrets_fault(value);
}

static const char *fault_of_pem(const struct attribute_check *check, struct text value)
{
    (void)check;
    if (value.len > PEM_MAX) {
        return "is longer than 65536 bytes";
    }
    return text_starts_with(value, T("-----BEGIN ")) ? NULL : "must be in PEM form";
}

/* The daemon sets it; people only take it away. */
static const char *fault_of_disabled(const struct attribute_check *check, struct text value)
{
    (void)check;
    (void)value;
    return "can only be set to nothing, which enables the subscription again";
}

static const struct fanfare_attribute table[] = {
    {TEXT("CA"), fault_of_pem, false},
    {TEXT("ClientCertificate"), fault_of_pem, true},
    {TEXT("Disabled"), fault_of_disabled, false},
    {TEXT("FilterProfile"), fault_of_profile, false},
    {TEXT("Format"), fault_of_format, false},
    {TEXT("Headers"), fault_of_headers, true},
    {TEXT("MaxConcurrency"), fault_of_concurrency, false},
    {TEXT("MaxPerSecond"), fault_of_rate, false},
    {TEXT("Proxy"), fault_of_line, true},
    {TEXT("RetrySchedule"), fault_of_schedule, false},
    {TEXT("RoutingKey"), fault_of_line, true},
    {TEXT("Secret"), fault_of_secret, true},
    {TEXT("Signing"), fault_of_signing, false},
    {TEXT("TLSMinVersion"), fault_of_tls, false},
    {TEXT("Timeout"), fault_of_timeout, false},
};

/* A plug-in's own settings begin so; only the plug-in knows what they may say. */
#define PLUGIN_PREFIX "X-"

static const struct fanfare_attribute *attribute_find(struct text name)
{
    struct text short_name = text_after(name, text_from(FANFARE_PREFIX).len);

    for (size_t i = 0; i < countof(table); i++) {
        if (text_equal(table[i].name, short_name)) {
            return &table[i];
        }
    }
    return NULL;
}

/* What its deliverer says of it; NULL: nothing. */
static const char *fault_of_deliverer(const struct attribute_check *check, struct text name,
                                      struct text value)
{
    struct text short_name = text_after(name, text_from(FANFARE_PREFIX).len);
    struct why why = {""};

    if (check->request->api == NULL
        || api_accepts_setting(check->request->api, check->protocol_name, short_name, value,
                               &why)) {
        return NULL;
    }
    return arena_copy(check->request->arena, text_from(why.text)).at;
}

const char *fanfare_attribute_fault(const struct attribute_check *check, struct text name,
                                    struct text value)
{
    const struct fanfare_attribute *attribute = attribute_find(name);
    const char *fault = NULL;

    if (attribute == NULL) {
        return text_starts_with(text_after(name, text_from(FANFARE_PREFIX).len),
                                T(PLUGIN_PREFIX))
                   ? value.len == 0 ? NULL : fault_of_deliverer(check, name, value)
                   : "is not an attribute that this server knows";
    }
    if (value.len == 0) {
        return NULL;
    }
    fault = attribute->fault(check, value);
    return fault != NULL ? fault : fault_of_deliverer(check, name, value);
}

enum status fanfare_attributes_check(const struct attribute_check *check,
                                     const struct attribute_set *set)
{
    static const struct {
        struct text name, value, needed;
        const char *fault;
    } rows[] = {
        {TEXT(FANFARE_PREFIX "Signing"), TEXT("standard"), TEXT(FANFARE_PREFIX "Secret"),
         "standard needs Fanfare.Secret"},
        {TEXT(FANFARE_PREFIX "Signing"), TEXT("both"), TEXT(FANFARE_PREFIX "Secret"),
         "both needs Fanfare.Secret"},
        {TEXT(FANFARE_PREFIX "Format"), TEXT("pagerduty"), TEXT(FANFARE_PREFIX "RoutingKey"),
         "pagerduty needs Fanfare.RoutingKey"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        if (text_equal(attribute_set_get(set, rows[i].name), rows[i].value)
            && !attribute_set_has(set, rows[i].needed)) {
            return attribute_refuse(check, rows[i].name, rows[i].fault);
        }
    }
    return STATUS_OK;
}

bool fanfare_attribute_is_write_only(struct text name)
{
    const struct fanfare_attribute *attribute =
        text_starts_with(name, T(FANFARE_PREFIX)) ? attribute_find(name) : NULL;

    return attribute != NULL && attribute->is_write_only;
}
