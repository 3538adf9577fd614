/*  zgossip - decentralised configuration: nodes that publish key/value tuples and all come to hold all of them

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  Made from src/ffi by `make header`: edit there.

    Three interfaces in one file; take one of them:

    * zgossip: an actor for CZMQ's zactor_new, with CZMQ's own zgossip's commands. Programs that include <czmq.h> have
      its declaration already and need not include this file; where they do, either may come first.
    * zgossip_new and what takes a zgossip_t: a node without CZMQ. It takes the same commands (zgossip_send), and calls
      with arguments and results of their own (zgossip_bind, zgossip_publish, ...), in any mixture.
    * zgossip_msg_new and what takes a zgossip_msg_t: single messages of the protocol, for tests and other servers.

    Beside all of them: zgossip_auth_new decides who may connect, and zgossip_cert_new makes keys.

    Commands and replies are messages of string frames. Strings are NUL-terminated bytes in any encoding.

    Commands:                                     Replies, and what comes unasked:
      BIND endpoint
      PORT                                          PORT number
      CONNECT endpoint [server-public-key]
      PUBLISH key value [ttl-milliseconds]          DELIVER key value (this node's own, too)
      UNPUBLISH key
      RETRACT key
      STATUS                                        STATUS number
      GET key                                       VALUE key [value]
      KEYS                                          KEYS [key ...]
      STATS                                         STATS [name value ...]
      LOAD file (or CONFIGURE file)
      SET path value
      SAVE file
      RECORD [file]
      SET PUBLICKEY key                             (of this and the next two, the first frame has a space in it)
      SET SECRETKEY key
      ZAP DOMAIN domain
      VERBOSE
      $TERM

    After SET server/events 1, these come unasked too: RETRACT key, EXPIRE key, JOIN endpoint, LEAVE endpoint,
    UNREACHABLE endpoint reason, and ERROR command reason. While a program does not read, one DELIVER for each key waits, with its newest value.

    Unless a function says otherwise: a function that fails returns -1 or NULL and sets errno; one that succeeds leaves
    errno alone. A pointer that is NULL, of another kind or destroyed is refused with EINVAL where that can be seen.
    Strings given to a function are copied. ENOTRECOVERABLE means that the library itself failed inside that call. */

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

// The version of this header; zgossip_version tells the library's.
#define ZGOSSIP_VERSION_MAJOR 1

// See ZGOSSIP_VERSION_MAJOR.
#define ZGOSSIP_VERSION_MINOR 0

// See ZGOSSIP_VERSION_MAJOR.
#define ZGOSSIP_VERSION_PATCH 0

// A key has a new value.
#define ZGOSSIP_EVENT_DELIVER 1

// A key was withdrawn from the network.
#define ZGOSSIP_EVENT_RETRACT 2

// A key's time to live ran out.
#define ZGOSSIP_EVENT_EXPIRE 3

// A peer has come; key: its endpoint or address.
#define ZGOSSIP_EVENT_JOIN 4

// A peer has gone; key: its endpoint or address.
#define ZGOSSIP_EVENT_LEAVE 5

// A command was refused; key: its name, value: the reason.
#define ZGOSSIP_EVENT_ERROR 6

// There is no connection to a peer; key: its endpoint, value: why, as far as
// is known. Said after 3 seconds, and rarely again.
#define ZGOSSIP_EVENT_UNREACHABLE 8

// A reply to a command of frames, which only those get that send some.
#define ZGOSSIP_EVENT_REPLY 7

// Log level: something that was asked for is impossible.
#define ZGOSSIP_LOG_ERROR 1

// Log level: something was refused or went wrong; the node goes on.
#define ZGOSSIP_LOG_WARNING 2

// Log level: something normal that who runs the program will want to see.
#define ZGOSSIP_LOG_NOTICE 3

// Log level: something normal.
#define ZGOSSIP_LOG_INFO 4

// Log level: what happens inside, after zgossip_set (node, "server/verbose", "1") alone.
#define ZGOSSIP_LOG_DEBUG 5

// Client to server: the client is there, and wants all tuples.
#define ZGOSSIP_MSG_HELLO 1

// Either way: a tuple, with key, value and ttl.
#define ZGOSSIP_MSG_PUBLISH 2

// Client to server: is the server there?
#define ZGOSSIP_MSG_PING 3

// Server to client: the server is there.
#define ZGOSSIP_MSG_PONG 4

// Server to client: the server does not know the client, which should say HELLO.
#define ZGOSSIP_MSG_INVALID 5

// A tuple in what zgossip_tuples returns.
typedef struct {
    // The key, a string; NULL behind the last tuple.
    const char *key;
    // Its size without the NUL.
    size_t key_size;
    // The value, a string.
    const char *value;
    // Its size without the NUL.
    size_t value_size;
} zgossip_tuple_t;

