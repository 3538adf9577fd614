/*  What of this interface is in libzgossip itself, and the names of all types.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_LIBRARY_H_INCLUDED
#define ZGOSSIP_CZMQ_LIBRARY_H_INCLUDED

typedef struct _zactor_t zactor_t;
#define ZACTOR_T_DEFINED
typedef struct _zcert_t zcert_t;
#define ZCERT_T_DEFINED
typedef struct _zchunk_t zchunk_t;
#define ZCHUNK_T_DEFINED
typedef struct _zconfig_t zconfig_t;
#define ZCONFIG_T_DEFINED
typedef struct _zhash_t zhash_t;
#define ZHASH_T_DEFINED
typedef struct _zhashx_t zhashx_t;
#define ZHASHX_T_DEFINED
typedef struct _zlist_t zlist_t;
#define ZLIST_T_DEFINED
typedef struct _zlistx_t zlistx_t;
#define ZLISTX_T_DEFINED
typedef struct _zloop_t zloop_t;
#define ZLOOP_T_DEFINED
typedef struct _zmsg_t zmsg_t;
#define ZMSG_T_DEFINED
typedef struct _zpoller_t zpoller_t;
#define ZPOLLER_T_DEFINED
typedef struct _zuuid_t zuuid_t;
#define ZUUID_T_DEFINED

//  zgossip, zgossip_msg_* and the native interface; also the types zsock_t and zframe_t.
#include <zgossip/zgossip.h>

#ifdef __cplusplus
extern "C" {
#endif

//  Settings of the process, by number. Each begins with what CZMQ has, or with the number in the environment variable.
enum {
    ZGC_IO_THREADS = 0,         //  1           ZSYS_IO_THREADS
    ZGC_MAX_SOCKETS = 1,        //  1024        ZSYS_MAX_SOCKETS
    ZGC_MAX_MSGSZ = 2,          //  INT_MAX     ZSYS_MAX_MSGSZ
    ZGC_LINGER = 3,             //  0           ZSYS_LINGER
    ZGC_SNDHWM = 4,             //  1000        ZSYS_SNDHWM
    ZGC_RCVHWM = 5,             //  1000        ZSYS_RCVHWM
    ZGC_PIPEHWM = 6,            //  1000        ZSYS_PIPEHWM
    ZGC_IPV6 = 7,               //  0           ZSYS_IPV6
    ZGC_SCHED_POLICY = 8,       //  -1 not set  ZSYS_THREAD_SCHED_POLICY
    ZGC_PRIORITY = 9,           //  -1 not set  ZSYS_THREAD_PRIORITY
    ZGC_NAME_PREFIX = 10        //  0 not set   ZSYS_THREAD_NAME_PREFIX
};
int zgossip_czmq_setting (int which);
void zgossip_czmq_set_setting (int which, int value);

//  The context of all sockets made here, made by the first call, which also sets the signal handlers. NULL, errno
//  where it cannot be made.
void *zgossip_czmq_context (void);
//  End the context unless sockets are open, which are reported; it is called when the process exits. 0 when ended.
int zgossip_czmq_shutdown (void);
//  Make and close a socket in this context, with the default options; the place is for reporting it if left open.
void *zgossip_czmq_socket (int type, const char *file, size_t line);
int zgossip_czmq_close (void *handle);

//  The log: one text at a level of "EWNID", to all that the log goes to.
void zgossip_czmq_log (int level, const char *text);
void zgossip_czmq_set_logstream (FILE *stream);
void zgossip_czmq_set_logident (const char *ident);
void zgossip_czmq_set_logsender (const char *endpoint);
void zgossip_czmq_set_logsystem (int enabled);

//  SIGINT and SIGTERM.
volatile int *zgossip_czmq_interrupted (void);
void zgossip_czmq_handler_set (void (*handler) (int));
void zgossip_czmq_handler_reset (void);
void zgossip_czmq_catch_interrupts (void);

//  Clocks: 'm' monotonic milliseconds, 'u' monotonic microseconds, 't' milliseconds since 1970.
int64_t zgossip_czmq_clock (int which);
void zgossip_czmq_sleep (int msecs);
//  Local time as "2026-11-22 08:55:00", 20 bytes.
void zgossip_czmq_timestr (char *text);

//  Read a ZPL text and report each item: how deep it is, its name and its value. -1 where the text is not ZPL, with a
//  line in the log; nothing is reported then. 
int zgossip_czmq_config_read (const char *text, size_t size,
                              void (*item) (void *arg, int level, const char *name, const char *value), void *arg);

#ifdef __cplusplus
}
#endif

#endif
