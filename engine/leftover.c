/* SPDX-License-Identifier: PostgreSQL */
#include "leftover.h"

#include <stdlib.h>

#include "base/fault.h"
#include "catalog/envelope.h"
#include "catalog/key.h"

const char *leftover_name(const struct leftover *b)
{
    return b->data_key ? b->data_key : b->stem;
}

void leftover_add_envelope(struct leftover *b, const char *key)
{
    b->envelopes = mem_grow(b->envelopes, (b->envelope_count + 1) * sizeof(*b->envelopes));
    b->envelopes[b->envelope_count++] = mem_strdup(key);
}

static bool take_envelope(const char *id, const char *key, void *state, struct err *err)
{
    (void)id;
    (void)err;
    leftover_add_envelope(state, key);
    return true;
}

bool leftover_find_envelopes(struct leftover *b, struct store *store, struct err *err)
{
    return !key_is_encrypted(b->data_key) ||
           envelope_list(store, b->data_key, take_envelope, b, err);
}

bool leftover_remove(const struct leftover *b, struct store *store, struct err *err)
{
    if (!fault_point("recover.remove", err))
        return false;
    if (b->data_key && !store_remove(store, b->data_key, err))
        return false;
    if (!fault_point("recover.removed_data", err))
        return false;
    if (b->manifest_key && !store_remove(store, b->manifest_key, err))
        return false;
    for (size_t i = 0; i < b->envelope_count; i++) {
        if (!store_remove(store, b->envelopes[i], err))
            return false;
    }
    return !b->metadata_key || store_remove(store, b->metadata_key, err);
}

void leftover_done(struct leftover *b)
{
    for (size_t i = 0; i < b->envelope_count; i++)
        free(b->envelopes[i]);
    free(b->envelopes);
    free(b->stem);
    free(b->data_key);
    free(b->metadata_key);
    free(b->manifest_key);
    *b = (struct leftover){0};
}