// A received message. Later versions may have more, at the end.
typedef struct {
    // One of ZGOSSIP_EVENT_*, or a number that this version does not know.
    int kind;
    // How many frames there are.
    size_t count;
    // The frames as zgossip_recv returns them; a NULL after the last.
    const char *const *frames;
    // Their sizes without the NUL that ends each.
    const size_t *sizes;
    // The second frame, NULL if there is none.
    const char *key;
    // Its size.
    size_t key_size;
    // The third frame, NULL if there is none.
    const char *value;
    // Its size.
    size_t value_size;
} zgossip_event_t;

// A function that takes log lines: the pointer that came with it, one of
// ZGOSSIP_LOG_*, and the line, without an end, valid during the call.
typedef void (*zgossip_log_fn)(void *arg, int level, const char *text);

// What a node does, in numbers. Later versions may have more of them, at the
// end.
typedef struct {
    // Tuples held.
    uint64_t tuples;
    // Removed keys that are remembered.
    uint64_t tombstones;
    // Peers that speak no more than CZMQ's zgossip does.
    uint64_t links_plain;
    // Peers that speak more.
    uint64_t links_extended;
    // Peers that are not connected, or have not shown yet what they speak.
    uint64_t links_other;
    // Messages received from peers.
    uint64_t frames_in;
    // Messages sent to peers.
    uint64_t frames_out;
    // Bytes of the messages received.
    uint64_t bytes_in;
    // Bytes of the messages sent.
    uint64_t bytes_out;
    // Tuples sent.
    uint64_t tuples_out;
    // Tuples received that were known.
    uint64_t duplicates;
    // Messages that were none of this protocol.
    uint64_t malformed;
    // Tuples received and refused, for a limit or a time stamp in the future.
    uint64_t refused;
    // Tuples that wait for slow peers, once for each.
    uint64_t owed;
    // As zgossip_digest says.
    uint64_t root;
} zgossip_stats_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Store the library's version where the arguments point; any of them may be
// NULL. Any thread may call it at any time.
void zgossip_version(int *major, int *minor, int *patch);

// The gossip actor. Pass it to zactor_new, and talk to it with zstr_sendx,
// zstr_recvx and their like:
//
//     zactor_t *node = zactor_new (zgossip, "myname");
//     zstr_sendx (node, "BIND", "tcp://*:5670", NULL);
//     zstr_sendx (node, "PUBLISH", "key", "value", NULL);
//     zactor_destroy (&node);
//
// The second argument is a log prefix, or NULL; it is copied before the
// actor signals, so it may be a buffer on the stack, and it may be in any
// encoding.
//
// The pipe may also be a plain libzmq PAIR socket, for programs that make
// actors by themselves: then the node's inproc endpoints are in a context
// of the library's own. Either way the function sends the eight-byte
// signal of zsock_signal to the pipe as soon as the node takes commands, and
// returns once $TERM has come. It does not close the pipe. If the pipe is
// NULL or no socket, it returns at once, with errno EINVAL or ENOTSOCK.
//
// Not to be called in a thread that has other things to do: it blocks.
void zgossip(zsock_t *pipe, void *args);

// Test this class: prints " * zgossip: OK" when all is well. Otherwise it
// says on stderr what failed, and aborts the process, as CZMQ's self tests
// do. It takes about a second, opens TCP ports on 127.0.0.1, and writes one
// file to the directory for temporary files.
void zgossip_test(bool verbose);

// Test the message class: prints " * zgossip_msg: OK", or aborts, as
// zgossip_test does.
void zgossip_msg_test(bool verbose);

// What an errno means, as a text for people. If it is the errno of this
// thread's last call to this library that failed, the text says what exactly
// was wrong:
//
//     if (zgossip_connect (node, endpoint, NULL) == -1)
//         fprintf (stderr, "%s\n", zgossip_strerror (errno));
//
// The text is the library's, and valid until the same thread calls this
// function again.
const char *zgossip_strerror(int errnum);

// Create a node. The name is a prefix for its log lines, in any encoding, or
// NULL. The node has one thread of its own, in which it takes commands from
// now on, and which takes none of the process's signals. Any thread may call the functions below on it at any time, several
// threads at the same time too. inproc endpoints are shared by all nodes made
// here, and by them alone. The caller destroys the node with zgossip_destroy.
// A child that the process forks can make nodes of its own, but not use those
// of its parent: they fail with errno EPIPE there, except zgossip_destroy.
// Returns NULL with errno set if there is no memory, thread or descriptor
// for it.
zgossip_t *zgossip_new(const char *name);

