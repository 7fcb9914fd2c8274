/* SPDX-License-Identifier: PostgreSQL
 *
 * Types in archives of the earlier archiver: as their metadata names them (information_schema's
 * words), and the rule that a type's values follow there (doc/earlier.md).
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_EARLIER_TYPE_H
#define ARCHIVER_ROW_EARLIER_TYPE_H

#include "row/shape.h"

enum earlier_rule {
    EARLIER_GUESS, /* type not known (enum, composite, extension): the value has to tell */
    EARLIER_TEXT,  /* a string is the text itself, whatever it looks like */
    EARLIER_INT,
    EARLIER_FLOAT4, /* widened to double */
    EARLIER_FLOAT8,
    EARLIER_BOOL,
    EARLIER_JSON, /* a string that holds JSON */
    EARLIER_BYTEA,
    EARLIER_CHAR, /* "char": base64 of its byte */
    EARLIER_NUMERIC,
    EARLIER_DATE,
    EARLIER_TIME, /* and timetz */
    EARLIER_TIMESTAMP,
    EARLIER_TIMESTAMPTZ,
    EARLIER_INTERVAL,
    EARLIER_LSN, /* a number */
    EARLIER_BIT,
    EARLIER_GONE, /* path, polygon: the address of an object */
    EARLIER_RANGE,
    EARLIER_MULTIRANGE,
    EARLIER_ARRAY,
    EARLIER_COMPOSITE,
    EARLIER_POINT, /* from here on: sequences of numbers, as enum canonical_form orders them */
    EARLIER_LINE,
    EARLIER_LSEG,
    EARLIER_BOX,
    EARLIER_CIRCLE,
    EARLIER_SNAPSHOT,
    EARLIER_TID,
    EARLIER_VECTOR,
};

enum earlier_rule earlier_type_rule(const struct type *type);
/* Fills a type from a column of the metadata ("_int4", "character varying" and its length). */
void earlier_type_read(struct shape *shape, struct json_object *column, struct type *type);
/* check_constraints, unique_constraints and foreign_keys as constraints of the shape; those that
 * only say NOT NULL, which the columns say already, are left out. */
void earlier_type_constraints(struct shape *shape, struct json_object *table_schema);

#endif
