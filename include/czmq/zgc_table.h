/*  The hash table under zhash and zhashx: chains of entries, and a walk through them.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  The order of entries is CZMQ's, because programs see it: in a walk, in lists of keys, in what they send. It follows
    from the number of buckets and from the hash function, both of which are the caller's, and from these rules: buckets
    in order, and in each the entry that was put there last comes first. */

#ifndef ZGOSSIP_CZMQ_ZGC_TABLE_H_INCLUDED
#define ZGOSSIP_CZMQ_ZGC_TABLE_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef struct zgc_entry_t {
    struct zgc_entry_t *next;           //  In its bucket
    void *key;
    void *item;
    size_t hash;
    void (*free_fn) (void *item);       //  Set by zhash_freefn and zhashx_freefn
} zgc_entry_t;

typedef struct {
    zgc_entry_t **buckets;
    size_t limit;                       //  Number of buckets
    size_t size;                        //  Number of entries
    //  A walk returns `ahead` next, or the first entry in a bucket after `bucket` if there is none.
    size_t bucket;
    zgc_entry_t *ahead;
    const void *key;                    //  Of the entry that the walk returned last
} zgc_table_t;

static inline void
zgc_table_init (zgc_table_t *self, size_t limit)
{
    self->limit = limit;
    self->buckets = (zgc_entry_t **) zmalloc (limit * sizeof (zgc_entry_t *));
}

static inline zgc_entry_t *
zgc_table_bucket (zgc_table_t *self, size_t hash)
{
    return self->buckets [hash % self->limit];
}

static inline void
zgc_table_link (zgc_table_t *self, zgc_entry_t *entry)
{
    zgc_entry_t **bucket = &self->buckets [entry->hash % self->limit];
    entry->next = *bucket;
    *bucket = entry;
    self->size++;
}

static inline void
zgc_table_unlink (zgc_table_t *self, zgc_entry_t *entry)
{
    zgc_entry_t **place = &self->buckets [entry->hash % self->limit];
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    self->size--;
}

//  Moves all entries to another number of buckets.
static inline void
zgc_table_resize (zgc_table_t *self, size_t limit)
{
    zgc_entry_t **buckets = self->buckets;
    size_t end = self->limit;
    size_t index;
    self->size = 0;
    zgc_table_init (self, limit);
    for (index = 0; index < end; index++) {
        zgc_entry_t *entry = buckets [index];
        while (entry) {
            zgc_entry_t *next = entry->next;
            zgc_table_link (self, entry);
            entry = next;
        }
    }
    free (buckets);
}

//  Goes on with a walk: returns the next entry, or NULL at the end, where the key stays the last one's.
static inline zgc_entry_t *
zgc_table_next (zgc_table_t *self)
{
    zgc_entry_t *entry;
    while (!self->ahead) {
        if (self->bucket + 1 >= self->limit)
            return NULL;
        self->ahead = self->buckets [++self->bucket];
    }
    entry = self->ahead;
    self->ahead = entry->next;
    self->key = entry->key;
    return entry;
}

static inline zgc_entry_t *
zgc_table_first (zgc_table_t *self)
{
    self->bucket = 0;
    self->ahead = self->buckets [0];
    return zgc_table_next (self);
}

//  Has the walk forget where it is in its bucket, as it does when an entry goes: it goes on with the next bucket.
static inline void
zgc_table_lose (zgc_table_t *self)
{
    self->ahead = NULL;
    self->key = NULL;
}

//  Returns the entry after another one in the order of a walk, the first one after NULL; NULL at the end. No walk is
//  disturbed.
static inline zgc_entry_t *
zgc_table_after (zgc_table_t *self, zgc_entry_t *entry)
{
    size_t index = 0;
    if (entry) {
        if (entry->next)
            return entry->next;
        index = entry->hash % self->limit + 1;
    }
    while (index < self->limit && !self->buckets [index])
        index++;
    return index < self->limit? self->buckets [index]: NULL;
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

#ifdef __cplusplus
}
#endif

#endif
