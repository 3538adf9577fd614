/*  zloop: a reactor that calls handlers for readers, poll items and timers.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZLOOP_H_INCLUDED
#define ZGOSSIP_CZMQ_ZLOOP_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef int (zloop_reader_fn) (zloop_t *loop, zsock_t *reader, void *arg);
typedef int (zloop_fn) (zloop_t *loop, zmq_pollitem_t *item, void *arg);
typedef int (zloop_timer_fn) (zloop_t *loop, int timer_id, void *arg);

//  A reader, or a poll item.
typedef struct zgc_watch_t {
    zsock_t *sock;              //  NULL for a poll item
    zmq_pollitem_t item;
    zloop_reader_fn *reader;
    zloop_fn *handler;
    void *arg;
    bool tolerant;
} zgc_watch_t;

//  A timer; or a ticket, which has id 0.
typedef struct zgc_timer_t {
    int id;
    int64_t when;
    size_t delay;
    size_t times;               //  Calls that remain; 0 for ever
    zloop_timer_fn *handler;
    void *arg;
    bool deleted;               //  To be freed by the loop, when no handler runs
} zgc_timer_t;

struct _zloop_t {
    zlistx_t *watches;
    zlistx_t *timers;
    int last_id;
    size_t timer_count;
    size_t max_timers;
    size_t ticket_delay;
    bool changed;               //  Whether watches were added or removed
    bool verbose;
    bool nonstop;
};

static inline zloop_t *
zloop_new (void)
{
    zloop_t *self = (zloop_t *) zmalloc (sizeof (zloop_t));
    //  Signals must end the loop, even if no socket is made before it.
    zsys_catch_interrupts ();
    self->watches = zlistx_new ();
    self->timers = zlistx_new ();
    zlistx_set_destructor (self->watches, zgc_free_string);
    zlistx_set_destructor (self->timers, zgc_free_string);
    return self;
}

static inline void
zloop_destroy (zloop_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->watches);
        zlistx_destroy (&(*self_p)->timers);
        free (*self_p);
        *self_p = NULL;
    }
}

static inline void
zloop_set_verbose (zloop_t *self, bool verbose)
{
    assert (self);
    self->verbose = verbose;
}

static inline void
zloop_set_nonstop (zloop_t *self, bool nonstop)
{
    assert (self);
    self->nonstop = nonstop;
}

static inline void
zloop_set_max_timers (zloop_t *self, size_t max_timers)
{
    assert (self);
    self->max_timers = max_timers;
}

static inline void
zloop_set_ticket_delay (zloop_t *self, size_t ticket_delay)
{
    assert (self);
    self->ticket_delay = ticket_delay;
}

/*  --------------------------------------------------------------------------------------------------------------
    Readers and poll items
    -------------------------------------------------------------------------------------------------------------- */

static inline int
zloop_reader (zloop_t *self, zsock_t *sock, zloop_reader_fn handler, void *arg)
{
    zgc_watch_t *watch;
    assert (self && sock && handler);
    watch = (zgc_watch_t *) zmalloc (sizeof (zgc_watch_t));
    watch->sock = sock;
    watch->item.socket = zsock_resolve (sock);
    watch->item.events = ZMQ_POLLIN;
    watch->reader = handler;
    watch->arg = arg;
    zlistx_add_end (self->watches, watch);
    self->changed = true;
    if (self->verbose)
        zsys_debug ("zloop: register %s reader", zsys_sockname (zsock_type (sock)));
    return 0;
}

static inline int
zloop_poller (zloop_t *self, zmq_pollitem_t *item, zloop_fn handler, void *arg)
{
    zgc_watch_t *watch;
    assert (self && item && handler);
    watch = (zgc_watch_t *) zmalloc (sizeof (zgc_watch_t));
    watch->item = *item;
    if (item->socket)
        watch->item.socket = zsock_resolve (item->socket);
    watch->handler = handler;
    watch->arg = arg;
    zlistx_add_end (self->watches, watch);
    self->changed = true;
    if (self->verbose)
        zsys_debug ("zloop: register %s poller (%p, %d)",
                    item->socket? zsys_sockname (zsock_type (item->socket)): "FD", item->socket, item->fd);
    return 0;
}

static inline bool
zgc_watch_is (zgc_watch_t *watch, zsock_t *sock, zmq_pollitem_t *item)
{
    if (sock)
        return watch->sock == sock;
    if (watch->sock)
        return false;
    return item->socket? watch->item.socket == zsock_resolve (item->socket):
                         !watch->item.socket && watch->item.fd == item->fd;
}

