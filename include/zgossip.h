/*  zgossip - decentralised configuration: nodes that publish key/value tuples and all come to hold all of them

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  Made from src/ffi by `make header`: edit there.

    Three interfaces in one file; take one of them:

    * zgossip: an actor for CZMQ's zactor_new, with CZMQ's own zgossip's commands. Programs that include <czmq.h> have
      its declaration already and need not include this file; where they do, either may come first.
    * zgossip_new and what takes a zgossip_t: the same commands without CZMQ.
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
      SET PUBLICKEY key                             (of this and the next two, the first frame has a space in it)
      SET SECRETKEY key
      ZAP DOMAIN domain
      VERBOSE
      $TERM

    After SET server/events 1, these come unasked too: RETRACT key, EXPIRE key, JOIN endpoint, LEAVE endpoint, and
    ERROR command reason. While a program does not read, one DELIVER for each key waits, with its newest value.

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

// Create a node. The name is a prefix for its log lines, in any encoding, or
// NULL. The node has one thread of its own, in which it takes commands from
// now on. Any thread may call the functions below on it at any time, several
// threads at the same time too. inproc endpoints are shared by all nodes made
// here, and by them alone. The caller destroys the node with zgossip_destroy.
// Returns NULL with errno set if there is no memory, thread or descriptor
// for it.
zgossip_t *zgossip_new(const char *name);

// Destroy a node, and set the caller's pointer to NULL. It returns soon,
// whatever the node's peers do; what was published just before still reaches
// the peers that are connected. Messages that were not received are lost.
// Calls that wait inside zgossip_recv or zgossip_send in other threads return
// with errno EPIPE. The node's descriptor is closed. Nothing happens if either
// pointer is NULL already. If it does not point to a node, or to one that is
// destroyed, it is left alone, and errno is EINVAL.
void zgossip_destroy(zgossip_t **self_p);

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
// at first) as long as it takes. Returns 0; or -1 with errno EINVAL if it is
// no node or the number less than -1.
int zgossip_set_sndtimeo(zgossip_t *self, int msecs);

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
// with errno EINVAL if filename is NULL, or if there is no certificate there.
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
