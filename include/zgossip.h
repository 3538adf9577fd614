/*  zgossip: nodes that publish key/value tuples, every one of which comes to hold all of them

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  Made from src/ffi by `make header`: edit there.

    This file holds three interfaces, of which a program uses one:

    * zgossip_new, and functions that take a zgossip_t: a node, without CZMQ;
    * zgossip: a node as an actor for CZMQ's zactor_new, with the commands of CZMQ's own zgossip;
    * zgossip_msg_new, and functions that take a zgossip_msg_t: single messages of the protocol.

    zgossip_auth_new and zgossip_cert_new serve each of them: they decide which clients may connect, and make keys.

    Conventions, which hold unless a function says otherwise:

    Returns  A function that fails returns -1, NULL or nothing, and sets errno; zgossip_strerror gives the reason as
             text. A function that succeeds leaves errno as it was.
    Errors   EINVAL if a pointer that is needed is NULL, or is not what it has to be (of another kind, or destroyed) as
             far as that can be seen; ENOTRECOVERABLE if the library itself failed. Both may come from every function,
             also where they are not named. So may EDEADLK: in a signal handler that has interrupted a call of the
             same thread, every function fails with it, for it might wait for that call.
    Strings  Strings are bytes in any encoding, with a NUL at the end. The library copies the strings that it is given.
    Threads  Any thread may call any function at any time, on one node in several threads at the same time too.
             Certificates and messages (zgossip_cert_t, zgossip_msg_t) are for one thread at a time.

    An answered call waits for the node: it is carried out after all that was asked of the node before, by any thread,
    and returns when the messages that those commands led to can be received. It waits as long as zgossip_set_sndtimeo
    says, and at least a second. The errors of an answered call are EAGAIN if that was too short (nothing has been done
    then), EPIPE if the node has ended, ETERM (zmq.h) if its libzmq context was terminated, and EDEADLK in a function that was given to zgossip_set_log, which runs in the
    node's own thread. */

#ifndef ZGOSSIP_LIBRARY_H_INCLUDED
#define ZGOSSIP_LIBRARY_H_INCLUDED
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct _zgossip_auth_t zgossip_auth_t;
typedef struct _zgossip_cert_t zgossip_cert_t;
typedef struct _zgossip_watcher_t zgossip_watcher_t;

/*  CZMQ's names for these types, unless <czmq.h> has been here before. It may also come later. */
#ifndef ZGOSSIP_T_DEFINED
typedef struct _zgossip_t zgossip_t;
#define ZGOSSIP_T_DEFINED
#endif
#ifndef ZGOSSIP_MSG_T_DEFINED
typedef struct _zgossip_msg_t zgossip_msg_t;
#define ZGOSSIP_MSG_T_DEFINED
#endif
#ifndef ZSOCK_T_DEFINED
typedef struct _zsock_t zsock_t;
#define ZSOCK_T_DEFINED
#endif
#ifndef ZFRAME_T_DEFINED
typedef struct _zframe_t zframe_t;
#define ZFRAME_T_DEFINED
#endif

/*  The compiler warns where the NULL at the end of the arguments is missing. */
#if defined (__GNUC__)
#   define ZGOSSIP_SENTINEL __attribute__ ((sentinel))
#else
#   define ZGOSSIP_SENTINEL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*  ----------------------------------------------------------------------------
    Nodes: creating and destroying them.
    ---------------------------------------------------------------------------- */

// Creates a node.
//
// `name` prefixes the node's log lines, and peers that use this library are
// told its first 64 bytes; it may be in any encoding, or NULL.
// The node has one thread, in which it takes commands from now on; that thread
// blocks all signals, so that the process's handlers never run in it. All
// nodes made by this function share one libzmq context: an inproc endpoint of
// one can be reached by all of them, and by no socket outside.
//
// Returns: the node, which the caller destroys with zgossip_destroy; or NULL.
// Errors: ENOMEM, EAGAIN, EMFILE or ENFILE if there is no memory, thread or
//     descriptor left for it.
// Threads: a child that the process forks can make nodes of its own. On its
//     parent's nodes every function fails with EPIPE there, except
//     zgossip_destroy.
zgossip_t *zgossip_new(const char *name);

// Creates a node whose sockets live in a libzmq context of the program.
//
// The node shares its inproc endpoints with all other sockets in that context.
// `context` is what zmq_ctx_new returned, to the program or to a library that
// it uses; it stays the program's, which must destroy the node before it
// terminates the context. If the context is terminated first, the node ends,
// and calls on it fail with ETERM (zmq.h). `name` and the rest are as for zgossip_new.
//
// Returns: the node, which the caller destroys with zgossip_destroy; or NULL.
// Errors: EINVAL if the context is NULL, terminated or no context; and those
//     of zgossip_new.
zgossip_t *zgossip_new_in(const char *name, void *context);

// Returns the libzmq context that the node's sockets live in.
//
// Sockets that the program makes in it share the node's inproc endpoints. The
// program must not terminate the context unless it is the program's own.
//
// Returns: the context, which is not the caller's; or NULL.
// Errors: EINVAL if `self` is no node.
void *zgossip_context(zgossip_t *self);

// Destroys a node, and sets the caller's pointer to NULL.
//
// It takes milliseconds, whatever the node's peers do. What was published
// before still reaches the peers that are connected, if that takes no longer
// than a quarter of a second; zgossip_flush waits longer. Messages that were
// not received are lost, and the node's descriptor (zgossip_fd) is closed.
// NULL, or a pointer to NULL, does nothing.
//
// Errors: EINVAL if it is no node, or one that is destroyed; EDEADLK in a
//     function that was given to zgossip_set_log. Pointer and node stay as
//     they were then.
// Threads: calls on the node that wait in other threads return with EPIPE.
void zgossip_destroy(zgossip_t **self_p);

/*  ----------------------------------------------------------------------------
    Endpoints and keys: where a node accepts peers, and to which it connects.
    ---------------------------------------------------------------------------- */

// Accepts peers at an endpoint.
//
// Endpoints are written as in libzmq: tcp://*:5670, tcp://127.0.0.1:* (any
// free port), tcp://[::1]:5670, ipc:///path, inproc://name. A node may be
// bound to several. The path of an ipc endpoint may hold the socket of a node
// that has been killed; whatever else is there stays as it is.
//
// Returns: the TCP port, 0 for other transports; or -1.
// Errors: EINVAL if the endpoint is malformed; EADDRINUSE, also if the path
//     of an ipc endpoint holds a file or a socket in use; EADDRNOTAVAIL;
//     EACCES if keys or a security mechanism are set and cannot be used (the
//     endpoint is never bound without them); EMFILE if too few descriptors are
//     left; EAGAIN if libzmq can start no thread; other errors of libzmq; and those of an answered call.
int zgossip_bind(zgossip_t *self,
                 const char *endpoint);

// Returns the endpoint that was bound last, as peers in this machine reach it.
//
// It is the endpoint that is in use: with the port for tcp://127.0.0.1:*, with
// the path for ipc://*, and with 0.0.0.0 for all interfaces.
//
// Returns: a string, which the caller frees with free or zgossip_free; or
//     NULL.
// Errors: ENOENT if nothing is bound, or the last attempt failed; ENOMEM; and
//     those of an answered call.
char *zgossip_endpoint(zgossip_t *self);

// Stops accepting peers at an endpoint.
//
// `endpoint` is the text that was given to zgossip_bind, or the same text with
// the port that it returned in place of `*`. Peers that connected to this
// endpoint are disconnected.
//
// Returns: 0, or -1.
// Errors: ENOENT if the node is not bound there; and those of an answered
//     call.
int zgossip_unbind(zgossip_t *self, const char *endpoint);

// Connects to the peer at an endpoint, and again whenever the connection is
// lost.
//
// The peer need not be there yet. If its host is given by name, all addresses
// of the name are tried in turn until one answers, those of IPv6 only if that
// is on (server/ipv6), and the name is looked up again while there is no
// connection. The node does not wait for a look-up: a short-lived thread does.
//
// `server_key` is the public key of the peer (40 characters of Z85) if the
// connection is to be encrypted, or NULL. For an encrypted connection the node
// uses the keys of zgossip_set_keys, or a fresh pair if there are none. Without
// `server_key` it uses the username and the password of zgossip_set_plain, if
// there are any.
//
// Returns: 0 once the attempt has begun, or -1.
// Errors: EINVAL if the endpoint is malformed; EACCES if `server_key` is
//     malformed, the keys cannot be used, or zgossip/security/mechanism is plain
//     or curve and there is no password or `server_key` for it (the node never
//     connects without it then, except to inproc endpoints); EMFILE if too few
//     descriptors are left; EAGAIN if libzmq can start no thread; other errors
//     of libzmq; and those of an answered call.
int zgossip_connect(zgossip_t *self, const char *endpoint, const char *server_key);

// Ends the connection to an endpoint, and makes no new one.
//
// `endpoint` is the text that was given to zgossip_connect. The tuples that
// came from that peer stay.
//
// Returns: 0, or -1.
// Errors: ENOENT if there is no zgossip_connect to that endpoint; and those of
//     an answered call.
int zgossip_disconnect(zgossip_t *self, const char *endpoint);

// Sets the node's CURVE keys, for each zgossip_bind and zgossip_connect that
// follows.
//
// Each key is 40 characters of Z85, as from zgossip_cert_new or
// zmq_curve_keypair. What is bound afterwards accepts encrypted connections
// only. The pair is checked when it is used. The library wipes its copies of
// the secret key.
//
// Returns: 0, or -1.
// Errors: those of an answered call.
int zgossip_set_keys(zgossip_t *self, const char *public_key, const char *secret_key);

