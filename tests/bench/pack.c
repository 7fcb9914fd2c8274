/* SPDX-License-Identifier: PostgreSQL
 *
 * What compressors make of files of JSON lines, a MiB at a time on one core: ours at each level,
 * libdeflate, ISA-L's igzip where there is that, zlib. Prints MB/s (the best of some rounds, which
 * takes turns with the others) and the size by that of the lines.
 *
 *   pack FILE...
 */
#include <libdeflate.h>
#include <stdio.h>
#include <time.h>
#include <zlib.h>

#include "base/file.h"
#include "member/deflate.h"
#include "member/igzip.h"

#define MEMBER_BYTES   ((size_t)1 << 20)
#define ROUNDS         7
#define FILE_BYTES_MAX ((size_t)1 << 30)

struct packer;
typedef size_t (*packer_fn)(struct packer *packer, const char *lines, size_t len);

struct packer {
    const char *name;
    packer_fn run;
    int level;
    void *state;
    double best; /* seconds */
    size_t size;
};

static char out[2 * MEMBER_BYTES];

static size_t run_deflate(struct packer *p, const char *lines, size_t len)
{
    if (!p->state)
        p->state = deflate_new(p->level);
    return deflate_lines(p->state, lines, len, out, sizeof(out));
}

static size_t run_libdeflate(struct packer *p, const char *lines, size_t len)
{
    if (!p->state)
        p->state = libdeflate_alloc_compressor(p->level);
    return libdeflate_deflate_compress(p->state, lines, len, out, sizeof(out));
}

static size_t run_igzip(struct packer *p, const char *lines, size_t len)
{
    if (!p->state)
        p->state = igzip_new();
    return p->state ? igzip_deflate(p->state, lines, len, out, sizeof(out)) : 0;
}

static size_t run_zlib(struct packer *p, const char *lines, size_t len)
{
    uLongf size = sizeof(out);

    return compress2((Bytef *)out, &size, (const Bytef *)lines, len, p->level) == Z_OK ? size : 0;
}

static struct packer packers[] = {
    {.name = "level 1 (igzip)", .run = run_igzip},
    {.name = "level 2", .run = run_deflate, .level = 2},
    {.name = "level 3", .run = run_deflate, .level = 3},
    {.name = "level 4", .run = run_deflate, .level = 4},
    {.name = "level 5", .run = run_deflate, .level = 5},
    {.name = "level 6", .run = run_deflate, .level = 6},
    {.name = "libdeflate 1", .run = run_libdeflate, .level = 1},
    {.name = "libdeflate 5", .run = run_libdeflate, .level = 5},
    {.name = "libdeflate 6", .run = run_libdeflate, .level = 6},
    {.name = "zlib 1", .run = run_zlib, .level = 1},
    {.name = "zlib 6", .run = run_zlib, .level = 6},
};

#define PACKERS (sizeof(packers) / sizeof(*packers))

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void round_of(struct packer *p, const struct buf *lines)
{
    double start = cpu_seconds();

    p->size = 0;
    for (size_t at = 0; at < lines->len;) {
        size_t len = lines->len - at < MEMBER_BYTES ? lines->len - at : MEMBER_BYTES;
        const char *newline = memrchr(lines->data + at, '\n', len);
        if (newline)
            len = (size_t)(newline + 1 - (lines->data + at));
        size_t made = p->run(p, lines->data + at, len);
        if (made == 0) { /* not there, or not made for this: not shown */
            p->size = 0;
            return;
        }
        p->size += made;
        at += len;
    }
    double seconds = cpu_seconds() - start;
    if (p->best <= 0 || seconds < p->best)
        p->best = seconds;
}

static bool pack_file(const char *path, struct err *err)
{
    struct buf lines = BUF_INIT;

    if (!file_read(path, FILE_BYTES_MAX, &lines, err))
        return false;
    for (size_t i = 0; i < PACKERS; i++)
        packers[i].best = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < PACKERS; i++)
            round_of(&packers[i], &lines);
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < PACKERS; i++)
        if (packers[i].size > 0)
            printf("%s\t%s\t%.0f\t%.4f\n", slash ? slash + 1 : path, packers[i].name,
                   (double)lines.len / packers[i].best / 1e6,
                   (double)packers[i].size / (double)lines.len);
    buf_done(&lines);
    return true;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    char line[1024];

    for (int i = 1; i < argc; i++) {
        if (pack_file(argv[i], &err))
            continue;
        err_line(&err, line, sizeof(line));
        fprintf(stderr, "%s\n", line);
        return 1;
    }
    return 0;
}
