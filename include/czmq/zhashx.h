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

struct _zhashx_t {
    zgc_table_t table;
    unsigned step;                      //  Index of the number of buckets, in zgc_hashx_limit
    unsigned chain;                     //  Entries that may be passed by in a bucket before the table grows
    zhashx_destructor_fn *destructor;
    zhashx_duplicator_fn *duplicator;
    zhashx_destructor_fn *key_destructor;
    zhashx_duplicator_fn *key_duplicator;
    zhashx_comparator_fn *key_comparator;
    zhashx_hash_fn *hasher;
};

//  Returns CZMQ's numbers of buckets, measured: the fifth largest prime below each power of two, from 2^4 on.
static inline size_t
zgc_hashx_limit (unsigned step)
{
    static const uint32_t limits [] = {
        3, 17, 43, 103, 229, 487, 997, 2011, 4057, 8161, 16349, 32707, 65449, 131023, 262111, 524243, 1048517, 2097091,
        4194247, 8388547, 16777141, 33554341, 67108763, 134217593, 268435331, 536870839, 1073741719, 2147483563u,
        4294967189u
    };
    return step < sizeof (limits) / sizeof (*limits)? limits [step]: 0;
}

static inline size_t
zgc_hash_string (const void *key)
{
    const char *next = (const char *) key;
    size_t hash = 0;
    while (*next)
        hash = 33 * hash ^ (size_t) *next++;
    return hash;
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
    self->chain = 1;
    zgc_table_init (&self->table, zgc_hashx_limit (0));
    self->key_destructor = zgc_free_string;
    self->key_duplicator = zgc_copy_string;
    self->key_comparator = zgc_equal_string;
    self->hasher = zgc_hash_string;
    return self;
}

static inline void
zgc_hashx_grow (zhashx_t *self)
{
    size_t limit = zgc_hashx_limit (self->step + 1);
    if (limit) {
        self->step++;
        zgc_table_resize (&self->table, limit);
    }
}

//  Finds an entry. A search that has passed by many others makes the table grow, unless it is nearly empty: then the
//  hash function is to blame, and CZMQ's table grows with each search until there is no memory.
static inline zgc_entry_t *
zgc_hashx_entry (zhashx_t *self, const void *key)
{
    zgc_entry_t *entry = zgc_table_bucket (&self->table, self->hasher (key));
    unsigned passed = 0;
    while (entry && self->key_comparator (entry->key, key) != 0) {
        entry = entry->next;
        passed++;
    }
    if (passed > self->chain && self->table.limit / 64 <= self->table.size)
        zgc_hashx_grow (self);
    return entry;
}

//  Has the walk go on with an entry.
static inline void
zgc_hashx_go (zhashx_t *self, zgc_entry_t *entry)
{
    self->table.ahead = entry;
    self->table.key = entry->key;
}

static inline void
zgc_hashx_clear (zhashx_t *self, zgc_entry_t *entry)
{
    if (self->destructor)
        self->destructor (&entry->item);
    else
    if (entry->free_fn)
        entry->free_fn (entry->item);
}

static inline void
zgc_hashx_delete (zhashx_t *self, zgc_entry_t *entry)
{
    zgc_table_unlink (&self->table, entry);
    zgc_table_lose (&self->table);
    zgc_hashx_clear (self, entry);
    if (self->key_destructor)
        self->key_destructor (&entry->key);
    free (entry);
}

static inline int
zhashx_insert (zhashx_t *self, const void *key, void *item)
{
    zgc_entry_t *entry;
    assert (self && key);
    if (self->table.size >= self->table.limit * 75 / 100) {
        zgc_hashx_grow (self);
        self->chain++;
    }
    if (zgc_hashx_entry (self, key))
        return -1;
    entry = (zgc_entry_t *) zmalloc (sizeof (zgc_entry_t));
    entry->key = self->key_duplicator? self->key_duplicator (key): (void *) key;
    entry->item = item && self->duplicator? self->duplicator (item): item;
    entry->hash = self->hasher (key);
    zgc_table_link (&self->table, entry);
    zgc_hashx_go (self, entry);
    return 0;
}

static inline void
zhashx_update (zhashx_t *self, const void *key, void *item)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hashx_entry (self, key);
    if (entry) {
        //  The old item is freed last, because the new one may be made from it.
        void *fresh = item && self->duplicator? self->duplicator (item): item;
        zgc_hashx_clear (self, entry);
        entry->item = fresh;
    }
    else
        zhashx_insert (self, key, item);
}

static inline void
zhashx_delete (zhashx_t *self, const void *key)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hashx_entry (self, key);
    if (entry)
        zgc_hashx_delete (self, entry);
}

static inline void
zhashx_purge (zhashx_t *self)
{
    zgc_entry_t *entry;
    assert (self);
    entry = zgc_table_after (&self->table, NULL);
    while (entry) {
        zgc_entry_t *next = zgc_table_after (&self->table, entry);
        zgc_hashx_delete (self, entry);
        entry = next;
    }
    self->step = 0;
    self->chain = 1;
    zgc_table_resize (&self->table, zgc_hashx_limit (0));
}

static inline void *
zhashx_lookup (zhashx_t *self, const void *key)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hashx_entry (self, key);
    if (!entry)
        return NULL;
    zgc_hashx_go (self, entry);
    return entry->item;
}

static inline int
zhashx_rename (zhashx_t *self, const void *old_key, const void *new_key)
{
    zgc_entry_t *entry;
    zgc_entry_t *other;
    assert (self && old_key && new_key);
    entry = zgc_hashx_entry (self, old_key);
    other = zgc_hashx_entry (self, new_key);
    if (!entry || other)
        return -1;
    zgc_table_unlink (&self->table, entry);
    if (self->key_destructor)
        self->key_destructor (&entry->key);
    entry->key = self->key_duplicator? self->key_duplicator (new_key): (void *) new_key;
    entry->hash = self->hasher (entry->key);
    zgc_table_link (&self->table, entry);
    zgc_hashx_go (self, entry);
    return 0;
}

static inline void *
zhashx_freefn (zhashx_t *self, const void *key, zhashx_free_fn free_fn)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hashx_entry (self, key);
    if (!entry)
        return NULL;
    entry->free_fn = free_fn;
    return entry->item;
}

static inline size_t
zhashx_size (zhashx_t *self)
{
    assert (self);
    return self->table.size;
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
    for (entry = NULL; (entry = zgc_table_after (&self->table, entry)) != NULL;)
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
    for (entry = NULL; (entry = zgc_table_after (&self->table, entry)) != NULL;)
        if (entry->item)
            zlistx_add_end (values, entry->item);
    return values;
}

static inline void *
zhashx_first (zhashx_t *self)
{
    zgc_entry_t *entry;
    assert (self);
    entry = zgc_table_first (&self->table);
    return entry? entry->item: NULL;
}

static inline void *
zhashx_next (zhashx_t *self)
{
    zgc_entry_t *entry;
    assert (self);
    entry = zgc_table_next (&self->table);
    return entry? entry->item: NULL;
}

static inline const void *
zhashx_cursor (zhashx_t *self)
{
    assert (self);
    return self->table.key;
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
    for (entry = NULL; (entry = zgc_table_after (&self->table, entry)) != NULL;)
        zhashx_insert (copy, entry->key, entry->item);
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
        free ((*self_p)->table.buckets);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
