/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A library to preload: the clock on the wall is off by as many
    milliseconds as SKEW_MS says.  */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long skew (void)
{
    const char *text = getenv ("SKEW_MS");
    return text ? atoll (text) : 0;
}

int clock_gettime (clockid_t clock, struct timespec *t)
{
    int rc = (int) syscall (SYS_clock_gettime, clock, t);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long long ns = t->tv_nsec + skew () % 1000 * 1000000;
        t->tv_sec += (time_t) (skew () / 1000 + (ns < 0 ? -1 : ns / 1000000000));
        t->tv_nsec = (long) (ns < 0 ? ns + 1000000000 : ns % 1000000000);
    }
    return rc;
}

int gettimeofday (struct timeval *t, void *zone)
{
    (void) zone;
    struct timespec now;
    int rc = clock_gettime (CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return rc;
}

time_t time (time_t *t)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    if (t)
        *t = now.tv_sec;
    return now.tv_sec;
}
