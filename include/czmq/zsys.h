/*  zsys: context, settings, log and signals of the process; files and strings.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZSYS_H_INCLUDED
#define ZGOSSIP_CZMQ_ZSYS_H_INCLUDED

#define UDP_FRAME_MAX 255

#ifdef __cplusplus
extern "C" {
#endif

typedef void (zsys_handler_fn) (int signal_value);

//  Not 0 once SIGINT or SIGTERM has come. It is a macro, so that all translation units share one variable.
#define zsys_interrupted (*zgossip_czmq_interrupted ())
#define zctx_interrupted zsys_interrupted

static inline void *
zsys_init (void)
{
    return zgossip_czmq_context ();
}

static inline void
zsys_shutdown (void)
{
    (void) zgossip_czmq_shutdown ();
}

static inline void *
zsys_socket (int type, const char *filename, size_t line_nbr)
{
    return zgossip_czmq_socket (type, filename, line_nbr);
}

static inline int
zsys_close (void *handle, const char *filename, size_t line_nbr)
{
    (void) filename;
    (void) line_nbr;
    return zgossip_czmq_close (handle);
}

static inline char *
zsys_sockname (int socktype)
{
    static const char *const names [] = {
        "PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH", "XPUB", "XSUB", "STREAM",
        "SERVER", "CLIENT", "RADIO", "DISH", "GATHER", "SCATTER", "DGRAM"
    };
    assert (socktype >= 0 && socktype < (int) (sizeof (names) / sizeof (names [0])));
    return (char *) names [socktype];
}

static inline bool
zsys_is_interrupted (void)
{
    return zsys_interrupted != 0;
}

static inline void
zsys_set_interrupted (void)
{
    zsys_interrupted = 1;
}

static inline void
zsys_handler_set (zsys_handler_fn *handler_fn)
{
    zgossip_czmq_handler_set (handler_fn);
}

static inline void
zsys_handler_reset (void)
{
    zgossip_czmq_handler_reset ();
}

static inline void
zsys_catch_interrupts (void)
{
    zgossip_czmq_catch_interrupts ();
}

static inline void
zsys_version (int *major, int *minor, int *patch)
{
    if (major)
        *major = CZMQ_VERSION_MAJOR;
    if (minor)
        *minor = CZMQ_VERSION_MINOR;
    if (patch)
        *patch = CZMQ_VERSION_PATCH;
}

static inline bool
zsys_has_curve (void)
{
    return zmq_has ("curve") != 0;
}

/*  --------------------------------------------------------------------------------------------------------------
    Strings and the log
    -------------------------------------------------------------------------------------------------------------- */

static inline char *
zsys_vprintf (const char *format, va_list argptr) ZGC_CHECK_VPRINTF (1);
static inline char *
zsys_sprintf (const char *format, ...) CHECK_PRINTF (1);
static inline void
zsys_error (const char *format, ...) CHECK_PRINTF (1);
static inline void
zsys_warning (const char *format, ...) CHECK_PRINTF (1);
static inline void
zsys_notice (const char *format, ...) CHECK_PRINTF (1);
static inline void
zsys_info (const char *format, ...) CHECK_PRINTF (1);
static inline void
zsys_debug (const char *format, ...) CHECK_PRINTF (1);

static inline char *
zsys_vprintf (const char *format, va_list argptr)
{
    return zgc_vformat (format, argptr);
}

static inline char *
zsys_sprintf (const char *format, ...)
{
    char *string;
    ZGC_FORMAT (string, format);
    return string;
}

static inline void
zgc_log (int level, char *text)
{
    if (text)
        zgossip_czmq_log (level, text);
    free (text);
}

static inline void
zsys_error (const char *format, ...)
{
    char *text;
    ZGC_FORMAT (text, format);
    zgc_log ('E', text);
}

static inline void
zsys_warning (const char *format, ...)
{
    char *text;
    ZGC_FORMAT (text, format);
    zgc_log ('W', text);
}

static inline void
zsys_notice (const char *format, ...)
{
    char *text;
    ZGC_FORMAT (text, format);
    zgc_log ('N', text);
}

static inline void
zsys_info (const char *format, ...)
{
    char *text;
    ZGC_FORMAT (text, format);
    zgc_log ('I', text);
}

static inline void
zsys_debug (const char *format, ...)
{
    char *text;
    ZGC_FORMAT (text, format);
    zgc_log ('D', text);
}

static inline void
zsys_set_logident (const char *value)
{
    zgossip_czmq_set_logident (value);
}

static inline void
zsys_set_logstream (FILE *stream)
{
    zgossip_czmq_set_logstream (stream);
}

static inline void
zsys_set_logsender (const char *endpoint)
{
    zgossip_czmq_set_logsender (endpoint);
}

static inline void
zsys_set_logsystem (bool logsystem)
{
    zgossip_czmq_set_logsystem (logsystem);
}

/*  --------------------------------------------------------------------------------------------------------------
    Settings; those of the context count before the first socket is made
    -------------------------------------------------------------------------------------------------------------- */

static inline void
zsys_set_io_threads (size_t io_threads)
{
    zgossip_czmq_set_setting (ZGC_IO_THREADS, (int) io_threads);
}

static inline void
zsys_set_max_sockets (size_t max_sockets)
{
    zgossip_czmq_set_setting (ZGC_MAX_SOCKETS, (int) max_sockets);
}

