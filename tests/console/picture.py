#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""A screen that the driver wrote as cells -> an SVG picture: picture.py CELLS.json > PICTURE.svg"""
import json
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, SIZE = 8.4, 18, 14
TEXT, GROUND = "#d4d7dc", "#14171c"


def look(cell):
    fg, bg = cell["fg"] or TEXT, cell["bg"] or GROUND
    if cell["reverse"]:
        fg, bg = bg, fg
    return fg, bg, bool(cell["bold"]), bool(cell["underline"])


def block(char):
    """The part of a cell that a block character fills: x, y, width, height; None: it is text."""
    code = ord(char[0]) if char else 0
    if 0x2581 <= code <= 0x2588:
        share = (code - 0x2580) / 8
        return 0, 1 - share, 1, share
    if 0x2589 <= code <= 0x258F:
        return 0, 0, (0x2590 - code) / 8, 1
    if code == 0x2595:
        return 7 / 8, 0, 1 / 8, 1
    return None


def row(cells, y):
    grounds, texts, col = [], [], 0
    while col < len(cells):
        start, style = col, look(cells[col])
        run = ""
        solid = block(cells[col]["text"])
        while col < len(cells) and look(cells[col]) == style:
            now = block(cells[col]["text"])
            if now or solid:
                if col > start:
                    break
                col += 1
                break
            run += cells[col]["text"]
            col += 2 if cells[col]["width"] == 2 else 1
        fg, bg, bold, underline = style
        x, width = start * WIDTH, (col - start) * WIDTH
        if bg != GROUND:
            grounds.append(f'<rect x="{x:.1f}" y="{y}" width="{width + 0.3:.1f}" height="{HEIGHT}" fill="{bg}"/>')
        if solid:
            bx, by, bw, bh = solid
            texts.append(
                f'<rect x="{x + bx * WIDTH:.2f}" y="{y + by * HEIGHT:.2f}" width="{bw * WIDTH + 0.2:.2f}" '
                f'height="{bh * HEIGHT:.2f}" fill="{fg}"/>')
        elif run.strip():
            marks = (' font-weight="bold"' if bold else "") + (' text-decoration="underline"' if underline else "")
            texts.append(
                f'<text x="{x:.1f}" y="{y + SIZE}" textLength="{width:.1f}" fill="{fg}"{marks} '
                f'xml:space="preserve">{escape(run)}</text>')
    return grounds + texts


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        screen = json.load(file)
    width, height = screen["cols"] * WIDTH + 24, screen["rows"] * HEIGHT + 24
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
          f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" '
          f'font-size="{SIZE}">')
    print(f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{GROUND}"/>')
    print('<g transform="translate(12,12)">')
    for i, cells in enumerate(screen["cells"]):
        for line in row(cells, i * HEIGHT):
            print(line)
    print("</g></svg>")


main()