// Create a node whose sockets are in a libzmq context of the program's own,
// made by zmq_ctx_new (or taken from CZMQ or another library): its inproc
// endpoints are shared with the program's sockets there. The context stays
// the program's, which destroys the node before it ends the context.
// Otherwise as zgossip_new. Returns NULL with errno EINVAL if the context is
// NULL or none.
zgossip_t *zgossip_new_in(const char *name, void *context);

// The libzmq context that the node's sockets are in: sockets that the program
// makes in it share the node's inproc endpoints. It must not be ended, unless
// it is the program's own. Returns NULL with errno EINVAL if it is no node.
void *zgossip_context(zgossip_t *self);

// Destroy a node, and set the caller's pointer to NULL. It returns soon,
// whatever the node's peers do; what was published just before still reaches
// the peers that are connected. Messages that were not received are lost.
// Calls that wait inside zgossip_recv or zgossip_send in other threads return
// with errno EPIPE. The node's descriptor is closed. Nothing happens if either
// pointer is NULL already. If it does not point to a node, or to one that is
// destroyed, it is left alone, and errno is EINVAL; it is also left alone, with
// EDEADLK, in a function that was given to zgossip_set_log.
void zgossip_destroy(zgossip_t **self_p);

// Accept peers at an endpoint: tcp://*:5670, tcp://127.0.0.1:* (any port that
// is free), ipc:///path, inproc://name. A node may be bound to several.
// Returns the TCP port, 0 for other transports; or -1 with errno EINVAL if an
// argument is NULL or wrong, EADDRINUSE, EADDRNOTAVAIL, EACCES if keys or a
// mechanism are set and cannot be used (it is never bound without them), or
// what else libzmq says.
//
// This and all calls below that have an answer are carried out after all that
// was asked of the node before, by any thread, and after the messages that
// this led to can be received. They wait for that as long as
// zgossip_set_sndtimeo says, and fail with errno EAGAIN, nothing having been
// done, if that is too short; with EPIPE if the node ends meanwhile or has
// ended; with EDEADLK in a function that was given to zgossip_set_log, for
// that runs in the node's own thread. zgossip_strerror tells more.
int zgossip_bind(zgossip_t *self, const char *endpoint);

// Accept no more peers at an endpoint: as it was given to zgossip_bind, or
// with the port that this returned instead of its *. Peers that came by it are
// cut off, and are let in at other endpoints. Returns 0;
// or -1 with errno ENOENT if it is not bound, or as zgossip_bind.
int zgossip_unbind(zgossip_t *self, const char *endpoint);

// Connect to the peer that is bound to an endpoint, now or later: the node
// goes on trying, and connects again whenever the connection is lost. The
// second argument is the peer's public key (40 characters), for an encrypted
// connection, or NULL; the node uses its own keys then, or fresh ones if it
// has none. Returns 0 once the attempt has begun; or -1 with errno EINVAL if
// an argument is NULL or wrong, EACCES if keys cannot be used (it never
// connects in clear then), or what else libzmq says.
int zgossip_connect(zgossip_t *self, const char *endpoint, const char *server_key);

// Take back a zgossip_connect to the same endpoint. What the peer has said
// stays. Returns 0; or -1 with errno ENOENT if there is no such connection,
// or as zgossip_connect.
int zgossip_disconnect(zgossip_t *self, const char *endpoint);

// Set the node's key pair (CURVE; 40 characters each, as from
// zmq_curve_keypair) for the zgossip_bind and zgossip_connect that follow:
// what is bound then accepts encrypted connections alone. The pair is checked
// when it is used. The library wipes its copies of the secret key. Returns 0;
// or -1 with errno EINVAL if an argument is NULL.
int zgossip_set_keys(zgossip_t *self, const char *public_key, const char *secret_key);

// Set the domain that is told to who decides about clients (by ZAP), for the
// zgossip_bind that follow; "" for the usual one, "global". Returns 0; or -1
// with errno EINVAL if an argument is NULL, or the domain longer than 255
// bytes.
int zgossip_set_zap_domain(zgossip_t *self, const char *domain);

// Publish a tuple: every node gets it, this one too. A key is a string of 1 to
// 255 bytes, a value one of any length up to server/max_value, 16 MiB unless
// set. The call does not wait for the node: it returns 0 once the tuple is on
// its way there, before whatever is asked of the node later; or -1 with errno
// EINVAL if an argument is NULL or the key cannot be one, EMSGSIZE if the
// value is too long, EAGAIN, EINTR or EPIPE as zgossip_send. If the node has
// no room for a further key (server/max_tuples), that is logged, and an event
// where these are on.
int zgossip_publish(zgossip_t *self, const char *key, const char *value);