//  Returns the most sockets that a context can have.
static inline size_t
zsys_socket_limit (void)
{
    void *context = zmq_ctx_new ();
    int limit = context? zmq_ctx_get (context, ZMQ_SOCKET_LIMIT): 0;
    if (context)
        zmq_ctx_term (context);
    return limit > 0? (size_t) limit: 0;
}

static inline void
zsys_set_max_msgsz (int max_msgsz)
{
    if (max_msgsz >= 0)
        zgossip_czmq_set_setting (ZGC_MAX_MSGSZ, max_msgsz);
}

static inline int
zsys_max_msgsz (void)
{
    return zgossip_czmq_setting (ZGC_MAX_MSGSZ);
}

static inline void
zsys_set_thread_sched_policy (int policy)
{
    zgossip_czmq_set_setting (ZGC_SCHED_POLICY, policy);
}

static inline void
zsys_set_thread_priority (int priority)
{
    zgossip_czmq_set_setting (ZGC_PRIORITY, priority);
}

static inline void
zsys_set_thread_name_prefix (int prefix)
{
    zgossip_czmq_set_setting (ZGC_NAME_PREFIX, prefix);
}

static inline int
zsys_thread_name_prefix (void)
{
    return zgossip_czmq_setting (ZGC_NAME_PREFIX);
}

static inline void
zsys_set_linger (size_t linger)
{
    zgossip_czmq_set_setting (ZGC_LINGER, (int) linger);
}

static inline void
zsys_set_sndhwm (size_t sndhwm)
{
    zgossip_czmq_set_setting (ZGC_SNDHWM, (int) sndhwm);
}

static inline void
zsys_set_rcvhwm (size_t rcvhwm)
{
    zgossip_czmq_set_setting (ZGC_RCVHWM, (int) rcvhwm);
}

static inline void
zsys_set_pipehwm (size_t pipehwm)
{
    zgossip_czmq_set_setting (ZGC_PIPEHWM, (int) pipehwm);
}

static inline size_t
zsys_pipehwm (void)
{
    return (size_t) zgossip_czmq_setting (ZGC_PIPEHWM);
}

static inline void
zsys_set_ipv6 (int ipv6)
{
    zgossip_czmq_set_setting (ZGC_IPV6, ipv6);
}

static inline int
zsys_ipv6 (void)
{
    return zgossip_czmq_setting (ZGC_IPV6);
}

/*  --------------------------------------------------------------------------------------------------------------
    Files
    -------------------------------------------------------------------------------------------------------------- */

static inline int
zsys_file_mode (const char *filename)
{
    struct stat found;
    assert (filename);
    return stat (filename, &found) == 0? (int) found.st_mode: -1;
}

static inline bool
zsys_file_exists (const char *filename)
{
    return zsys_file_mode (filename) != -1;
}

static inline ssize_t
zsys_file_size (const char *filename)
{
    struct stat found;
    assert (filename);
    return stat (filename, &found) == 0? (ssize_t) found.st_size: -1;
}

static inline time_t
zsys_file_modified (const char *filename)
{
    struct stat found;
    assert (filename);
    return stat (filename, &found) == 0? found.st_mtime: 0;
}

static inline int
zsys_file_delete (const char *filename)
{
    assert (filename);
    return unlink (filename);
}

//  Returns whether the file was last written at least five seconds ago.
static inline bool
zsys_file_stable (const char *filename)
{
    struct stat found;
    assert (filename);
    return stat (filename, &found) == 0 && zclock_time () - (int64_t) found.st_mtime * 1000 > 5000;
}

static inline int
zsys_dir_create (const char *pathname, ...) CHECK_PRINTF (1);
static inline int
zsys_dir_delete (const char *pathname, ...) CHECK_PRINTF (1);

static inline int
zsys_dir_create (const char *pathname, ...)
{
    int rc = 0;
    char *path;
    char *slash;
    ZGC_FORMAT (path, pathname);
    if (!path)
        return -1;
    slash = path [0]? strchr (path + 1, '/'): NULL;
    while (rc == 0) {
        if (slash)
            *slash = 0;
        if (path [0] && mkdir (path, 0775) && !(errno == EEXIST && S_ISDIR (zsys_file_mode (path))))
            rc = -1;
        if (!slash)
            break;
        *slash = '/';
        slash = strchr (slash + 1, '/');
    }
    free (path);
    return rc;
}

static inline int
zsys_dir_delete (const char *pathname, ...)
{
    char *path;
    int rc;
    ZGC_FORMAT (path, pathname);
    rc = path? rmdir (path): -1;
    free (path);
    return rc;
}

static inline int
zsys_dir_change (const char *pathname)
{
    assert (pathname);
    return chdir (pathname);
}

//  Returns the host name for endpoints, as a new string; NULL if it has none that resolves.
static inline char *
zsys_hostname (void)
{
    char name [256];
    FILE *file = fopen ("/proc/sys/kernel/hostname", "r");
    char *found = file? fgets (name, sizeof (name), file): NULL;
    if (file)
        fclose (file);
    if (!found) {
        const char *variable = getenv ("HOSTNAME");
        if (!variable || strlen (variable) >= sizeof (name))
            return NULL;
        memcpy (name, variable, strlen (variable) + 1);
    }
    name [strcspn (name, "\n")] = 0;
    return gethostbyname (name)? zgc_strdup (name): NULL;
}

#ifdef __cplusplus
}
#endif

#endif
