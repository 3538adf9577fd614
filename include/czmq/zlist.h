/*  zlist: a simple list of pointers, or of strings that it owns.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZLIST_H_INCLUDED
#define ZGOSSIP_CZMQ_ZLIST_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef int (zlist_compare_fn) (void *item1, void *item2);
typedef void (zlist_free_fn) (void *data);

struct _zlist_t {
    zlistx_t *links;
    bool autofree;
    zlist_compare_fn *compare;
};

static inline zlist_t *
zlist_new (void)
{
    zlist_t *self = (zlist_t *) zmalloc (sizeof (zlist_t));
    self->links = zlistx_new ();
    return self;
}

static inline void *
zlist_first (zlist_t *self)
{
    assert (self);
    return zlistx_first (self->links);
}

static inline void *
zlist_next (zlist_t *self)
{
    assert (self);
    return zlistx_next (self->links);
}

static inline void *
zlist_last (zlist_t *self)
{
    assert (self);
    return zlistx_last (self->links);
}

static inline void *
zlist_head (zlist_t *self)
{
    assert (self);
    return zlistx_head (self->links);
}

static inline void *
zlist_tail (zlist_t *self)
{
    assert (self);
    return zlistx_tail (self->links);
}

static inline void *
zlist_item (zlist_t *self)
{
    assert (self);
    return zlistx_item (self->links);
}

static inline size_t
zlist_size (zlist_t *self)
{
    return self? zlistx_size (self->links): 0;
}

static inline void *
zgc_list_copy (zlist_t *self, void *item)
{
    return self->autofree? zgc_strdup ((const char *) item): item;
}

static inline int
zlist_append (zlist_t *self, void *item)
{
    assert (self);
    if (!item)
        return -1;
    zlistx_add_end (self->links, zgc_list_copy (self, item));
    return 0;
}

static inline int
zlist_push (zlist_t *self, void *item)
{
    assert (self);
    if (!item)
        return -1;
    zlistx_add_start (self->links, zgc_list_copy (self, item));
    return 0;
}

static inline void *
zlist_pop (zlist_t *self)
{
    void *item;
    assert (self);
    item = zlistx_detach (self->links, NULL);
    self->links->cursor = &self->links->anchor;
    return item;
}

static inline zgc_link_t *
zgc_list_find (zlist_t *self, void *item)
{
    zgc_link_t *end = &self->links->anchor;
    zgc_link_t *link;
    for (link = end->next; link != end; link = link->next)
        if (self->compare? self->compare (link->item, item) == 0: link->item == item)
            return link;
    return NULL;
}

static inline bool
zlist_exists (zlist_t *self, void *item)
{
    assert (self);
    return zgc_list_find (self, item) != NULL;
}

static inline void
zgc_list_delete (zlist_t *self, zgc_link_t *link)
{
    zlist_free_fn *free_fn = link->free_fn;
    void *item = zlistx_detach (self->links, link);
    if (self->autofree)
        free (item);
    else
    if (free_fn)
        free_fn (item);
}

static inline void
zlist_remove (zlist_t *self, void *item)
{
    zgc_link_t *link;
    assert (self);
    link = zgc_list_find (self, item);
    if (link)
        zgc_list_delete (self, link);
}

static inline void
zlist_purge (zlist_t *self)
{
    assert (self);
    while (self->links->size)
        zgc_list_delete (self, self->links->anchor.next);
    self->links->cursor = &self->links->anchor;
}

static inline zlist_t *
zlist_dup (zlist_t *self)
{
    zlist_t *copy;
    zgc_link_t *link;
    if (!self)
        return NULL;
    copy = zlist_new ();
    copy->autofree = self->autofree;
    copy->compare = self->compare;
    for (link = self->links->anchor.next; link != &self->links->anchor; link = link->next)
        zlist_append (copy, link->item);
    return copy;
}

static inline int
zgc_compare_strings (const void *one, const void *other)
{
    return strcmp ((const char *) one, (const char *) other);
}

static inline void
zlist_sort (zlist_t *self, zlist_compare_fn compare)
{
    assert (self);
    if (!compare)
        compare = self->compare;
    if (compare)
        self->links->zlist_comparator = compare;
    else
        self->links->comparator = zgc_compare_strings;
    zlistx_sort (self->links);
    self->links->zlist_comparator = NULL;
    self->links->comparator = NULL;
}

static inline void
zlist_autofree (zlist_t *self)
{
    assert (self);
    self->autofree = true;
}

static inline void
zlist_comparefn (zlist_t *self, zlist_compare_fn fn)
{
    assert (self);
    self->compare = fn;
}

//  Sets the function for an item, which with `at_tail` is looked for at the end of the list only.
static inline void *
zlist_freefn (zlist_t *self, void *item, zlist_free_fn fn, bool at_tail)
{
    zgc_link_t *end;
    zgc_link_t *link;
    assert (self);
    end = &self->links->anchor;
    link = at_tail? end->prev: end->next;
    while (link != end && link->item != item)
        link = link->next;
    if (link == end)
        return NULL;
    link->free_fn = fn;
    return item;
}

static inline void
zlist_destroy (zlist_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlist_purge (*self_p);
        zlistx_destroy (&(*self_p)->links);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