// Publish a tuple that expires, everywhere, after so many milliseconds (0:
// never), unless it is published again before. Otherwise as zgossip_publish.
int zgossip_publish_ttl(zgossip_t *self,
                        const char *key,
                        const char *value,
                        uint32_t msecs);

// As zgossip_publish_ttl, with strings that need not end with a NUL. They must
// not hold one: EINVAL.
int zgossip_publish_sized(zgossip_t *self,
                          const void *key,
                          size_t key_size,
                          const void *value,
                          size_t value_size,
                          uint32_t msecs);

// Withdraw a tuple from the whole network, whoever has published it. Returns 1
// if this node held it, 0 if it did not: it is removed all the same where it
// is held, now or when a cut ends; or -1 with errno EINVAL if an argument is
// NULL or the key cannot be one.
int zgossip_retract(zgossip_t *self, const char *key);

// As zgossip_retract, with a string that need not end with a NUL.
int zgossip_retract_sized(zgossip_t *self, const void *key, size_t key_size);

// Forget a tuple on this node alone; others keep it. It comes back when it is
// published anew, even with the same value. Returns as zgossip_retract.
int zgossip_unpublish(zgossip_t *self, const char *key);

// As zgossip_unpublish, with a string that need not end with a NUL.
int zgossip_unpublish_sized(zgossip_t *self, const void *key, size_t key_size);

// The value of a key: a string that the caller frees with free() or
// zgossip_free. Returns NULL with errno ENOENT if the key has none; EINVAL if
// an argument is NULL or the key cannot be one; ENOMEM.
char *zgossip_get(zgossip_t *self, const char *key);

// As zgossip_get, with a key that need not end with a NUL. The value's size is
// stored where size_p points, unless that is NULL.
char *zgossip_get_sized(zgossip_t *self,
                        const void *key,
                        size_t key_size,
                        size_t *size_p);

// How many tuples the node holds; or -1 with errno EINVAL if it is no node.
int64_t zgossip_count(zgossip_t *self);

// All tuples, as they were at one moment, in the order of their keys' bytes:
//
//     zgossip_tuple_t *tuples = zgossip_tuples (node, NULL);
//     for (zgossip_tuple_t *tuple = tuples; tuple && tuple->key; tuple++)
//         printf ("%s=%s\n", tuple->key, tuple->value);
//     zgossip_tuples_destroy (&tuples);
//
// Their number is stored where count_p points, unless that is NULL; a tuple
// whose key is NULL follows the last. The caller destroys the whole with
// zgossip_tuples_destroy. Returns NULL with errno EINVAL if it is no node, or
// ENOMEM.
zgossip_tuple_t *zgossip_tuples(zgossip_t *self, size_t *count_p);

// Destroy what zgossip_tuples returned, and set the caller's pointer to NULL.
// Nothing happens if either pointer is NULL already.
void zgossip_tuples_destroy(zgossip_tuple_t **tuples_p);

// Free memory that this library allocated for the program: the same as free(),
// for programs in other languages. NULL: nothing.
void zgossip_free(void *memory);

// Receive the next message as a structure, which the caller destroys with
// zgossip_event_destroy. Otherwise as zgossip_recv; both may be used.
zgossip_event_t *zgossip_recv_event(zgossip_t *self);

// Destroy an event, and set the caller's pointer to NULL. Nothing happens if
// either pointer is NULL already.
void zgossip_event_destroy(zgossip_event_t **self_p);

// Let the node also tell of what was removed, who comes and goes, who cannot
// be reached, and which commands were refused: RETRACT, EXPIRE, JOIN, LEAVE,
// UNREACHABLE and ERROR can be received from then on, or no more. The same as zgossip_set (self,
// "server/events", on? "1": "0"); zgossip_load sets it as the file says.
// Returns 0; or -1 with errno EINVAL if it is no node.
int zgossip_set_events(zgossip_t *self,
                       bool on);

// Set how many milliseconds zgossip_recv waits for a message: 0 not at all,
// -1 (as at first) as long as it takes. Returns 0; or -1 with errno EINVAL if
// it is no node or the number less than -1.
int zgossip_set_rcvtimeo(zgossip_t *self, int msecs);

// A descriptor for poll, epoll and event loops, that is readable exactly
// while a message waits to be received, and once the node has ended, by
// $TERM. It is level-triggered: receiving is all that is needed. It stays the
// node's: do not read from it or close it.
// Returns -1 with errno EINVAL if it is no node, EMFILE or ENFILE if there
// are no more descriptors.
int zgossip_fd(zgossip_t *self);

// Wait until the node holds count tuples or more: msecs milliseconds at most,
// 0 to look once, -1 as long as it takes. Returns 0; or -1 with errno EAGAIN
// if they were not there in time, EINTR if a signal came first, EINVAL if it
// is no node or the time-out less than -1, EPIPE if the node ends.
int zgossip_wait_count(zgossip_t *self, size_t count, int msecs);

