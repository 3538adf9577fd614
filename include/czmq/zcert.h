/*  zcert: certificates for CURVE: a pair of keys with metadata.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZCERT_H_INCLUDED
#define ZGOSSIP_CZMQ_ZCERT_H_INCLUDED

/*  A zcert_t is a zgossip_cert_t of libzgossip, under its other name. */

#ifdef __cplusplus
extern "C" {
#endif

static inline zgossip_cert_t *
zgc_cert (zcert_t *self)
{
    assert (self);
    return (zgossip_cert_t *) self;
}

static inline zcert_t *
zcert_new (void)
{
    return (zcert_t *) zgossip_cert_new ();
}

static inline zcert_t *
zcert_new_from (const byte *public_key, const byte *secret_key)
{
    assert (public_key && secret_key);
    return (zcert_t *) zgossip_cert_new_from (public_key, secret_key);
}

static inline zcert_t *
zcert_new_from_txt (const char *public_txt, const char *secret_txt)
{
    assert (public_txt && secret_txt);
    return (zcert_t *) zgossip_cert_new_from_txt (public_txt, secret_txt);
}

//  Loads filename_secret, which has both keys, if it exists; otherwise filename.
static inline zcert_t *
zcert_load (const char *filename)
{
    assert (filename);
    return (zcert_t *) zgossip_cert_load (filename);
}

static inline void
zcert_destroy (zcert_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zgossip_cert_t *cert = zgc_cert (*self_p);
        zgossip_cert_destroy (&cert);
        *self_p = NULL;
    }
}

static inline const byte *
zcert_public_key (zcert_t *self)
{
    return zgossip_cert_public_key (zgc_cert (self));
}

static inline const byte *
zcert_secret_key (zcert_t *self)
{
    return zgossip_cert_secret_key (zgc_cert (self));
}

static inline const char *
zcert_public_txt (zcert_t *self)
{
    return zgossip_cert_public_txt (zgc_cert (self));
}

static inline const char *
zcert_secret_txt (zcert_t *self)
{
    return zgossip_cert_secret_txt (zgc_cert (self));
}

static inline void
zcert_set_meta (zcert_t *self, const char *name, const char *format, ...) CHECK_PRINTF (3);

//  Sets a metadata item; one that has a value keeps it, as in CZMQ.
static inline void
zcert_set_meta (zcert_t *self, const char *name, const char *format, ...)
{
    char *value;
    assert (name && format);
    ZGC_FORMAT (value, format);
    if (value && !zgossip_cert_meta (zgc_cert (self), name))
        zgossip_cert_set_meta (zgc_cert (self), name, value);
    free (value);
}

static inline void
zcert_unset_meta (zcert_t *self, const char *name)
{
    assert (name);
    zgossip_cert_set_meta (zgc_cert (self), name, NULL);
}

static inline const char *
zcert_meta (zcert_t *self, const char *name)
{
    assert (name);
    return zgossip_cert_meta (zgc_cert (self), name);
}

//  Lists the names in the order of CZMQ, which keeps them in a zhash.
static inline zlist_t *
zcert_meta_keys (zcert_t *self)
{
    zhash_t *names = zhash_new ();
    zlist_t *keys;
    size_t index = 0;
    const char *name;
    while ((name = zgossip_cert_meta_name (zgc_cert (self), index++)) != NULL)
        zhash_insert (names, name, NULL);
    keys = zhash_keys (names);
    zhash_destroy (&names);
    return keys;
}

static inline int
zcert_save (zcert_t *self, const char *filename)
{
    assert (filename);
    return zgossip_cert_save (zgc_cert (self), filename);
}

static inline int
zcert_save_public (zcert_t *self, const char *filename)
{
    assert (filename);
    return zgossip_cert_save_public (zgc_cert (self), filename);
}

static inline int
zcert_save_secret (zcert_t *self, const char *filename)
{
    assert (filename);
    return zgossip_cert_save_secret (zgc_cert (self), filename);
}

static inline void
zcert_apply (zcert_t *self, void *socket)
{
    zsock_set_curve_secretkey_bin (socket, zcert_secret_key (self));
    zsock_set_curve_publickey_bin (socket, zcert_public_key (self));
}

static inline zcert_t *
zcert_dup (zcert_t *self)
{
    return self? (zcert_t *) zgossip_cert_dup (zgc_cert (self)): NULL;
}

static inline bool
zcert_eq (zcert_t *self, zcert_t *compare)
{
    return streq (zcert_public_txt (self), zcert_public_txt (compare))
        && streq (zcert_secret_txt (self), zcert_secret_txt (compare));
}

static inline void
zcert_print (zcert_t *self)
{
    size_t index = 0;
    const char *name;
    zsys_info ("zcert: metadata");
    while ((name = zgossip_cert_meta_name (zgc_cert (self), index++)) != NULL)
        zsys_info ("zcert:     %s = \"%s\"", name, zcert_meta (self, name));
    zsys_info ("zcert: curve");
    zsys_info ("zcert:     public-key = \"%s\"", zcert_public_txt (self));
    zsys_info ("zcert:     secret-key = \"%s\"", zcert_secret_txt (self));
}

#define zcert_dump(s) zcert_print (s)

#ifdef __cplusplus
}
#endif

#endif
