/*  zclock: clocks and delays.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZCLOCK_H_INCLUDED
#define ZGOSSIP_CZMQ_ZCLOCK_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

static inline void
zclock_sleep (int msecs)
{
    zgossip_czmq_sleep (msecs);
}

static inline int64_t
zclock_time (void)
{
    return zgossip_czmq_clock ('t');
}

static inline int64_t
zclock_mono (void)
{
    return zgossip_czmq_clock ('m');
}

static inline int64_t
zclock_usecs (void)
{
    return zgossip_czmq_clock ('u');
}

static inline char *
zclock_timestr (void)
{
    char *text = (char *) zmalloc (20);
    zgossip_czmq_timestr (text);
    return text;
}

static inline void
zclock_log (const char *format, ...) CHECK_PRINTF (1);

static inline void
zclock_log (const char *format, ...)
{
    char time [20];
    va_list args;
    zgossip_czmq_timestr (time);
    printf ("%s ", time + 2);
    va_start (args, format);
    vprintf (format, args);
    va_end (args);
    printf ("\n");
    fflush (stdout);
}

#ifdef __cplusplus
}
#endif

#endif