static inline void
zgc_watch_end (zloop_t *self, zsock_t *sock, zmq_pollitem_t *item)
{
    zgc_link_t *link = self->watches->anchor.next;
    while (link != &self->watches->anchor) {
        zgc_link_t *next = link->next;
        if (zgc_watch_is ((zgc_watch_t *) link->item, sock, item)) {
            zlistx_delete (self->watches, link);
            self->changed = true;
        }
        link = next;
    }
}

static inline void
zgc_watch_set_tolerant (zloop_t *self, zsock_t *sock, zmq_pollitem_t *item)
{
    zgc_link_t *link;
    for (link = self->watches->anchor.next; link != &self->watches->anchor; link = link->next)
        if (zgc_watch_is ((zgc_watch_t *) link->item, sock, item))
            ((zgc_watch_t *) link->item)->tolerant = true;
}

static inline void
zloop_reader_end (zloop_t *self, zsock_t *sock)
{
    assert (self && sock);
    zgc_watch_end (self, sock, NULL);
    if (self->verbose)
        zsys_debug ("zloop: cancel %s reader", zsys_sockname (zsock_type (sock)));
}

static inline void
zloop_reader_set_tolerant (zloop_t *self, zsock_t *sock)
{
    assert (self && sock);
    zgc_watch_set_tolerant (self, sock, NULL);
}

static inline void
zloop_poller_end (zloop_t *self, zmq_pollitem_t *item)
{
    assert (self && item);
    zgc_watch_end (self, NULL, item);
}

static inline void
zloop_poller_set_tolerant (zloop_t *self, zmq_pollitem_t *item)
{
    assert (self && item);
    zgc_watch_set_tolerant (self, NULL, item);
}

#define zloop_set_tolerant(s, i) zloop_poller_set_tolerant (s, i)

/*  --------------------------------------------------------------------------------------------------------------
    Timers
    -------------------------------------------------------------------------------------------------------------- */

static inline zgc_timer_t *
zgc_timer_new (zloop_t *self, int id, size_t delay, size_t times, zloop_timer_fn handler, void *arg)
{
    zgc_timer_t *timer = (zgc_timer_t *) zmalloc (sizeof (zgc_timer_t));
    timer->id = id;
    timer->when = zclock_mono () + (int64_t) delay;
    timer->delay = delay;
    timer->times = times;
    timer->handler = handler;
    timer->arg = arg;
    zlistx_add_end (self->timers, timer);
    return timer;
}

static inline int
zloop_timer (zloop_t *self, size_t delay, size_t times, zloop_timer_fn handler, void *arg)
{
    assert (self && handler);
    if (self->max_timers && self->timer_count == self->max_timers) {
        zsys_error ("zloop: timer limit reached (max=%d)", (int) self->max_timers);
        return -1;
    }
    zgc_timer_new (self, ++self->last_id, delay, times, handler, arg);
    self->timer_count++;
    if (self->verbose)
        zsys_debug ("zloop: register timer id=%d delay=%d times=%d", self->last_id, (int) delay, (int) times);
    return self->last_id;
}

static inline int
zloop_timer_end (zloop_t *self, int timer_id)
{
    zgc_link_t *link;
    assert (self);
    for (link = self->timers->anchor.next; link != &self->timers->anchor; link = link->next) {
        zgc_timer_t *timer = (zgc_timer_t *) link->item;
        if (timer->id == timer_id && !timer->deleted) {
            timer->deleted = true;
            self->timer_count--;
        }
    }
    if (self->verbose)
        zsys_debug ("zloop: cancel timer id=%d", timer_id);
    return 0;
}

static inline void *
zloop_ticket (zloop_t *self, zloop_timer_fn handler, void *arg)
{
    assert (self && handler && self->ticket_delay > 0);
    return zgc_timer_new (self, 0, self->ticket_delay, 1, handler, arg);
}

static inline void
zloop_ticket_reset (zloop_t *self, void *handle)
{
    assert (self && handle);
    ((zgc_timer_t *) handle)->when = zclock_mono () + (int64_t) self->ticket_delay;
}

static inline void
zloop_ticket_delete (zloop_t *self, void *handle)
{
    (void) self;
    assert (handle);
    ((zgc_timer_t *) handle)->deleted = true;
}

//  Returns the milliseconds until the first timer; an hour if there is none.
static inline long
zgc_loop_timeout (zloop_t *self)
{
    int64_t now = zclock_mono ();
    int64_t when = now + 3600 * 1000;
    zgc_link_t *link;
    for (link = self->timers->anchor.next; link != &self->timers->anchor; link = link->next) {
        zgc_timer_t *timer = (zgc_timer_t *) link->item;
        if (!timer->deleted && timer->when < when)
            when = timer->when;
    }
    return when > now? (long) (when - now): 0;
}

