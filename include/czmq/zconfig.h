/*  zconfig: a tree of configuration items, read from ZPL and written as ZPL (rfc.zeromq.org/spec/4).

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZCONFIG_H_INCLUDED
#define ZGOSSIP_CZMQ_ZCONFIG_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef int (zconfig_fct) (zconfig_t *self, void *arg, int level);

struct _zconfig_t {
    char *name;
    char *value;
    zconfig_t *child;           //  First child
    zconfig_t *next;
    zconfig_t *parent;
    zlist_t *comments;
    char *filename;             //  Name of the file that a root was loaded from
    time_t modified;
    ssize_t size;
};

static inline char *
zgc_copy_or_null (const char *string)
{
    return string? zgc_strdup (string): NULL;
}

//  Makes an item, as the last child of its parent.
static inline zconfig_t *
zconfig_new (const char *name, zconfig_t *parent)
{
    zconfig_t *self = (zconfig_t *) zmalloc (sizeof (zconfig_t));
    self->name = zgc_copy_or_null (name);
    if (parent) {
        zconfig_t **place = &parent->child;
        while (*place)
            place = &(*place)->next;
        *place = self;
        self->parent = parent;
    }
    return self;
}

static inline void
zgc_config_free (zconfig_t *self)
{
    while (self->child) {
        zconfig_t *child = self->child;
        self->child = child->next;
        zgc_config_free (child);
    }
    free (self->name);
    free (self->value);
    free (self->filename);
    zlist_destroy (&self->comments);
    free (self);
}

//  Destroys an item and all below it, and removes it from its parent. CZMQ leaves a dangling pointer in the parent.
static inline void
zconfig_destroy (zconfig_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zconfig_t *self = *self_p;
        if (self->parent) {
            zconfig_t **place = &self->parent->child;
            while (*place != self)
                place = &(*place)->next;
            *place = self->next;
        }
        zgc_config_free (self);
        *self_p = NULL;
    }
}

static inline void
zconfig_remove (zconfig_t **self_p)
{
    zconfig_destroy (self_p);
}

static inline void
zconfig_remove_subtree (zconfig_t *self)
{
    assert (self);
    while (self->child) {
        zconfig_t *child = self->child;
        zconfig_destroy (&child);
    }
}

static inline char *
zconfig_name (zconfig_t *self)
{
    assert (self);
    return self->name;
}

static inline char *
zconfig_value (zconfig_t *self)
{
    assert (self);
    return self->value;
}

static inline void
zconfig_set_name (zconfig_t *self, const char *name)
{
    char *fresh;
    assert (self);
    fresh = zgc_copy_or_null (name);
    free (self->name);
    self->name = fresh;
}

static inline void
zconfig_set_value (zconfig_t *self, const char *format, ...) CHECK_PRINTF (2);
static inline void
zconfig_putf (zconfig_t *self, const char *path, const char *format, ...) CHECK_PRINTF (3);
static inline void
zconfig_set_comment (zconfig_t *self, const char *format, ...) CHECK_PRINTF (2);
static inline zconfig_t *
zconfig_loadf (const char *format, ...) CHECK_PRINTF (1);
static inline int
zconfig_savef (zconfig_t *self, const char *format, ...) CHECK_PRINTF (2);

static inline void
zconfig_set_value (zconfig_t *self, const char *format, ...)
{
    char *value = NULL;
    assert (self);
    if (format)
        ZGC_FORMAT (value, format);
    free (self->value);
    self->value = value;
}

static inline zconfig_t *
zconfig_child (zconfig_t *self)
{
    assert (self);
    return self->child;
}

static inline zconfig_t *
zconfig_next (zconfig_t *self)
{
    assert (self);
    return self->next;
}

//  Finds the item at a path, NULL if there is none; or makes it, with the items that lead to it.
static inline zconfig_t *
zgc_config_at (zconfig_t *self, const char *path, bool make)
{
    assert (self && path);
    if (*path == '/')
        path++;
    while (true) {
        size_t length = strcspn (path, "/");
        zconfig_t *child = self->child;
        while (child && !(child->name && strlen (child->name) == length && memcmp (child->name, path, length) == 0))
            child = child->next;
        if (!child) {
            if (!make)
                return NULL;
            child = zconfig_new (NULL, self);
            child->name = (char *) zmalloc (length + 1);
            memcpy (child->name, path, length);
        }
        self = child;
        if (!path [length])
            return self;
        path += length + 1;
    }
}

static inline zconfig_t *
zconfig_locate (zconfig_t *self, const char *path)
{
    return zgc_config_at (self, path, false);
}

static inline void
zconfig_put (zconfig_t *self, const char *path, const char *value)
{
    assert (value);
    zconfig_set_value (zgc_config_at (self, path, true), "%s", value);
}

static inline void
zconfig_putf (zconfig_t *self, const char *path, const char *format, ...)
{
    char *value;
    assert (format);
    ZGC_FORMAT (value, format);
    if (value)
        zconfig_put (self, path, value);
    free (value);
}

static inline char *
zconfig_get (zconfig_t *self, const char *path, const char *default_value)
{
    zconfig_t *item = zconfig_locate (self, path);
    return item && item->value? item->value: (char *) default_value;
}

static inline zconfig_t *
zconfig_at_depth (zconfig_t *self, int level)
{
    assert (self);
    while (level > 0 && self->child) {
        self = self->child;
        while (self->next)
            self = self->next;
        level--;
    }
    return self;
}

static inline int
zgc_config_execute (zconfig_t *self, zconfig_fct handler, void *arg, int level)
{
    zconfig_t *child;
    int rc = handler (self, arg, level);
    for (child = self->child; child && rc != -1; child = child->next)
        rc = zgc_config_execute (child, handler, arg, level + 1);
    return rc;
}

static inline int
zconfig_execute (zconfig_t *self, zconfig_fct handler, void *arg)
{
    assert (self && handler);
    return zgc_config_execute (self, handler, arg, 0);
}

static inline void
zconfig_set_comment (zconfig_t *self, const char *format, ...)
{
    char *comment;
    assert (self);
    if (!format) {
        zlist_destroy (&self->comments);
        return;
    }
    ZGC_FORMAT (comment, format);
    if (!self->comments) {
        self->comments = zlist_new ();
        zlist_autofree (self->comments);
    }
    zlist_append (self->comments, comment);
    free (comment);
}

static inline zlist_t *
zconfig_comments (zconfig_t *self)
{
    assert (self);
    return self->comments;
}

static inline zconfig_t *
zconfig_dup (zconfig_t *self)
{
    zconfig_t *copy;
    zconfig_t *child;
    zconfig_t **place;
    if (!self)
        return NULL;
    copy = zconfig_new (self->name, NULL);
    copy->value = zgc_copy_or_null (self->value);
    copy->comments = zlist_dup (self->comments);
    copy->filename = zgc_copy_or_null (self->filename);
    copy->modified = self->modified;
    copy->size = self->size;
    place = &copy->child;
    for (child = self->child; child; child = child->next) {
        *place = zconfig_dup (child);
        (*place)->parent = copy;
        place = &(*place)->next;
    }
    return copy;
}

/*  --------------------------------------------------------------------------------------------------------------
    Reading: libzgossip knows the format
    -------------------------------------------------------------------------------------------------------------- */

