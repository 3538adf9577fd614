/*  zsock: sockets that need no context. Functions take a zsock_t, a zactor_t or a socket of libzmq.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZSOCK_H_INCLUDED
#define ZGOSSIP_CZMQ_ZSOCK_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

//  libzgossip reads the first three members.
struct _zsock_t {
    uint32_t tag;
    int type;
    void *handle;               //  The socket of libzmq
    char *endpoint;             //  Endpoint that was bound last
};

struct _zactor_t {
    uint32_t tag;
    int type;
    void *handle;               //  The libzmq socket of the pipe
    zsock_t *pipe;              //  The creator's end of the pipe
    void (*destructor) (zactor_t *self);
    struct zgc_thread_t *thread;
};

#define ZGC_SOCK_TAG 0x5a474f53u
#define ZGC_ACTOR_TAG 0x5a474f41u
#define ZGC_DEAD_TAG 0xdeadbeefu

static inline bool
zsock_is (void *self)
{
    assert (self);
    return *(uint32_t *) self == ZGC_SOCK_TAG;
}

static inline bool
zactor_is (void *self)
{
    assert (self);
    return *(uint32_t *) self == ZGC_ACTOR_TAG;
}

//  Returns the libzmq socket of any kind of socket; NULL for a pointer to an open descriptor.
static inline void *
zsock_resolve (void *self)
{
    int fd;
    assert (self);
    if (zsock_is (self) || zactor_is (self))
        return ((zsock_t *) self)->handle;
    //  A libzmq socket begins with a pointer. One half of it may be a small number by chance, but hardly that of an
    //  open descriptor.
    fd = *(int *) self;
    if (fd >= 0 && fcntl (fd, F_GETFD) != -1)
        return NULL;
    return self;
}

static inline void *
zactor_resolve (void *self)
{
    return zactor_is (self)? ((zactor_t *) self)->handle: self;
}

/*  --------------------------------------------------------------------------------------------------------------
    Making and attaching
    -------------------------------------------------------------------------------------------------------------- */

static inline zsock_t *
zsock_new_checked (int type, const char *filename, size_t line_nbr)
{
    void *handle = zgossip_czmq_socket (type, filename, line_nbr);
    zsock_t *self;
    if (!handle)
        return NULL;
    self = (zsock_t *) zmalloc (sizeof (zsock_t));
    self->tag = ZGC_SOCK_TAG;
    self->type = type;
    self->handle = handle;
    return self;
}

static inline void
zsock_destroy_checked (zsock_t **self_p, const char *filename, size_t line_nbr)
{
    (void) filename;
    (void) line_nbr;
    assert (self_p);
    if (*self_p) {
        zsock_t *self = *self_p;
        assert (zsock_is (self));
        self->tag = ZGC_DEAD_TAG;
        zgossip_czmq_close (self->handle);
        free (self->endpoint);
        free (self);
        *self_p = NULL;
    }
}

static inline int
zsock_bind (zsock_t *self, const char *format, ...) CHECK_PRINTF (2);
static inline int
zsock_connect (zsock_t *self, const char *format, ...) CHECK_PRINTF (2);
static inline int
zsock_unbind (zsock_t *self, const char *format, ...) CHECK_PRINTF (2);
static inline int
zsock_disconnect (zsock_t *self, const char *format, ...) CHECK_PRINTF (2);

