/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
#include "store/profile.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "store/keys.h"

struct setting {
    char *key, *value;
};

struct profile {
    struct setting *settings;
    size_t count;
};

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    for (size_t i = 0; i < profile->count; i++) {
        OPENSSL_cleanse(profile->settings[i].value, strlen(profile->settings[i].value));
        free(profile->settings[i].key);
        free(profile->settings[i].value);
    }
    free(profile->settings);
    free(profile);
}

const char *profile_get(const struct profile *profile, const char *key)
{
    for (size_t i = 0; i < profile->count; i++) {
        if (strcasecmp(profile->settings[i].key, key) == 0)
            return profile->settings[i].value[0] ? profile->settings[i].value : NULL;
    }
    return NULL;
}

/* Cuts blanks from both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    for (size_t len = strlen(text); len > 0 && strchr(" \t\r", text[len - 1]); len--)
        text[len - 1] = '\0';
    return text;
}

/* Is "[profile name]", without the brackets, the one looked for? The credentials file leaves the
 * word out, and so does the config file for `default`. */
static bool is_section(char *section, const char *name, bool config)
{
    section = trim(section);
    bool bare = !config || strcmp(section, "default") == 0;
    if (config && strncmp(section, "profile", 7) == 0 && strchr(" \t", section[7]) && section[7]) {
        section = trim(section + 7);
        bare = true;
    }
    size_t len = strlen(section);
    if (len > 1 && (section[0] == '"' || section[0] == '\'') && section[len - 1] == section[0]) {
        section[len - 1] = '\0';
        section++;
    }
    return bare && strcmp(section, name) == 0;
}

static void keep(struct profile *profile, char *line)
{
    char *equals = strchr(line, '=');

    if (!equals)
        return;
    *equals = '\0';
    char *key = trim(line), *value = trim(equals + 1);
    /* A comment begins behind a blank; a program's arguments are left alone. */
    for (char *c = value; *c && strcasecmp(key, "credential_process") != 0; c++) {
        if ((*c == ' ' || *c == '\t') && (c[1] == '#' || c[1] == ';')) {
            *c = '\0';
            break;
        }
    }
    value = trim(value);
    for (size_t i = 0; i < profile->count; i++) {
        if (strcasecmp(profile->settings[i].key, key) == 0)
            return; /* the file read first wins */
    }
    profile->settings =
        mem_grow(profile->settings, (profile->count + 1) * sizeof(*profile->settings));
    profile->settings[profile->count++] =
        (struct setting){.key = mem_strdup(key), .value = mem_strdup(value)};
}

/* True where the file has such a section. */
static bool read_text(struct profile *profile, char *text, const char *name, bool config)
{
    bool inside = false, found = false;

    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        char first = line[0];
        char *close = first == '[' ? strchr(line, ']') : NULL;
        if (close) {
            *close = '\0';
            inside = is_section(line + 1, name, config);
            found = found || inside;
        } else if (inside && first != '#' && first != ';' && first != ' ' && first != '\t') {
            keep(profile, line); /* an indented line belongs to a setting with several values */
        }
    }
    return found;
}

static char *path_of(const char *variable, const char *file)
{
    const char *said = getenv(variable), *home = getenv("HOME");

    if (said && strncmp(said, "~/", 2) == 0 && home)
        return mem_printf("%s%s", home, said + 1);
    if (said && *said)
        return mem_strdup(said);
    return home && *home ? mem_printf("%s/.aws/%s", home, file) : NULL;
}

static bool read_file(struct profile *profile, const char *name, bool config, bool *found,
                      struct err *err)
{
    char *path = config ? path_of("AWS_CONFIG_FILE", "config")
                        : path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    struct buf text = BUF_INIT;
    struct err missing;
    bool ok = !path || keys_read_file(path, "credentials file", &text, &missing) ||
              missing.kind == ERR_NOT_FOUND;

    if (!ok)
        *err = missing;
    if (text.len > 0 && read_text(profile, text.data, name, config))
        *found = true;
    if (text.data)
        OPENSSL_cleanse(text.data, text.cap);
    buf_done(&text);
    free(path);
    return ok;
}

struct profile *profile_load(const char *name, struct err *err)
{
    struct profile *profile = mem_alloc(sizeof(*profile));
    bool found = false;

    if (read_file(profile, name, false, &found, err) &&
        read_file(profile, name, true, &found, err)) {
        if (found)
            return profile;
        err_set(err, ERR_NOT_FOUND, "there is no profile %s", name);
        err_hint(err, "~/.aws/credentials and ~/.aws/config hold profiles");
    }
    profile_free(profile);
    return NULL;
}