static inline void
zgc_config_item (void *arg, int level, const char *name, const char *value)
{
    zconfig_t *item = zconfig_new (name, zconfig_at_depth ((zconfig_t *) arg, level));
    item->value = zgc_strdup (value);
}

//  Keeps all comment lines as comments of the root, wherever they were.
static inline void
zgc_config_comments (zconfig_t *self, const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        const char *line_end = (const char *) memchr (text, '\n', (size_t) (end - text));
        const char *next = line_end? line_end + 1: end;
        if (!line_end)
            line_end = end;
        while (text < line_end && *text == ' ')
            text++;
        while (line_end > text && isspace ((byte) line_end [-1]))
            line_end--;
        if (text < line_end && *text == '#')
            zconfig_set_comment (self, "%.*s", (int) (line_end - text - 1), text + 1);
        text = next;
    }
}

static inline zconfig_t *
zgc_config_read (const char *text, size_t size)
{
    zconfig_t *self = zconfig_new ("root", NULL);
    if (zgossip_czmq_config_read (text, size, zgc_config_item, self))
        zconfig_destroy (&self);
    else
        zgc_config_comments (self, text, size);
    return self;
}

static inline zconfig_t *
zconfig_str_load (const char *string)
{
    assert (string);
    return zgc_config_read (string, strlen (string));
}

static inline zconfig_t *
zconfig_chunk_load (zchunk_t *chunk)
{
    return zgc_config_read ((const char *) zchunk_data (chunk), zchunk_size (chunk));
}

static inline zconfig_t *
zconfig_load (const char *filename)
{
    zchunk_t *chunk;
    zconfig_t *self;
    assert (filename);
    chunk = S_ISREG (zsys_file_mode (filename))? zchunk_slurp (filename, 0): NULL;
    if (!chunk)
        return NULL;
    self = zconfig_chunk_load (chunk);
    if (self) {
        self->filename = zgc_strdup (filename);
        self->modified = zsys_file_modified (filename);
        self->size = zsys_file_size (filename);
    }
    zchunk_destroy (&chunk);
    return self;
}

