/*  zhashx: a hash table whose keys and items are handled by functions of the program.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZHASHX_H_INCLUDED
#define ZGOSSIP_CZMQ_ZHASHX_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef void (zhashx_destructor_fn) (void **item);
typedef void *(zhashx_duplicator_fn) (const void *item);
typedef int (zhashx_comparator_fn) (const void *item1, const void *item2);
typedef void (zhashx_free_fn) (void *data);
typedef size_t (zhashx_hash_fn) (const void *key);

//  An entry, which is in the chain of its bucket and in the list of all entries, oldest first.
typedef struct zgc_entry_t {
    struct zgc_entry_t *chain;
    struct zgc_entry_t *next;
    struct zgc_entry_t *prev;
    void *key;
    void *item;
    size_t hash;
    zhashx_free_fn *free_fn;
} zgc_entry_t;

struct _zhashx_t {
    zgc_entry_t **buckets;
    size_t limit;                       //  Number of buckets, a power of two
    size_t size;
    zgc_entry_t *first;
    zgc_entry_t *last;
    zgc_entry_t *cursor;
    zhashx_destructor_fn *destructor;
    zhashx_duplicator_fn *duplicator;
    zhashx_destructor_fn *key_destructor;
    zhashx_duplicator_fn *key_duplicator;
    zhashx_comparator_fn *key_comparator;
    zhashx_hash_fn *hasher;
};

static inline size_t
zgc_hash_string (const void *key)
{
    const byte *next = (const byte *) key;
    uint64_t hash = 14695981039346656037u;
    while (*next)
        hash = (hash ^ *next++) * 1099511628211u;
    return (size_t) (hash ^ hash >> 32);
}

static inline void
zgc_free_string (void **string_p)
{
    free (*string_p);
    *string_p = NULL;
}

static inline void *
zgc_copy_string (const void *string)
{
    return zgc_strdup ((const char *) string);
}

static inline int
zgc_equal_string (const void *one, const void *other)
{
    return strcmp ((const char *) one, (const char *) other);
}

static inline zhashx_t *
zhashx_new (void)
{
    zhashx_t *self = (zhashx_t *) zmalloc (sizeof (zhashx_t));
    self->limit = 16;
    self->buckets = (zgc_entry_t **) zmalloc (self->limit * sizeof (zgc_entry_t *));
    self->key_destructor = zgc_free_string;
    self->key_duplicator = zgc_copy_string;
    self->key_comparator = zgc_equal_string;
    self->hasher = zgc_hash_string;
    return self;
}

static inline zgc_entry_t **
zgc_bucket (zhashx_t *self, size_t hash)
{
    return &self->buckets [hash & (self->limit - 1)];
}

static inline zgc_entry_t *
zgc_entry (zhashx_t *self, const void *key)
{
    size_t hash = self->hasher (key);
    zgc_entry_t *entry = *zgc_bucket (self, hash);
    while (entry && !(entry->hash == hash && self->key_comparator (entry->key, key) == 0))
        entry = entry->chain;
    return entry;
}

static inline void
zgc_grow (zhashx_t *self)
{
    zgc_entry_t *entry;
    free (self->buckets);
    self->limit *= 2;
    self->buckets = (zgc_entry_t **) zmalloc (self->limit * sizeof (zgc_entry_t *));
    for (entry = self->first; entry; entry = entry->next) {
        zgc_entry_t **bucket = zgc_bucket (self, entry->hash);
        entry->chain = *bucket;
        *bucket = entry;
    }
}

//  Adds an entry whose key is not in the table.
static inline zgc_entry_t *
zgc_entry_new (zhashx_t *self, const void *key, void *item)
{
    zgc_entry_t *entry = (zgc_entry_t *) zmalloc (sizeof (zgc_entry_t));
    zgc_entry_t **bucket;
    if (self->size >= self->limit)
        zgc_grow (self);
    entry->key = self->key_duplicator? self->key_duplicator (key): (void *) key;
    entry->item = item && self->duplicator? self->duplicator (item): item;
    entry->hash = self->hasher (entry->key);
    bucket = zgc_bucket (self, entry->hash);
    entry->chain = *bucket;
    *bucket = entry;
    entry->prev = self->last;
    *(self->last? &self->last->next: &self->first) = entry;
    self->last = entry;
    self->size++;
    return entry;
}

static inline void
zgc_entry_clear (zhashx_t *self, zgc_entry_t *entry)
{
    if (self->destructor && entry->item)
        self->destructor (&entry->item);
    else
    if (entry->free_fn && entry->item)
        entry->free_fn (entry->item);
    entry->item = NULL;
    entry->free_fn = NULL;
}

static inline void
zgc_entry_unchain (zhashx_t *self, zgc_entry_t *entry)
{
    zgc_entry_t **place = zgc_bucket (self, entry->hash);
    while (*place != entry)
        place = &(*place)->chain;
    *place = entry->chain;
}

static inline void
zgc_entry_delete (zhashx_t *self, zgc_entry_t *entry)
{
    zgc_entry_unchain (self, entry);
    *(entry->prev? &entry->prev->next: &self->first) = entry->next;
    *(entry->next? &entry->next->prev: &self->last) = entry->prev;
    if (self->cursor == entry)
        self->cursor = NULL;
    self->size--;
    zgc_entry_clear (self, entry);
    if (self->key_destructor)
        self->key_destructor (&entry->key);
    free (entry);
}

static inline int
zhashx_insert (zhashx_t *self, const void *key, void *item)
{
    assert (self && key);
    if (zgc_entry (self, key))
        return -1;
    self->cursor = zgc_entry_new (self, key, item);
    return 0;
}

static inline void
zhashx_update (zhashx_t *self, const void *key, void *item)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_entry (self, key);
    if (entry) {
        //  The old item is freed last, because the new one may be made from it.
        void *fresh = item && self->duplicator? self->duplicator (item): item;
        zgc_entry_clear (self, entry);
        entry->item = fresh;
        self->cursor = entry;
    }
    else
        zhashx_insert (self, key, item);
}

static inline void
zhashx_delete (zhashx_t *self, const void *key)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_entry (self, key);
    if (entry)
        zgc_entry_delete (self, entry);
}

static inline void
zhashx_purge (zhashx_t *self)
{
    assert (self);
    while (self->first)
        zgc_entry_delete (self, self->first);
}

static inline void *
zhashx_lookup (zhashx_t *self, const void *key)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_entry (self, key);
    if (!entry)
        return NULL;
    self->cursor = entry;
    return entry->item;
}

static inline int
zhashx_rename (zhashx_t *self, const void *old_key, const void *new_key)
{
    zgc_entry_t *entry;
    zgc_entry_t **bucket;
    assert (self && old_key && new_key);
    entry = zgc_entry (self, old_key);
    if (!entry || zgc_entry (self, new_key))
        return -1;
    zgc_entry_unchain (self, entry);
    if (self->key_destructor)
        self->key_destructor (&entry->key);
    entry->key = self->key_duplicator? self->key_duplicator (new_key): (void *) new_key;
    entry->hash = self->hasher (entry->key);
    bucket = zgc_bucket (self, entry->hash);
    entry->chain = *bucket;
    *bucket = entry;
    self->cursor = entry;
    return 0;
}

static inline void *
zhashx_freefn (zhashx_t *self, const void *key, zhashx_free_fn free_fn)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_entry (self, key);
    if (!entry)
        return NULL;
    entry->free_fn = free_fn;
    return entry->item;
}

static inline size_t
zhashx_size (zhashx_t *self)
{
    assert (self);
    return self->size;
}

static inline zlistx_t *
zhashx_keys (zhashx_t *self)
{
    zlistx_t *keys;
    zgc_entry_t *entry;
    assert (self);
    keys = zlistx_new ();
    zlistx_set_destructor (keys, self->key_destructor);
    zlistx_set_duplicator (keys, self->key_duplicator);
    for (entry = self->first; entry; entry = entry->next)
        zlistx_add_end (keys, entry->key);
    return keys;
}

static inline zlistx_t *
zhashx_values (zhashx_t *self)
{
    zlistx_t *values;
    zgc_entry_t *entry;
    assert (self);
    values = zlistx_new ();
    zlistx_set_destructor (values, self->destructor);
    zlistx_set_duplicator (values, self->duplicator);
    for (entry = self->first; entry; entry = entry->next)
        if (entry->item)
            zlistx_add_end (values, entry->item);
    return values;
}

static inline void *
zhashx_first (zhashx_t *self)
{
    assert (self);
    self->cursor = self->first;
    return self->cursor? self->cursor->item: NULL;
}

static inline void *
zhashx_next (zhashx_t *self)
{
    assert (self);
    self->cursor = self->cursor? self->cursor->next: NULL;
    return self->cursor? self->cursor->item: NULL;
}

static inline const void *
zhashx_cursor (zhashx_t *self)
{
    assert (self);
    return self->cursor? self->cursor->key: NULL;
}

static inline zhashx_t *
zhashx_dup (zhashx_t *self)
{
    zhashx_t *copy;
    zgc_entry_t *entry;
    if (!self)
        return NULL;
    copy = zhashx_new ();
    copy->destructor = self->destructor;
    copy->duplicator = self->duplicator;
    copy->key_destructor = self->key_destructor;
    copy->key_duplicator = self->key_duplicator;
    copy->key_comparator = self->key_comparator;
    copy->hasher = self->hasher;
    for (entry = self->first; entry; entry = entry->next)
        zgc_entry_new (copy, entry->key, entry->item);
    return copy;
}

static inline void
zhashx_set_destructor (zhashx_t *self, zhashx_destructor_fn destructor)
{
    assert (self);
    self->destructor = destructor;
}

static inline void
zhashx_set_duplicator (zhashx_t *self, zhashx_duplicator_fn duplicator)
{
    assert (self);
    self->duplicator = duplicator;
}

//  The functions for keys must be set before the first key is added.
static inline void
zhashx_set_key_destructor (zhashx_t *self, zhashx_destructor_fn destructor)
{
    assert (self);
    self->key_destructor = destructor;
}

static inline void
zhashx_set_key_duplicator (zhashx_t *self, zhashx_duplicator_fn duplicator)
{
    assert (self);
    self->key_duplicator = duplicator;
}

static inline void
zhashx_set_key_comparator (zhashx_t *self, zhashx_comparator_fn comparator)
{
    assert (self && comparator);
    self->key_comparator = comparator;
}

static inline void
zhashx_set_key_hasher (zhashx_t *self, zhashx_hash_fn hasher)
{
    assert (self && hasher);
    self->hasher = hasher;
}

static inline void
zhashx_destroy (zhashx_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zhashx_purge (*self_p);
        free ((*self_p)->buckets);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
