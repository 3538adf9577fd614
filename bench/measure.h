/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What every program here measures with: clocks, CPU time, memory, and one
    line of JSON on the real stdout. CZMQ logs to stdout; here all logs end
    on stderr.  */

#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

//  The real stdout, for results.
static FILE *results;
static int results_count;

static inline void
bench_start (void)
{
    results = fdopen (dup (1), "w");
    if (!results || dup2 (2, 1) < 0)
        abort ();
    struct rlimit files;
    getrlimit (RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit (RLIMIT_NOFILE, &files);
    //  A thousand stock nodes need more than some systems give; root may take it.
    files.rlim_cur = files.rlim_max = 100000;
    setrlimit (RLIMIT_NOFILE, &files);
}

//  Seconds on the monotonic clock.
static inline double
now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

//  Seconds of CPU that this process has used, all threads, user and system.
static inline double
cpu (void)
{
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

//  Bytes of memory that this process holds.
static inline double
resident (void)
{
    long pages = 0;
    malloc_trim (0);
    FILE *file = fopen ("/proc/self/statm", "r");
    if (!file || fscanf (file, "%*s %ld", &pages) != 1)
        abort ();
    fclose (file);
    return (double) pages * (double) sysconf (_SC_PAGESIZE);
}

static inline int
entries (const char *path)
{
    DIR *dir = opendir (path);
    int count = 0;
    while (dir && readdir (dir))
        count++;
    if (dir)
        closedir (dir);
    return count;
}

static inline void
nap (double seconds)
{
    struct timespec t = { (time_t) seconds, (long) ((seconds - (double) (time_t) seconds) * 1e9) };
    nanosleep (&t, NULL);
}

//  One number of the result; bench_end writes the closing brace.
static inline void
report (const char *name, double value)
{
    fprintf (results, "%s\"%s\": %.9g", results_count++ ? ", " : "{", name, value);
}

static inline void
report_text (const char *name, const char *value)
{
    fprintf (results, "%s\"%s\": \"%s\"", results_count++ ? ", " : "{", name, value);
}

//  Writes the result and leaves. What the nodes still have to say does not
//  matter, and hundreds of actors take long to end.
static inline void
bench_end (void)
{
    fprintf (results, "}\n");
    fflush (results);
    _exit (0);
}

//  The command line: numbers and words in order, with defaults.
static inline long
argument (int argc, char **argv, int index, long otherwise)
{
    return index < argc ? atol (argv [index]) : otherwise;
}

static inline int
by_size (const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

//  The part (0 to 1) of a sorted list of numbers; sorts it.
static inline double
quantile (double *numbers, size_t count, double part)
{
    qsort (numbers, count, sizeof (double), by_size);
    return numbers [(size_t) ((double) (count - 1) * part)];
}

#endif
