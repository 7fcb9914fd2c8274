/* SPDX-License-Identifier: PostgreSQL
 *
 * THE TABLE of options: one row an option. Parser, defaults, ranges, `config show`, the example
 * file and the reference are derived from it; no default, range or help text stands anywhere else.
 *
 * A row says where the option stands in the file (section and name), where it goes (an offset into
 * the struct of config/config.h that belongs to its section), and what it may be. Rows without a
 * field are of two kinds: OPTION_IGNORED is accepted and warned about; OPTION_LATER is refused
 * unless it asks for nothing, since acting as if it were not there would not be safe.
 *
 * Not for: reading files (config/yaml.h), inheritance and rules between options (config.c).
 * Threads: immutable.
 */
#ifndef ARCHIVER_CONFIG_OPTIONS_H
#define ARCHIVER_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Where an option stands, and so which struct its offset is in. */
enum option_section {
    IN_FILE,       /* top level: struct config */
    IN_S3,         /* s3: struct config_s3 */
    IN_SETTINGS,   /* defaults, a database or a table: struct config_settings */
    IN_DATABASE,   /* databases[]: struct config_database */
    IN_TABLE,      /* tables[]: struct config_table */
    IN_LOGGING,    /* struct config_logging */
    IN_MONITORING, /* struct config */
    IN_COMPLIANCE, /* struct config_compliance */
    IN_LEGAL_HOLDS,
    IN_ENCRYPTION,   /* struct config_encryption */
    IN_PREVIOUS_KEY, /* encryption.previous_keys[]: struct config_key */
    OPTION_SECTIONS
};

enum option_type {
    OPTION_TEXT,   /* const char *; with choices: one of them */
    OPTION_INT,    /* int64_t */
    OPTION_REAL,   /* double */
    OPTION_BOOL,   /* int64_t, 0 or 1 */
    OPTION_CHOICE, /* int64_t, the choice's value */
    OPTION_NAMES,  /* struct config_names: one name or a list */
    OPTION_MAP,    /* a section: `inside` */
    OPTION_LIST,   /* a list of sections: `inside` */
    OPTION_ANY,    /* not looked into */
};

enum option_effect {
    OPTION_ACTS,
    OPTION_IGNORED, /* accepted with a warning where it asks for anything */
    OPTION_LATER,   /* refused where it asks for anything */
};

#define OPTION_NO_FIELD SIZE_MAX

struct option_choice {
    const char *text; /* NULL ends a list */
    int64_t value;
    bool later; /* refused by this version */
};

struct option_row {
    const char *name;
    enum option_section section;
    enum option_type type;
    enum option_effect effect;
    size_t offset;                       /* OPTION_NO_FIELD: checked, kept nowhere */
    enum option_section inside;          /* OPTION_MAP and OPTION_LIST */
    const char *fallback;                /* default as text; NULL: unset */
    const char *fallback_old;            /* in files of version 1.0 and 2.0; NULL: the same */
    double min, max;                     /* numbers; both 0: any */
    double min_old, max_old;             /* the same for 1.0 and 2.0; both 0: min and max */
    const struct option_choice *choices; /* NULL: free */
    const char *earlier[2];              /* names it also goes by */
    const char *unit;                    /* for people; NULL: none */
    const char *example;                 /* for the example file where there is no default */
    const char *since;                   /* version that began to act on it; NULL: none yet */
    const char *help;                    /* one line */
    bool required;
    bool smallest;    /* stands in the smallest useful file */
    bool secret;      /* never shown */
    bool may_empty;   /* "" is a value; otherwise it means nothing said */
    bool never_empty; /* "" is an error: meaning nothing would be dangerous */
    bool (*validate)(const char *text, struct err *err);
};

extern const struct option_row options_table[];
extern const size_t options_count;

/* The row of a name, or of an earlier one; NULL where the section has none. */
const struct option_row *options_find(enum option_section section, const char *name);
/* The key of a section in the file: "s3", "defaults", "databases", "tables", ... */
const char *options_section_name(enum option_section section);
/* Checks `text` and puts it into the struct at `base`; OPTION_NAMES takes one name. Texts are
 * copied into `arena`. An error has no place in it yet, and never shows a secret. */
bool options_set(const struct option_row *row, const char *text, bool old, void *base,
                 struct arena *arena, struct err *err);
/* Every default of a section. */
void options_defaults(enum option_section section, bool old, void *base, struct arena *arena);
/* Whether `text` asks for no more than the default does. */
bool options_is_default(const struct option_row *row, const char *text);
/* The value at `base` as text that options_set takes; false where unset. Not for OPTION_NAMES. */
bool options_text(const struct option_row *row, const void *base, struct buf *ret_text);

#endif
