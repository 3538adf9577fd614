/*  zhash: a hash table from strings to pointers, or to strings that it owns.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZHASH_H_INCLUDED
#define ZGOSSIP_CZMQ_ZHASH_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef void (zhash_free_fn) (void *data);

struct _zhash_t {
    zgc_table_t table;
    bool autofree;
};

static inline zhash_t *
zhash_new (void)
{
    zhash_t *self = (zhash_t *) zmalloc (sizeof (zhash_t));
    zgc_table_init (&self->table, 255);     //  CZMQ's number
    return self;
}

static inline size_t
zgc_hash_key (const char *key)
{
    unsigned hash = 0;
    while (*key)
        hash = 33 * hash ^ (unsigned) *key++;
    return hash;
}

static inline zgc_entry_t *
zgc_hash_entry (zhash_t *self, const char *key)
{
    zgc_entry_t *entry = zgc_table_bucket (&self->table, zgc_hash_key (key));
    while (entry && strcmp ((const char *) entry->key, key) != 0)
        entry = entry->next;
    return entry;
}

static inline void *
zgc_hash_copy (zhash_t *self, void *item)
{
    return self->autofree && item? zgc_strdup ((const char *) item): item;
}

static inline void
zgc_hash_clear (zhash_t *self, zgc_entry_t *entry)
{
    if (entry->free_fn)
        entry->free_fn (entry->item);
    else
    if (self->autofree)
        free (entry->item);
}

static inline void
zgc_hash_delete (zhash_t *self, zgc_entry_t *entry)
{
    zgc_table_unlink (&self->table, entry);
    zgc_table_lose (&self->table);
    zgc_hash_clear (self, entry);
    free (entry->key);
    free (entry);
}

static inline int
zhash_insert (zhash_t *self, const char *key, void *item)
{
    zgc_entry_t *entry;
    assert (self && key);
    if (self->table.size >= self->table.limit * 75 / 100)
        zgc_table_resize (&self->table, self->table.limit * 2);
    if (zgc_hash_entry (self, key))
        return -1;
    entry = (zgc_entry_t *) zmalloc (sizeof (zgc_entry_t));
    entry->key = zgc_strdup (key);
    entry->item = zgc_hash_copy (self, item);
    entry->hash = zgc_hash_key (key);
    zgc_table_link (&self->table, entry);
    return 0;
}

static inline void
zhash_update (zhash_t *self, const char *key, void *item)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hash_entry (self, key);
    if (entry) {
        //  The old item is freed last, because the new one may be made from it.
        void *fresh = zgc_hash_copy (self, item);
        zgc_hash_clear (self, entry);
        entry->item = fresh;
    }
    else
        zhash_insert (self, key, item);
}

static inline void
zhash_delete (zhash_t *self, const char *key)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hash_entry (self, key);
    if (entry)
        zgc_hash_delete (self, entry);
}

static inline void *
zhash_lookup (zhash_t *self, const char *key)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hash_entry (self, key);
    return entry? entry->item: NULL;
}

static inline int
zhash_rename (zhash_t *self, const char *old_key, const char *new_key)
{
    zgc_entry_t *entry;
    void *key;
    assert (self && old_key && new_key);
    entry = zgc_hash_entry (self, old_key);
    if (!entry || zgc_hash_entry (self, new_key))
        return -1;
    zgc_table_unlink (&self->table, entry);
    key = zgc_strdup (new_key);
    if (self->table.key == entry->key)
        self->table.key = key;          //  CZMQ's is that of freed memory
    free (entry->key);
    entry->key = key;
    entry->hash = zgc_hash_key (new_key);
    zgc_table_link (&self->table, entry);
    return 0;
}

static inline void *
zhash_freefn (zhash_t *self, const char *key, zhash_free_fn free_fn)
{
    zgc_entry_t *entry;
    assert (self && key);
    entry = zgc_hash_entry (self, key);
    if (!entry)
        return NULL;
    entry->free_fn = free_fn;
    return entry->item;
}

static inline size_t
zhash_size (zhash_t *self)
{
    assert (self);
    return self->table.size;
}

static inline zlist_t *
zhash_keys (zhash_t *self)
{
    zlist_t *keys;
    zgc_entry_t *entry;
    assert (self);
    keys = zlist_new ();
    zlist_autofree (keys);
    for (entry = NULL; (entry = zgc_table_after (&self->table, entry)) != NULL;)
        zlist_append (keys, entry->key);
    return keys;
}

static inline void *
zhash_first (zhash_t *self)
{
    zgc_entry_t *entry;
    assert (self);
    entry = zgc_table_first (&self->table);
    return entry? entry->item: NULL;
}

static inline void *
zhash_next (zhash_t *self)
{
    zgc_entry_t *entry;
    assert (self);
    entry = zgc_table_next (&self->table);
    return entry? entry->item: NULL;
}

static inline const char *
zhash_cursor (zhash_t *self)
{
    assert (self);
    return (const char *) self->table.key;
}

static inline void
zhash_autofree (zhash_t *self)
{
    assert (self);
    self->autofree = true;
}

//  Copies a table whose items are strings, with copies of them.
static inline zhash_t *
zhash_dup (zhash_t *self)
{
    zhash_t *copy;
    zgc_entry_t *entry;
    if (!self)
        return NULL;
    copy = zhash_new ();
    zhash_autofree (copy);
    for (entry = NULL; (entry = zgc_table_after (&self->table, entry)) != NULL;)
        zhash_insert (copy, (const char *) entry->key, entry->item);
    return copy;
}

static inline int
zhash_save (zhash_t *self, const char *filename)
{
    zgc_entry_t *entry;
    FILE *file;
    assert (self && filename);
    file = fopen (filename, "w");
    if (!file)
        return -1;
    for (entry = NULL; (entry = zgc_table_after (&self->table, entry)) != NULL;)
        fprintf (file, "%s=%s\n", (const char *) entry->key, (const char *) entry->item);
    return fclose (file)? -1: 0;
}

//  Loads lines of "key=value"; other lines, and those that begin with "#", are ignored.
static inline int
zhash_load (zhash_t *self, const char *filename)
{
    char line [1024];
    FILE *file;
    assert (self && filename);
    zhash_autofree (self);
    file = fopen (filename, "r");
    if (!file)
        return -1;
    while (fgets (line, sizeof (line), file)) {
        char *equals = strchr (line, '=');
        if (line [0] == '#' || !equals || equals == line)
            continue;
        line [strcspn (line, "\n")] = 0;
        *equals = 0;
        zhash_update (self, line, equals + 1);
    }
    fclose (file);
    return 0;
}

static inline void
zhash_destroy (zhash_t **self_p)
{
    zgc_entry_t *entry;
    assert (self_p);
    if (*self_p) {
        entry = zgc_table_after (&(*self_p)->table, NULL);
        while (entry) {
            zgc_entry_t *next = zgc_table_after (&(*self_p)->table, entry);
            zgc_hash_delete (*self_p, entry);
            entry = next;
        }
        free ((*self_p)->table.buckets);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