// Wait until a key has a value; otherwise as zgossip_wait_count. A key that
// cannot be is EINVAL.
int zgossip_wait_key(zgossip_t *self, const char *name, int msecs);

// Wait until the node agrees with its peers: every peer that it is to connect
// to, and every one that is connected to it, has taken what the node holds;
// at least as many of them as the second argument says have said, since this
// call, that they hold exactly what the node does (removals included); and
// none has said anything else. Peers with CZMQ's own zgossip, and others that
// speak no more than that, cannot say what they hold, and are not counted
// among those that agree. Returns how many agree; or -1 with errno EAGAIN if
// that was not so in time, or as zgossip_wait_count. A network in which
// something is always being published never agrees for long: this may
// see it or not.
int zgossip_wait_agreement(zgossip_t *self, size_t peers, int msecs);

// Wait until what was published before reaches the peers, so that the program
// may end: every peer that the node is to connect to, connected or not, and
// every one that is connected to it. A peer has everything when
//
// * it has answered a question that was sent behind it, if it is a node of
//   this library, or CZMQ's zgossip that this node connected to. It may have
//   refused a tuple for a limit of its own;
// * if it is CZMQ's zgossip and connected to this node: the network has been
//   given everything. Such a peer answers nothing. What is on its way still
//   arrives after zgossip_destroy, if that takes less than a quarter of a
//   second.
//
// What peers pass on to others is their affair. Peers that go away are not
// waited for, those that the node is to connect to are. Time-out and errors
// as in zgossip_wait_count. Returns the number of peers, 0 if there are none.
int zgossip_flush(zgossip_t *self, int msecs);

// Replace the configuration by that of a file, bind to what it says, and read
// it again whenever it changes. Returns 0; or -1, nothing being changed, with
// errno EINVAL if an argument is NULL or the file is not written as it has to
// be, ENOENT and the like if it cannot be read. Items that cannot be what they
// are, and endpoints that cannot be bound, are logged only.
int zgossip_load(zgossip_t *self, const char *file);

// Set an item of the configuration, such as "server/timeout", to a value; an
// empty one is as if it were not set. Returns 0; or -1 with errno EINVAL if an
// argument is NULL, the path is not made of names, or the item cannot have
// that value.
int zgossip_set(zgossip_t *self, const char *path, const char *value);

// Write the configuration to a file, from which zgossip_load reads it again.
// The file has either its old content or all of the new. Returns 0; or -1 with
// errno EINVAL if an argument is NULL, EACCES and the like if the file cannot
// be written.
int zgossip_save(zgossip_t *self, const char *file);

// Record in a file what the node is told from now on, and when: commands,
// messages of peers, connections, time. What went wrong in the field can then
// be replayed elsewhere, exactly if nothing had been published, bound or
// connected before. Keys and passwords are not in the file; the values of
// tuples are. The file is made anew, readable for its owner only; a record
// that is there already, or one that has grown too long ("server/record_size")
// is renamed to file.1. NULL ends the record. Returns 0; or -1, nothing being
// changed, with errno EINVAL if the first argument is no node, EEXIST if the
// file is there and is no record, EAGAIN if another node records in it, ENOENT,
// EACCES and the like if it cannot be made.
int zgossip_record(zgossip_t *self, const char *file);

// Let the node give its log lines to a function, with the third argument;
// NULL: to CZMQ's log or stderr again, as at first. The function runs in the
// node's thread, one line at a time, and should return soon. It may use the
// node for what needs no answer; a call that has to wait for the node fails
// with EDEADLK there. Once this call has returned, the function that was set
// before is not running, and not called again; the last one may be called
// until zgossip_destroy has returned. Returns 0; or -1 with errno EINVAL if it
// is no node, or as zgossip_bind.
int zgossip_set_log(zgossip_t *self, zgossip_log_fn function, void *arg);

// Store the node's numbers where the second argument points. The third is the
// size of what is there, so that programs and libraries of different versions
// get along: numbers that it has no room for are left out, those that the
// library does not know are 0.
//
//     zgossip_stats_t stats;
//     zgossip_stats (node, &stats, sizeof (stats));
//
// Returns 0; or -1 with errno EINVAL if an argument is NULL or the size 0.
int zgossip_stats(zgossip_t *self, zgossip_stats_t *stats, size_t size);

// Store a number where the second argument points that sums up all the node
// holds, removed keys included: two nodes for which it is equal hold the same
// (nodes of this library; unless somebody forged it: it is no cryptographic
// hash). Returns 0; or -1 with errno EINVAL if an argument is NULL.
int zgossip_digest(zgossip_t *self, uint64_t *digest_p);

