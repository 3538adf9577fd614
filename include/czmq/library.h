/*  The types of this interface, and the functions behind it that libzgossip exports.

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

//  Numbers of the settings of the process, with the default and the environment variable that replaces it.
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

//  Returns the context of all sockets of this interface. The first call makes it and sets the signal handlers; NULL
//  with errno if that fails.
void *zgossip_czmq_context (void);
//  Terminates the context, unless sockets are open, which are reported in the log. It is called when the process exits.
//  Returns 0 if the context was terminated, -1 otherwise.
int zgossip_czmq_shutdown (void);
//  Makes a socket in this context, with the options of the settings, and closes it. File and line are reported if the
//  socket is left open.
void *zgossip_czmq_socket (int type, const char *file, size_t line);
int zgossip_czmq_close (void *handle);

//  Writes a line to the log at a level, one of "EWNID", and sets where the log goes.
void zgossip_czmq_log (int level, const char *text);
void zgossip_czmq_set_logstream (FILE *stream);
void zgossip_czmq_set_logident (const char *ident);
void zgossip_czmq_set_logsender (const char *endpoint);
void zgossip_czmq_set_logsystem (int enabled);

//  Handlers of SIGINT and SIGTERM, and the flag that they set.
volatile int *zgossip_czmq_interrupted (void);
void zgossip_czmq_handler_set (void (*handler) (int));
void zgossip_czmq_handler_reset (void);
void zgossip_czmq_catch_interrupts (void);

//  Reads a clock: 'm' for monotonic milliseconds, 'u' for monotonic microseconds, 't' for milliseconds since 1970.
int64_t zgossip_czmq_clock (int which);
void zgossip_czmq_sleep (int msecs);
//  Writes the local time as "2026-11-22 08:55:00" to 20 bytes.
void zgossip_czmq_timestr (char *text);

//  Parses a ZPL text and reports each item: its depth, its name and its value. Returns 0; or -1 if the text is not ZPL,
//  with a line in the log, and nothing reported.
int zgossip_czmq_config_read (const char *text, size_t size,
                              void (*item) (void *arg, int level, const char *name, const char *value), void *arg);

#ifdef __cplusplus
}
#endif

#endif