//  Reads a decimal number up to an end; -1 if there is anything else.
static inline int
zgc_port (const char *text, const char *end)
{
    long port = 0;
    for (; text < end && port <= 65535; text++) {
        if (!isdigit ((byte) *text))
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port > 65535? -1: (int) port;
}

//  Binds to the first free port of a range, starting with the first port or a random one. Returns the port, or -1.
static inline int
zgc_bind_range (zsock_t *self, const char *endpoint, int stem, int first, int last, bool random_start)
{
    int count = last - first + 1;
    int port = first;
    char *full = (char *) zmalloc ((size_t) stem + 16);
    int bound = -1;
    if (random_start && count > 0)
        port = first + (int) (zgossip_czmq_clock ('u') * 7919 % count);
    while (bound < 0 && count-- > 0) {
        snprintf (full, (size_t) stem + 16, "%.*s%d", stem, endpoint, port);
        if (zmq_bind (self->handle, full) == 0)
            bound = port;
        else
        if (errno != EADDRINUSE && errno != EACCES)
            break;
        if (bound < 0 && ++port > last)
            port = first;
    }
    if (bound < 0)
        free (full);
    else {
        free (self->endpoint);
        self->endpoint = full;
    }
    return bound;
}

static inline int
zgc_bind (zsock_t *self, const char *endpoint)
{
    //  Dynamic ports, as IANA assigns them
    int first = 0xc000;
    int last = 0xffff;
    const char *colon = strrchr (endpoint, ':');
    const char *end = endpoint + strlen (endpoint);
    bool tcp = strncmp (endpoint, "tcp://", 6) == 0 && colon && colon > endpoint + 3;
    if (tcp && (colon [1] == '*' || colon [1] == '!')) {
        const char *range = colon + 2;
        if (*range == '[' && end [-1] == ']') {
            const char *dash = strchr (range, '-');
            if (!dash)
                return -1;
            if (dash > range + 1)
                first = zgc_port (range + 1, dash);
            if (end - 1 > dash + 1)
                last = zgc_port (dash + 1, end - 1);
            range = end;
        }
        if (!*range)
            return first < 0 || last < 0? -1:
                   zgc_bind_range (self, endpoint, (int) (colon + 1 - endpoint), first, last, colon [1] == '!');
    }
    if (zmq_bind (self->handle, endpoint))
        return -1;
    free (self->endpoint);
    self->endpoint = zgc_strdup (endpoint);
    return tcp && zgc_port (colon + 1, end) > 0? zgc_port (colon + 1, end): 0;
}

static inline int
zsock_bind (zsock_t *self, const char *format, ...)
{
    char *endpoint;
    int rc;
    assert (self && zsock_is (self));
    ZGC_FORMAT (endpoint, format);
    rc = endpoint? zgc_bind (self, endpoint): -1;
    free (endpoint);
    return rc;
}

static inline int
zsock_connect (zsock_t *self, const char *format, ...)
{
    char *endpoint;
    int rc;
    assert (self && zsock_is (self));
    ZGC_FORMAT (endpoint, format);
    rc = endpoint? zmq_connect (self->handle, endpoint): -1;
    free (endpoint);
    return rc;
}

static inline int
zsock_unbind (zsock_t *self, const char *format, ...)
{
    char *endpoint;
    int rc;
    assert (self && zsock_is (self));
    ZGC_FORMAT (endpoint, format);
    rc = endpoint? zmq_unbind (self->handle, endpoint): -1;
    free (endpoint);
    return rc;
}

static inline int
zsock_disconnect (zsock_t *self, const char *format, ...)
{
    char *endpoint;
    int rc;
    assert (self && zsock_is (self));
    ZGC_FORMAT (endpoint, format);
    rc = endpoint? zmq_disconnect (self->handle, endpoint): -1;
    free (endpoint);
    return rc;
}

static inline const char *
zsock_endpoint (zsock_t *self)
{
    assert (self && zsock_is (self));
    return self->endpoint;
}

static inline int
zsock_attach (zsock_t *self, const char *endpoints, bool serverish)
{
    assert (self);
    while (endpoints && *endpoints) {
        size_t length = strcspn (endpoints, ",");
        bool bind = serverish;
        const char *start = endpoints;
        char *endpoint;
        int rc;
        endpoints += length + (endpoints [length]? 1: 0);
        if (length && (*start == '@' || *start == '>')) {
            bind = *start == '@';
            start++;
            length--;
        }
        endpoint = (char *) zmalloc (length + 1);
        memcpy (endpoint, start, length);
        rc = bind? zgc_bind (self, endpoint): zmq_connect (self->handle, endpoint);
        free (endpoint);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static inline zsock_t *
zgc_new_attached (int type, const char *endpoint, bool serverish, const char *filename, size_t line_nbr)
{
    zsock_t *self = zsock_new_checked (type, filename, line_nbr);
    if (self && zsock_attach (self, endpoint, serverish))
        zsock_destroy_checked (&self, filename, line_nbr);
    return self;
}

static inline zsock_t *
zsock_new_sub_checked (const char *endpoint, const char *subscribe, const char *filename, size_t line_nbr)
{
    zsock_t *self = zgc_new_attached (ZMQ_SUB, endpoint, false, filename, line_nbr);
    if (self && subscribe)
        zmq_setsockopt (self->handle, ZMQ_SUBSCRIBE, subscribe, strlen (subscribe));
    return self;
}

//  These macros note the source line that makes a socket. With ZSOCK_NOCHECK there are plain functions.
#define ZGC_NEW(name, type, serverish) \
    static inline zsock_t * \
    zsock_new_##name##_checked (const char *endpoint, const char *filename, size_t line_nbr) \
    { \
        return zgc_new_attached (type, endpoint, serverish, filename, line_nbr); \
    } \
    static inline zsock_t * \
    zsock_new_##name (const char *endpoint) \
    { \
        return zgc_new_attached (type, endpoint, serverish, "", 0); \
    }

ZGC_NEW (pub, ZMQ_PUB, true)
ZGC_NEW (req, ZMQ_REQ, false)
ZGC_NEW (rep, ZMQ_REP, true)
ZGC_NEW (dealer, ZMQ_DEALER, false)
ZGC_NEW (router, ZMQ_ROUTER, true)
ZGC_NEW (push, ZMQ_PUSH, false)
ZGC_NEW (pull, ZMQ_PULL, true)
ZGC_NEW (xpub, ZMQ_XPUB, true)
ZGC_NEW (xsub, ZMQ_XSUB, false)
ZGC_NEW (pair, ZMQ_PAIR, false)
ZGC_NEW (stream, ZMQ_STREAM, false)

#undef ZGC_NEW

static inline zsock_t *
zsock_new (int type)
{
    return zsock_new_checked (type, "", 0);
}

static inline zsock_t *
zsock_new_sub (const char *endpoint, const char *subscribe)
{
    return zsock_new_sub_checked (endpoint, subscribe, "", 0);
}

static inline void
zsock_destroy (zsock_t **self_p)
{
    zsock_destroy_checked (self_p, "", 0);
}

#ifndef ZSOCK_NOCHECK
#   define zsock_new(t) zsock_new_checked ((t), __FILE__, __LINE__)
#   define zsock_new_pub(e) zsock_new_pub_checked ((e), __FILE__, __LINE__)
#   define zsock_new_sub(e, s) zsock_new_sub_checked ((e), (s), __FILE__, __LINE__)
#   define zsock_new_req(e) zsock_new_req_checked ((e), __FILE__, __LINE__)
#   define zsock_new_rep(e) zsock_new_rep_checked ((e), __FILE__, __LINE__)
#   define zsock_new_dealer(e) zsock_new_dealer_checked ((e), __FILE__, __LINE__)
#   define zsock_new_router(e) zsock_new_router_checked ((e), __FILE__, __LINE__)
#   define zsock_new_push(e) zsock_new_push_checked ((e), __FILE__, __LINE__)
#   define zsock_new_pull(e) zsock_new_pull_checked ((e), __FILE__, __LINE__)
#   define zsock_new_xpub(e) zsock_new_xpub_checked ((e), __FILE__, __LINE__)
#   define zsock_new_xsub(e) zsock_new_xsub_checked ((e), __FILE__, __LINE__)
#   define zsock_new_pair(e) zsock_new_pair_checked ((e), __FILE__, __LINE__)
#   define zsock_new_stream(e) zsock_new_stream_checked ((e), __FILE__, __LINE__)
#   define zsock_destroy(t) zsock_destroy_checked ((t), __FILE__, __LINE__)
#endif

static inline const char *
zsock_type_str (zsock_t *self)
{
    assert (self && zsock_is (self));
    return zsys_sockname (self->type);
}

/*  --------------------------------------------------------------------------------------------------------------
    Signals: eight bytes, of which the lowest is a status
    -------------------------------------------------------------------------------------------------------------- */

#define ZGC_SIGNAL 0x7766554433221100ull

//  Returns the status in the frame of a signal, or -1.
static inline int
zgc_signal_status (const void *data, size_t size)
{
    uint64_t value;
    if (size != sizeof (value))
        return -1;
    memcpy (&value, data, sizeof (value));
    return (value & ~(uint64_t) 0xff) == ZGC_SIGNAL? (int) (value & 0xff): -1;
}

static inline int
zsock_signal (void *self, byte status)
{
    uint64_t value = ZGC_SIGNAL + status;
    void *handle;
    assert (self);
    handle = zsock_resolve (self);
    return handle && zmq_send (handle, &value, sizeof (value), 0) >= 0? 0: -1;
}

//  Drops the rest of a message that was received in part.
static inline void
zsock_flush (void *self)
{
    void *handle;
    int more = 0;
    size_t size = sizeof (more);
    zmq_msg_t frame;
    assert (self);
    handle = zsock_resolve (self);
    zmq_getsockopt (handle, ZMQ_RCVMORE, &more, &size);
    zmq_msg_init (&frame);
    while (more && zmq_msg_recv (&frame, handle, 0) >= 0)
        more = zmq_msg_more (&frame);
    zmq_msg_close (&frame);
}

//  Waits for a signal and returns its status, or -1 on error. Messages that come before it are dropped.
static inline int
zsock_wait (void *self)
{
    void *handle;
    int status = -1;
    zmq_msg_t frame;
    assert (self);
    handle = zsock_resolve (self);
    zmq_msg_init (&frame);
    while (status < 0 && zmq_msg_recv (&frame, handle, 0) >= 0) {
        if (zmq_msg_more (&frame))
            zsock_flush (self);
        else
            status = zgc_signal_status (zmq_msg_data (&frame), zmq_msg_size (&frame));
    }
    zmq_msg_close (&frame);
    return status;
}

//  Makes two PAIR sockets that are connected to each other.
static inline zsock_t *
zsys_create_pipe (zsock_t **backend_p)
{
    zsock_t *frontend = zsock_new (ZMQ_PAIR);
    zsock_t *backend = zsock_new (ZMQ_PAIR);
    int hwm = zgossip_czmq_setting (ZGC_PIPEHWM);
    int rc = -1;
    assert (backend_p);
    if (frontend && backend) {
        zmq_setsockopt (frontend->handle, ZMQ_SNDHWM, &hwm, sizeof (hwm));
        zmq_setsockopt (backend->handle, ZMQ_SNDHWM, &hwm, sizeof (hwm));
        //  The name is new each time, because libzmq releases a name some time after its socket was closed. Each
        //  translation unit has a counter of its own, whose address is part of the name.
        static unsigned count = 0;
        rc = zsock_bind (frontend, "inproc://zgossip-pipe-%p-%u", (void *) &count,
                         __atomic_fetch_add (&count, 1, __ATOMIC_RELAXED));
        if (rc == 0)
            rc = zsock_connect (backend, "%s", zsock_endpoint (frontend));
    }
    if (rc) {
        zsock_destroy (&frontend);
        zsock_destroy (&backend);
    }
    *backend_p = backend;
    return frontend;
}

#ifdef __cplusplus
}
#endif

#endif