// Send a command of count frames, each a string:
//
//     const char *command [] = { "PUBLISH", "key", "value" };
//     zgossip_send (node, command, 3);
//
// Commands are taken in the order in which they are sent, and are never
// lost; if very many of them wait, the call waits for room as long as
// zgossip_set_sndtimeo says. Whether a command made sense the node says in
// its log. Returns 0; or -1 with errno EINVAL if an argument or one of the
// frames is NULL or there are no frames; EAGAIN if there was no room in time;
// EINTR if a signal came first; EMSGSIZE if a frame has 4 GiB or more; EPIPE
// if the node has ended, by $TERM.
int zgossip_send(zgossip_t *self, const char *const *frames, size_t count);

// Send a command of count frames that are not NUL-terminated: frame i begins
// at frames [i] and has sizes [i] bytes; it may be NULL if it has none.
// Otherwise as zgossip_send.
int zgossip_send_sized(zgossip_t *self,
                       const void *const *frames,
                       const size_t *sizes,
                       size_t count);

// Receive the next message: an array of strings with a NULL after the last.
// Their number is stored where count_p points, unless that is NULL. The
// caller frees the whole with zgossip_frames_destroy:
//
//     char **frames = zgossip_recv (node, NULL);
//     if (frames)
//         printf ("%s\n", frames [0]);
//     zgossip_frames_destroy (&frames);
//
// It waits as long as zgossip_set_rcvtimeo says. Each message is received by
// one caller. Returns NULL, with errno EINVAL if it is no node; EAGAIN if
// nothing came in time; EINTR if a signal came first; EPIPE if the node has
// ended, by $TERM, and no message is left; ENOMEM.
char **zgossip_recv(zgossip_t *self, size_t *count_p);

// Free what zgossip_recv returned, and set the caller's pointer to NULL.
// Nothing happens if either pointer is NULL already.
void zgossip_frames_destroy(char ***frames_p);

// Set how many milliseconds zgossip_send waits for room: 0 not at all, -1 (as
// at first) as long as it takes. Calls that have an answer wait for that, too,
// and for a second at least. Returns 0; or -1 with errno EINVAL if it is no
// node or the number less than -1.
int zgossip_set_sndtimeo(zgossip_t *self, int msecs);

// Decide from now on who may connect to the sockets of a libzmq context that
// have a ZAP domain or are CURVE or PLAIN servers: zmq_ctx_new's, zsys_init's,
// or NULL for that of all nodes made by zgossip_new. At first everyone may
// with NULL, and nobody with PLAIN or CURVE:
//
//     zgossip_auth_t *auth = zgossip_auth_new (NULL);
//     zgossip_auth_curve (auth, "/etc/myapp/clients");
//
// A context has one such handler; CZMQ's zauth is one too. Any thread may
// call the functions below at any time, until one calls zgossip_auth_destroy.
// Returns NULL with errno EADDRINUSE if the context has a handler already, or
// what else libzmq says.
zgossip_auth_t *zgossip_auth_new(void *context);

// End it, and set the caller's pointer to NULL. From then on libzmq lets
// everybody in. Nothing happens if either pointer is NULL already. If it
// does not point to one, it is left alone, and errno is EINVAL.
void zgossip_auth_destroy(zgossip_auth_t **self_p);

// Let clients from an address ("127.0.0.1") go on to authentication, and from
// no other that is not allowed too. Returns 0, or -1 with errno EINVAL if an
// argument is wrong.
int zgossip_auth_allow(zgossip_auth_t *self, const char *address);

// Refuse clients from an address, which counts as long as none is allowed.
// Returns 0, or -1 with errno EINVAL if an argument is wrong.
int zgossip_auth_deny(zgossip_auth_t *self, const char *address);

// Let those in by PLAIN whose name and password are in a file, a
// name=password on each line. The file is read again when it changes.
// Returns 0; or -1 with errno EINVAL if an argument is wrong, or that of
// reading the file: it is in force all the same, and nobody gets in until it
// can be read.
int zgossip_auth_plain(zgossip_auth_t *self, const char *filename);

// Let those in by CURVE whose certificates (zgossip_cert_save_public) are in
// a directory; they may come and go. "*" lets everyone in who knows the
// server's key. Returns 0, or -1 with errno EINVAL if an argument is wrong.
int zgossip_auth_curve(zgossip_auth_t *self, const char *directory);

// Log every decision, or do not, as at first. Returns 0, or -1 with errno
// EINVAL if it is no zgossip_auth_t.
int zgossip_auth_verbose(zgossip_auth_t *self, bool verbose);