static inline zconfig_t *
zconfig_loadf (const char *format, ...)
{
    char *filename;
    zconfig_t *self;
    ZGC_FORMAT (filename, format);
    self = filename? zconfig_load (filename): NULL;
    free (filename);
    return self;
}

static inline const char *
zconfig_filename (zconfig_t *self)
{
    assert (self);
    return self->filename;
}

static inline bool
zconfig_has_changed (zconfig_t *self)
{
    assert (self);
    return self->filename && zsys_file_exists (self->filename)
        && (zsys_file_modified (self->filename) != self->modified || zsys_file_size (self->filename) != self->size);
}

static inline int
zconfig_reload (zconfig_t **self_p)
{
    zconfig_t *fresh;
    assert (self_p && *self_p);
    fresh = (*self_p)->filename? zconfig_load ((*self_p)->filename): NULL;
    if (!fresh)
        return -1;
    zconfig_destroy (self_p);
    *self_p = fresh;
    return 0;
}

/*  --------------------------------------------------------------------------------------------------------------
    Writing
    -------------------------------------------------------------------------------------------------------------- */

static inline void
zgc_config_write (zconfig_t *self, int level, zchunk_t *text)
{
    zconfig_t *child;
    char *line;
    //  Comments are written before their item, with an empty line between.
    if (self->comments && zlist_size (self->comments)) {
        char *comment = (char *) zlist_first (self->comments);
        for (; comment; comment = (char *) zlist_next (self->comments)) {
            zchunk_extend (text, "#", 1);
            zchunk_extend (text, comment, strlen (comment));
            zchunk_extend (text, "\n", 1);
        }
        zchunk_extend (text, "\n", 1);
    }
    if (level > 0) {
        const char *quote = self->value && strchr (self->value, '"')? "'": "\"";
        line = self->value? zsys_sprintf ("%*s%s = %s%s%s\n", (level - 1) * 4, "", self->name? self->name: "",
                                          quote, self->value, quote):
                            zsys_sprintf ("%*s%s\n", (level - 1) * 4, "", self->name? self->name: "");
        zchunk_extend (text, line, strlen (line));
        free (line);
    }
    for (child = self->child; child; child = child->next)
        zgc_config_write (child, level + 1, text);
}

//  Returns the text of a tree. A value with a double quote in it is written in single quotes, so that it can be read
//  back; CZMQ writes it in double quotes.
static inline zchunk_t *
zconfig_chunk_save (zconfig_t *self)
{
    zchunk_t *text = zchunk_new (NULL, 0);
    assert (self);
    zgc_config_write (self, 0, text);
    return text;
}

static inline char *
zconfig_str_save (zconfig_t *self)
{
    zchunk_t *text = zconfig_chunk_save (self);
    char *string = zchunk_strdup (text);
    zchunk_destroy (&text);
    return string;
}

static inline int
zconfig_save (zconfig_t *self, const char *filename)
{
    zchunk_t *text;
    FILE *file;
    int rc = 0;
    assert (self && filename);
    file = streq (filename, "-")? stdout: fopen (filename, "w");
    if (!file)
        return -1;
    text = zconfig_chunk_save (self);
    if (fwrite (zchunk_data (text), 1, zchunk_size (text), file) != zchunk_size (text))
        rc = -1;
    if (file == stdout)
        fflush (file);
    else
    if (fclose (file))
        rc = -1;
    zchunk_destroy (&text);
    //  The saved file is no change that zconfig_has_changed should report.
    if (rc == 0 && self->filename && streq (self->filename, filename)) {
        self->modified = zsys_file_modified (filename);
        self->size = zsys_file_size (filename);
    }
    return rc;
}

static inline int
zconfig_savef (zconfig_t *self, const char *format, ...)
{
    char *filename;
    int rc;
    ZGC_FORMAT (filename, format);
    rc = filename? zconfig_save (self, filename): -1;
    free (filename);
    return rc;
}

static inline void
zconfig_fprint (zconfig_t *self, FILE *file)
{
    char *text = zconfig_str_save (self);
    fputs (text, file);
    free (text);
}

static inline void
zconfig_print (zconfig_t *self)
{
    zconfig_fprint (self, stdout);
}

#define zconfig_dump(s) zconfig_print (s)
#define zconfig_resolve(s, p, d) zconfig_get ((s), (p), (d))

#ifdef __cplusplus
}
#endif

#endif