// Sets the username and the password of the node, for each zgossip_connect
// that follows.
//
// The node makes itself known by PLAIN then, where zgossip_connect is given no
// server key. PLAIN does not encrypt: name, password and tuples can be read on the way.
// Only a peer that asks for a password is connected to then; it asks if its
// zgossip/security/mechanism is plain and zgossip_auth_plain names a file.
// NULL for both takes them back. The password is neither logged nor recorded,
// and the library wipes its copies; libzmq keeps one.
//
// Returns: 0, or -1.
// Errors: EINVAL if one of the two is NULL, or does not have 1 to 255 bytes;
//     and those of an answered call.
int zgossip_set_plain(zgossip_t *self, const char *username, const char *password);

// Sets the ZAP domain, for each zgossip_bind that follows.
//
// The handler that decides about clients (see zgossip_auth_new) is told this
// domain with every client of the endpoint. "" stands for the default,
// "global".
//
// Returns: 0, or -1.
// Errors: EINVAL if the domain is longer than 255 bytes; and those of an
//     answered call.
int zgossip_set_zap_domain(zgossip_t *self, const char *domain);

/*  ----------------------------------------------------------------------------
    Who may read and write what.
    ---------------------------------------------------------------------------- */

// Sets what a peer may do with the keys that begin with a prefix.
//
// `subject` is the peer's public key (Z85), the name of its certificate, or
// "*" for all peers that have no rules of their own. `prefix` NULL or "*"
// stands for all keys; of several rules the one with the longest prefix
// decides. `rights` are words separated by commas: read, to be sent tuples;
// announce, to publish tuples with a time to live; retract, to remove tuples;
// write, for both, and tuples without a time to live; or none. Each of the
// three includes read. NULL takes the rule back.
//
//     zgossip_set_rights (hub, "*", NULL, "read");
//     zgossip_set_rights (hub, "worker-7", NULL, "read");
//     zgossip_set_rights (hub, "worker-7", "service/worker-7/", "write");
//
// Without any rule, everybody may do everything. As soon as there is one, what
// no rule allows is refused, of peers that are connected, too: what a peer may
// not read it is not sent; what it writes and may not stays with itself, counts
// as refused, and is logged once. The rules concern peers of this node, not its
// own program. They take effect beside those of the configuration file,
// section zgossip/rights, and count more.
//
// A client shows its key by CURVE. It counts where the handler of
// zgossip_auth_new admits the client, as does the name of the certificate; and
// where another ZAP handler gives it as user id, if all endpoints of the node
// were bound with keys and need a handler (zgossip/security/require-handler).
//
// Returns: 0, or -1.
// Errors: EINVAL if the subject is empty or longer than 255 bytes, if the
//     prefix is longer than 255 bytes or ends with "*", or if `rights` has
//     another word or none; ENOENT if there is no such rule to be taken back;
//     and those of an answered call.
int zgossip_set_rights(zgossip_t *self,
                       const char *subject,
                       const char *prefix,
                       const char *rights);

/*  ----------------------------------------------------------------------------
    Tuples: publishing, removing and reading them.
    ---------------------------------------------------------------------------- */

// A tuple in the array that zgossip_tuples returns.
typedef struct {
    // The key, a string; NULL in the element after the last tuple.
    const char *key;
    // Size of the key in bytes, without its NUL.
    size_t key_size;
    // The value, a string.
    const char *value;
    // Size of the value in bytes, without its NUL.
    size_t value_size;
} zgossip_tuple_t;

// Publishes a tuple: gives a key a value, on every node.
//
// A key is a string of 1 to 255 bytes; a value is a string of any length up to
// server/max_value (16 MiB by default). The call returns once the command is
// queued, without waiting for the node; a later call on the same node is
// carried out after it. A node that has no room for the tuple
// (server/max_tuples, server/max_bytes) logs that, and reports it as an event
// of kind ZGOSSIP_EVENT_ERROR if zgossip_set_events is on.
//
// Returns: 0, or -1.
// Errors: EINVAL if the key is empty or too long; EMSGSIZE if the value is too
//     long; ENOMEM if there is no memory for it; EAGAIN, EINTR, EPIPE and
//     ETERM as zgossip_send.
int zgossip_publish(zgossip_t *self, const char *key, const char *value);

// Publishes a tuple that expires on every node after `msecs` milliseconds.
//
// Publishing the key again before that starts a new time to live, or none.
// With `msecs` 0 the tuple never expires. The rest is as for zgossip_publish.
//
// Returns: 0, or -1.
// Errors: those of zgossip_publish.
int zgossip_publish_ttl(zgossip_t *self,
                        const char *key,
                        const char *value,
                        uint32_t msecs);

// Publishes a tuple whose key and value are given with their sizes in bytes.
//
// Neither needs a NUL at its end. `msecs` is the time to live in milliseconds;
// 0 means that the tuple never expires. The rest is as for zgossip_publish.
//
// Returns: 0, or -1.
// Errors: EINVAL if the key or the value contains a NUL; and those of
//     zgossip_publish.
int zgossip_publish_sized(zgossip_t *self,
                          const void *key,
                          size_t key_size,
                          const void *value,
                          size_t value_size,
                          uint32_t msecs);

// Announces a tuple: gives a key a value that lives as long as this node.
//
// The node keeps the tuple alive by itself. When the node ends, by
// zgossip_destroy or `$TERM`, it is withdrawn everywhere. When the process dies,
// its peers see that and tell the others after server/grace (200 ms). When the
// process hangs or is cut off, other nodes miss it after `msecs` milliseconds:
// 500 at least, 10 seconds if that is 0; one that shows itself again has its
// tuples back. Nodes with CZMQ's own zgossip keep the tuple.
//
// Of several nodes that announce a key, the last one's value counts; when that
// ends, another one's does. zgossip_publish or zgossip_retract of the key on this
// node, or its removal by another node's program, ends the announcement.
//
// Returns: 0, or -1.
// Errors: EINVAL if the key is empty or too long; EMSGSIZE if the value is too
//     long; ENOBUFS or ENOMEM if there is no room for it; and those of an answered
//     call.
int zgossip_announce(zgossip_t *self,
                     const char *key,
                     const char *value,
                     uint32_t msecs);

// Announces a tuple whose key and value are given with their sizes in bytes.
//
// Neither needs a NUL at its end. The rest is as for zgossip_announce.
//
// Returns: 0, or -1.
// Errors: EINVAL if the key or the value contains a NUL; and those of
//     zgossip_announce.
int zgossip_announce_sized(zgossip_t *self,
                           const void *key,
                           size_t key_size,
                           const void *value,
                           size_t value_size,
                           uint32_t msecs);

// Removes a tuple from the whole network, whichever node published it.
//
// Nodes that hold the key remove it, those that are cut off at present when
// they are back. The removal is remembered for server/tombstone.
//
// Returns: 1 if this node held the key, 0 if it did not (other nodes remove it
//     all the same); or -1.
// Errors: EINVAL if the key is empty or too long; and those of an answered
//     call.
int zgossip_retract(zgossip_t *self, const char *key);

// Removes a tuple whose key is given with its size in bytes.
//
// The rest is as for zgossip_retract.
//
// Returns: 1 if this node held the key, 0 if it did not; or -1.
// Errors: EINVAL if the key contains a NUL; and those of zgossip_retract.
int zgossip_retract_sized(zgossip_t *self, const void *key, size_t key_size);

// Forgets a tuple on this node only; other nodes keep it.
//
// It comes back when this node publishes the key, or when another node gives it
// another value. A node that holds the tuple and publishes the same value
// again changes nothing, here neither. The node goes on giving the tuple to
// peers that lack it.
//
// Returns: 1 if this node held the key, 0 if it did not; or -1.
// Errors: EINVAL if the key is empty or too long; and those of an answered
//     call.
int zgossip_unpublish(zgossip_t *self, const char *key);

// Forgets a tuple whose key is given with its size in bytes.
//
// The rest is as for zgossip_unpublish.
//
// Returns: 1 if this node held the key, 0 if it did not; or -1.
// Errors: EINVAL if the key contains a NUL; and those of zgossip_unpublish.
int zgossip_unpublish_sized(zgossip_t *self, const void *key, size_t key_size);

// Returns the value of a key.
//
// Returns: a string, which the caller frees with free or zgossip_free; or
//     NULL.
// Errors: ENOENT if the key has no value; EINVAL if the key is empty or too
//     long; ENOMEM; and those of an answered call.
char *zgossip_get(zgossip_t *self, const char *key);

// Returns the value of a key that is given with its size in bytes.
//
// The size of the value is stored where `size_p` points, unless that is NULL.
//
// Returns: a string, which the caller frees with free or zgossip_free; or
//     NULL.
// Errors: EINVAL if the key contains a NUL; and those of zgossip_get.
char *zgossip_get_sized(zgossip_t *self,
                        const void *key,
                        size_t key_size,
                        size_t *size_p);

// Returns the number of tuples that the node holds.
//
// Returns: the number, or -1.
// Errors: those of an answered call.
int64_t zgossip_count(zgossip_t *self);

// Returns all tuples that the node holds at one moment, in the byte order of
// their keys.
//
//     zgossip_tuple_t *tuples = zgossip_tuples (node, NULL);
//     for (zgossip_tuple_t *tuple = tuples; tuple && tuple->key; tuple++)
//         printf ("%s=%s\n", tuple->key, tuple->value);
//     zgossip_tuples_destroy (&tuples);
//
// The number of tuples is stored where `count_p` points, unless that is NULL.
// After the last tuple comes an element whose key is NULL.
//
// Returns: the array, which the caller destroys with zgossip_tuples_destroy;
//     or NULL.
// Errors: ENOMEM; and those of an answered call.
zgossip_tuple_t *zgossip_tuples(zgossip_t *self, size_t *count_p);