// The same as an actor, with the commands of CZMQ's zauth: pass it to
// zactor_new. VERBOSE; ALLOW and DENY with addresses; PLAIN with a file; CURVE
// with a directory or "*". Each is answered by a signal, of status 0 where
// it was carried out, else 1: GSSAPI is not supported. The second argument
// is ignored. If the pipe is NULL or no socket, it returns at once, with
// errno EINVAL or ENOTSOCK.
void zgossip_auth_actor(zsock_t *pipe, void *args);

// Create a certificate with a fresh pair of keys for CURVE. A certificate is
// for one thread at a time. The caller destroys it with zgossip_cert_destroy.
// Returns NULL with errno ENOTSUP if libzmq has no CURVE.
zgossip_cert_t *zgossip_cert_new(void);

// Create a certificate with these keys of 32 bytes; the secret key may be
// NULL. Returns NULL with errno EINVAL if the public key is NULL.
zgossip_cert_t *zgossip_cert_new_from(const uint8_t *public_key,
                                      const uint8_t *secret_key);

// Create a certificate with these keys, each 40 characters of Z85; the
// secret key may be NULL. Returns NULL with errno EINVAL if one is no key.
zgossip_cert_t *zgossip_cert_new_from_txt(const char *public_txt, const char *secret_txt);

// Load a certificate: filename_secret where there is such a file, which has
// both keys; else filename. CZMQ's zcert writes such files too. Returns NULL
// with errno EINVAL if filename is NULL, or if there is no certificate there:
// zgossip_strerror tells why.
zgossip_cert_t *zgossip_cert_load(const char *filename);

// Destroy a certificate, and set the caller's pointer to NULL; its secret
// key is wiped. Nothing happens if either pointer is NULL already. If it
// does not point to a certificate, it is left alone, and errno is EINVAL.
void zgossip_cert_destroy(zgossip_cert_t **self_p);

// The public key, 32 bytes that stay the certificate's. NULL: errno EINVAL.
const uint8_t *zgossip_cert_public_key(const zgossip_cert_t *self);

// The secret key, 32 bytes that stay the certificate's, all of them zero
// where it is not known. NULL: errno EINVAL.
const uint8_t *zgossip_cert_secret_key(const zgossip_cert_t *self);

// The public key in Z85; it stays the certificate's. NULL: errno EINVAL.
const char *zgossip_cert_public_txt(const zgossip_cert_t *self);

// The secret key in Z85, 40 zeros where it is not known; it stays the
// certificate's. NULL: errno EINVAL.
const char *zgossip_cert_secret_txt(const zgossip_cert_t *self);

// Say something about the certificate's owner: set what stands under a name,
// or take it away where value is NULL. It is saved with the certificate, and
// a server that admits its owner finds it in the messages it receives
// (zmq_msg_gets). Returns 0; or -1 with errno EINVAL if an argument is
// wrong.
int zgossip_cert_set_meta(zgossip_cert_t *self, const char *name, const char *value);

// What stands under a name, or NULL; it stays the certificate's, and valid
// until anything is said about it.
const char *zgossip_cert_meta(const zgossip_cert_t *self, const char *name);

// The name of the item with this number, from 0; or NULL. It stays valid as
// what zgossip_cert_meta returns.
const char *zgossip_cert_meta_name(const zgossip_cert_t *self, size_t index);

// Save the certificate: what is public to filename, and everything, for its
// owner alone, to filename_secret. Returns 0, or -1 with errno.
int zgossip_cert_save(const zgossip_cert_t *self, const char *filename);

// Save what is public to filename. Returns 0, or -1 with errno.
int zgossip_cert_save_public(const zgossip_cert_t *self, const char *filename);

// Save everything to filename, which only its owner can read then. Returns
// 0, or -1 with errno.
int zgossip_cert_save_secret(const zgossip_cert_t *self, const char *filename);

// A copy, with what was said about it. NULL, errno EINVAL if there is none.
zgossip_cert_t *zgossip_cert_dup(const zgossip_cert_t *self);

// Create a message: id 0, empty key, no value, ttl 0. A message is for one
// thread at a time. The caller destroys it with zgossip_msg_destroy.
// Returns NULL, with errno set, if that was not possible.
zgossip_msg_t *zgossip_msg_new(void);

// Destroy a message, and set the caller's pointer to NULL. Nothing happens
// if either pointer is NULL already. If it does not point to a message,
// it is left alone, and errno is EINVAL.
void zgossip_msg_destroy(zgossip_msg_t **self_p);

// Receive a message from a socket: a zsock_t, a zactor_t, or a socket of
// plain libzmq, cast. It waits as long as the socket's receive time-out says.
// From a ROUTER, the sender's routing id is kept with the message, and
// zgossip_msg_send gives it back. Returns 0; or -1, the message being
// unchanged, with errno
// EPROTO if what came is not a message of this protocol (it is gone then),
// EAGAIN if nothing came in time, EINTR if a signal came first, EINVAL if an
// argument is NULL or wrong, ENOTSOCK if it is no socket, or what else
// libzmq says.
int zgossip_msg_recv(zgossip_msg_t *self, zsock_t *input);

