/*  zsock_send and zsock_recv: messages of typed frames, by a picture with a letter for each.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZSOCK_PICTURE_H_INCLUDED
#define ZGOSSIP_CZMQ_ZSOCK_PICTURE_H_INCLUDED

/*  i 1 2 4 8 u (numbers, as text), s (string), b (bytes and size), c (zchunk), f (zframe), h (zhashx of strings),
    U (zuuid), p (pointer), m (zmsg), z (empty frame). Not here: l (zlistx), and zsock_bsend and zsock_brecv. */

#ifdef __cplusplus
extern "C" {
#endif

static inline byte *
zgc_put4 (byte *next, size_t number)
{
    *next++ = (byte) (number >> 24);
    *next++ = (byte) (number >> 16);
    *next++ = (byte) (number >> 8);
    *next++ = (byte) number;
    return next;
}

static inline size_t
zgc_get4 (const byte *next)
{
    return (size_t) next [0] << 24 | (size_t) next [1] << 16 | (size_t) next [2] << 8 | next [3];
}

//  Encodes a table of strings: their number in four bytes, keys after a size of one byte, items after one of four.
static inline zframe_t *
zgc_table_pack (zgc_table_t *self)
{
    zgc_entry_t *entry;
    zframe_t *frame;
    size_t size = 4;
    byte *next;
    for (entry = NULL; (entry = zgc_table_after (self, entry)) != NULL;)
        size += 1 + strlen ((char *) entry->key) + 4 + strlen ((char *) entry->item);
    frame = zframe_new (NULL, size);
    if (!frame)
        return NULL;
    next = zgc_put4 (zframe_data (frame), self->size);
    for (entry = NULL; (entry = zgc_table_after (self, entry)) != NULL;) {
        size_t length = strlen ((char *) entry->key);
        *next++ = (byte) length;
        memcpy (next, entry->key, length);
        next += length;
        length = strlen ((char *) entry->item);
        next = zgc_put4 (next, length);
        memcpy (next, entry->item, length);
        next += length;
    }
    return frame;
}

//  Reads the number of a table's strings, and moves behind it. A frame that is too short for it has none.
static inline size_t
zgc_unpack_count (zframe_t *frame, const byte **next_p)
{
    assert (frame);
    *next_p = zframe_data (frame);
    if (zframe_size (frame) < 4)
        return 0;
    *next_p += 4;
    return zgc_get4 (*next_p - 4);
}

//  Reads a key and an item, and moves behind them. Returns -1 where they are not whole.
static inline int
zgc_unpack_entry (const byte **next_p, const byte *end, char **key_p, char **item_p)
{
    const byte *next = *next_p;
    size_t key_size;
    size_t item_size;
    if (next >= end)
        return -1;
    key_size = *next++;
    if ((size_t) (end - next) < key_size + 4)
        return -1;
    item_size = zgc_get4 (next + key_size);
    if ((size_t) (end - next) - key_size - 4 < item_size)
        return -1;
    *key_p = zsys_sprintf ("%.*s", (int) key_size, (const char *) next);
    next += key_size + 4;
    *item_p = (char *) zmalloc (item_size + 1);
    memcpy (*item_p, next, item_size);
    *next_p = next + item_size;
    return 0;
}

static inline zframe_t *
zhashx_pack (zhashx_t *self)
{
    assert (self);
    return zgc_table_pack (&self->table);
}

static inline zhashx_t *
zhashx_unpack (zframe_t *frame)
{
    const byte *next;
    const byte *end;
    size_t count = zgc_unpack_count (frame, &next);
    zhashx_t *self = zhashx_new ();
    char *key;
    char *item;
    zhashx_set_destructor (self, zgc_free_string);
    zhashx_set_duplicator (self, zgc_copy_string);
    end = zframe_data (frame) + zframe_size (frame);
    while (count-- && zgc_unpack_entry (&next, end, &key, &item) == 0) {
        zhashx_insert (self, key, item);
        free (key);
        free (item);
    }
    return self;
}

static inline zframe_t *
zhash_pack (zhash_t *self)
{
    assert (self);
    return zgc_table_pack (&self->table);
}

static inline zhash_t *
zhash_unpack (zframe_t *frame)
{
    const byte *next;
    const byte *end;
    size_t count = zgc_unpack_count (frame, &next);
    zhash_t *self = zhash_new ();
    char *key;
    char *item;
    zhash_autofree (self);
    end = zframe_data (frame) + zframe_size (frame);
    while (count-- && zgc_unpack_entry (&next, end, &key, &item) == 0) {
        zhash_insert (self, key, item);
        free (key);
        free (item);
    }
    return self;
}

static inline int
zsock_vsend (void *self, const char *picture, va_list argptr)
{
    zmsg_t *msg;
    int rc;
    assert (self && picture);
    msg = zmsg_new ();
    for (; *picture; picture++) {
        if (*picture == 'i')
            zmsg_addstrf (msg, "%d", va_arg (argptr, int));
        else
        if (*picture == '1' || *picture == '2')
            //  Variable arguments that are smaller than int are passed as int
            zmsg_addstrf (msg, "%u", (unsigned) va_arg (argptr, int));
        else
        if (*picture == '4' || *picture == 'u')
            zmsg_addstrf (msg, "%" PRIu32, va_arg (argptr, uint32_t));
        else
        if (*picture == '8')
            zmsg_addstrf (msg, "%" PRIu64, va_arg (argptr, uint64_t));
        else
        if (*picture == 's')
            zmsg_addstr (msg, va_arg (argptr, char *));
        else
        if (*picture == 'b') {
            byte *data = va_arg (argptr, byte *);
            zmsg_addmem (msg, data, va_arg (argptr, size_t));
        }
        else
        if (*picture == 'c') {
            zchunk_t *chunk = va_arg (argptr, zchunk_t *);
            assert (chunk);
            zmsg_addmem (msg, zchunk_data (chunk), zchunk_size (chunk));
        }
        else
        if (*picture == 'f') {
            zframe_t *frame = va_arg (argptr, zframe_t *);
            assert (frame);
            zmsg_addmem (msg, zframe_data (frame), zframe_size (frame));
        }
        else
        if (*picture == 'h') {
            zframe_t *frame = zhashx_pack (va_arg (argptr, zhashx_t *));
            zmsg_append (msg, &frame);
        }
        else
        if (*picture == 'U')
            zmsg_addmem (msg, zuuid_data (va_arg (argptr, zuuid_t *)), ZUUID_LEN);
        else
        if (*picture == 'p') {
            void *pointer = va_arg (argptr, void *);
            zmsg_addmem (msg, &pointer, sizeof (pointer));
        }
        else
        if (*picture == 'm') {
            zmsg_t *part = va_arg (argptr, zmsg_t *);
            zgc_link_t *link;
            assert (part);
            for (link = part->frames->anchor.next; link != &part->frames->anchor; link = link->next)
                zmsg_addmem (msg, zframe_data ((zframe_t *) link->item), zframe_size ((zframe_t *) link->item));
        }
        else
        if (*picture == 'z')
            zmsg_addmem (msg, NULL, 0);
        else {
            zsys_error ("zsock: invalid picture element '%c'", *picture);
            assert (false);
        }
    }
    rc = zmsg_send (&msg, self);
    zmsg_destroy (&msg);
    return rc;
}

static inline int
zsock_send (void *self, const char *picture, ...)
{
    va_list argptr;
    int rc;
    va_start (argptr, picture);
    rc = zsock_vsend (self, picture, argptr);
    va_end (argptr);
    return rc;
}

static inline uint64_t
zgc_pop_number (zmsg_t *msg)
{
    char *string = zmsg_popstr (msg);
    uint64_t number = string? strtoull (string, NULL, 10): 0;
    free (string);
    return number;
}

//  Receives a message by a picture. Frames that the message lacks become 0 or NULL; frames beyond the picture are
//  dropped. Returns -1 if no message came, a signal came, or a frame that should be empty is not.
static inline int
zsock_vrecv (void *self, const char *picture, va_list argptr)
{
    zmsg_t *msg;
    int rc = 0;
    assert (self && picture);
    msg = zmsg_recv (self);
    if (!msg)
        return -1;
    if (zmsg_signal (msg) >= 0) {
        zmsg_destroy (&msg);
        return -1;
    }
    for (; *picture; picture++) {
        if (*picture == 'i') {
            int *place = va_arg (argptr, int *);
            char *string = zmsg_popstr (msg);
            if (place)
                *place = string? atoi (string): 0;
            free (string);
        }
        else
        if (*picture == '1') {
            uint8_t *place = va_arg (argptr, uint8_t *);
            uint64_t number = zgc_pop_number (msg);
            if (place)
                *place = (uint8_t) number;
        }
        else
        if (*picture == '2') {
            uint16_t *place = va_arg (argptr, uint16_t *);
            uint64_t number = zgc_pop_number (msg);
            if (place)
                *place = (uint16_t) number;
        }
        else
        if (*picture == '4' || *picture == 'u') {
            uint32_t *place = va_arg (argptr, uint32_t *);
            uint64_t number = zgc_pop_number (msg);
            if (place)
                *place = (uint32_t) number;
        }
        else
        if (*picture == '8') {
            uint64_t *place = va_arg (argptr, uint64_t *);
            uint64_t number = zgc_pop_number (msg);
            if (place)
                *place = number;
        }
        else
        if (*picture == 's') {
            char **place = va_arg (argptr, char **);
            char *string = zmsg_popstr (msg);
            if (place)
                *place = string;
            else
                free (string);
        }
        else
        if (*picture == 'm') {
            zmsg_t **place = va_arg (argptr, zmsg_t **);
            zmsg_t *rest = zmsg_new ();
            zframe_t *frame;
            while ((frame = zmsg_pop (msg)) != NULL)
                zmsg_append (rest, &frame);
            if (place)
                *place = rest;
            else
                zmsg_destroy (&rest);
        }
        else {
            zframe_t *frame = zmsg_pop (msg);
            if (*picture == 'b') {
                byte **place = va_arg (argptr, byte **);
                size_t *size = va_arg (argptr, size_t *);
                if (place)
                    *place = frame? (byte *) zframe_strdup (frame): NULL;
                if (size)
                    *size = frame? zframe_size (frame): 0;
            }
            else
            if (*picture == 'c') {
                zchunk_t **place = va_arg (argptr, zchunk_t **);
                if (place)
                    *place = frame? zchunk_new (zframe_data (frame), zframe_size (frame)): NULL;
            }
            else
            if (*picture == 'f') {
                zframe_t **place = va_arg (argptr, zframe_t **);
                if (place) {
                    *place = frame;
                    frame = NULL;
                }
            }
            else
            if (*picture == 'h') {
                zhashx_t **place = va_arg (argptr, zhashx_t **);
                if (place)
                    *place = frame? zhashx_unpack (frame): NULL;
            }
            else
            if (*picture == 'U') {
                zuuid_t **place = va_arg (argptr, zuuid_t **);
                if (place)
                    *place = frame && zframe_size (frame) == ZUUID_LEN? zuuid_new_from (zframe_data (frame)): NULL;
            }
            else
            if (*picture == 'p') {
                void **place = va_arg (argptr, void **);
                if (place) {
                    *place = NULL;
                    if (frame && zframe_size (frame) == sizeof (void *))
                        memcpy (place, zframe_data (frame), sizeof (void *));
                }
            }
            else
            if (*picture == 'z') {
                if (frame && zframe_size (frame))
                    rc = -1;
            }
            else {
                zsys_error ("zsock: invalid picture element '%c'", *picture);
                assert (false);
            }
            zframe_destroy (&frame);
        }
    }
    zmsg_destroy (&msg);
    return rc;
}

static inline int
zsock_recv (void *self, const char *picture, ...)
{
    va_list argptr;
    int rc;
    va_start (argptr, picture);
    rc = zsock_vrecv (self, picture, argptr);
    va_end (argptr);
    return rc;
}

#ifdef __cplusplus
}
#endif

#endif
