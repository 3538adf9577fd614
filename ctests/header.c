/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    zgossip.h in C and C++, with CZMQ's header BEFORE it, AFTER it, or without
    that. Every function is used with its declared types.  */

#ifdef BEFORE
#include <zgossip/zgossip.h>
#endif
#if defined (BEFORE) || defined (AFTER)
#include <czmq.h>
#endif
#include <zgossip/zgossip.h>
//  Including the header twice has no effect
#include <zgossip/zgossip.h>

#include <stdio.h>

//  The actor has CZMQ's type for actors
#if defined (BEFORE) || defined (AFTER)
static zactor_fn *const as_actor = zgossip;
#else
static void (*const as_actor) (zsock_t *, void *) = zgossip;
#endif

typedef struct {
    void (*version) (int *, int *, int *);
    void (*test) (bool);
    void (*msg_test) (bool);
    zgossip_t *(*create) (const char *);
    void (*destroy) (zgossip_t **);
    int (*send) (zgossip_t *, const char *const *, size_t);
    int (*send_sized) (zgossip_t *, const void *const *, const size_t *, size_t);
    char **(*recv) (zgossip_t *, size_t *);
    void (*frames_destroy) (char ***);
    int (*set_sndtimeo) (zgossip_t *, int);
    int (*set_rcvtimeo) (zgossip_t *, int);
    int (*fd) (zgossip_t *);
    zgossip_msg_t *(*msg_new) (void);
    void (*msg_destroy) (zgossip_msg_t **);
    int (*msg_recv) (zgossip_msg_t *, zsock_t *);
    int (*msg_send) (zgossip_msg_t *, zsock_t *);
    void (*msg_print) (zgossip_msg_t *);
    zframe_t *(*msg_routing_id) (zgossip_msg_t *);
    void (*msg_set_routing_id) (zgossip_msg_t *, zframe_t *);
    int (*msg_id) (zgossip_msg_t *);
    void (*msg_set_id) (zgossip_msg_t *, int);
    const char *(*msg_command) (zgossip_msg_t *);
    const char *(*msg_key) (zgossip_msg_t *);
    void (*msg_set_key) (zgossip_msg_t *, const char *);
    const char *(*msg_value) (zgossip_msg_t *);
    void (*msg_set_value) (zgossip_msg_t *, const char *);
    uint32_t (*msg_ttl) (zgossip_msg_t *);
    void (*msg_set_ttl) (zgossip_msg_t *, uint32_t);
} everything_t;

int main (void)
{
    everything_t all = {
        zgossip_version, zgossip_test, zgossip_msg_test,
        zgossip_new, zgossip_destroy, zgossip_send, zgossip_send_sized,
        zgossip_recv, zgossip_frames_destroy,
        zgossip_set_sndtimeo, zgossip_set_rcvtimeo, zgossip_fd,
        zgossip_msg_new, zgossip_msg_destroy, zgossip_msg_recv, zgossip_msg_send,
        zgossip_msg_print, zgossip_msg_routing_id, zgossip_msg_set_routing_id,
        zgossip_msg_id, zgossip_msg_set_id, zgossip_msg_command,
        zgossip_msg_key, zgossip_msg_set_key, zgossip_msg_value, zgossip_msg_set_value,
        zgossip_msg_ttl, zgossip_msg_set_ttl
    };
    int major = 0, minor = 0, patch = 0;
    all.version (&major, &minor, &patch);
    (void) as_actor;
    if (major != ZGOSSIP_VERSION_MAJOR || minor != ZGOSSIP_VERSION_MINOR
    ||  patch != ZGOSSIP_VERSION_PATCH)
        return 1;

    zgossip_t *node = zgossip_new ("header");
    if (!node || zgossip_sendx (node, "PUBLISH", "key", "value", NULL))
        return 2;
    char *command = NULL, *key = NULL, *value = NULL, *none = NULL;
    if (zgossip_recvx (node, &command, &key, &value, &none, NULL) != 3)
        return 3;
    printf ("%s %s %s\n", command, key, value);
    if (none || ZGOSSIP_MSG_HELLO != 1 || ZGOSSIP_MSG_INVALID != 5)
        return 4;
    free (command);
    free (key);
    free (value);
    zgossip_destroy (&node);
    return node ? 5 : 0;
}