// Send a message to a socket: a zsock_t, a zactor_t, or a socket of plain
// libzmq, cast. The message stays the caller's. To a ROUTER, the message's
// routing id goes in front. Returns 0; or -1 with errno EINVAL if an argument
// is NULL or wrong, if the message's id is none of ZGOSSIP_MSG_*, if it is a
// PUBLISH without a key, or if a ROUTER is to send it and it has no routing
// id; EAGAIN if the socket did not take it in time, EINTR if a signal came
// first, ENOTSOCK if it is no socket, or what else libzmq says.
int zgossip_msg_send(zgossip_msg_t *self, zsock_t *output);

// Write the message to CZMQ's log, or to stderr where there is no CZMQ, line
// by line, at the level of debugging. NULL: nothing, errno EINVAL.
void zgossip_msg_print(zgossip_msg_t *self);

// The routing id with which the message came from a ROUTER, or which was
// set; it stays the message's, and valid until the message is received into,
// gets another routing id or is destroyed. Returns NULL if there is none;
// also, with errno ENOTSUP, if CZMQ is not in the process, and, with errno
// EINVAL, if the message is NULL.
zframe_t *zgossip_msg_routing_id(zgossip_msg_t *self);

// Set the message's routing id to a copy of a frame of CZMQ; NULL removes it.
// If that is not possible, nothing changes, and errno is ENOTSUP if CZMQ is
// not in the process, EINVAL if the message is NULL.
void zgossip_msg_set_routing_id(zgossip_msg_t *self, zframe_t *routing_id);

// The message's id: one of ZGOSSIP_MSG_*, or 0 if it was never set. Returns
// -1 with errno EINVAL if the message is NULL.
int zgossip_msg_id(zgossip_msg_t *self);

// Set the message's id: one of ZGOSSIP_MSG_*. NULL: nothing, errno EINVAL.
void zgossip_msg_set_id(zgossip_msg_t *self, int id);

// The message's id as text: "HELLO", "PUBLISH", "PING", "PONG", "INVALID", or
// "?" for any other; a constant. Returns NULL with errno EINVAL if the message
// is NULL.
const char *zgossip_msg_command(zgossip_msg_t *self);

// The key, "" if it was never set; it stays the message's, and valid until
// the key is set, the message is received into, or destroyed. Returns NULL
// with errno EINVAL if the message is NULL.
const char *zgossip_msg_key(zgossip_msg_t *self);

// Set the key to a copy of a string of at most 255 bytes, in any encoding. If
// it is longer, or an argument NULL, nothing changes, and errno is EINVAL.
void zgossip_msg_set_key(zgossip_msg_t *self, const char *key);

// The value, NULL if there was never one; it stays the message's, and valid
// until the value is set, the message is received into, or destroyed. Returns
// NULL, with errno EINVAL, if the message is NULL.
const char *zgossip_msg_value(zgossip_msg_t *self);

// Set the value to a copy of a string, in any encoding. If an argument is
// NULL, nothing changes, and errno is EINVAL.
void zgossip_msg_set_value(zgossip_msg_t *self, const char *value);

// The time to live in milliseconds, 0 for ever. Returns 0, with errno EINVAL,
// if the message is NULL.
uint32_t zgossip_msg_ttl(zgossip_msg_t *self);

// Set the time to live in milliseconds, 0 for ever. NULL: nothing, errno
// EINVAL.
void zgossip_msg_set_ttl(zgossip_msg_t *self, uint32_t ttl);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#ifdef __cplusplus
extern "C" {
#endif

//  Send a command whose frames are the arguments, the last of which is NULL:
//
//      zgossip_sendx (node, "PUBLISH", "key", "value", NULL);
//
//  Otherwise as zgossip_send.
static inline int
    zgossip_sendx (zgossip_t *self, const char *frame, ...) ZGOSSIP_SENTINEL;

//  Receive the next message, and set the pointers whose addresses are the arguments, the last of which is NULL, to its
//  frames:
//
//      char *command, *key, *value;
//      if (zgossip_recvx (node, &command, &key, &value, NULL) > 0) {
//          ...
//          free (command);
//          free (key);
//          free (value);
//      }
//
//  Each is a string of its own that the caller frees with free(), NULL where the message had no such frame; frames
//  for which there is no pointer are dropped. Returns how many pointers were set to a string. Or -1, all being NULL,
//  with errno as from zgossip_recv.
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

#ifdef __cplusplus
}
#endif

#endif
