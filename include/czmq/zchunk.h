/*  zchunk: a block of memory with its size; the functions that zsock_send and zmsg need.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZCHUNK_H_INCLUDED
#define ZGOSSIP_CZMQ_ZCHUNK_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

struct _zchunk_t {
    byte *data;
    size_t size;
    size_t max_size;
};

static inline zchunk_t *
zchunk_new (const void *data, size_t size)
{
    zchunk_t *self = (zchunk_t *) zmalloc (sizeof (zchunk_t));
    self->data = (byte *) zmalloc (size);
    self->max_size = size;
    if (data && size) {
        memcpy (self->data, data, size);
        self->size = size;
    }
    return self;
}

static inline size_t
zchunk_size (zchunk_t *self)
{
    assert (self);
    return self->size;
}

static inline size_t
zchunk_max_size (zchunk_t *self)
{
    assert (self);
    return self->max_size;
}

static inline byte *
zchunk_data (zchunk_t *self)
{
    assert (self);
    return self->data;
}

static inline size_t
zchunk_append (zchunk_t *self, const void *data, size_t size)
{
    assert (self);
    if (size > self->max_size - self->size)
        size = self->max_size - self->size;
    if (size)
        memcpy (self->data + self->size, data, size);
    return self->size += size;
}

static inline size_t
zchunk_extend (zchunk_t *self, const void *data, size_t size)
{
    assert (self);
    if (size > self->max_size - self->size) {
        size_t room = (self->size + size) * 2;
        byte *larger = (byte *) zmalloc (room);
        if (self->size)
            memcpy (larger, self->data, self->size);
        free (self->data);
        self->data = larger;
        self->max_size = room;
    }
    return zchunk_append (self, data, size);
}

static inline zchunk_t *
zchunk_dup (zchunk_t *self)
{
    zchunk_t *copy;
    if (!self)
        return NULL;
    copy = zchunk_new (NULL, self->max_size);
    zchunk_append (copy, self->data, self->size);
    return copy;
}

static inline char *
zchunk_strdup (zchunk_t *self)
{
    char *string;
    assert (self);
    string = (char *) zmalloc (self->size + 1);
    if (self->size)
        memcpy (string, self->data, self->size);
    return string;
}

static inline bool
zchunk_streq (zchunk_t *self, const char *string)
{
    assert (self && string);
    return self->size == strlen (string) && memcmp (self->data, string, self->size) == 0;
}

//  Reads a file, or its first maxsize bytes; NULL if it cannot be read.
static inline zchunk_t *
zchunk_slurp (const char *filename, size_t maxsize)
{
    byte buffer [4096];
    size_t count;
    zchunk_t *self;
    FILE *file = fopen (filename, "rb");
    if (!file)
        return NULL;
    self = zchunk_new (NULL, 0);
    do {
        size_t want = sizeof (buffer);
        if (maxsize && maxsize - self->size < want)
            want = maxsize - self->size;
        count = want? fread (buffer, 1, want, file): 0;
        zchunk_extend (self, buffer, count);
    } while (count);
    fclose (file);
    return self;
}

static inline void
zchunk_destroy (zchunk_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        free ((*self_p)->data);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
