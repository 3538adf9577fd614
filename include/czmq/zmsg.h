/*  zmsg: a message, that is, a list of frames.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZMSG_H_INCLUDED
#define ZGOSSIP_CZMQ_ZMSG_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

struct _zmsg_t {
    uint32_t tag;
    zlistx_t *frames;
    size_t content_size;
};

#define ZGC_MSG_TAG 0x5a475a4du

static inline zmsg_t *
zmsg_new (void)
{
    zmsg_t *self = (zmsg_t *) zmalloc (sizeof (zmsg_t));
    self->tag = ZGC_MSG_TAG;
    self->frames = zlistx_new ();
    return self;
}

static inline bool
zmsg_is (void *self)
{
    assert (self);
    return ((zmsg_t *) self)->tag == ZGC_MSG_TAG;
}

static inline zframe_t *
zmsg_pop (zmsg_t *self)
{
    zframe_t *frame;
    assert (self && zmsg_is (self));
    frame = (zframe_t *) zlistx_detach (self->frames, NULL);
    self->frames->cursor = &self->frames->anchor;
    if (frame)
        self->content_size -= zframe_size (frame);
    return frame;
}

static inline void
zmsg_destroy (zmsg_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zmsg_t *self = *self_p;
        zframe_t *frame;
        assert (zmsg_is (self));
        while ((frame = zmsg_pop (self)) != NULL)
            zframe_destroy (&frame);
        zlistx_destroy (&self->frames);
        self->tag = ZGC_DEAD_TAG;
        free (self);
        *self_p = NULL;
    }
}

static inline int
zmsg_append (zmsg_t *self, zframe_t **frame_p)
{
    zframe_t *frame;
    assert (self && zmsg_is (self) && frame_p && *frame_p);
    frame = *frame_p;
    *frame_p = NULL;
    self->content_size += zframe_size (frame);
    zlistx_add_end (self->frames, frame);
    return 0;
}

static inline int
zmsg_prepend (zmsg_t *self, zframe_t **frame_p)
{
    zframe_t *frame;
    assert (self && zmsg_is (self) && frame_p && *frame_p);
    frame = *frame_p;
    *frame_p = NULL;
    self->content_size += zframe_size (frame);
    zlistx_add_start (self->frames, frame);
    return 0;
}

static inline int
zmsg_add (zmsg_t *self, zframe_t *frame)
{
    return zmsg_append (self, &frame);
}

static inline int
zmsg_push (zmsg_t *self, zframe_t *frame)
{
    return zmsg_prepend (self, &frame);
}

//  Receives a message; NULL if none came in time, or a signal came first.
static inline zmsg_t *
zgc_msg_recv (void *source, int flags)
{
    zmsg_t *self;
    zframe_t *frame;
    assert (source);
    frame = zgc_frame_recv (source, flags);
    if (!frame)
        return NULL;
    self = zmsg_new ();
    while (frame) {
        bool more = zframe_more (frame) != 0;
        zmsg_append (self, &frame);
        if (more) {
            frame = zgc_frame_recv (source, 0);
            if (!frame)
                zmsg_destroy (&self);
        }
    }
    return self;
}

static inline zmsg_t *
zmsg_recv (void *source)
{
    return zgc_msg_recv (source, 0);
}

static inline zmsg_t *
zmsg_recv_nowait (void *source)
{
    return zgc_msg_recv (source, ZMQ_DONTWAIT);
}

//  Sends the frames, and removes each when it is sent: after a failure the message holds the rest.
static inline int
zgc_msg_send (zmsg_t **self_p, void *dest, int last_flags)
{
    zmsg_t *self;
    assert (self_p && dest);
    self = *self_p;
    if (!self)
        return 0;
    assert (zmsg_is (self));
    while (zlistx_size (self->frames)) {
        zframe_t *frame = zmsg_pop (self);
        if (zframe_send (&frame, dest, zlistx_size (self->frames)? ZFRAME_MORE: last_flags)) {
            int error = errno;
            zmsg_prepend (self, &frame);
            errno = error;
            return -1;
        }
    }
    zmsg_destroy (self_p);
    return 0;
}

static inline int
zmsg_send (zmsg_t **self_p, void *dest)
{
    return zgc_msg_send (self_p, dest, 0);
}

static inline int
zmsg_sendm (zmsg_t **self_p, void *dest)
{
    return zgc_msg_send (self_p, dest, ZFRAME_MORE);
}

static inline size_t
zmsg_size (zmsg_t *self)
{
    assert (self && zmsg_is (self));
    return zlistx_size (self->frames);
}

static inline size_t
zmsg_content_size (zmsg_t *self)
{
    assert (self && zmsg_is (self));
    return self->content_size;
}

static inline int
zmsg_addmem (zmsg_t *self, const void *data, size_t size)
{
    zframe_t *frame = zframe_new (data, size);
    return frame? zmsg_append (self, &frame): -1;
}

static inline int
zmsg_pushmem (zmsg_t *self, const void *data, size_t size)
{
    zframe_t *frame = zframe_new (data, size);
    return frame? zmsg_prepend (self, &frame): -1;
}

static inline int
zmsg_addstr (zmsg_t *self, const char *string)
{
    assert (string);
    return zmsg_addmem (self, string, strlen (string));
}

static inline int
zmsg_pushstr (zmsg_t *self, const char *string)
{
    assert (string);
    return zmsg_pushmem (self, string, strlen (string));
}

static inline int
zmsg_addstrf (zmsg_t *self, const char *format, ...) CHECK_PRINTF (2);
static inline int
zmsg_pushstrf (zmsg_t *self, const char *format, ...) CHECK_PRINTF (2);

static inline int
zmsg_addstrf (zmsg_t *self, const char *format, ...)
{
    char *string;
    int rc;
    assert (format);
    ZGC_FORMAT (string, format);
    rc = string? zmsg_addstr (self, string): -1;
    free (string);
    return rc;
}

static inline int
zmsg_pushstrf (zmsg_t *self, const char *format, ...)
{
    char *string;
    int rc;
    assert (format);
    ZGC_FORMAT (string, format);
    rc = string? zmsg_pushstr (self, string): -1;
    free (string);
    return rc;
}

static inline char *
zmsg_popstr (zmsg_t *self)
{
    zframe_t *frame = zmsg_pop (self);
    char *string = frame? zframe_strdup (frame): NULL;
    zframe_destroy (&frame);
    return string;
}

static inline zframe_t *
zmsg_first (zmsg_t *self)
{
    assert (self && zmsg_is (self));
    return (zframe_t *) zlistx_first (self->frames);
}

static inline zframe_t *
zmsg_next (zmsg_t *self)
{
    assert (self && zmsg_is (self));
    return (zframe_t *) zlistx_next (self->frames);
}

static inline zframe_t *
zmsg_last (zmsg_t *self)
{
    assert (self && zmsg_is (self));
    return (zframe_t *) zlistx_last (self->frames);
}

//  Removes a frame without destroying it. If it was the current one, the one before it is.
static inline void
zmsg_remove (zmsg_t *self, zframe_t *frame)
{
    zgc_link_t *link;
    assert (self && zmsg_is (self) && frame);
    for (link = self->frames->anchor.next; link != &self->frames->anchor; link = link->next)
        if (link->item == frame) {
            zlistx_detach (self->frames, link);
            self->content_size -= zframe_size (frame);
            return;
        }
}

//  Functions from here on that read all frames move the cursor, as in CZMQ, and leave it behind the last one.
static inline zmsg_t *
zmsg_dup (zmsg_t *self)
{
    zmsg_t *copy;
    zframe_t *frame;
    if (!self)
        return NULL;
    copy = zmsg_new ();
    for (frame = zmsg_first (self); frame; frame = zmsg_next (self))
        zmsg_addmem (copy, zframe_data (frame), zframe_size (frame));
    return copy;
}

static inline bool
zmsg_eq (zmsg_t *self, zmsg_t *other)
{
    zgc_link_t *one;
    zgc_link_t *two;
    if (!self || !other || zmsg_size (self) != zmsg_size (other))
        return false;
    one = self->frames->anchor.next;
    two = other->frames->anchor.next;
    while (one->item && zframe_eq ((zframe_t *) one->item, (zframe_t *) two->item)) {
        one = one->next;
        two = two->next;
    }
    self->frames->cursor = one;
    other->frames->cursor = two;
    return !one->item;
}

static inline void
zmsg_wrap (zmsg_t *self, zframe_t *frame)
{
    assert (self && frame);
    zmsg_pushmem (self, NULL, 0);
    zmsg_push (self, frame);
}

static inline zframe_t *
zmsg_unwrap (zmsg_t *self)
{
    zframe_t *frame = zmsg_pop (self);
    zframe_t *empty = zmsg_first (self);
    if (empty && zframe_size (empty) == 0) {
        empty = zmsg_pop (self);
        zframe_destroy (&empty);
    }
    return frame;
}

//  Encodes the frames, each preceded by its size: one byte, or 255 and four bytes.
static inline zframe_t *
zmsg_encode (zmsg_t *self)
{
    size_t size = 0;
    zframe_t *frame;
    zframe_t *encoded;
    byte *next;
    assert (self && zmsg_is (self));
    for (frame = zmsg_first (self); frame; frame = zmsg_next (self)) {
        size_t length = zframe_size (frame);
        size += length + (length < 255? 1: 5);
    }
    encoded = zframe_new (NULL, size);
    next = encoded? zframe_data (encoded): NULL;
    for (frame = next? zmsg_first (self): NULL; frame; frame = zmsg_next (self)) {
        size_t length = zframe_size (frame);
        if (length < 255)
            *next++ = (byte) length;
        else {
            int shift;
            *next++ = 255;
            for (shift = 24; shift >= 0; shift -= 8)
                *next++ = (byte) (length >> shift);
        }
        if (length)
            memcpy (next, zframe_data (frame), length);
        next += length;
    }
    return encoded;
}

static inline zmsg_t *
zmsg_decode (zframe_t *frame)
{
    zmsg_t *self = zmsg_new ();
    const byte *next = zframe_data (frame);
    size_t left = zframe_size (frame);
    while (left) {
        size_t length = *next++;
        left--;
        if (length == 255) {
            if (left < 4)
                break;
            length = (size_t) next [0] << 24 | (size_t) next [1] << 16 | (size_t) next [2] << 8 | next [3];
            next += 4;
            left -= 4;
        }
        if (left < length)
            break;
        zmsg_addmem (self, next, length);
        next += length;
        left -= length;
        if (!left)
            return self;
    }
    if (zframe_size (frame))
        zmsg_destroy (&self);
    return self;
}

static inline int
zmsg_addmsg (zmsg_t *self, zmsg_t **msg_p)
{
    zframe_t *frame;
    assert (self && zmsg_is (self) && msg_p && *msg_p);
    frame = zmsg_encode (*msg_p);
    zmsg_destroy (msg_p);
    return frame? zmsg_append (self, &frame): -1;
}

static inline zmsg_t *
zmsg_popmsg (zmsg_t *self)
{
    zframe_t *frame = zmsg_pop (self);
    zmsg_t *msg = frame? zmsg_decode (frame): NULL;
    zframe_destroy (&frame);
    return msg;
}

static inline void
zmsg_print (zmsg_t *self)
{
    zframe_t *frame;
    assert (self && zmsg_is (self));
    for (frame = zmsg_first (self); frame; frame = zmsg_next (self))
        zframe_print (frame, "");
}

static inline void
zmsg_fprint (zmsg_t *self, FILE *file)
{
    zframe_t *frame;
    assert (self && zmsg_is (self) && file);
    fprintf (file, "--------------------------------------\n");
    for (frame = zmsg_first (self); frame; frame = zmsg_next (self))
        zframe_fprint (frame, "", file);
}

#define zmsg_dump(s) zmsg_print (s)
#define zmsg_dump_to_stream(s, F) zmsg_fprint (s, F)

static inline zmsg_t *
zmsg_new_signal (byte status)
{
    uint64_t value = ZGC_SIGNAL + status;
    zmsg_t *self = zmsg_new ();
    zmsg_addmem (self, &value, sizeof (value));
    return self;
}

//  Returns the status if the message is a signal, -1 otherwise.
static inline int
zmsg_signal (zmsg_t *self)
{
    zframe_t *frame;
    if (!self || zmsg_size (self) != 1)
        return -1;
    frame = (zframe_t *) zlistx_head (self->frames);
    return zgc_signal_status (zframe_data (frame), zframe_size (frame));
}

#ifdef __cplusplus
}
#endif

#endif