// Frees what zgossip_tuples returned, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
void zgossip_tuples_destroy(zgossip_tuple_t **tuples_p);

/*  ----------------------------------------------------------------------------
    Origins: who wrote a tuple, and when.
    ---------------------------------------------------------------------------- */

// The origin of a tuple, from zgossip_origin. Later versions may add members at the end.
typedef struct {
    // Size of this structure in bytes, in the version of the library that is in use: it has no members beyond that.
    size_t size;
    // Id of the node that wrote the tuple; 0 if a peer with CZMQ's own zgossip brought it, which does not tell.
    uint64_t writer;
    // Whether this node wrote the tuple.
    bool own;
    // Name of the writer, made printable, if it is this node or a peer of this node; else "".
    const char *name;
    // Endpoint of the peer that the tuple came from, as in zgossip_peer_t; "" if this node wrote it, or the connection is gone.
    const char *endpoint;
    // Time of the write, milliseconds since 1970, by the clocks of the network; -1 if not known, as where `writer` is 0.
    int64_t written_ms;
    // Milliseconds until the tuple expires; 0 if it does not.
    uint32_t ttl_ms;
} zgossip_origin_t;

// Returns who wrote the tuple of a key, and when.
//
//     zgossip_origin_t *origin = zgossip_origin (node, "key");
//     if (origin)
//         printf ("%016llx %s\n", (unsigned long long) origin->writer, origin->name);
//     zgossip_origin_destroy (&origin);
//
// The writer is the node whose program published the value that the key has
// now, however the tuple came here. The time is that of its stamp, which
// follows the fastest clock of the network. Of a value that came from a peer
// with CZMQ's own zgossip only the endpoint of a direct peer is known.
//
// Returns: the origin, which the caller destroys with zgossip_origin_destroy;
//     or NULL.
// Errors: ENOENT if the key has no value; EINVAL if the key is empty or too
//     long; ENOMEM; and those of an answered call.
zgossip_origin_t *zgossip_origin(zgossip_t *self, const char *key);

// Returns who wrote the tuple of a key that is given with its size in bytes.
//
// The rest is as for zgossip_origin.
//
// Returns: the origin, which the caller destroys with zgossip_origin_destroy;
//     or NULL.
// Errors: EINVAL if the key contains a NUL; and those of zgossip_origin.
zgossip_origin_t *zgossip_origin_sized(zgossip_t *self,
                                       const void *key,
                                       size_t key_size);

// Frees what zgossip_origin returned, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
void zgossip_origin_destroy(zgossip_origin_t **self_p);

/*  ----------------------------------------------------------------------------
    Versions: publishing what is based on a value that was read.
    ---------------------------------------------------------------------------- */

// Publishes a tuple if the node holds a certain version of its key.
//
// `version` is that of zgossip_event_t or zgossip_get_versioned; NULL, or an
// empty one, stands for a key without a value. What is checked is what this
// node holds: no lock. Another node may write the same key at the same time,
// or have written it already; then the later write wins, as always, and both
// calls have succeeded. A version may also differ although nobody wrote, for a
// node that meets its first peer or sets its clock right stamps anew what it
// wrote before. The tuple never expires.
//
//     char version [33];
//     char *value = zgossip_get_versioned (node, "jobs", 4, NULL, version);
//     ...
//     if (zgossip_publish_if (node, "jobs", next, version) == -1)
//         ...     // read it again
//
// Returns: 0, or -1.
// Errors: EEXIST if the key has another version, or a value where none was
//     expected; ENOENT if the key has no value; EINVAL if the key is empty or
//     too long, or `version` is none; EMSGSIZE if the value is too long;
//     ENOBUFS or ENOMEM if the node has no room for the tuple; and those of an
//     answered call.
int zgossip_publish_if(zgossip_t *self,
                       const char *key,
                       const char *value,
                       const char *version);

// Returns the value of a key, and its version.
//
// The key is given with its size in bytes. The size of the value is stored
// where `size_p` points, unless that is NULL, and the version, 32 digits and a
// NUL, in the 33 bytes from `version` on.
//
// Returns: a string, which the caller frees with free or zgossip_free; or
//     NULL.
// Errors: those of zgossip_get_sized.
char *zgossip_get_versioned(zgossip_t *self,
                            const void *key,
                            size_t key_size,
                            size_t *size_p,
                            char *version);

/*  ----------------------------------------------------------------------------
    Events: what a node reports, as structures.

    Replies to commands and events come from one queue. While a program does not receive, the queue holds one DELIVER
    for each key, with its newest value.
    ---------------------------------------------------------------------------- */

// Event: A key has a new value.
#define ZGOSSIP_EVENT_DELIVER 1

// Event: A key was removed from the network.
#define ZGOSSIP_EVENT_RETRACT 2

// Event: The time to live of a key ran out.
#define ZGOSSIP_EVENT_EXPIRE 3

// Event: A peer connected; key: the endpoint that this node connected to, or
// that of a client: tcp://ADDRESS:PORT, ipc://PATH#PROCESS or
// inproc://NAME#ID. While server/events is 2, value: the name of the peer's
// node, and a fourth frame: its id (16 hexadecimal digits); each is empty if
// the peer has not told it.
#define ZGOSSIP_EVENT_JOIN 4

// Event: A peer is gone; key, value and fourth frame: as for
// ZGOSSIP_EVENT_JOIN.
#define ZGOSSIP_EVENT_LEAVE 5

// Event: A command was refused; key: the name of the command, value: the
// reason.
#define ZGOSSIP_EVENT_ERROR 6

// Event: A peer cannot be reached; key: its endpoint, value: the reason, as
// far as it is known, for a host name that of each address. It comes after 3
// seconds without a connection, and rarely again.
#define ZGOSSIP_EVENT_UNREACHABLE 8

// Event: A prefix is watched, and what is held of it was delivered; key: the
// prefix. It comes once for each WATCH, as soon as the whole state of a peer
// is there, and whatever server/events is.
#define ZGOSSIP_EVENT_SYNCED 9

// Event: A member of the network is there; key: the id of its node (16
// hexadecimal digits), value: its name, empty if it has none. It comes only
// while server/events is 3.
#define ZGOSSIP_EVENT_MEMBER 10

// Event: A member of the network is gone, and what it has announced goes with
// it; key and value: as for ZGOSSIP_EVENT_MEMBER, and a fourth frame: left if
// it has said so, else lost. It comes only while server/events is 3.
#define ZGOSSIP_EVENT_GONE 11

// Event: The reply to a command that was sent by zgossip_send or
// zgossip_sendx.
#define ZGOSSIP_EVENT_REPLY 7

// A received message. Later versions may add members at the end.
typedef struct {
    // One of ZGOSSIP_EVENT_*, or a number that this version does not know.
    int kind;
    // Number of frames.
    size_t count;
    // The frames, each a string, with a NULL after the last; as from zgossip_recv.
    const char *const *frames;
    // Size of each frame in bytes, without its NUL.
    const size_t *sizes;
    // The second frame; NULL if there is none.
    const char *key;
    // Size of the second frame in bytes, without its NUL.
    size_t key_size;
    // The third frame; NULL if there is none.
    const char *value;
    // Size of the third frame in bytes, without its NUL.
    size_t value_size;
    // While server/events is 3, for DELIVER, RETRACT and EXPIRE: the value that
    // the key had before, by the events that were received; NULL if it had
    // none.
    const char *before;
    // Size of the value before in bytes, without its NUL.
    size_t before_size;
    // While server/events is 3: the id of the node that wrote this; 0 if it is
    // not known, as of a value that comes from a node of CZMQ.
    uint64_t writer;
    // While server/events is 3: the name of that node, "" if it is not known;
    // else NULL.
    const char *writer_name;
    // While server/events is 3: the version, 32 digits for
    // zgossip_publish_if; of two versions of a key, strcmp finds the later
    // write. Else NULL.
    const char *version;
} zgossip_event_t;

// Receives the next message, as a structure.
//
//     zgossip_event_t *event = zgossip_recv_event (node);
//     if (event && event->kind == ZGOSSIP_EVENT_DELIVER)
//         printf ("%s=%s\n", event->key, event->value);
//     zgossip_event_destroy (&event);
//
// It waits as long as zgossip_set_rcvtimeo says. It may be mixed with
// zgossip_recv and zgossip_recvx, which take messages from the same queue.
//
// Returns: the event, which the caller destroys with zgossip_event_destroy; or
//     NULL.
// Errors: EAGAIN if no message came in time; EINTR if a signal came first;
//     EPIPE if the node has ended ($TERM or zgossip_destroy) and no message is
//     left; ENOMEM; EINVAL if `self` is no node.
// Threads: each message is received by one caller.
zgossip_event_t *zgossip_recv_event(zgossip_t *self);

// Frees an event, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
void zgossip_event_destroy(zgossip_event_t **self_p);

// Turns events other than DELIVER on or off; they are off by default.
//
// While they are on, the node also reports what was removed (RETRACT, EXPIRE),
// which peers come and go (JOIN, LEAVE), which cannot be reached
// (UNREACHABLE), and which commands were refused (ERROR). The call is the same
// as zgossip_set (self, "server/events", on? "1": "0"); a file that
// zgossip_load reads sets it again. With "2", JOIN and LEAVE also carry the
// name and the id of the peer; with "3", those about keys also tell what
// changed: see zgossip_event_t.
//
// Returns: 0, or -1.
// Errors: those of an answered call.
int zgossip_set_events(zgossip_t *self, bool on);