//  Calls the timers that are due, without those that handlers add meanwhile.
static inline int
zgc_loop_timers (zloop_t *self)
{
    int64_t now = zclock_mono ();
    zgc_link_t *last = self->timers->anchor.prev;
    zgc_link_t *link = self->timers->anchor.next;
    bool end = link == &self->timers->anchor;
    int rc = 0;
    while (!end && rc == 0) {
        zgc_timer_t *timer = (zgc_timer_t *) link->item;
        if (!timer->deleted && timer->when <= now) {
            bool last_time = timer->times && --timer->times == 0;
            if (self->verbose)
                zsys_debug (timer->id? "zloop: call timer handler id=%d": "zloop: call ticket handler", timer->id);
            rc = timer->handler (self, timer->id, timer->arg) == -1? -1: 0;
            if (last_time && !timer->deleted) {
                timer->deleted = true;
                if (timer->id)
                    self->timer_count--;
            }
            timer->when += (int64_t) timer->delay;
        }
        end = link == last;
        link = link->next;
    }
    for (link = self->timers->anchor.next; link != &self->timers->anchor;) {
        zgc_link_t *next = link->next;
        if (((zgc_timer_t *) link->item)->deleted)
            zlistx_delete (self->timers, link);
        link = next;
    }
    return rc;
}

/*  --------------------------------------------------------------------------------------------------------------
    The loop
    -------------------------------------------------------------------------------------------------------------- */

//  Calls the handlers of watches that are ready, until one of them changes the set of watches.
static inline int
zgc_loop_watches (zloop_t *self, zmq_pollitem_t *items, zgc_watch_t **watches, size_t count)
{
    size_t index;
    int rc = 0;
    for (index = 0; index < count && rc == 0 && !self->changed; index++) {
        zgc_watch_t *watch = watches [index];
        if ((items [index].revents & ZMQ_POLLERR) && !watch->tolerant) {
            zsys_warning ("zloop: can't poll %s %s",
                          watch->item.socket? zsys_sockname (zsock_type (watch->item.socket)): "FD",
                          watch->sock? "reader": "poller");
            zgc_watch_end (self, watch->sock, &watch->item);
        }
        else
        if (items [index].revents && watch->sock) {
            if (self->verbose)
                zsys_debug ("zloop: call %s socket handler", zsys_sockname (zsock_type (watch->sock)));
            rc = watch->reader (self, watch->sock, watch->arg) == -1? -1: 0;
        }
        else
        if (items [index].revents) {
            if (self->verbose)
                zsys_debug ("zloop: call %s socket handler",
                            watch->item.socket? zsys_sockname (zsock_type (watch->item.socket)): "FD");
            rc = watch->handler (self, &items [index], watch->arg) == -1? -1: 0;
        }
    }
    return rc;
}

//  Runs the loop. Returns 0 if it was interrupted or the context has ended, -1 if a handler returned -1.
static inline int
zloop_start (zloop_t *self)
{
    zmq_pollitem_t *items = NULL;
    zgc_watch_t **watches = NULL;
    size_t count = 0;
    int rc = 0;
    assert (self);
    self->changed = true;
    while (rc == 0 && (!zsys_interrupted || self->nonstop)) {
        long timeout;
        if (self->changed) {
            zgc_link_t *link;
            free (items);
            free (watches);
            count = zlistx_size (self->watches);
            items = (zmq_pollitem_t *) zmalloc (count * sizeof (zmq_pollitem_t));
            watches = (zgc_watch_t **) zmalloc (count * sizeof (zgc_watch_t *));
            count = 0;
            for (link = self->watches->anchor.next; link != &self->watches->anchor; link = link->next) {
                watches [count] = (zgc_watch_t *) link->item;
                items [count] = watches [count]->item;
                count++;
            }
            self->changed = false;
        }
        timeout = zgc_loop_timeout (self);
        if (self->verbose)
            zsys_debug ("zloop polling for %d msec", (int) timeout);
        if (zmq_poll (items, (int) count, timeout) < 0) {
            if (errno == EINTR && self->nonstop)
                continue;
            if (self->verbose)
                zsys_debug ("zloop: interrupted");
            break;
        }
        if (zsys_interrupted && !self->nonstop)
            break;
        rc = zgc_loop_timers (self);
        if (rc == 0)
            rc = zgc_loop_watches (self, items, watches, count);
    }
    free (items);
    free (watches);
    return rc;
}

#ifdef __cplusplus
}
#endif

#endif
