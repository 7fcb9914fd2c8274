/* SPDX-License-Identifier: PostgreSQL */
#include "member/igzip.h"

#ifdef HAVE_ISAL

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#include "base/buf.h"

struct igzip {
    struct isal_zstream stream;
    uint8_t work[ISAL_DEF_LVL1_DEFAULT];
};

struct igzip *igzip_new(void)
{
    return mem_alloc(sizeof(struct igzip));
}

void igzip_free(struct igzip *igzip)
{
    free(igzip);
}

size_t igzip_deflate(struct igzip *igzip, const void *bytes, size_t len, void *ret, size_t room)
{
    struct isal_zstream *stream = &igzip->stream;

    isal_deflate_init(stream);
    stream->level = 1;
    stream->level_buf = igzip->work;
    stream->level_buf_size = sizeof(igzip->work);
    stream->gzip_flag = IGZIP_DEFLATE;
    stream->end_of_stream = 1;
    stream->next_in = (uint8_t *)bytes; /* only read */
    stream->avail_in = (uint32_t)len;
    stream->next_out = ret;
    stream->avail_out = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
    bool ok = isal_deflate(stream) == COMP_OK && stream->internal_state.state == ZSTATE_END &&
              stream->avail_in == 0;
    return ok ? stream->total_out : 0;
}

#else

struct igzip *igzip_new(void)
{
    return NULL;
}

void igzip_free(struct igzip *igzip)
{
    (void)igzip;
}

size_t igzip_deflate(struct igzip *igzip, const void *bytes, size_t len, void *ret, size_t room)
{
    (void)igzip;
    (void)bytes;
    (void)len;
    (void)ret;
    (void)room;
    return 0;
}

#endif
