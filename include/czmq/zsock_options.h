/*  Options of sockets, such as zsock_rcvtimeo and zsock_set_rcvtimeo, for any kind of socket.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZSOCK_OPTIONS_H_INCLUDED
#define ZGOSSIP_CZMQ_ZSOCK_OPTIONS_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

static inline int
zgc_get_int (void *self, int option)
{
    int value = 0;
    size_t size = sizeof (value);
    assert (self);
    zmq_getsockopt (zsock_resolve (self), option, &value, &size);
    return value;
}

static inline void
zgc_set_int (void *self, int option, int value)
{
    assert (self);
    zmq_setsockopt (zsock_resolve (self), option, &value, sizeof (value));
}

//  Sets an option that has 64 bits in libzmq, whatever type its function takes.
static inline int
zgc_get_int64 (void *self, int option)
{
    int64_t value = 0;
    size_t size = sizeof (value);
    assert (self);
    zmq_getsockopt (zsock_resolve (self), option, &value, &size);
    return (int) value;
}

static inline void
zgc_set_int64 (void *self, int option, int value)
{
    int64_t wide = value;
    assert (self);
    zmq_setsockopt (zsock_resolve (self), option, &wide, sizeof (wide));
}

//  Returns an option that is a string; the caller frees it.
static inline char *
zgc_get_string (void *self, int option, size_t room)
{
    char *value = (char *) zmalloc (room + 1);
    size_t size = room;
    assert (self);
    zmq_getsockopt (zsock_resolve (self), option, value, &size);
    return value;
}

static inline void
zgc_set_string (void *self, int option, const char *value)
{
    assert (self && value);
    zmq_setsockopt (zsock_resolve (self), option, value, strlen (value));
}

static inline void
zgc_set_key (void *self, int option, const byte *value)
{
    assert (self && value);
    zmq_setsockopt (zsock_resolve (self), option, value, 32);
}

#define ZGC_GET_INT(name, option) \
    static inline int zsock_##name (void *self) { return zgc_get_int (self, option); }
#define ZGC_SET_INT(name, option) \
    static inline void zsock_set_##name (void *self, int name) { zgc_set_int (self, option, name); }
#define ZGC_INT(name, option) ZGC_GET_INT (name, option) ZGC_SET_INT (name, option)
#define ZGC_INT64(name, option) \
    static inline int zsock_##name (void *self) { return zgc_get_int64 (self, option); } \
    static inline void zsock_set_##name (void *self, int name) { zgc_set_int64 (self, option, name); }
#define ZGC_GET_STRING(name, option, room) \
    static inline char *zsock_##name (void *self) { return zgc_get_string (self, option, room); }
#define ZGC_SET_STRING(name, option) \
    static inline void zsock_set_##name (void *self, const char *name) { zgc_set_string (self, option, name); }
#define ZGC_STRING(name, option) ZGC_GET_STRING (name, option, 255) ZGC_SET_STRING (name, option)
#define ZGC_KEY(name, option) \
    ZGC_GET_STRING (name, option, 41) ZGC_SET_STRING (name, option) \
    static inline void zsock_set_##name##_bin (void *self, const byte *name) { zgc_set_key (self, option, name); }

ZGC_INT (sndhwm, ZMQ_SNDHWM)
ZGC_INT (rcvhwm, ZMQ_RCVHWM)
ZGC_INT64 (affinity, ZMQ_AFFINITY)
ZGC_INT (rate, ZMQ_RATE)
ZGC_INT (recovery_ivl, ZMQ_RECOVERY_IVL)
ZGC_INT (sndbuf, ZMQ_SNDBUF)
ZGC_INT (rcvbuf, ZMQ_RCVBUF)
ZGC_INT (linger, ZMQ_LINGER)
ZGC_INT (reconnect_ivl, ZMQ_RECONNECT_IVL)
ZGC_INT (reconnect_ivl_max, ZMQ_RECONNECT_IVL_MAX)
ZGC_INT (backlog, ZMQ_BACKLOG)
ZGC_INT64 (maxmsgsize, ZMQ_MAXMSGSIZE)
ZGC_INT (multicast_hops, ZMQ_MULTICAST_HOPS)
ZGC_INT (rcvtimeo, ZMQ_RCVTIMEO)
ZGC_INT (sndtimeo, ZMQ_SNDTIMEO)
ZGC_INT (tos, ZMQ_TOS)
ZGC_INT (immediate, ZMQ_IMMEDIATE)
ZGC_INT (ipv6, ZMQ_IPV6)
ZGC_INT (handshake_ivl, ZMQ_HANDSHAKE_IVL)
ZGC_INT (connect_timeout, ZMQ_CONNECT_TIMEOUT)
ZGC_INT (heartbeat_ivl, ZMQ_HEARTBEAT_IVL)
ZGC_INT (heartbeat_timeout, ZMQ_HEARTBEAT_TIMEOUT)
ZGC_INT (heartbeat_ttl, ZMQ_HEARTBEAT_TTL)
ZGC_INT (tcp_keepalive, ZMQ_TCP_KEEPALIVE)
ZGC_INT (tcp_keepalive_idle, ZMQ_TCP_KEEPALIVE_IDLE)
ZGC_INT (tcp_keepalive_cnt, ZMQ_TCP_KEEPALIVE_CNT)
ZGC_INT (tcp_keepalive_intvl, ZMQ_TCP_KEEPALIVE_INTVL)
ZGC_INT (plain_server, ZMQ_PLAIN_SERVER)
ZGC_INT (curve_server, ZMQ_CURVE_SERVER)
ZGC_INT (gssapi_server, ZMQ_GSSAPI_SERVER)
ZGC_INT (invert_matching, ZMQ_INVERT_MATCHING)
ZGC_SET_INT (router_mandatory, ZMQ_ROUTER_MANDATORY)
ZGC_SET_INT (router_handover, ZMQ_ROUTER_HANDOVER)
ZGC_SET_INT (router_raw, ZMQ_ROUTER_RAW)
ZGC_SET_INT (probe_router, ZMQ_PROBE_ROUTER)
ZGC_SET_INT (req_relaxed, ZMQ_REQ_RELAXED)
ZGC_SET_INT (req_correlate, ZMQ_REQ_CORRELATE)
ZGC_SET_INT (conflate, ZMQ_CONFLATE)
ZGC_SET_INT (xpub_verbose, ZMQ_XPUB_VERBOSE)
ZGC_SET_INT (xpub_verboser, ZMQ_XPUB_VERBOSER)
ZGC_SET_INT (xpub_nodrop, ZMQ_XPUB_NODROP)
ZGC_SET_INT (xpub_manual, ZMQ_XPUB_MANUAL)
ZGC_SET_INT (stream_notify, ZMQ_STREAM_NOTIFY)
ZGC_GET_INT (type, ZMQ_TYPE)
ZGC_GET_INT (rcvmore, ZMQ_RCVMORE)
ZGC_GET_INT (events, ZMQ_EVENTS)
ZGC_GET_INT (mechanism, ZMQ_MECHANISM)
ZGC_GET_STRING (last_endpoint, ZMQ_LAST_ENDPOINT, 255)
ZGC_STRING (identity, ZMQ_IDENTITY)
ZGC_STRING (zap_domain, ZMQ_ZAP_DOMAIN)
ZGC_STRING (plain_username, ZMQ_PLAIN_USERNAME)
ZGC_STRING (plain_password, ZMQ_PLAIN_PASSWORD)
ZGC_STRING (socks_proxy, ZMQ_SOCKS_PROXY)
ZGC_SET_STRING (connect_rid, ZMQ_CONNECT_RID)
ZGC_SET_STRING (xpub_welcome_msg, ZMQ_XPUB_WELCOME_MSG)
ZGC_SET_STRING (subscribe, ZMQ_SUBSCRIBE)
ZGC_SET_STRING (unsubscribe, ZMQ_UNSUBSCRIBE)
ZGC_KEY (curve_publickey, ZMQ_CURVE_PUBLICKEY)
ZGC_KEY (curve_secretkey, ZMQ_CURVE_SECRETKEY)
ZGC_KEY (curve_serverkey, ZMQ_CURVE_SERVERKEY)

#undef ZGC_GET_INT
#undef ZGC_SET_INT
#undef ZGC_INT
#undef ZGC_INT64
#undef ZGC_GET_STRING
#undef ZGC_SET_STRING
#undef ZGC_STRING
#undef ZGC_KEY

static inline SOCKET
zsock_fd (void *self)
{
    return (SOCKET) zgc_get_int (self, ZMQ_FD);
}

static inline void
zsock_set_unbounded (void *self)
{
    zgc_set_int (self, ZMQ_SNDHWM, 0);
    zgc_set_int (self, ZMQ_RCVHWM, 0);
}

static inline void
zsock_set_hwm (void *self, int hwm)
{
    zgc_set_int (self, ZMQ_SNDHWM, hwm);
    zgc_set_int (self, ZMQ_RCVHWM, hwm);
}

static inline int
zsock_ipv4only (void *self)
{
    return !zgc_get_int (self, ZMQ_IPV6);
}

static inline void
zsock_set_ipv4only (void *self, int ipv4only)
{
    zgc_set_int (self, ZMQ_IPV6, !ipv4only);
}

static inline void
zsock_set_delay_attach_on_connect (void *self, int delay_attach_on_connect)
{
    zgc_set_int (self, ZMQ_IMMEDIATE, delay_attach_on_connect);
}

static inline bool
zsock_has_in (void *self)
{
    return (zgc_get_int (self, ZMQ_EVENTS) & ZMQ_POLLIN) != 0;
}

#ifdef __cplusplus
}
#endif

#endif