// Sets how long calls that receive wait for a message.
//
// `msecs` is in milliseconds; 0 means not to wait, -1, the default, to wait
// for ever.
//
// Returns: 0, or -1.
// Errors: EINVAL if `self` is no node or `msecs` is less than -1.
int zgossip_set_rcvtimeo(zgossip_t *self, int msecs);

// Returns a descriptor for poll, epoll and event loops that is readable while
// a message waits.
//
// It is readable exactly while there is a message to receive, and for ever
// once the node has ended by $TERM. It is level-triggered: receiving is all
// that is needed. It belongs to the node: the program must not read from it or
// close it.
//
// Returns: the descriptor, or -1.
// Errors: EMFILE or ENFILE if there is no descriptor left; EINVAL if `self` is
//     no node.
int zgossip_fd(zgossip_t *self);

/*  ----------------------------------------------------------------------------
    Watching: which keys a node delivers to its program.
    ---------------------------------------------------------------------------- */

// Delivers only keys that begin with a prefix, and those that are held at
// once.
//
//     zgossip_connect (node, "tcp://hub:5670", NULL);
//     zgossip_watch (node, "service/");
//
// Until the first call a node delivers everything. From then on it delivers
// the keys that begin with one of the prefixes that are watched, up to 1024 of
// them; the empty prefix stands for all keys. About other keys no event of kind
// ZGOSSIP_EVENT_DELIVER, ZGOSSIP_EVENT_RETRACT or ZGOSSIP_EVENT_EXPIRE comes,
// but for those that wait already; all other messages come. The node holds all
// keys, and passes them on, as before.
//
// The keys with this prefix that the node holds are delivered at once, also
// those that were delivered before. Behind them comes ZGOSSIP_EVENT_SYNCED
// with the prefix as its key, whatever zgossip_set_events says: as soon as the
// node has taken the whole state of one peer, or at once if it did so before,
// or if there is no peer and none to connect to. So connect first, then watch;
// while the peers of zgossip_connect are not there, it waits. Between the two
// come keys that change, and those that the peer has. To watch a prefix again
// does all this again.
//
// Returns: 0, or -1.
// Errors: EINVAL if the prefix is longer than 255 bytes; ENOBUFS if 1024
//     prefixes are watched; and those of an answered call.
int zgossip_watch(zgossip_t *self, const char *prefix);

// Delivers the keys that begin with a prefix no more, unless another prefix
// that is watched begins them, too.
//
// When the last one is taken back no key is delivered: zgossip_watch with an
// empty prefix delivers all. Events that wait already still come.
//
// Returns: 0, or -1.
// Errors: ENOENT if the prefix is not watched; and those of an answered call.
int zgossip_unwatch(zgossip_t *self, const char *prefix);

/*  ----------------------------------------------------------------------------
    Watchers: parts of a program that watch keys, each with messages of its own.
    ---------------------------------------------------------------------------- */

// Makes a watcher of the keys that begin with a prefix.
//
//     zgossip_watcher_t *services = zgossip_watcher_new (node, "service/");
//     zgossip_event_t *event = zgossip_watcher_recv_event (services);
//
// Each watcher has messages and a descriptor of its own, so that two parts of
// a program do not take each other's. It gets the keys with this prefix that
// the node holds, then ZGOSSIP_EVENT_SYNCED when zgossip_watch would send it,
// and what changes: events of kind ZGOSSIP_EVENT_DELIVER, ZGOSSIP_EVENT_RETRACT
// and ZGOSSIP_EVENT_EXPIRE, whatever zgossip_set_events says; what changed with
// server/events 3 alone. The empty prefix stands for all keys. What the node
// itself delivers stays as it is: a program that reads with watchers alone
// makes it deliver nothing by zgossip_watch and zgossip_unwatch. While the
// program does not receive, one event waits for each key, the newest.
//
// Returns: the watcher, which the caller destroys with
//     zgossip_watcher_destroy; or NULL.
// Errors: EINVAL if the prefix is longer than 255 bytes; ENOBUFS if the node
//     has 1024 watchers; and those of an answered call.
zgossip_watcher_t *zgossip_watcher_new(zgossip_t *self, const char *prefix);

// Receives a watcher's next event, as a structure.
//
// It waits as long as zgossip_watcher_set_rcvtimeo says.
//
// Returns: the event, which the caller destroys with zgossip_event_destroy; or
//     NULL.
// Errors: EAGAIN if no event came in time; EINTR if a signal came first; EPIPE
//     if the node has ended and no event is left; ENOMEM; EINVAL if `self` is
//     no watcher.
// Threads: each event is received by one caller.
zgossip_event_t *zgossip_watcher_recv_event(zgossip_watcher_t *self);

// Sets how long zgossip_watcher_recv_event waits.
//
// `msecs` is in milliseconds; 0 means not to wait, -1, the default, to wait
// for ever.
//
// Returns: 0, or -1.
// Errors: EINVAL if `self` is no watcher or `msecs` is less than -1.
int zgossip_watcher_set_rcvtimeo(zgossip_watcher_t *self, int msecs);

// Returns a descriptor that is readable while an event of the watcher waits,
// and once the node has ended.
//
// It is as that of zgossip_fd, and belongs to the watcher.
//
// Returns: the descriptor, or -1.
// Errors: EMFILE or ENFILE if there is no descriptor left; EINVAL if `self` is
//     no watcher.
int zgossip_watcher_fd(zgossip_watcher_t *self);

// Destroys a watcher, and sets the caller's pointer to NULL.
//
// Node and watcher may be destroyed in any order. Events that were not
// received are lost, and the watcher's descriptor is closed. NULL, or a pointer
// to NULL, does nothing.
//
// Errors: EINVAL if it is no watcher, or one that is destroyed. The pointer
//     stays as it was then.
// Threads: calls on the watcher that wait in other threads return with EPIPE.
void zgossip_watcher_destroy(zgossip_watcher_t **self_p);

/*  ----------------------------------------------------------------------------
    Waiting for the network.
    ---------------------------------------------------------------------------- */

// Waits until the node holds at least `count` tuples.
//
// `msecs` is the longest time to wait, in milliseconds; 0 means to look once,
// -1 to wait for ever.
//
// Returns: 0, or -1.
// Errors: EAGAIN if the time is over; EINTR if a signal came first; EPIPE if
//     the node has ended; EDEADLK in a function that was given to
//     zgossip_set_log; EINVAL if `self` is no node or `msecs` is less than -1.
int zgossip_wait_count(zgossip_t *self, size_t count, int msecs);

// Waits until a key has a value on this node.
//
// `msecs` is as for zgossip_wait_count.
//
// Returns: 0, or -1.
// Errors: EINVAL if the key is empty or too long; and those of
//     zgossip_wait_count.
int zgossip_wait_key(zgossip_t *self, const char *name, int msecs);

// Waits until the node and its peers hold the same tuples.
//
// That is so when
//
// * every peer that the node is to connect to, and every one that is connected
//   to it, has everything that the node holds, in the sense of zgossip_flush;
// * at least `peers` of them have reported, since this call began, that they
//   hold exactly what this node holds, removals included;
// * no peer has reported anything else.
//
// A tuple that a node has hidden with zgossip_unpublish counts as held there;
// one that a node refuses, for it is full or the value too long, does not.
// How many each peer hides and refuses is told by zgossip_peers, and how many
// this node does by zgossip_stats.
//
// A peer that runs CZMQ's own zgossip cannot report what it holds, and is not
// counted. In a network in which tuples are published all the time, agreement
// never lasts, and this call may miss it. `msecs` is as for
// zgossip_wait_count.
//
// Returns: the number of peers that agree, or -1.
// Errors: those of zgossip_wait_count.
int zgossip_wait_agreement(zgossip_t *self, size_t peers, int msecs);

// Waits until what was published before has reached the peers, so that the
// program may end.
//
// It waits for every peer that the node is to connect to, connected or not,
// and for every one that is connected to it; a client that leaves is no longer
// waited for. A peer has everything when
//
// * it is a node of this library, or a CZMQ zgossip that this node connected
//   to, and has answered a question that was sent after the last tuple. It may
//   have refused a tuple for a limit of its own;
// * it is a CZMQ zgossip that connected to this node, which answers no
//   questions, and everything has been handed to the network. What is still
//   under way then arrives after zgossip_destroy too, if that takes less than
//   a quarter of a second.
//
// Whether those peers have passed the tuples on is not known. `msecs` is as
// for zgossip_wait_count.
//
// Returns: the number of peers, 0 if there are none; or -1.
// Errors: those of zgossip_wait_count.
int zgossip_flush(zgossip_t *self, int msecs);

// Waits until the file of the setting server/store has what the node holds.
//
// What was published, or came from peers, before this call is on the disk when
// it returns, and is there again after any end of the process or the machine.
// Without it, the last tenth of a second, or what the disk has not yet taken,
// is lost then; a node that is destroyed saves all. `msecs` is as for
// zgossip_wait_count.
//
// Returns: 0, or -1.
// Errors: ENOENT if server/store is not set; and those of zgossip_wait_count.
int zgossip_sync(zgossip_t *self, int msecs);

/*  ----------------------------------------------------------------------------
    Errors as text.
    ---------------------------------------------------------------------------- */

// Returns a text that says what an errno means.
//
// If `errnum` is the errno of the last call to this library that failed in
// this thread, the text gives the exact reason:
//
//     if (zgossip_connect (node, endpoint, NULL) == -1)
//         fprintf (stderr, "%s\n", zgossip_strerror (errno));
//
// Returns: a string of the library, valid until the same thread calls this
//     function again.
const char *zgossip_strerror(int errnum);

