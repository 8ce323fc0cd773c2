/* Requests to the daemon, one after the other: a client may wait. */
#include "access/caller.h"
#include "base/encoding.h"
#include "base/url.h"
#include "cli/internal.h"

#include <curl/curl.h>
#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 * 1024 * 1024)
#define CONNECT_S  10L
#define TOTAL_S    300L

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct buffer *body = context;

    buffer_add(body, text_make(data, size * count));
    return body->overflown ? 0 : size * count;
}

static void parameters_add(struct buffer *to, const struct cli_parameter *parameters)
{
    bool is_first = true;

    for (; parameters != NULL && parameters->name != NULL; parameters++) {
        if (parameters->value == NULL) {
            continue;
        }
        if (!is_first) {
            buffer_add_byte(to, '&');
        }
        percent_encode(to, text_from(parameters->name));
        buffer_add_byte(to, '=');
        percent_encode(to, text_from(parameters->value));
        is_first = false;
    }
}

/* The environment's credentials choose the account, as with any AWS client. */
static void credentials_set(CURL *curl, struct cli *cli)
{
    const char *key = getenv("AWS_ACCESS_KEY_ID");        /* NOLINT(concurrency-mt-unsafe) */
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY"); /* NOLINT(concurrency-mt-unsafe) */
    const char *region = getenv("AWS_REGION");            /* NOLINT(concurrency-mt-unsafe) */
    const char *other = getenv("AWS_DEFAULT_REGION");     /* NOLINT(concurrency-mt-unsafe) */

    if (key == NULL || secret == NULL || key[0] == '\0') {
        return;
    }
    region = cli->region != NULL ? cli->region : region;
    region = region != NULL && region[0] != '\0' ? region : other;
    if (region == NULL || region[0] == '\0') {
        region = "us-east-1";
    }
    (void)curl_easy_setopt(curl, CURLOPT_AWS_SIGV4,
                           arena_printf(&cli->arena, "aws:amz:%s:sns", region).at);
    (void)curl_easy_setopt(curl, CURLOPT_USERNAME, key);
    (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, secret);
}

/* What only the operator may ask for, where the caller's place alone does not show it.  CLI_OK,
 * or CLI_USAGE after saying why. */
static int admin_secret_add(struct cli *cli, struct curl_slist **io_headers)
{
    const char *secret = getenv("FANFARE_ADMIN_SECRET"); /* NOLINT(concurrency-mt-unsafe) */

    if (secret == NULL || secret[0] == '\0') {
        return CLI_OK;
    }
    for (const char *at = secret; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return cli_fail(cli, CLI_USAGE,
                            "FANFARE_ADMIN_SECRET is no secret: it is one line "
                            "of visible ASCII, as in the file admin-secret");
        }
    }
    *io_headers = curl_slist_append(
        *io_headers, arena_printf(&cli->arena, CALLER_ADMIN_HEADER ": %s", secret).at);
    return CLI_OK;
}

/* No proxy of the environment stands before one's own machine, and none hears of the secret. */
static void proxy_set(CURL *curl, const struct cli *cli)
{
    struct url url;

    if (url_split(text_from(cli->endpoint), &url)
        && (text_starts_with(url.host, T("127.")) || text_equal(url.host, T("::1"))
            || text_equal_ignore_case(url.host, T("localhost")))) {
        (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
}

struct exchange {
    const char *method;
    const char *url;
    long status;
    struct buffer answer;
};

static int exchange_run(struct cli *cli, struct exchange *exchange)
{
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    int code = admin_secret_add(cli, &headers);

    if (code != CLI_OK) {
        return code;
    }
    CURL *curl = curl_easy_init();

    if (curl == NULL) {
        curl_slist_free_all(headers);
        return cli_fail(cli, CLI_UNREACHABLE, "out of memory");
    }
    buffer_init(&exchange->answer, ANSWER_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, TOTAL_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange->answer);
    if (strcmp(exchange->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    proxy_set(curl, cli);
    credentials_set(curl, cli);
    CURLcode result = curl_easy_perform(curl);

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (result != CURLE_OK) {
        buffer_free(&exchange->answer);
        return cli_fail(cli, CLI_UNREACHABLE, "%s: %s", cli->endpoint,
                        error[0] != '\0' ? error : curl_easy_strerror(result));
    }
    return CLI_OK;
}

int cli_page(struct cli *cli, const char *method, const char *path,
             const struct cli_parameter *parameters, json_t **ret_answer)
{
    struct buffer url;
    json_error_t error;

    buffer_init(&url, ANSWER_MAX);
    buffer_printf(&url, "%s%s%s", cli->endpoint, path, parameters != NULL ? "?" : "");
    parameters_add(&url, parameters);
    buffer_add_byte(&url, '\0');
    struct exchange exchange = {.method = method, .url = url.at};
    int code = exchange_run(cli, &exchange);

    buffer_free(&url);
    if (code != CLI_OK) {
        return code;
    }
    json_t *answer = json_loadb(exchange.answer.at == NULL ? "" : exchange.answer.at,
                                exchange.answer.len, 0, &error);

    buffer_free(&exchange.answer);
    if (answer == NULL) {
        return cli_fail(cli, CLI_NO, "%s answered %ld, and not in JSON: is this a fanfare?",
                        cli->endpoint, exchange.status);
    }
    if (exchange.status != 200) {
        const char *text = cli_json_text(answer, "error");

        /* 400 is a question that cannot be understood: wrong use. */
        code = cli_fail(cli, exchange.status == 400 ? CLI_USAGE : CLI_NO, "%s",
                        text[0] != '\0' ? text : "refused");
        json_decref(answer);
        return code;
    }
    *ret_answer = answer;
    return CLI_OK;
}
