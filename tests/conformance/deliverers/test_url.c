/* The one reader of endpoint URLs: what it takes, and every spelling that it must not. */
#include "deliverers/common/url.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct row {
    const char *text;
    enum url_host kind;
    const char *host;
    uint16_t port;
    const char *plain;
};

static const struct row rows[] = {
    {"http://example.com", URL_NAME, "example.com", 80, "http://example.com/"},
    {"https://example.com/a/../b?c=d&e=%20", URL_NAME, "example.com", 443,
     "https://example.com/a/../b?c=d&e=%20"},
    {"HTTPS://EXAMPLE.Com.:8443/X", URL_NAME, "example.com", 8443,
     "https://example.com:8443/X"},
    {"http://example.com:80/", URL_NAME, "example.com", 80, "http://example.com/"},
    {"http://example.com?x", URL_NAME, "example.com", 80, "http://example.com/?x"},
    {"http://me:secret@example.com/", URL_NAME, "example.com", 80, "http://example.com/"},
    {"http://localhost:8080/", URL_NAME, "localhost", 8080, "http://localhost:8080/"},
    {"http://LOCALHOST./", URL_NAME, "localhost", 80, "http://localhost/"},
    {"http://a_b.example/", URL_NAME, "a_b.example", 80, "http://a_b.example/"},
    {"http://xn--bcher-kva.example/", URL_NAME, "xn--bcher-kva.example", 80,
     "http://xn--bcher-kva.example/"},
    {"http://1.2.3.4.example/", URL_NAME, "1.2.3.4.example", 80, "http://1.2.3.4.example/"},
    {"http://127.0.0.1:65535/", URL_IPV4, "127.0.0.1", 65535, "http://127.0.0.1:65535/"},
    {"http://[::1]:8080/x", URL_IPV6, "::1", 8080, "http://[::1]:8080/x"},
    {"http://[0:0:0:0:0:ffff:7f00:1]/", URL_IPV6, "::ffff:127.0.0.1", 80,
     "http://[::ffff:127.0.0.1]/"},
    {"http://[::FFFF:127.0.0.1]/", URL_IPV6, "::ffff:127.0.0.1", 80,
     "http://[::ffff:127.0.0.1]/"},
    {"http://ok@127.0.0.1/", URL_IPV4, "127.0.0.1", 80, "http://127.0.0.1/"},
    {"http://example.com/@127.0.0.1", URL_NAME, "example.com", 80,
     "http://example.com/@127.0.0.1"},
    {"http://example.com/http://127.0.0.1:22/", URL_NAME, "example.com", 80,
     "http://example.com/http://127.0.0.1:22/"},
};

Test(url, takes_one_host_only_and_says_which)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url url;
        const char *why = "";

        cr_assert(url_read(rows[i].text, &url, &why), "%s: %s", rows[i].text, why);
        cr_expect_eq(url.kind, rows[i].kind, "%s", rows[i].text);
        cr_expect_str_eq(url.host, rows[i].host, "%s", rows[i].text);
        cr_expect_eq(url.port, rows[i].port, "%s", rows[i].text);
        cr_expect_str_eq(url.plain, rows[i].plain, "%s", rows[i].text);
    }
}

static const char *const refused[] = {
    "",
    "example.com",
    "//example.com",
    "http:",
    "http:/",
    "http://",
    "http:///",
    "http:127.0.0.1",
    "http:///127.0.0.1",
    "http:/127.0.0.1",
    "http:\\\\127.0.0.1",
    "http://?x",
    "http://:80/",
    "http://@/",
    "http://user@",
    "http://user@/",
    /* other schemes */
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "ftp://x/",
    "dict://x/",
    "ldap://x/",
    "unix:/run/x",
    "jar:http://x",
    "data:text/plain,x",
    "javascript:alert(1)",
    "httpx://x/",
    "http s://x/",
    /* addresses in disguise */
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://127.0.0/",
    "http://1.2.3.4.5/",
    "http://256.0.0.1/",
    "http://127.0.0.0x1/",
    "http://0/",
    "http://1.0x/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://[fe80::1%25eth0]/",
    "http://[127.0.0.1]/",
    "http://[::1",
    "http://[]/",
    "http://[::1]x/",
    "http://[::1]:/",
    "http://[::1]@x/",
    "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.\xe2\x93\xaa.\xe2\x91\xa0/",
    /* two readings */
    "http://127.0.0.1#@ok/",
    "http://ok#@127.0.0.1/",
    "http://ok\\@127.0.0.1/",
    "http://ok%2f@127.0.0.1@x/",
    "http://a@b@c/",
    "http://ok/\\127.0.0.1",
    "http://ok%00.example/",
    "http://%6c%6f%63alhost/",
    "http://127%2e0.0.1/",
    "http://ok\t.example/",
    "http://ok\r\n.example/",
    "http://ok .example/",
    " http://ok/",
    "http://ok/ ",
    "http://ok/\nX: y",
    "http://ok/\x7f",
    "http://m\xc3\xbcller.example/",
    "http://ok/<x>",
    "http://ok/{x}",
    "http://ok/`x`",
    "http://ok/\"",
    /* names */
    "http://-a.example/",
    "http://a-.example/",
    "http://a..example/",
    "http://.example/",
    "http://./",
    "http://../",
    "http://a.example../",
    "http://a!b/",
    "http://a*b/",
    "http://a+b/",
    "http://*.example/",
    "http://a,b/",
    "http://a;b/",
    "http://a=b/",
    "http://a&b/",
    "http://(a)/",
    "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/",
    /* ports */
    "http://a:0/",
    "http://a:65536/",
    "http://a:80abc/",
    "http://a:/",
    "http://a:-1/",
    "http://a:+1/",
    "http://a: 1/",
    "http://a:000080/",
    "http://a:99999999999/",
    "http://a:1:2/",
    "http://a:0x50/",
    /* users */
    "http://%zz@a/",
    "http://%4@a/",
    "http://%@a/",
    "http://%00@a/",
    "http://%0d%0a@a/",
    "http://u:%0a@a/",
};

Test(url, refuses_every_spelling_that_may_be_read_otherwise)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct url url;
        const char *why = NULL;

        cr_expect_not(url_read(refused[i], &url, &why), "%s: taken for %s", refused[i],
                      url.host);
        cr_expect_not_null(why, "%s", refused[i]);
    }
}

Test(url, decodes_user_and_password)
{
    struct url url;
    const char *why = "";

    cr_assert(url_read("http://m%40e:se%20cret:%3a@example.com/", &url, &why), "%s", why);
    cr_expect(url.has_user);
    cr_expect_str_eq(url.user, "m@e");
    cr_expect_str_eq(url.password, "se cret::");
    cr_assert(url_read("http://me@example.com/", &url, &why));
    cr_expect_str_eq(url.password, "");
}

Test(url, is_bounded)
{
    static char text[4096];
    struct url url;
    const char *why = "";

    memset(text, 'a', sizeof text - 1);
    memcpy(text, "http://example.com/", 19);
    text[URL_MAX] = '\0';
    cr_expect(url_read(text, &url, &why), "%s", why);
    cr_expect_eq(strlen(url.plain), URL_MAX);
    text[URL_MAX] = 'a';
    text[URL_MAX + 1] = '\0';
    cr_expect_not(url_read(text, &url, &why));
    (void)snprintf(text, sizeof text, "http://%0300d@a/", 7);
    cr_expect_not(url_read(text, &url, &why), "a user of 300 characters");
    (void)snprintf(text, sizeof text, "http://%0254d.example/", 7);
    cr_expect_not(url_read(text, &url, &why), "a host of 262 characters");
}
