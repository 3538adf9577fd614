/*  zstr: messages and frames that are strings.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZSTR_H_INCLUDED
#define ZGOSSIP_CZMQ_ZSTR_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

static inline char *
zgc_str_recv (void *source, int flags)
{
    zframe_t *frame;
    char *string;
    assert (source);
    frame = zgc_frame_recv (source, flags);
    if (!frame)
        return NULL;
    string = zframe_strdup (frame);
    zframe_destroy (&frame);
    return string;
}

static inline char *
zstr_recv (void *source)
{
    return zgc_str_recv (source, 0);
}

static inline char *
zstr_recv_nowait (void *source)
{
    return zgc_str_recv (source, ZMQ_DONTWAIT);
}

//  Receives a message and stores its frames as new strings, NULL for frames that it lacks. Returns their number, or -1.
static inline int
zstr_recvx (void *source, char **string_p, ...)
{
    zmsg_t *msg;
    va_list args;
    int count = 0;
    assert (source);
    msg = zmsg_recv (source);
    if (!msg || zmsg_signal (msg) >= 0) {
        zmsg_destroy (&msg);
        return -1;
    }
    va_start (args, string_p);
    while (string_p) {
        *string_p = zmsg_popstr (msg);
        string_p = va_arg (args, char **);
        count++;
    }
    va_end (args);
    zmsg_destroy (&msg);
    return count;
}

static inline int
zgc_str_send (void *dest, int flags, const char *string)
{
    size_t length = string? strlen (string): 0;
    assert (dest);
    return zmq_send (zsock_resolve (dest), string? string: "", length, flags) >= 0? 0: -1;
}

static inline int
zstr_send (void *dest, const char *string)
{
    return zgc_str_send (dest, 0, string);
}

static inline int
zstr_sendm (void *dest, const char *string)
{
    return zgc_str_send (dest, ZMQ_SNDMORE, string);
}

static inline int
zstr_sendf (void *dest, const char *format, ...) CHECK_PRINTF (2);
static inline int
zstr_sendfm (void *dest, const char *format, ...) CHECK_PRINTF (2);

static inline int
zstr_sendf (void *dest, const char *format, ...)
{
    char *string;
    int rc;
    assert (dest && format);
    ZGC_FORMAT (string, format);
    rc = string? zgc_str_send (dest, 0, string): -1;
    free (string);
    return rc;
}

static inline int
zstr_sendfm (void *dest, const char *format, ...)
{
    char *string;
    int rc;
    assert (dest && format);
    ZGC_FORMAT (string, format);
    rc = string? zgc_str_send (dest, ZMQ_SNDMORE, string): -1;
    free (string);
    return rc;
}

//  Sends a message of strings, with a NULL after the last.
static inline int
zstr_sendx (void *dest, const char *string, ...)
{
    zmsg_t *msg;
    va_list args;
    int rc;
    assert (dest);
    msg = zmsg_new ();
    va_start (args, string);
    while (string) {
        zmsg_addstr (msg, string);
        string = va_arg (args, const char *);
    }
    va_end (args);
    rc = zmsg_send (&msg, dest);
    zmsg_destroy (&msg);
    return rc;
}

//  Another name of zstr_recv.
static inline char *
zstr_str (void *source)
{
    return zstr_recv (source);
}

#ifdef __cplusplus
}
#endif

#endif
