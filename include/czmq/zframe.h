/*  zframe: one frame of a message.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZFRAME_H_INCLUDED
#define ZGOSSIP_CZMQ_ZFRAME_H_INCLUDED

#define ZFRAME_MORE 1
#define ZFRAME_REUSE 2
#define ZFRAME_DONTWAIT 4

#ifdef __cplusplus
extern "C" {
#endif

struct _zframe_t {
    uint32_t tag;
    int more;
    zmq_msg_t zmsg;
};

#define ZGC_FRAME_TAG 0x5a474652u

//  Makes a frame of this size, whose bytes are not set yet.
static inline zframe_t *
zgc_frame_room (size_t size)
{
    zframe_t *self = (zframe_t *) zmalloc (sizeof (zframe_t));
    self->tag = ZGC_FRAME_TAG;
    if (zmq_msg_init_size (&self->zmsg, size)) {
        free (self);
        return NULL;
    }
    return self;
}

static inline zframe_t *
zframe_new (const void *data, size_t size)
{
    zframe_t *self = zgc_frame_room (size);
    if (self && data && size)
        memcpy (zmq_msg_data (&self->zmsg), data, size);
    return self;
}

static inline zframe_t *
zframe_new_empty (void)
{
    return zgc_frame_room (0);
}

static inline zframe_t *
zframe_from (const char *string)
{
    assert (string);
    return zframe_new (string, strlen (string));
}

static inline bool
zframe_is (void *self)
{
    assert (self);
    return ((zframe_t *) self)->tag == ZGC_FRAME_TAG;
}

static inline void
zframe_destroy (zframe_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        assert (zframe_is (*self_p));
        (*self_p)->tag = ZGC_DEAD_TAG;
        zmq_msg_close (&(*self_p)->zmsg);
        free (*self_p);
        *self_p = NULL;
    }
}

static inline zframe_t *
zgc_frame_recv (void *source, int flags)
{
    zframe_t *self;
    assert (source);
    self = zgc_frame_room (0);
    if (self && zmq_msg_recv (&self->zmsg, zsock_resolve (source), flags) < 0)
        zframe_destroy (&self);
    else
    if (self)
        self->more = zmq_msg_more (&self->zmsg);
    return self;
}

static inline zframe_t *
zframe_recv (void *source)
{
    return zgc_frame_recv (source, 0);
}

static inline zframe_t *
zframe_recv_nowait (void *source)
{
    return zgc_frame_recv (source, ZMQ_DONTWAIT);
}

static inline int
zframe_send (zframe_t **self_p, void *dest, int flags)
{
    int send_flags = (flags & ZFRAME_MORE? ZMQ_SNDMORE: 0) | (flags & ZFRAME_DONTWAIT? ZMQ_DONTWAIT: 0);
    void *handle;
    assert (dest && self_p);
    handle = zsock_resolve (dest);
    if (!*self_p)
        return 0;
    assert (zframe_is (*self_p));
    if (flags & ZFRAME_REUSE) {
        zmq_msg_t copy;
        zmq_msg_init (&copy);
        if (zmq_msg_copy (&copy, &(*self_p)->zmsg) || zmq_msg_send (&copy, handle, send_flags) < 0) {
            zmq_msg_close (&copy);
            return -1;
        }
        return 0;
    }
    if (zmq_msg_send (&(*self_p)->zmsg, handle, send_flags) < 0)
        return -1;
    zframe_destroy (self_p);
    return 0;
}

static inline size_t
zframe_size (zframe_t *self)
{
    assert (self && zframe_is (self));
    return zmq_msg_size (&self->zmsg);
}

static inline byte *
zframe_data (zframe_t *self)
{
    assert (self && zframe_is (self));
    return (byte *) zmq_msg_data (&self->zmsg);
}

static inline const char *
zframe_meta (zframe_t *self, const char *property)
{
    assert (self && zframe_is (self) && property);
    return zmq_msg_gets (&self->zmsg, property);
}

static inline zframe_t *
zframe_dup (zframe_t *self)
{
    return self? zframe_new (zframe_data (self), zframe_size (self)): NULL;
}

static inline char *
zgc_hex (const byte *data, size_t size)
{
    static const char digits [] = "0123456789ABCDEF";
    char *string = (char *) zmalloc (size * 2 + 1);
    size_t index;
    for (index = 0; index < size; index++) {
        string [index * 2] = digits [data [index] >> 4];
        string [index * 2 + 1] = digits [data [index] & 15];
    }
    return string;
}

static inline char *
zframe_strhex (zframe_t *self)
{
    return zgc_hex (zframe_data (self), zframe_size (self));
}

static inline char *
zframe_strdup (zframe_t *self)
{
    size_t size = zframe_size (self);
    char *string = (char *) zmalloc (size + 1);
    if (size)
        memcpy (string, zframe_data (self), size);
    return string;
}

static inline bool
zframe_streq (zframe_t *self, const char *string)
{
    assert (string);
    return zframe_size (self) == strlen (string) && memcmp (zframe_data (self), string, strlen (string)) == 0;
}

static inline int
zframe_more (zframe_t *self)
{
    assert (self && zframe_is (self));
    return self->more;
}

static inline void
zframe_set_more (zframe_t *self, int more)
{
    assert (self && zframe_is (self) && (more == 0 || more == 1));
    self->more = more;
}

static inline bool
zframe_eq (zframe_t *self, zframe_t *other)
{
    return self && other && zframe_size (self) == zframe_size (other)
        && memcmp (zframe_data (self), zframe_data (other), zframe_size (self)) == 0;
}

static inline void
zframe_reset (zframe_t *self, const void *data, size_t size)
{
    assert (self && zframe_is (self) && data);
    zmq_msg_close (&self->zmsg);
    zmq_msg_init_size (&self->zmsg, size);
    if (size)
        memcpy (zmq_msg_data (&self->zmsg), data, size);
}

//  Formats the beginning as a line: 70 characters of text, or 35 bytes of other data in hexadecimal.
static inline char *
zgc_frame_line (zframe_t *self, const char *prefix, bool true_size)
{
    const byte *data = zframe_data (self);
    size_t size = zframe_size (self);
    size_t shown;
    size_t index;
    bool is_text = true;
    char *text;
    char *line;
    for (index = 0; index < size; index++)
        if (data [index] < 9 || data [index] > 127)
            is_text = false;
    shown = is_text? 70: 35;
    if (shown > size)
        shown = size;
    if (is_text) {
        text = (char *) zmalloc (shown + 1);
        if (shown)
            memcpy (text, data, shown);
    }
    else
        text = zgc_hex (data, shown);
    line = zsys_sprintf ("%s[%03d] %s%s", prefix? prefix: "", (int) (true_size? size: shown), text,
                         shown < size? "...": "");
    free (text);
    return line;
}

static inline void
zframe_print (zframe_t *self, const char *prefix)
{
    if (zframe_size (self) == 0)
        zsys_debug ("%s", prefix? prefix: "");
    else
        zgc_log ('D', zgc_frame_line (self, prefix, false));
}

static inline void
zframe_fprint (zframe_t *self, const char *prefix, FILE *file)
{
    char *line = zgc_frame_line (self, prefix, true);
    fprintf (file, "%s\n", line);
    free (line);
}

#define zframe_print_to_stream(s, p, F) zframe_fprint (s, p, F)

#ifdef __cplusplus
}
#endif

#endif
