/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Helpers of the programs in this directory. Each is a program of CZMQ that
    is compiled once with CZMQ and once with our czmq.h, and must print the
    same both times; so it prints nothing that depends on a port, a time or
    an order that is not promised. The argument is a directory for files.  */

#ifndef COMPAT_H
#define COMPAT_H

#include <czmq.h>

static const char *directory;

#define SHOW(text) printf ("%s: %s\n", #text, text)
#define SHOWN(number) printf ("%s: %ld\n", #number, (long) (number))

//  Prints a string, or (null), and frees it
#define SHOWF(text) \
    do { \
        char *shown_text = (text); \
        printf ("%s: %s\n", #text, shown_text? shown_text: "(null)"); \
        zstr_free (&shown_text); \
    } while (0)

static inline void compat_start (int argc, char **argv)
{
    if (argc < 2) {
        fputs ("a directory is wanted\n", stderr);
        exit (2);
    }
    alarm (120);
    directory = argv [1];
    setvbuf (stdout, NULL, _IOLBF, 0);
    zsys_init ();
}

static inline char *compat_path (const char *name)
{
    return zsys_sprintf ("%s/%s", directory, name);
}

#endif
