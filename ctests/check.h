/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What a test program expects, said loudly when it is not so.  */

#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf (stderr, "%s:%d: not so: %s (errno %d)\n", \
                     __FILE__, __LINE__, #condition, errno); \
            exit (1); \
        } \
    } while (0)

/*  A call that must fail in this way.  */
#define FAILS(call, code) \
    do { \
        errno = 0; \
        if ((call) != -1 || errno != (code)) { \
            fprintf (stderr, "%s:%d: should fail with %s: %s (errno %d)\n", \
                     __FILE__, __LINE__, #code, #call, errno); \
            exit (1); \
        } \
    } while (0)

/*  A call that must return NULL and say why.  */
#define FAILS_NULL(call, code) \
    do { \
        errno = 0; \
        if ((call) != NULL || errno != (code)) { \
            fprintf (stderr, "%s:%d: should be NULL with %s: %s (errno %d)\n", \
                     __FILE__, __LINE__, #code, #call, errno); \
            exit (1); \
        } \
    } while (0)

/*  A call that returns nothing and must say what was wrong.  */
#define REFUSES(call, code) \
    do { \
        errno = 0; \
        call; \
        if (errno != (code)) { \
            fprintf (stderr, "%s:%d: should refuse with %s: %s (errno %d)\n", \
                     __FILE__, __LINE__, #code, #call, errno); \
            exit (1); \
        } \
    } while (0)

#endif
