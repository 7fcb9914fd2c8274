/* SPDX-License-Identifier: PostgreSQL
 *
 * A YAML file as a tree whose every node knows the file, line and column it stood at.
 *
 * Understands anchors, aliases, merge keys (`<<: *a`, `<<: [*a, *b]`), `!include other.yaml`
 * (relative to the file that includes), and `${VAR}` and `${VAR:-default}` in any scalar (`$${`
 * stands for `${`). Duplicate keys, several documents in a file, unknown tags, variables that are
 * not set and includes that go round are errors. Depth, included files and the size of the
 * tree, aliases counted as often as they are used, are limited.
 *
 * Not for: what keys mean (config/options.h), writing whole files (config_show).
 * Threads: any thread (no state; reads the environment).
 */
#ifndef ARCHIVER_CONFIG_YAML_H
#define ARCHIVER_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* An aliased node is shared, not copied: it stands where it was written. */
struct yaml_node {
    enum yaml_kind kind;
    bool plain;       /* scalar: neither quoted nor tagged, so `null` and `~` mean nothing said */
    bool expanded;    /* scalar: a variable stood in it */
    const char *file; /* as it was opened, for messages */
    int line, column; /* from 1 */
    const char *text; /* scalar: after expansion, never NULL */
    struct yaml_node **keys;  /* map: scalars; NULL otherwise */
    struct yaml_node **items; /* list: items; map: values, one a key */
    size_t count;             /* of items */
    size_t weight;            /* nodes below and this one, aliases expanded */
};

/* The file's root node, in `arena`; NULL with ERR_CONFIG. An empty file is a null scalar. */
struct yaml_node *yaml_load(const char *path, struct arena *arena, struct err *err);
/* The value of a key of a map; NULL where it is not there. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* Nothing said: an empty plain scalar, `~` or `null`. NULL is nothing too. */
bool yaml_is_null(const struct yaml_node *node);
/* A text as a scalar that is read as it is: in quotes; and the same without, where none are needed.
 */
void yaml_quote(struct buf *text, const char *value);
void yaml_add_scalar(struct buf *text, const char *value);
/* Adds "file:line:column" in front of where; returns false. */
bool yaml_at(const struct yaml_node *node, struct err *err);

#endif
