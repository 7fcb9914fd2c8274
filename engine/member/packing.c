/* SPDX-License-Identifier: PostgreSQL */
#include "member/packing.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *suffix, *encrypted;
} packings[] = {
    [PACKING_NONE] = {"none", ".jsonl", ".jsonl.enc"},
    [PACKING_GZIP] = {"gzip", ".jsonl.gz", ".jsonl.gz.enc"},
    [PACKING_ZSTD] = {"zstd", ".jsonl.zst", ".jsonl.zst.enc"},
};

const char *packing_name(enum packing packing)
{
    return packings[packing].name;
}

bool packing_of(const char *name, enum packing *ret_packing)
{
    for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++) {
        if (strcmp(name, packings[i].name) == 0) {
            *ret_packing = (enum packing)i;
            return true;
        }
    }
    return false;
}

const char *packing_suffix(enum packing packing, bool encrypted)
{
    return encrypted ? packings[packing].encrypted : packings[packing].suffix;
}
