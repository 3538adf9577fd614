/*  zpoller: wait for the first of several readers: actors, sockets, and pointers to descriptors.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZPOLLER_H_INCLUDED
#define ZGOSSIP_CZMQ_ZPOLLER_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

struct _zpoller_t {
    void **readers;
    zmq_pollitem_t *items;      //  One item for each reader
    size_t count;
    size_t room;
    bool nonstop;
    bool expired;
    bool terminated;
};

static inline int
zpoller_add (zpoller_t *self, void *reader)
{
    zmq_pollitem_t *item;
    assert (self && reader);
    if (self->count == self->room) {
        size_t room = self->room * 2 + 4;
        void **readers = (void **) zmalloc (room * sizeof (void *));
        zmq_pollitem_t *items = (zmq_pollitem_t *) zmalloc (room * sizeof (zmq_pollitem_t));
        if (self->count) {
            memcpy (readers, self->readers, self->count * sizeof (void *));
            memcpy (items, self->items, self->count * sizeof (zmq_pollitem_t));
        }
        free (self->readers);
        free (self->items);
        self->readers = readers;
        self->items = items;
        self->room = room;
    }
    item = &self->items [self->count];
    memset (item, 0, sizeof (*item));
    item->socket = zsock_resolve (reader);
    if (!item->socket)
        item->fd = *(SOCKET *) reader;
    item->events = ZMQ_POLLIN;
    self->readers [self->count++] = reader;
    return 0;
}

static inline zpoller_t *
zpoller_new (void *reader, ...)
{
    zpoller_t *self = (zpoller_t *) zmalloc (sizeof (zpoller_t));
    va_list args;
    va_start (args, reader);
    while (reader) {
        zpoller_add (self, reader);
        reader = va_arg (args, void *);
    }
    va_end (args);
    return self;
}

static inline void
zpoller_destroy (zpoller_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        free ((*self_p)->readers);
        free ((*self_p)->items);
        free (*self_p);
        *self_p = NULL;
    }
}

static inline int
zpoller_remove (zpoller_t *self, void *reader)
{
    size_t index;
    assert (self && reader);
    for (index = 0; index < self->count; index++)
        if (self->readers [index] == reader) {
            size_t behind = --self->count - index;
            memmove (self->readers + index, self->readers + index + 1, behind * sizeof (void *));
            memmove (self->items + index, self->items + index + 1, behind * sizeof (zmq_pollitem_t));
            return 0;
        }
    errno = EINVAL;
    return -1;
}

static inline void
zpoller_set_nonstop (zpoller_t *self, bool nonstop)
{
    assert (self);
    self->nonstop = nonstop;
}

static inline void *
zpoller_wait (zpoller_t *self, int timeout)
{
    int rc;
    size_t index;
    assert (self);
    self->expired = false;
    self->terminated = zsys_interrupted && !self->nonstop;
    if (self->terminated)
        return NULL;
    rc = zmq_poll (self->items, (int) self->count, timeout);
    if (rc < 0 || (zsys_interrupted && !self->nonstop)) {
        self->terminated = true;
        return NULL;
    }
    for (index = 0; rc > 0 && index < self->count; index++)
        if (self->items [index].revents & (ZMQ_POLLIN | ZMQ_POLLERR))
            return self->readers [index];
    self->expired = true;
    return NULL;
}

static inline bool
zpoller_expired (zpoller_t *self)
{
    assert (self);
    return self->expired;
}

static inline bool
zpoller_terminated (zpoller_t *self)
{
    assert (self);
    return self->terminated;
}

#ifdef __cplusplus
}
#endif

#endif
