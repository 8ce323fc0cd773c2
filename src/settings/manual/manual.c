/* Prints fanfare.yaml(5): what the settings' table and the built-in deliverers say. */
#include "outbound/plugins.h"
#include "settings/internal.h"

#include <stdio.h>
#include <string.h>

/* mdoc: a line that begins with a dot or an apostrophe would be a request, a backslash an
 * escape. */
static void print_text(const char *text)
{
    if (text[0] == '.' || text[0] == '\'') {
        (void)fputs("\\&", stdout);
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            (void)fputs("\\e", stdout);
        } else {
            (void)fputc(*text, stdout);
        }
    }
    (void)fputc('\n', stdout);
}

static void print_sentence(const char *text)
{
    struct text sentence = text_from(text);

    (void)fputc(sentence.len > 0 && text[0] >= 'a' && text[0] <= 'z' ? text[0] - ('a' - 'A')
                                                                     : text[0],
                stdout);
    print_text(text[0] == '\0' ? "" : text + 1);
}

static void print_setting(const struct setting *row)
{
    struct buffer form;

    buffer_init(&form, 4096);
    setting_form(row, &form);
    (void)printf(".It Ic %s\n", row->name);
    print_sentence(row->help);
    (void)puts(".br");
    if (form.len > 0) {
        (void)printf("Takes %.*s; ", (int)form.len, form.at);
    } else {
        (void)printf("Takes %s; ", row->type == SETTING_LIST ? "a list" : "a text");
    }
    (void)printf("the default is %s.\n", row->value[0] == '\0' ? "empty" : row->value);
    buffer_free(&form);
}

static void print_form(const char *form)
{
    static const struct {
        const char *form, *words;
    } words[] = {{OPTION_TEXT, "a text"},
                 {OPTION_SECRET, "a secret, which is never shown"},
                 {OPTION_NUMBER, "a whole number above 0"},
                 {OPTION_JSON, "YAML or JSON"}};

    for (size_t i = 0; i < countof(words); i++) {
        if (strcmp(words[i].form, form) == 0) {
            (void)printf("Takes %s", words[i].words);
            return;
        }
    }
    (void)fputs("Takes one of ", stdout);
    for (; *form != '\0'; form++) {
        (void)fputs(*form == '|' ? ", " : (char[]){*form, '\0'}, stdout);
    }
}

static enum status print_deliverer(void *context, const struct deliverer *deliverer,
                                   const char *origin, struct why *why)
{
    (void)context;
    (void)origin;
    (void)why;
    if (deliverer->options == NULL || deliverer->options->name == NULL) {
        return STATUS_OK;
    }
    (void)printf(".Ss %s\n.Bl -tag -width Ds\n", deliverer->name);
    for (const struct deliverer_option *option = deliverer->options; option->name != NULL;
         option++) {
        (void)printf(".It Ic %s . Ns Ic %s\n", deliverer->name, option->name);
        print_sentence(option->help);
        (void)puts(".br");
        print_form(option->form);
        (void)printf("; the default is %s.\n",
                     option->value[0] == '\0' ? "empty" : option->value);
    }
    (void)puts(".El");
    return STATUS_OK;
}

static void print_settings(void)
{
    (void)puts(".Sh SETTINGS\n.Bl -tag -width Ds");
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        print_setting(row);
    }
    (void)puts(".El");
}

static void print_resources(void)
{
    (void)fputs(".Sh RESOURCES\n"
                "The lists\n.Ic queues\nand\n.Ic topics ,\n"
                "whose members may have a list of\n.Ic subscriptions ,\n"
                "are created and updated at the start and at SIGHUP, never deleted.\n"
                "A member has a\n.Ic name ,\n"
                "a subscription a\n.Ic protocol\nand an\n.Ic endpoint .\n"
                "Every attribute that AWS knows may stand under its own name; these have a "
                "short one:\n.Bl -tag -width Ds\n",
                stdout);
    for (const struct short_name *row = declared_short_names; row->name.len > 0; row++) {
        (void)printf(".It Ic %.*s\n%.*s\n", TEXT_PRINTF(row->name),
                     TEXT_PRINTF(row->attribute));
    }
    (void)fputs(".It Ic filter_scope\nFilterPolicyScope: attributes or body\n.El\n", stdout);
}

int main(void)
{
    const struct plugin_visitor visitor = {.visit = print_deliverer};
    struct why why;

    (void)fputs(
        ".Dd December 1, 2026\n.Dt FANFARE.YAML 5\n.Os Fanfare\n.Sh NAME\n"
        ".Nm fanfare.yaml\n.Nd the configuration of Fanfare\n.Sh DESCRIPTION\n"
        "A YAML file of settings, read by\n.Xr fanfare-serve 1\nfrom\n"
        ".Fl \\-config Ar file ,\n.Ev FANFARE_CONFIG ,\nor\n"
        ".Pa /etc/fanfare/fanfare.yaml .\n"
        "Each setting has a variable, too:\n.Ev FANFARE_NAME ,\n"
        "and can follow\n.Fl \\-set .\n"
        "A name that is given twice or that is of no setting, and a value that does not "
        "fit,\nare refused with their line.\n",
        stdout);
    print_settings();
    (void)puts(".Sh OPTIONS OF TRANSPORTS\n"
               "A section of the transport's name holds them; their variables are\n"
               ".Ev FANFARE_TRANSPORT_OPTION .");
    if (plugins_each(NULL, &visitor, &why) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    print_resources();
    (void)fputs(".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/fanfare/fanfare.yaml\n"
                "Read when nothing else is named.\n.El\n.Sh SEE ALSO\n"
                ".Xr fanfare-config 1 ,\n.Xr fanfare-serve 1\n",
                stdout);
    return 0;
}
