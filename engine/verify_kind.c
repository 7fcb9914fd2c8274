/* SPDX-License-Identifier: PostgreSQL */
#include "verify_kind.h"

#include <stddef.h>
#include <string.h>

/* Where bytes of an archive are not what they were, the same is to be done. */
#define GET_IT_BACK                                                                                \
    "Bring an earlier version of the object back (bucket versions, replica, backup) and verify "   \
    "it again. Until then `archiver-tui cat` shows which rows can still be read."
#define LOOK_AT_ROWS                                                                               \
    "The bytes are those that were stored, so the mistake was made before. Keep the object, read " \
    "its rows, and report it: this should not happen."

static const struct verify_kind kinds[] = {
    {"missing_data", "The rows themselves are not there: only what describes them.", GET_IT_BACK},
    {"missing_metadata",
     "Rows without their metadata: a run that died before it committed leaves that, and then the "
     "rows are still in the table.",
     "Recover decides it: it removes such an object, and nothing that anybody needs. Where no run "
     "died, the metadata was removed later: bring it back from a bucket version."},
    {"missing_manifest",
     "The list of archived keys is not there. The rows are, and a restore does not need it.",
     "Bring it back from a bucket version. Without it, keys cannot be compared with the table."},
    {"bad_metadata", "The metadata cannot be read, or contradicts itself.", GET_IT_BACK},
    {"bad_size", "The object has another size than its metadata says: it was cut or replaced.",
     GET_IT_BACK},
    {"bad_checksum", "The bytes are not those that were archived.", GET_IT_BACK},
    {"bad_member", "A part of the object is damaged: its rows cannot be read.", GET_IT_BACK},
    {"bad_count", "There are more or fewer rows or keys than the metadata says.", GET_IT_BACK},
    {"bad_row", "A row does not encode again to the line that it was read from.", LOOK_AT_ROWS},
    {"bad_bounds",
     "Rows lie outside the bounds that the index gives their part, so that a filter could pass "
     "them over.",
     LOOK_AT_ROWS},
    {"bad_key", "The keys of the rows are not those of the manifest, in its order.", LOOK_AT_ROWS},
    {"bad_catalog", "The catalog says something else of the archive than its metadata.",
     "Verify the archive alone. Where it is well, the catalog is what is wrong: "
     "doc/disaster.md tells how it is made anew from the bucket."},
    {"bad_schema", "Two batches of one run have different columns, which cannot be.",
     "Compare their metadata. One of the two is not what the run wrote: bring it back from a "
     "bucket version."},
    {"key_in_table", "Archived rows are in the table too, and no restore brought them there.",
     "See whether they were inserted again, or the table was brought back from a backup. A "
     "run archives them again once they are old enough."},
    {"unsettled",
     "No catalog line names the batch: a run works on it right now, or one died before it wrote "
     "the line.",
     "Where no run works on the table, recover: it asks the server whether the batch was "
     "committed, and settles or removes it."},
    {"unreadable", "The store did not give the object out. It may be well.",
     "Look at the store and at the rights of the keys, then verify again."},
    {"no_key", "The archive is encrypted, and its key is not in the configuration.",
     "Add the key to `encryption` (doc/encryption.md), then verify again. The id of the key stands "
     "in the archive's metadata."},
    {"bad_seal",
     "The key does not open the archive: it is another key of that name, or the envelope or the "
     "index was changed.",
     "Compare the key with the one kept in safety; where it is right: bring the envelope and the "
     "metadata back from a bucket version."},
    {"column_added", "The table had gained a column when the batch was archived.",
     "Nothing: each archive carries the columns of its time, and a restore maps them."},
    {"column_removed", "The table had lost a column when the batch was archived.",
     "Nothing: each archive carries the columns of its time, and a restore maps them."},
    {"column_retyped", "A column had another type than in the batch before.",
     "Nothing now; a restore of both into one table says what it does with it (doc/restore.md)."},
    {"key_changed", "The table had another key than in the batch before.",
     "Nothing now; a restore looks for conflicts by the key of the table it goes to."},
    {"restored", "Archived rows are in the table because a restore brought them back.",
     "Nothing: rows that came back are not archived again."},
    {"keys_skipped", "The keys could not be looked up in the table.",
     "Nothing where the table has no key, or got another one."},
    {"lost", "What the earlier archiver wrote no longer holds these values.",
     "Nothing can bring them back from here (doc/earlier.md)."},
    {"uncertain", "What the earlier archiver wrote does not tell these values apart.",
     "Mind it where the values matter (doc/earlier.md)."},
    {"orphan",
     "An object that belongs to no batch that is whole: what a died run left, or what remains "
     "where "
     "another object of its batch was removed.",
     "Recover removes what a run of this cluster left behind. What it leaves alone, it says why: "
     "look where it comes from before it is deleted."},
};

const struct verify_kind *verify_kind(const char *name)
{
    static const struct verify_kind unknown = {"", "What was found is said above.",
                                               "Look at the metadata of the archive."};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return &unknown;
}
