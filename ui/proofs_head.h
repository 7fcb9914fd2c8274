/* SPDX-License-Identifier: PostgreSQL
 *
 * A verification in a few lines: how far it is, or how it ended.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_PROOFS_HEAD_H
#define ARCHIVER_UI_PROOFS_HEAD_H

#include "canvas.h"
#include "proofs.h"

/* The lines it takes. */
int proofs_head_rows(const struct proofs_view *view);
void proofs_head_draw(const struct proofs_view *view, struct canvas *canvas, int row);
/* The name of an object over the whole width; where there is not enough room, its end, by which
 * they differ. */
void proofs_head_key(struct canvas *canvas, int row, const char *before, const char *key);

#endif
