/*  zlistx: a doubly linked list with a destructor, a duplicator and a comparator for its items.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZLISTX_H_INCLUDED
#define ZGOSSIP_CZMQ_ZLISTX_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef void (zlistx_destructor_fn) (void **item);
typedef void *(zlistx_duplicator_fn) (const void *item);
typedef int (zlistx_comparator_fn) (const void *item1, const void *item2);

//  The list is a ring with an anchor, a link that holds no item.
typedef struct zgc_link_t {
    uint32_t tag;
    struct zgc_link_t *next;
    struct zgc_link_t *prev;
    void *item;
    void (*free_fn) (void *item);       //  Set by zlist_freefn
} zgc_link_t;

#define ZGC_LINK_TAG 0x5a474c4bu

struct _zlistx_t {
    zgc_link_t anchor;
    zgc_link_t *cursor;
    size_t size;
    zlistx_destructor_fn *destructor;
    zlistx_duplicator_fn *duplicator;
    zlistx_comparator_fn *comparator;
    int (*zlist_comparator) (void *item1, void *item2);     //  In place of comparator, in a zlist
};

static inline zlistx_t *
zlistx_new (void)
{
    zlistx_t *self = (zlistx_t *) zmalloc (sizeof (zlistx_t));
    self->anchor.next = self->anchor.prev = self->cursor = &self->anchor;
    return self;
}

static inline int
zgc_compare (zlistx_t *self, const void *one, const void *other)
{
    if (self->comparator)
        return self->comparator (one, other);
    if (self->zlist_comparator)
        return self->zlist_comparator ((void *) one, (void *) other);
    return one == other? 0: one < other? -1: 1;
}

//  Inserts a link before another.
static inline void
zgc_link (zgc_link_t *link, zgc_link_t *next)
{
    link->next = next;
    link->prev = next->prev;
    link->prev->next = link->next->prev = link;
}

static inline void
zgc_unlink (zgc_link_t *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

static inline zgc_link_t *
zgc_link_new (zlistx_t *self, void *item, zgc_link_t *next)
{
    zgc_link_t *link = (zgc_link_t *) zmalloc (sizeof (zgc_link_t));
    link->tag = ZGC_LINK_TAG;
    link->item = self->duplicator? self->duplicator (item): item;
    zgc_link (link, next);
    self->size++;
    return link;
}

static inline void *
zlistx_add_start (zlistx_t *self, void *item)
{
    assert (self && item);
    self->cursor = &self->anchor;
    return zgc_link_new (self, item, self->anchor.next);
}

static inline void *
zlistx_add_end (zlistx_t *self, void *item)
{
    assert (self && item);
    self->cursor = &self->anchor;
    return zgc_link_new (self, item, &self->anchor);
}

static inline size_t
zlistx_size (zlistx_t *self)
{
    assert (self);
    return self->size;
}

static inline void *
zlistx_head (zlistx_t *self)
{
    assert (self);
    return self->anchor.next->item;
}

static inline void *
zlistx_tail (zlistx_t *self)
{
    assert (self);
    return self->anchor.prev->item;
}

static inline void *
zlistx_item (zlistx_t *self)
{
    assert (self);
    return self->cursor->item;
}

static inline void *
zlistx_first (zlistx_t *self)
{
    assert (self);
    self->cursor = self->anchor.next;
    return self->cursor->item;
}

static inline void *
zlistx_next (zlistx_t *self)
{
    assert (self);
    self->cursor = self->cursor->next;
    return self->cursor->item;
}

static inline void *
zlistx_prev (zlistx_t *self)
{
    assert (self);
    self->cursor = self->cursor->prev;
    return self->cursor->item;
}

static inline void *
zlistx_last (zlistx_t *self)
{
    assert (self);
    self->cursor = self->anchor.prev;
    return self->cursor->item;
}

static inline void *
zlistx_cursor (zlistx_t *self)
{
    assert (self);
    return self->cursor == &self->anchor? NULL: self->cursor;
}

static inline void *
zlistx_handle_item (void *handle)
{
    assert (!handle || ((zgc_link_t *) handle)->tag == ZGC_LINK_TAG);
    return handle? ((zgc_link_t *) handle)->item: NULL;
}

static inline void *
zlistx_find (zlistx_t *self, void *item)
{
    zgc_link_t *link;
    assert (self && item);
    for (link = self->anchor.next; link != &self->anchor; link = link->next)
        if (zgc_compare (self, link->item, item) == 0) {
            self->cursor = link;
            return link;
        }
    return NULL;
}

static inline void *
zlistx_detach (zlistx_t *self, void *handle)
{
    zgc_link_t *link = (zgc_link_t *) handle;
    void *item;
    assert (self);
    if (!link)
        link = self->anchor.next == &self->anchor? NULL: self->anchor.next;
    if (!link)
        return NULL;
    assert (link->tag == ZGC_LINK_TAG);
    if (self->cursor == link)
        self->cursor = link->prev;
    zgc_unlink (link);
    self->size--;
    item = link->item;
    link->tag = 0;
    free (link);
    return item;
}

static inline void *
zlistx_detach_cur (zlistx_t *self)
{
    assert (self);
    return self->cursor == &self->anchor? NULL: zlistx_detach (self, self->cursor);
}

static inline int
zlistx_delete (zlistx_t *self, void *handle)
{
    void *item = zlistx_detach (self, handle);
    if (!item)
        return -1;
    if (self->destructor)
        self->destructor (&item);
    return 0;
}

static inline void
zlistx_move_start (zlistx_t *self, void *handle)
{
    zgc_link_t *link = (zgc_link_t *) handle;
    assert (self && link && link->tag == ZGC_LINK_TAG);
    zgc_unlink (link);
    zgc_link (link, self->anchor.next);
}

static inline void
zlistx_move_end (zlistx_t *self, void *handle)
{
    zgc_link_t *link = (zgc_link_t *) handle;
    assert (self && link && link->tag == ZGC_LINK_TAG);
    zgc_unlink (link);
    zgc_link (link, &self->anchor);
}

static inline void
zlistx_purge (zlistx_t *self)
{
    assert (self);
    while (self->size)
        zlistx_delete (self, NULL);
    self->cursor = &self->anchor;
}

//  Sorts the list by a comb sort, as CZMQ does: items move from link to link, the cursor and handles do not, and items
//  that compare equal may change places. CZMQ's zlistx_sort ends one pass early and leaves many lists unsorted; this
//  one sorts, as CZMQ's zlist_sort.
static inline void
zlistx_sort (zlistx_t *self)
{
    size_t gap;
    bool swapped = false;
    assert (self);
    gap = self->size;
    while (gap > 1 || swapped) {
        zgc_link_t *near = self->anchor.next;
        zgc_link_t *far = near;
        size_t steps;
        if (gap > 1)
            gap = (size_t) ((double) gap / 1.3);
        for (steps = 0; steps < gap; steps++)
            far = far->next;
        swapped = false;
        for (; far != &self->anchor; near = near->next, far = far->next)
            if (zgc_compare (self, near->item, far->item) > 0) {
                void *item = near->item;
                near->item = far->item;
                far->item = item;
                swapped = true;
            }
    }
}

//  Finds the place of an item in a sorted list, from the start or from the end.
static inline zgc_link_t *
zgc_place (zlistx_t *self, void *item, bool low_value)
{
    zgc_link_t *next;
    if (low_value) {
        next = self->anchor.next;
        while (next != &self->anchor && zgc_compare (self, item, next->item) > 0)
            next = next->next;
        return next;
    }
    next = &self->anchor;
    while (next->prev != &self->anchor && zgc_compare (self, item, next->prev->item) < 0)
        next = next->prev;
    return next;
}

static inline void *
zlistx_insert (zlistx_t *self, void *item, bool low_value)
{
    assert (self && item);
    self->cursor = &self->anchor;
    return zgc_link_new (self, item, zgc_place (self, item, low_value));
}

static inline void
zlistx_reorder (zlistx_t *self, void *handle, bool low_value)
{
    zgc_link_t *link = (zgc_link_t *) handle;
    assert (self && link && link->tag == ZGC_LINK_TAG);
    zgc_unlink (link);
    zgc_link (link, zgc_place (self, link->item, low_value));
}

static inline zlistx_t *
zlistx_dup (zlistx_t *self)
{
    zlistx_t *copy;
    zgc_link_t *link;
    if (!self)
        return NULL;
    copy = zlistx_new ();
    copy->destructor = self->destructor;
    copy->duplicator = self->duplicator;
    copy->comparator = self->comparator;
    for (link = self->anchor.next; link != &self->anchor; link = link->next)
        zlistx_add_end (copy, link->item);
    return copy;
}

static inline void
zlistx_set_destructor (zlistx_t *self, zlistx_destructor_fn destructor)
{
    assert (self);
    self->destructor = destructor;
}

static inline void
zlistx_set_duplicator (zlistx_t *self, zlistx_duplicator_fn duplicator)
{
    assert (self);
    self->duplicator = duplicator;
}

static inline void
zlistx_set_comparator (zlistx_t *self, zlistx_comparator_fn comparator)
{
    assert (self);
    self->comparator = comparator;
}

static inline void
zlistx_destroy (zlistx_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_purge (*self_p);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
