/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One line of text for one message, both ways, for the programs that a
    test talks to over pipes.

    Pieces are separated by spaces. In a piece, "%41" is the byte 0x41,
    "%_" is nothing (so that an empty piece can be written) and "%*300:x"
    is 300 times "x". On the way out a piece over 400 bytes is shortened to
    its length and a hash, "%#65536:1f2e...", because tests only compare.  */

#ifndef LINES_H
#define LINES_H

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>

#define LINES_MAX_PIECES 64

/*  The stream for answers. CZMQ's zgossip logs to stdout, so answers get the
    real stdout, and logs are redirected to stderr.  */
static FILE *lines_out;

static inline void lines_start (void)
{
    lines_out = fdopen (dup (1), "w");
    if (!lines_out || dup2 (2, 1) < 0)
        abort ();
    setvbuf (lines_out, NULL, _IOFBF, 1 << 16);
}

/*  Returns the microseconds of the monotonic clock.  */
static inline int64_t lines_now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/*  Sleeps until a time of the monotonic clock, in microseconds.  */
static inline void lines_until (int64_t when)
{
    struct timespec t = { (time_t) (when / 1000000), (long) (when % 1000000) * 1000 };
    while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static inline int lines_hex (int c)
{
    return isdigit (c) ? c - '0' : tolower (c) - 'a' + 10;
}

/*  Decodes one piece into a new string.  */
static inline char *lines_decode (const char *text)
{
    size_t room = strlen (text) + 1;
    const char *star = text;
    while ((star = strstr (star, "%*")) != NULL) {
        room += strtoul (star + 2, NULL, 10);
        star += 2;
    }
    char *piece = malloc (room);
    char *out = piece;
    while (*text) {
        if (*text != '%') {
            *out++ = *text++;
        } else
        if (text [1] == '_') {
            text += 2;
        } else
        if (text [1] == '*') {
            char *end;
            size_t count = strtoul (text + 2, &end, 10);
            memset (out, end [1], count);
            out += count;
            text = end + 2;
        } else {
            *out++ = (char) (lines_hex ((unsigned char) text [1]) * 16
                             + lines_hex ((unsigned char) text [2]));
            text += 3;
        }
    }
    *out = 0;
    return piece;
}

/*  Splits a line into decoded pieces; the caller frees each.  */
static inline int lines_split (char *line, char **pieces)
{
    int count = 0;
    char *save = NULL;
    for (char *word = strtok_r (line, " ", &save);
         word && count < LINES_MAX_PIECES;
         word = strtok_r (NULL, " ", &save))
        pieces [count++] = lines_decode (word);
    return count;
}

/*  Prints a space and one piece.  */
static inline void lines_print (const void *data, size_t size)
{
    const unsigned char *byte = (const unsigned char *) data;
    putc (' ', lines_out);
    if (size == 0) {
        fputs ("%_", lines_out);
        return;
    }
    if (size > 400) {
        uint64_t hash = 0xcbf29ce484222325u;
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ byte [i]) * 0x100000001b3u;
        fprintf (lines_out, "%%#%zu:%016llx", size, (unsigned long long) hash);
        return;
    }
    for (size_t i = 0; i < size; i++)
        if (byte [i] > ' ' && byte [i] < 0x7f && byte [i] != '%')
            putc (byte [i], lines_out);
        else
            fprintf (lines_out, "%%%02X", byte [i]);
}

/*  Counts the entries of a directory of /proc/self: threads or descriptors.  */
static inline int lines_count (const char *path)
{
    DIR *dir = opendir (path);
    int count = 0;
    struct dirent *entry;
    while (dir && (entry = readdir (dir)) != NULL)
        if (entry->d_name [0] != '.')
            count++;
    if (dir)
        closedir (dir);
    return count;
}

/*  Returns the resident memory of this process, in kB.  */
static inline long lines_rss (void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    if (file) {
        if (fscanf (file, "%ld %ld", &pages, &resident) != 2)
            resident = 0;
        fclose (file);
    }
    return resident * (sysconf (_SC_PAGESIZE) / 1024);
}

/*  Commands that wait on stdin; read without stdio, whose buffer poll cannot see.  */
typedef struct {
    char *text;
    size_t size, room, used;
    int ended;
} lines_t;

/*  Reads what stdin holds; to be called when poll reports it as readable.  */
static inline void lines_fill (lines_t *self)
{
    if (self->used) {
        memmove (self->text, self->text + self->used, self->size - self->used);
        self->size -= self->used;
        self->used = 0;
    }
    if (self->room - self->size < 65536) {
        self->room = self->room * 2 + 65536;
        self->text = realloc (self->text, self->room);
    }
    ssize_t count = read (0, self->text + self->size, self->room - self->size - 1);
    if (count > 0)
        self->size += (size_t) count;
    else
    if (count == 0 || errno != EINTR)
        self->ended = 1;
}

/*  Returns the next whole line as a string, or NULL if there is none yet.  */
static inline char *lines_next (lines_t *self)
{
    char *start = self->text ? self->text + self->used : NULL;
    char *end = start ? memchr (start, '\n', self->size - self->used) : NULL;
    if (!end)
        return NULL;
    *end = 0;
    self->used = (size_t) (end - self->text) + 1;
    return start;
}

#endif
