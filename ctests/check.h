/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Checks of a test program, which end it with a message when they fail.  */

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

/*  Checks that a call returns -1 with this errno.  */
#define FAILS(call, code) \
    do { \
        errno = 0; \
        if ((call) != -1 || errno != (code)) { \
            fprintf (stderr, "%s:%d: should fail with %s: %s (errno %d)\n", \
                     __FILE__, __LINE__, #code, #call, errno); \
            exit (1); \
        } \
    } while (0)

/*  Checks that a call returns NULL with this errno.  */
#define FAILS_NULL(call, code) \
    do { \
        errno = 0; \
        if ((call) != NULL || errno != (code)) { \
            fprintf (stderr, "%s:%d: should be NULL with %s: %s (errno %d)\n", \
                     __FILE__, __LINE__, #code, #call, errno); \
            exit (1); \
        } \
    } while (0)

/*  Checks that a call without a result sets this errno.  */
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