/*  ----------------------------------------------------------------------------
    Configuration, and the flight recorder.
    ---------------------------------------------------------------------------- */

// Loads a configuration file in place of the present configuration.
//
// The node binds and connects to what the file says, publishes what stands in
// it, and loads the file again whenever it changes. Endpoints that are bound
// or connected already stay; when the same file is loaded again, those that it
// opened and no longer names are closed, and tuples that it published are
// retracted. A file that may be half written, because it lacks keys or rules
// that it had, is refused. An item with an invalid value, or an endpoint that
// cannot be bound, is logged and does not fail the call: see
// zgossip_load_strict and zgossip_check.
//
// Returns: 0; or -1, with nothing changed.
// Errors: EINVAL if the file is not valid ZPL, is being written, or may be half
//     written; ENOENT, EACCES and the like if it cannot be read; and those of
//     an answered call.
int zgossip_load(zgossip_t *self, const char *file);

// Loads a configuration file as zgossip_load does, but only if nothing is wrong
// with it.
//
// A file with an invalid value, an unknown name or an item that can have no
// effect is not loaded. What only the attempt shows, such as an endpoint that
// is in use, is found when the file is in force already, and counted.
//
//     char *problems;
//     if (zgossip_load_strict (node, "hub.cfg", &problems) != 0)
//         fprintf (stderr, "%s\n", problems? problems: zgossip_strerror (errno));
//     zgossip_free (problems);
//
// Where `problems_p` points, unless that is NULL, a string with a line for each
// problem is stored, FILE:LINE: TEXT, which the caller frees with free or
// zgossip_free; or NULL, if there are none.
//
// Returns: 0; the number of things that could not be done, with the rest of
//     the file in force; or -1, with nothing changed.
// Errors: EINVAL if something is wrong with the file; and those of
//     zgossip_load.
int zgossip_load_strict(zgossip_t *self, const char *file, char **problems_p);

// Checks a configuration file, without a node and without doing what it says.
//
// It finds invalid values, unknown names and items that can have no effect, as
// zgossip_load_strict does. Whether endpoints can be bound and peers reached
// only the attempt shows. `problems_p` is as for zgossip_load_strict.
//
// Returns: the number of problems, or -1.
// Errors: EINVAL if `file` is NULL; ENOENT, EACCES and the like if the file
//     cannot be read; ENOMEM.
int zgossip_check(const char *file, char **problems_p);

// Sets one item of the configuration, such as "server/timeout".
//
// An empty value stands for the default. The paths are listed in the README
// and in libzgossip(3). Items of the sections zgossip/bind, zgossip/connect and
// zgossip/publish, and zgossip/echo, are only kept for zgossip_save, which is
// logged: zgossip_bind and other functions do what they say.
//
// Returns: 0, or -1.
// Errors: EINVAL if the path is malformed, or the item cannot have that value;
//     EISCONN for zgossip/network once there are peers; and those of an
//     answered call.
int zgossip_set(zgossip_t *self, const char *path, const char *value);

// Saves the configuration to a file, in the form that zgossip_load reads.
//
// The file holds either its old content or all of the new, even if the program
// ends meanwhile.
//
// Returns: 0, or -1.
// Errors: EACCES and the like if the file cannot be written; and those of an
//     answered call.
int zgossip_save(zgossip_t *self, const char *file);

// Records in a file all that the node receives from now on, to be replayed
// elsewhere.
//
// The record holds commands, messages of peers, connections and times; not
// keys and passwords, but the values of tuples. A replay is exact if nothing
// had been published, bound or connected before this call. The file is created
// anew, readable by its owner only; a record that is there already, or one
// that grows beyond server/record_size bytes, is renamed to file.1. NULL ends
// the recording.
//
// Returns: 0; or -1, with nothing changed.
// Errors: EEXIST if the file is there and is no record; EAGAIN if another node
//     records in it; ENOENT, EACCES and the like if it cannot be made; and
//     those of an answered call.
int zgossip_record(zgossip_t *self, const char *file);

/*  ----------------------------------------------------------------------------
    The node's log.
    ---------------------------------------------------------------------------- */

// Log level: something that was asked for is impossible.
#define ZGOSSIP_LOG_ERROR 1

// Log level: something was refused or failed; the node goes on.
#define ZGOSSIP_LOG_WARNING 2

// Log level: something normal that an operator will want to see.
#define ZGOSSIP_LOG_NOTICE 3

// Log level: something normal.
#define ZGOSSIP_LOG_INFO 4

// Log level: internal steps, logged only while server/verbose is 1.
#define ZGOSSIP_LOG_DEBUG 5

// A function that takes log lines.
//
// Its arguments are the pointer that was given with it, one of ZGOSSIP_LOG_*,
// and the line, without a newline, valid during the call only.
typedef void (*zgossip_log_fn)(void *arg, int level, const char *text);

// Sets the function that takes the node's log lines.
//
// `arg` is passed to each call of `function`. NULL for `function` restores the
// default: CZMQ's log where the process has CZMQ or uses this library's
// czmq.h, the standard error stream otherwise. `function` should return soon,
// for the node waits for it.
//
// Returns: 0, or -1.
// Errors: those of an answered call.
// Threads: `function` runs in the node's thread, one line at a time. It may
//     call functions that do not wait for the node; those that do fail with
//     EDEADLK there. Once this call has returned, the function that was set
//     before is no longer running and is not called again; the last one may be
//     called until zgossip_destroy has returned.
int zgossip_set_log(zgossip_t *self, zgossip_log_fn function, void *arg);

/*  ----------------------------------------------------------------------------
    Statistics: what a node counts.
    ---------------------------------------------------------------------------- */

// Statistics of a node. Later versions may add members at the end.
typedef struct {
    // Tuples that the node holds.
    uint64_t tuples;
    // Removed keys that the node remembers.
    uint64_t tombstones;
    // Connected peers that speak CZMQ's protocol only.
    uint64_t links_plain;
    // Connected peers that speak this library's extension of CZMQ's protocol.
    uint64_t links_extended;
    // Peers that are not connected, or have not shown yet which protocol they speak.
    uint64_t links_other;
    // Messages received from peers.
    uint64_t frames_in;
    // Messages sent to peers.
    uint64_t frames_out;
    // Bytes of the messages received.
    uint64_t bytes_in;
    // Bytes of the messages sent.
    uint64_t bytes_out;
    // Tuples sent to peers.
    uint64_t tuples_out;
    // Tuples received that the node held already.
    uint64_t duplicates;
    // Messages received that are not of the protocol.
    uint64_t malformed;
    // Tuples received and refused, for a limit or a time stamp too far ahead.
    uint64_t refused;
    // Tuples that wait to be sent to slow peers, counted once for each peer.
    uint64_t owed;
    // Digest of all keys and their stamps, removed keys included: equal on nodes that hold the same.
    uint64_t root;
    // Tuples that the node holds for its peers and does not show, because its program said UNPUBLISH.
    uint64_t hidden;
    // Bytes that the node holds: tuples, removed keys, what it remembers of peers and what waits for them; an estimate
    // from above.
    uint64_t bytes;
    // Most bytes that the node may hold: `server/max_bytes`, or the default that was found for this machine.
    uint64_t max_bytes;
} zgossip_stats_t;

// Stores the node's statistics: what it holds now, and what it has counted
// since it was made.
//
//     zgossip_stats_t stats;
//     zgossip_stats (node, &stats, sizeof (stats));
//
// `size` is the size in bytes of the structure that `stats` points to, so that
// programs and libraries of different versions work together: members that do
// not fit are left out, members that the library does not know are set to 0.
//
// Returns: 0, or -1.
// Errors: EINVAL if `size` is 0; and those of an answered call.
int zgossip_stats(zgossip_t *self, zgossip_stats_t *stats, size_t size);

// Stores a digest of all that the node holds, removed keys included.
//
// Two nodes of this library whose digests are equal hold the same tuples. The
// digest is no cryptographic hash: it does not protect against forgery.
//
// Returns: 0, or -1.
// Errors: those of an answered call.
int zgossip_digest(zgossip_t *self, uint64_t *digest_p);

/*  ----------------------------------------------------------------------------
    Peers: whom a node is linked to, and what is known of each.
    ---------------------------------------------------------------------------- */

// Kind of a peer: it has not shown yet which protocol it speaks.
#define ZGOSSIP_PEER_UNDETERMINED 0

// Kind of a peer: it speaks CZMQ's protocol only.
#define ZGOSSIP_PEER_PLAIN 1

// Kind of a peer: it uses this library, and speaks its extension of CZMQ's protocol.
#define ZGOSSIP_PEER_EXTENDED 2

