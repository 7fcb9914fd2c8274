/* SPDX-License-Identifier: PostgreSQL
 *
 * Just enough XML to read what an S3 server answers: elements and their text. No document types, no
 * attributes, no other entities than the five of XML and character numbers.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_STORE_XML_H
#define ARCHIVER_STORE_XML_H

#include "base/buf.h"
#include "base/err.h"

/* Called at the end of each element: path from the root ("/Error/Code", prefixes of namespaces
 * left out) and the text directly inside it. Both borrowed for the call. */
typedef bool (*xml_each)(const char *path, const char *text, void *state, struct err *err);

/* ERR_DATA when it is no XML, is cut off, or is nested deeper than 32; false also where `each`
 * says so. */
bool xml_walk(const char *xml, size_t len, xml_each each, void *state, struct err *err);
void xml_escape(struct buf *buf, const char *text);

#endif
