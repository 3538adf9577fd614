/*  zauth: the actor that decides which clients may connect (ZAP, rfc.zeromq.org/spec/27).

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZAUTH_H_INCLUDED
#define ZGOSSIP_CZMQ_ZAUTH_H_INCLUDED

#define CURVE_ALLOW_ANY "*"

#ifdef __cplusplus
extern "C" {
#endif

//  Runs the actor. Each command is answered by a signal: VERBOSE; ALLOW and DENY, with addresses; PLAIN, with a file of
//  passwords; CURVE, with a directory of certificates or CURVE_ALLOW_ANY. GSSAPI is not supported: it is answered by a
//  signal of status 1, and its clients are refused. The argument is ignored, for there is no zcertstore.
static inline void
zauth (zsock_t *pipe, void *certstore)
{
    (void) certstore;
    zgossip_auth_actor (pipe, NULL);
}

#ifdef __cplusplus
}
#endif

#endif