// A peer, from zgossip_peers. Later versions may add members at the end.
typedef struct {
    // Size of this structure in bytes, in the version of the library that is in use: it has no members beyond that.
    size_t size;
    // The endpoint that this node connects to, or that of a client: tcp://ADDRESS:PORT, ipc://PATH#PROCESS or inproc://NAME#ID.
    const char *endpoint;
    // Name of an extended peer's node, made printable; "" if it has none, and for others.
    const char *name;
    // One of ZGOSSIP_PEER_*, or a number that this version does not know.
    int kind;
    // Whether this node made the connection, or is to make it.
    bool outgoing;
    // Whether there is a connection.
    bool connected;
    // Id of an extended peer's node; 0 for others.
    uint64_t id;
    // Milliseconds for which the peer has been connected, or has not been.
    uint64_t state_ms;
    // Milliseconds since the peer's last message, or since the connection was made.
    uint64_t silence_ms;
    // Milliseconds from a question of this node to the peer's answer, measured last on this connection; -1 if not known.
    int64_t round_trip_ms;
    // 1 if, by its last report, the peer held the same as this node, 0 if not; -1 if not known.
    int equal;
    // Tuples that are still to be sent to the peer.
    uint64_t unsent;
    // Bytes of tuples that were sent to the peer after it had been away, and that it has not acknowledged.
    uint64_t unacknowledged;
    // Tuples that the peer still has to send to this node, by its last report.
    uint64_t awaited;
    // Tuples that came from the peer and were refused here, for a limit or a time stamp too far ahead.
    uint64_t refused;
    // Tuples that the peer refuses to hold, for its limits; -1 if not known. It is known once both hold the same otherwise.
    int64_t refuses;
    // Tuples that the peer holds and hides from its program (UNPUBLISH), by its last report; -1 if not known.
    int64_t hides;
    // Messages received from the peer.
    uint64_t frames_in;
    // Messages sent to the peer.
    uint64_t frames_out;
    // Bytes of the messages received.
    uint64_t bytes_in;
    // Bytes of the messages sent.
    uint64_t bytes_out;
} zgossip_peer_t;

// Returns all peers that the node is connected to, or tries to connect to.
//
//     zgossip_peer_t **peers = zgossip_peers (node, NULL);
//     for (zgossip_peer_t **peer = peers; peer && *peer; peer++)
//         printf ("%s: %d ms\n", (*peer)->endpoint, (int) (*peer)->round_trip_ms);
//     zgossip_peers_destroy (&peers);
//
// The number of peers is stored where `count_p` points, unless that is NULL.
// After the last pointer comes a NULL. The order is that in which the peers
// came. Messages, bytes and refused tuples are counted since zgossip_connect,
// or since a client connected.
//
// Times between questions and answers are measured where there are questions:
// with peers that this node connects to, every few seconds; with others, by
// zgossip_flush, and while many tuples are sent. Clients that speak CZMQ's
// protocol only are never asked.
//
// Returns: an array of pointers, which the caller destroys with
//     zgossip_peers_destroy; or NULL.
// Errors: ENOMEM; and those of an answered call.
zgossip_peer_t **zgossip_peers(zgossip_t *self, size_t *count_p);

// Frees what zgossip_peers returned, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
void zgossip_peers_destroy(zgossip_peer_t ***peers_p);

/*  ----------------------------------------------------------------------------
    Members: which nodes take part in the network, wherever they are connected.
    ---------------------------------------------------------------------------- */

// A member of the network, from zgossip_members. Later versions may add members at the end.
typedef struct {
    // Size of this structure in bytes, in the version of the library that is in use: it has no members beyond that.
    size_t size;
    // Id of the node.
    uint64_t id;
    // Whether it is this node.
    bool own;
    // Name of the node, made printable; "" if it has none.
    const char *name;
    // Endpoints that it is bound to, up to four, with a blank between two; "" if there are none.
    const char *endpoints;
    // Version of its library.
    const char *version;
    // When it became a member, in milliseconds since 1970 by its own clock.
    uint64_t since;
    // Tuples that it held when it last said so.
    uint64_t tuples;
} zgossip_member_t;

// Returns the members of the network, wherever they are connected.
//
// Members are the nodes of this library that have announced something, were asked
// for their members, or have zgossip/members set. Who asks is one from then on.
//
//     zgossip_member_t **members = zgossip_members (node, NULL);
//     for (zgossip_member_t **member = members; member && *member; member++)
//         printf ("%s at %s\n", (*member)->name, (*member)->endpoints);
//     zgossip_members_destroy (&members);
//
// The number of members is stored where `count_p` points, unless that is NULL.
// After the last pointer comes a NULL. The order is that of the ids. Nodes of
// version 1.0 and those with CZMQ's own zgossip are not among them.
//
// Returns: an array of pointers, which the caller destroys with
//     zgossip_members_destroy; or NULL.
// Errors: ENOMEM; and those of an answered call.
zgossip_member_t **zgossip_members(zgossip_t *self, size_t *count_p);

// Frees what zgossip_members returned, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
void zgossip_members_destroy(zgossip_member_t ***members_p);

/*  ----------------------------------------------------------------------------
    Access: which clients may connect.

    Without a handler nobody is admitted to native nodes with keys; to CZMQ's actor, every client that knows its key.
    ---------------------------------------------------------------------------- */

// Starts a handler that decides which clients may connect (ZAP).
//
//     zgossip_auth_t *auth = zgossip_auth_new (NULL);
//     zgossip_auth_curve (auth, "/etc/myapp/clients");
//
// It decides about the clients of all sockets in a libzmq context that have a
// ZAP domain or are CURVE or PLAIN servers. `context` comes from zmq_ctx_new
// or zsys_init; NULL stands for the context of all nodes made by zgossip_new.
// At first every client without security may connect, and no client that uses
// PLAIN or CURVE. A context has at most one such handler; CZMQ's zauth is one
// too.
//
// Returns: the handler, which the caller ends with zgossip_auth_destroy; or
//     NULL.
// Errors: EADDRINUSE if the context has a handler already; EMFILE if too few
//     descriptors are left; EAGAIN if no thread can be started; other errors of
//     libzmq.
// Threads: any thread may call the functions of a handler, until one calls
//     zgossip_auth_destroy.
zgossip_auth_t *zgossip_auth_new(void *context);

// Ends a handler, and sets the caller's pointer to NULL.
//
// Connections that stand stay. Newcomers are not admitted to nodes made by
// zgossip_new that were bound with keys or a domain, until there is another
// handler; with zgossip/security/require-handler 0, and to CZMQ's sockets, all
// are that know the server's key. NULL, or a pointer to NULL, does nothing.
//
// Errors: EINVAL if it is no handler; the pointer stays as it was then.
void zgossip_auth_destroy(zgossip_auth_t **self_p);

// Allows clients from an address, such as "127.0.0.1".
//
// As soon as one address is allowed, clients from all others are refused. An
// allowed client still has to pass PLAIN or CURVE where the socket uses them.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is NULL or no handler.
int zgossip_auth_allow(zgossip_auth_t *self, const char *address);

// Refuses clients from an address, as long as no address is allowed.
//
// Clients that are connected from there lose their connections to nodes made
// by zgossip_new within seconds, unless zgossip/security/revocation is 0.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is NULL or no handler.
int zgossip_auth_deny(zgossip_auth_t *self, const char *address);

// Accepts clients that use PLAIN and whose name and password are in a file.
//
// Each line of the file is name=password. The file is read again when it
// changes.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is NULL or no handler; ENOENT, EACCES and the
//     like if the file cannot be read. The file is in force all the same: no
//     client passes until it can be read.
int zgossip_auth_plain(zgossip_auth_t *self, const char *filename);

// Accepts clients that use CURVE and whose public certificates are in a
// directory.
//
// zgossip_cert_save_public writes such certificates; files may come and go at
// any time. Who loses a certificate loses connections to nodes made by
// zgossip_new within seconds, unless zgossip/security/revocation is 0. "*" in
// place of a directory accepts every client that knows the server's public
// key.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is NULL or no handler.
int zgossip_auth_curve(zgossip_auth_t *self, const char *directory);

// Turns the logging of every decision on or off; it is off by default.
//
// Returns: 0, or -1.
// Errors: EINVAL if `self` is no handler.
int zgossip_auth_verbose(zgossip_auth_t *self, bool verbose);

// Runs such a handler as an actor with the commands of CZMQ's zauth: pass it
// to zactor_new.
//
// The commands are VERBOSE; ALLOW and DENY, with addresses; PLAIN, with a
// file; CURVE, with a directory or "*". Each is answered by a signal: 0 if it
// was carried out, 1 otherwise (GSSAPI is not supported). `args` is ignored.
//
// Errors: EINVAL or ENOTSOCK if the pipe is NULL or no socket; the function
//     returns at once then.
// Threads: it blocks until $TERM comes.
void zgossip_auth_actor(zsock_t *pipe, void *args);

/*  ----------------------------------------------------------------------------
    Certificates: CURVE keys with metadata, in the files of CZMQ's zcert.

    A certificate may be used by one thread at a time.
    ---------------------------------------------------------------------------- */

// Creates a certificate with a fresh pair of CURVE keys.
//
// Returns: the certificate, which the caller destroys with
//     zgossip_cert_destroy; or NULL.
// Errors: ENOTSUP if libzmq was built without CURVE.
zgossip_cert_t *zgossip_cert_new(void);

// Creates a certificate from binary keys of 32 bytes each.
//
// `secret_key` may be NULL, where only the public key is known.
//
// Returns: the certificate, which the caller destroys with
//     zgossip_cert_destroy; or NULL.
// Errors: EINVAL if the public key is NULL.
zgossip_cert_t *zgossip_cert_new_from(const uint8_t *public_key,
                                      const uint8_t *secret_key);

// Creates a certificate from keys in Z85, 40 characters each.
//
// `secret_txt` may be NULL, where only the public key is known.
//
// Returns: the certificate, which the caller destroys with
//     zgossip_cert_destroy; or NULL.
// Errors: EINVAL if the public key is NULL, or one of the two is no key.
zgossip_cert_t *zgossip_cert_new_from_txt(const char *public_txt, const char *secret_txt);

// Loads a certificate from a file, as CZMQ's zcert.
//
// The file `filename`_secret, which holds both keys, is read if there is one,
// and `filename` otherwise. A warning is logged if others than its owner can
// read a secret key there.
//
// Returns: the certificate, which the caller destroys with
//     zgossip_cert_destroy; or NULL.
// Errors: EINVAL if `filename` is NULL, or neither file is a certificate.
zgossip_cert_t *zgossip_cert_load(const char *filename);

