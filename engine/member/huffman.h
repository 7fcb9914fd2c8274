/* SPDX-License-Identifier: PostgreSQL
 *
 * Prefix codes as DEFLATE has them (RFC 1951, 3.2.2): how long each symbol's code is, and the
 * codes.
 *
 *   count symbols -> huffman_lengths -> huffman_codes
 *
 * Threads: any thread (nothing is kept).
 */
#ifndef ARCHIVER_MEMBER_HUFFMAN_H
#define ARCHIVER_MEMBER_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

enum { HUFFMAN_SYMBOLS_MAX = 288, HUFFMAN_BITS_MAX = 15 };

/* Bits of each symbol's code, at most `limit`; 0: it does not occur. Two symbols have a code even
 * where fewer occur, as some readers take no other. Counts sum up to less than 2^32. */
void huffman_lengths(const uint32_t *counts, size_t symbols, unsigned limit, uint8_t *ret_lengths);
/* The codes, their first bit lowest: as they go into the stream. */
void huffman_codes(const uint8_t *lengths, size_t symbols, uint16_t *ret_codes);

#endif
