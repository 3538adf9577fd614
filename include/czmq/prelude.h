/*  Names besides CZMQ itself that <czmq.h> provides: the system's headers, short names for integers,
    the macros.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_PRELUDE_H_INCLUDED
#define ZGOSSIP_CZMQ_PRELUDE_H_INCLUDED

#ifndef __UNIX__
#   define __UNIX__
#endif
#if defined (__linux__) && !defined (__UTYPE_LINUX)
#   define __UTYPE_LINUX
#endif

/*  -std=c99 hides POSIX, which programs expect from this header. If another header has come first, this is too late;
    the code of this interface needs plain C only. */
#ifndef _DEFAULT_SOURCE
#   define _DEFAULT_SOURCE
#endif

#include <zmq.h>

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <grp.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <sys/types.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

/*  Version of CZMQ whose interface this is. */
#define CZMQ_VERSION_MAJOR 4
#define CZMQ_VERSION_MINOR 2
#define CZMQ_VERSION_PATCH 1
#define CZMQ_MAKE_VERSION(major, minor, patch) ((major) * 10000 + (minor) * 100 + (patch))
#define CZMQ_VERSION CZMQ_MAKE_VERSION (CZMQ_VERSION_MAJOR, CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH)
#define CZMQ_EXPORT
#define CZMQ_PRIVATE
#define CZMQ_THREADLS __thread
#define ZMQ_POLL_MSEC 1

typedef unsigned char byte;             //  8 bits
typedef unsigned short dbyte;           //  16 bits
typedef unsigned int qbyte;             //  32 bits
typedef struct sockaddr_in inaddr_t;
typedef struct sockaddr_in6 in6addr_t;
typedef int SOCKET;
#define INVALID_SOCKET -1
#define SOCKET_ERROR -1
#define closesocket close
#ifndef O_BINARY
#   define O_BINARY 0
#endif
#if defined (__GLIBC__) && !defined (__USE_MISC)
typedef unsigned int uint;
#endif

typedef void (czmq_destructor) (void **item);
typedef void *(czmq_duplicator) (const void *item);
typedef int (czmq_comparator) (const void *item1, const void *item2);

#define streq(s1, s2) (!strcmp ((s1), (s2)))
#define strneq(s1, s2) (strcmp ((s1), (s2)))
#define freen(x) do { free (x); x = NULL; } while (0)

/*  A number from 0 to num - 1. */
#define randof(num) ((int) ((double) (num) * ((double) (random () % 0x7fffffff) / (double) 0x7fffffff)))

#if defined (__GNUC__)
#   define CHECK_PRINTF(a) __attribute__ ((format (printf, a, a + 1)))
#   define ZGC_CHECK_VPRINTF(a) __attribute__ ((format (printf, a, 0)))
#else
#   define CHECK_PRINTF(a)
#   define ZGC_CHECK_VPRINTF(a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

//  Allocates zeroed memory; aborts the program if there is none.
static inline void *
safe_malloc (size_t size, const char *file, unsigned line)
{
    void *memory = calloc (1, size? size: 1);
    if (!memory) {
        fprintf (stderr, "%s:%u: out of memory\n", file, line);
        abort ();
    }
    return memory;
}

#define zmalloc(size) safe_malloc ((size), __FILE__, __LINE__)

//  Copies a string; strdup is not in C99.
static inline char *
zgc_strdup (const char *string)
{
    size_t size = strlen (string) + 1;
    return (char *) memcpy (zmalloc (size), string, size);
}

//  Returns a new string in printf's format.
static inline char *
zgc_vformat (const char *format, va_list args) ZGC_CHECK_VPRINTF (1);

static inline char *
zgc_vformat (const char *format, va_list args)
{
    va_list again;
    char *string = NULL;
    int size;
    va_copy (again, args);
    size = vsnprintf (NULL, 0, format, again);
    va_end (again);
    if (size >= 0) {
        string = (char *) zmalloc ((size_t) size + 1);
        vsnprintf (string, (size_t) size + 1, format, args);
    }
    return string;
}

//  Formats the variable arguments of the function that uses this macro, as a new string.
#define ZGC_FORMAT(string, format) \
    do { \
        va_list zgc_args; \
        va_start (zgc_args, format); \
        string = zgc_vformat (format, zgc_args); \
        va_end (zgc_args); \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