// Destroys a certificate, wipes its secret key, and sets the caller's pointer
// to NULL.
//
// NULL, or a pointer to NULL, does nothing.
//
// Errors: EINVAL if it is no certificate; the pointer stays as it was then.
void zgossip_cert_destroy(zgossip_cert_t **self_p);

// Returns the public key as 32 bytes.
//
// Returns: bytes that belong to the certificate, or NULL.
// Errors: EINVAL if `self` is no certificate.
const uint8_t *zgossip_cert_public_key(const zgossip_cert_t *self);

// Returns the secret key as 32 bytes; all of them are 0 if it is not known.
//
// Returns: bytes that belong to the certificate, or NULL.
// Errors: EINVAL if `self` is no certificate.
const uint8_t *zgossip_cert_secret_key(const zgossip_cert_t *self);

// Returns the public key as 40 characters of Z85.
//
// Returns: a string that belongs to the certificate, or NULL.
// Errors: EINVAL if `self` is no certificate.
const char *zgossip_cert_public_txt(const zgossip_cert_t *self);

// Returns the secret key as 40 characters of Z85; all of them are '0' if it is
// not known.
//
// Returns: a string that belongs to the certificate, or NULL.
// Errors: EINVAL if `self` is no certificate.
const char *zgossip_cert_secret_txt(const zgossip_cert_t *self);

// Sets a metadata item of the certificate, or removes it if `value` is NULL.
//
// Metadata is saved with the certificate. A server that accepts the
// certificate's owner finds it in the messages that it receives
// (zmq_msg_gets).
//
// Returns: 0, or -1.
// Errors: EINVAL if `self` is no certificate or `name` is NULL.
int zgossip_cert_set_meta(zgossip_cert_t *self, const char *name, const char *value);

// Returns the metadata item with a given name.
//
// Returns: a string that belongs to the certificate, valid until an item is
//     set or removed; NULL if there is no such item.
// Errors: EINVAL if `self` is no certificate or `name` is NULL.
const char *zgossip_cert_meta(const zgossip_cert_t *self, const char *name);

// Returns the name of the metadata item with a given number, counted from 0.
//
// Returns: a string that belongs to the certificate, valid until an item is
//     set or removed; NULL if there are fewer items.
// Errors: EINVAL if `self` is no certificate.
const char *zgossip_cert_meta_name(const zgossip_cert_t *self, size_t index);

// Saves the certificate: its public part to `filename`, all of it to
// `filename`_secret.
//
// The second file can be read by its owner only.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is wrong; EACCES and the like if a file cannot
//     be written.
int zgossip_cert_save(const zgossip_cert_t *self, const char *filename);

// Saves the public part of the certificate to `filename`.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is wrong; EACCES and the like if the file
//     cannot be written.
int zgossip_cert_save_public(const zgossip_cert_t *self, const char *filename);

// Saves all of the certificate to `filename`, which only its owner can read.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is wrong; EACCES and the like if the file
//     cannot be written.
int zgossip_cert_save_secret(const zgossip_cert_t *self, const char *filename);

// Copies a certificate with its metadata.
//
// Returns: the copy, which the caller destroys with zgossip_cert_destroy; or
//     NULL.
// Errors: EINVAL if `self` is no certificate.
zgossip_cert_t *zgossip_cert_dup(const zgossip_cert_t *self);

/*  ----------------------------------------------------------------------------
    Commands and messages as strings.

    A command, and a message that a node sends, consists of frames, each a string. Messages are replies to commands, or
    events. DELIVER is always reported, the other events after zgossip_set_events or SET server/events 1.
    ---------------------------------------------------------------------------- */

/*  Commands:                                     Replies:
      $TERM
      ANNOUNCE key value [ttl]
      BIND endpoint
      CONFIGURE file
      CONNECT endpoint [server-key]
      ENDPOINT                                    ENDPOINT [endpoint]
      GET key                                     VALUE key [value]
      KEYS                                        KEYS [key ...]
      LOAD file
      MEMBERS                                     MEMBERS [member ...]
      ORIGIN key                                  ORIGIN key [writer name endpoint written ttl]
      PEERS                                       PEERS [peer ...]
      PORT                                        PORT number
      PUBLISH key value [ttl]
      RECORD [file]
      RETRACT key
      SAVE file
      SET PASSWORD password
      SET PUBLICKEY key
      SET SECRETKEY key
      SET USERNAME name
      SET path value
      STATS                                       STATS [name value ...]
      STATUS                                      STATUS number
      STORE SYNC                                  STORE SYNC number
      UNPUBLISH key
      UNWATCH prefix
      VERBOSE
      WATCH prefix
      ZAP DOMAIN domain

    Events:
      DELIVER key value [before writer name version]
      RETRACT key [value before writer name version]
      EXPIRE key [value before writer name version]
      JOIN endpoint [name id]
      LEAVE endpoint [name id]
      ERROR command reason
      UNREACHABLE endpoint reason
      SYNCED prefix
      MEMBER id name
      GONE id name reason

    The first frame of SET PUBLICKEY, SET SECRETKEY and ZAP DOMAIN holds a space. */

// Sends a command of `count` frames, each a string.
//
//     const char *command [] = { "PUBLISH", "key", "value" };
//     zgossip_send (node, command, 3);
//
// Commands are carried out in the order in which they were sent, and none is
// lost. If very many of them wait, the call waits for room, as long as
// zgossip_set_sndtimeo says. A command that cannot be carried out is reported
// in the node's log, and as an event of kind ZGOSSIP_EVENT_ERROR if
// zgossip_set_events is on.
//
// Returns: 0 once the command is queued, or -1.
// Errors: EINVAL if a frame is NULL or there are no frames, and if the command
//     is malformed: unknown, or with arguments that are missing, too many or
//     not of their kind, which is reported as well; EAGAIN if there
//     was no room in time; EINTR if a signal came first; EMSGSIZE if a frame
//     has 4 GiB or more; EPIPE if the node has ended by $TERM,
//     ETERM (zmq.h) if its libzmq context was terminated.
int zgossip_send(zgossip_t *self, const char *const *frames, size_t count);

// Sends a command of `count` frames that are given with their sizes in bytes.
//
// Frame i begins at frames [i] and has sizes [i] bytes; frames [i] may be NULL
// if that is 0. The rest is as for zgossip_send.
//
// Returns: 0 once the command is queued, or -1.
// Errors: those of zgossip_send.
int zgossip_send_sized(zgossip_t *self,
                       const void *const *frames,
                       const size_t *sizes,
                       size_t count);

// Receives the next message, as an array of strings.
//
//     char **frames = zgossip_recv (node, NULL);
//     if (frames)
//         printf ("%s\n", frames [0]);
//     zgossip_frames_destroy (&frames);
//
// A NULL follows the last string. The number of strings is stored where
// `count_p` points, unless that is NULL. The call waits as long as
// zgossip_set_rcvtimeo says.
//
// Returns: the array, which the caller frees with zgossip_frames_destroy; or
//     NULL.
// Errors: those of zgossip_recv_event.
// Threads: each message is received by one caller.
char **zgossip_recv(zgossip_t *self, size_t *count_p);

// Frees what zgossip_recv returned, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
void zgossip_frames_destroy(char ***frames_p);

// Sets how long calls wait for the node.
//
// `msecs` is in milliseconds; 0 means not to wait, -1, the default, to wait
// for ever. It limits how long zgossip_send waits for room, and how long an
// answered call waits for its answer, the latter being at least one second.
//
// Returns: 0, or -1.
// Errors: EINVAL if `self` is no node or `msecs` is less than -1.
int zgossip_set_sndtimeo(zgossip_t *self, int msecs);
// Sends a command whose frames are the arguments, with a NULL after the last.
//
//     zgossip_sendx (node, "PUBLISH", "key", "value", NULL);
//
// Returns: 0 once the command is queued, or -1.
// Errors: ENOMEM; and those of zgossip_send.
static inline int
    zgossip_sendx (zgossip_t *self, const char *frame, ...) ZGOSSIP_SENTINEL;

// Receives the next message, and sets pointers to copies of its frames.
//
//     char *command, *key, *value;
//     if (zgossip_recvx (node, &command, &key, &value, NULL) > 0) {
//         ...
//         free (command);
//         free (key);
//         free (value);
//     }
//
// The arguments are the addresses of the pointers, with a NULL after the last.
// A pointer for which the message has no frame is set to NULL; frames for which
// there is no pointer are dropped.
//
// Returns: the number of pointers that were set to a string, each of which the
//     caller frees with free; or -1, with all pointers NULL.
// Errors: those of zgossip_recv.
static inline int
    zgossip_recvx (zgossip_t *self, char **frame_p, ...) ZGOSSIP_SENTINEL;

static inline int
zgossip_sendx (zgossip_t *self, const char *frame, ...)
{
    const char *few [8];
    const char **frames = few;
    const char *next;
    size_t count = 0;
    size_t index = 0;
    int rc = -1;
    va_list args;

    va_start (args, frame);
    for (next = frame; next; next = va_arg (args, const char *))
        count++;
    va_end (args);

    if (count > sizeof (few) / sizeof (few [0]))
        frames = (const char **) malloc (count * sizeof (char *));
    if (frames) {
        va_start (args, frame);
        for (next = frame; next; next = va_arg (args, const char *))
            frames [index++] = next;
        va_end (args);
        rc = zgossip_send (self, frames, count);
        if (frames != few)
            free ((void *) frames);
    }
    return rc;
}

