/*  zuuid: random identifiers of 16 bytes.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZUUID_H_INCLUDED
#define ZGOSSIP_CZMQ_ZUUID_H_INCLUDED

#define ZUUID_LEN 16
#define ZUUID_STR_LEN (ZUUID_LEN * 2)

#ifdef __cplusplus
extern "C" {
#endif

struct _zuuid_t {
    byte uuid [ZUUID_LEN];
    char str [ZUUID_STR_LEN + 1];
    char str_canonical [ZUUID_STR_LEN + 4 + 1];
};

static inline void
zuuid_set (zuuid_t *self, const byte *source)
{
    static const char upper [] = "0123456789ABCDEF";
    static const char lower [] = "0123456789abcdef";
    char *text;
    char *canonical;
    size_t index;
    assert (self && source);
    memmove (self->uuid, source, ZUUID_LEN);
    text = self->str;
    canonical = self->str_canonical;
    for (index = 0; index < ZUUID_LEN; index++) {
        byte octet = self->uuid [index];
        *text++ = upper [octet >> 4];
        *text++ = upper [octet & 15];
        if (index == 4 || index == 6 || index == 8 || index == 10)
            *canonical++ = '-';
        *canonical++ = lower [octet >> 4];
        *canonical++ = lower [octet & 15];
    }
    *text = *canonical = 0;
}

static inline zuuid_t *
zuuid_new_from (const byte *source)
{
    zuuid_t *self = (zuuid_t *) zmalloc (sizeof (zuuid_t));
    zuuid_set (self, source);
    return self;
}

//  Makes a random identifier (version 4).
static inline zuuid_t *
zuuid_new (void)
{
    byte octets [ZUUID_LEN];
    size_t got = 0;
    FILE *file = fopen ("/dev/urandom", "rb");
    if (file) {
        setbuf (file, NULL);
        got = fread (octets, 1, ZUUID_LEN, file);
        fclose (file);
    }
    if (got != ZUUID_LEN)
        return NULL;
    octets [6] = (byte) ((octets [6] & 0x0f) | 0x40);
    octets [8] = (byte) ((octets [8] & 0x3f) | 0x80);
    return zuuid_new_from (octets);
}

static inline int
zuuid_set_str (zuuid_t *self, const char *source)
{
    byte octets [ZUUID_LEN] = { 0 };
    size_t digits = 0;
    assert (self && source);
    for (; *source; source++) {
        int c = tolower ((byte) *source);
        if (c == '-' || c == '{' || c == '}')
            continue;
        if (!isxdigit (c) || digits == ZUUID_STR_LEN)
            return -1;
        octets [digits / 2] = (byte) (octets [digits / 2] << 4 | (isdigit (c)? c - '0': c - 'a' + 10));
        digits++;
    }
    if (digits != ZUUID_STR_LEN)
        return -1;
    zuuid_set (self, octets);
    return 0;
}

static inline const byte *
zuuid_data (zuuid_t *self)
{
    assert (self);
    return self->uuid;
}

static inline size_t
zuuid_size (zuuid_t *self)
{
    (void) self;
    return ZUUID_LEN;
}

static inline const char *
zuuid_str (zuuid_t *self)
{
    assert (self);
    return self->str;
}

static inline const char *
zuuid_str_canonical (zuuid_t *self)
{
    assert (self);
    return self->str_canonical;
}

static inline void
zuuid_export (zuuid_t *self, byte *target)
{
    assert (self);
    memcpy (target, self->uuid, ZUUID_LEN);
}

static inline bool
zuuid_eq (zuuid_t *self, const byte *compare)
{
    assert (self);
    return memcmp (self->uuid, compare, ZUUID_LEN) == 0;
}

static inline bool
zuuid_neq (zuuid_t *self, const byte *compare)
{
    return !zuuid_eq (self, compare);
}

static inline zuuid_t *
zuuid_dup (zuuid_t *self)
{
    return self? zuuid_new_from (self->uuid): NULL;
}

static inline void
zuuid_destroy (zuuid_t **self_p)
{
    assert (self_p);
    free (*self_p);
    *self_p = NULL;
}

#ifdef __cplusplus
}
#endif

#endif