static inline int
zgossip_recvx (zgossip_t *self, char **frame_p, ...)
{
    size_t count = 0;
    size_t index = 0;
    int taken = 0;
    char **frames;
    char **next;
    va_list args;

    va_start (args, frame_p);
    for (next = frame_p; next; next = va_arg (args, char **))
        *next = NULL;
    va_end (args);

    frames = zgossip_recv (self, &count);
    if (!frames)
        return -1;

    va_start (args, frame_p);
    for (next = frame_p; next && index < count && taken >= 0; next = va_arg (args, char **)) {
        size_t size = strlen (frames [index]) + 1;
        *next = (char *) malloc (size);
        if (*next) {
            memcpy (*next, frames [index++], size);
            taken++;
        }
        else
            taken = -1;
    }
    va_end (args);

    if (taken < 0) {
        va_start (args, frame_p);
        for (next = frame_p; next; next = va_arg (args, char **)) {
            free (*next);
            *next = NULL;
        }
        va_end (args);
    }
    zgossip_frames_destroy (&frames);
    return taken;
}

/*  ----------------------------------------------------------------------------
    The actor: a node for CZMQ's zactor_new.

    The actor takes the commands above over its pipe, and sends the replies and events there. Programs that include
    <czmq.h> have its declaration from there, and need not include this file; if they do, either may come first.
    ---------------------------------------------------------------------------- */

// Runs a node as an actor of CZMQ: pass it to zactor_new.
//
//     zactor_t *node = zactor_new (zgossip, "myname");
//     zstr_sendx (node, "BIND", "tcp://*:5670", NULL);
//     zstr_sendx (node, "PUBLISH", "key", "value", NULL);
//     zactor_destroy (&node);
//
// `args` prefixes the node's log lines, and peers that use this library are
// told its first 64 bytes: a string in any encoding, or NULL. It is copied
// before the actor signals, so it may be on the caller's stack.
//
// `pipe` may also be a PAIR socket of plain libzmq, cast, in programs that run
// actors without CZMQ; the node's inproc endpoints then live in a context of
// the library. In either case the function sends the eight-byte signal of
// zsock_signal to the pipe as soon as the node takes commands, and returns
// once $TERM has come. It does not close the pipe.
//
// Errors: EINVAL or ENOTSOCK if the pipe is NULL or no socket; the function
//     returns at once then.
// Threads: it blocks until $TERM comes, and is therefore called in a thread of
//     its own.
void zgossip(zsock_t *pipe, void *args);

/*  ----------------------------------------------------------------------------
    Messages of the protocol, for tests and for servers of other kinds.

    The functions are those of CZMQ's zgossip_msg, and report an error where CZMQ's abort. A message may be used by one
    thread at a time.
    ---------------------------------------------------------------------------- */

// Message id, client to server: announces the client, and asks for all tuples.
#define ZGOSSIP_MSG_HELLO 1

// Message id, either way: a tuple, with key, value and time to live.
#define ZGOSSIP_MSG_PUBLISH 2

// Message id, client to server: asks for a ZGOSSIP_MSG_PONG.
#define ZGOSSIP_MSG_PING 3

// Message id, server to client: the answer to ZGOSSIP_MSG_PING.
#define ZGOSSIP_MSG_PONG 4

// Message id, server to client: the server does not know the client, which
// should send ZGOSSIP_MSG_HELLO.
#define ZGOSSIP_MSG_INVALID 5

// Creates a message with id 0, an empty key, no value and no time to live.
//
// Returns: the message, which the caller destroys with zgossip_msg_destroy; or
//     NULL.
zgossip_msg_t *zgossip_msg_new(void);

// Destroys a message, and sets the caller's pointer to NULL.
//
// NULL, or a pointer to NULL, does nothing.
//
// Errors: EINVAL if it is no message; the pointer stays as it was then.
void zgossip_msg_destroy(zgossip_msg_t **self_p);

// Receives a message from a socket.
//
// `input` is a zsock_t, a zactor_t, or a socket of plain libzmq, cast. The
// call waits as long as the socket's own receive time-out says. A message from
// a ROUTER socket keeps the routing id of its sender, so that zgossip_msg_send
// can answer it.
//
// Returns: 0; or -1, with the message unchanged.
// Errors: EPROTO if what came is no message of this protocol (it is dropped
//     then); EAGAIN if nothing came in time; EINTR if a signal came first;
//     ENOTSOCK if `input` is no socket; EINVAL if an argument is NULL or
//     wrong; other errors of libzmq.
int zgossip_msg_recv(zgossip_msg_t *self, zsock_t *input);

// Sends a message to a socket.
//
// `output` is a zsock_t, a zactor_t, or a socket of plain libzmq, cast. The
// message stays the caller's. On a ROUTER socket it is sent to the peer with
// the message's routing id.
//
// Returns: 0, or -1.
// Errors: EINVAL if an argument is NULL or wrong, the id is none of
//     ZGOSSIP_MSG_*, a ZGOSSIP_MSG_PUBLISH has no key, or a message for a
//     ROUTER has no routing id; EAGAIN if the socket did not take it in time;
//     EINTR if a signal came first; ENOTSOCK if `output` is no socket; other
//     errors of libzmq.
int zgossip_msg_send(zgossip_msg_t *self, zsock_t *output);

// Writes a message to the log, line by line, at the level ZGOSSIP_LOG_DEBUG.
//
// It is the log that a new node begins with: see zgossip_set_log.
//
// Errors: EINVAL if `self` is no message.
void zgossip_msg_print(zgossip_msg_t *self);

// Returns the routing id of a message, as a frame of CZMQ.
//
// It is the id with which the message came from a ROUTER socket, or the one
// that was set.
//
// Returns: a frame that belongs to the message, valid until the message is
//     received into, gets another routing id or is destroyed; NULL if there is
//     none.
// Errors: ENOTSUP if CZMQ is not in the process; EINVAL if `self` is no
//     message.
zframe_t *zgossip_msg_routing_id(zgossip_msg_t *self);

// Sets the routing id of a message to a copy of a frame of CZMQ, or removes it
// if that is NULL.
//
// Errors: ENOTSUP if CZMQ is not in the process; EINVAL if `self` is no
//     message. Nothing changes then.
void zgossip_msg_set_routing_id(zgossip_msg_t *self, zframe_t *routing_id);

// Returns the id of a message.
//
// Returns: one of ZGOSSIP_MSG_*, 0 if it was never set; or -1.
// Errors: EINVAL if `self` is no message.
int zgossip_msg_id(zgossip_msg_t *self);

// Sets the id of a message to one of ZGOSSIP_MSG_*.
//
// Errors: EINVAL if `self` is no message.
void zgossip_msg_set_id(zgossip_msg_t *self, int id);

// Returns the id of a message as text.
//
// Returns: "HELLO", "PUBLISH", "PING", "PONG", "INVALID", or "?" for any other
//     id, each a constant; or NULL.
// Errors: EINVAL if `self` is no message.
const char *zgossip_msg_command(zgossip_msg_t *self);

// Returns the key of a message, "" if it was never set.
//
// Returns: a string that belongs to the message, valid until the key is set,
//     or the message is received into or destroyed; or NULL.
// Errors: EINVAL if `self` is no message.
const char *zgossip_msg_key(zgossip_msg_t *self);

// Sets the key of a message to a copy of a string of at most 255 bytes.
//
// Errors: EINVAL if the string is longer, or an argument is NULL or wrong.
//     Nothing changes then.
void zgossip_msg_set_key(zgossip_msg_t *self, const char *key);

// Returns the value of a message, NULL if it was never set.
//
// Returns: a string that belongs to the message, valid until the value is set,
//     or the message is received into or destroyed; or NULL.
// Errors: EINVAL if `self` is no message.
const char *zgossip_msg_value(zgossip_msg_t *self);

// Sets the value of a message to a copy of a string.
//
// Errors: EINVAL if an argument is NULL or wrong. Nothing changes then.
void zgossip_msg_set_value(zgossip_msg_t *self, const char *value);

// Returns the time to live of a message, in milliseconds; 0 means for ever.
//
// Returns: the milliseconds, or 0.
// Errors: EINVAL if `self` is no message.
uint32_t zgossip_msg_ttl(zgossip_msg_t *self);

// Sets the time to live of a message, in milliseconds; 0 means for ever.
//
// Errors: EINVAL if `self` is no message.
void zgossip_msg_set_ttl(zgossip_msg_t *self, uint32_t ttl);

/*  ----------------------------------------------------------------------------
    The library: its version and its memory.
    ---------------------------------------------------------------------------- */

// Version of this header; zgossip_version returns the library's.
#define ZGOSSIP_VERSION_MAJOR 1

// Second number of the version of this header.
#define ZGOSSIP_VERSION_MINOR 0

// Third number of the version of this header.
#define ZGOSSIP_VERSION_PATCH 0

// Stores the version of the library in three numbers; each argument may be
// NULL.
void zgossip_version(int *major, int *minor, int *patch);

// Frees a string that the library returned.
//
// It is the C library's free, for programs in other languages. NULL does
// nothing.
void zgossip_free(void *memory);

/*  ----------------------------------------------------------------------------
    Self tests, in the form of CZMQ's.
    ---------------------------------------------------------------------------- */

// Tests the node: prints " * zgossip: OK", or aborts the process.
//
// It says on the standard error stream what failed, as the self tests of CZMQ
// do. It takes about a second, opens TCP ports on 127.0.0.1, and writes a file
// to the directory for temporary files.
void zgossip_test(bool verbose);

// Tests the message class: prints " * zgossip_msg: OK", or aborts the process.
//
// It says on the standard error stream what failed.
void zgossip_msg_test(bool verbose);

#ifdef __cplusplus
}
#endif

#endif
