/*  zauth: the actor that decides who may connect (ZAP, rfc.zeromq.org/spec/27).

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZAUTH_H_INCLUDED
#define ZGOSSIP_CZMQ_ZAUTH_H_INCLUDED

#define CURVE_ALLOW_ANY "*"

#ifdef __cplusplus
extern "C" {
#endif

//  Commands, each of which is answered by a signal: VERBOSE; ALLOW and DENY addresses; PLAIN passwords-file;
//  CURVE directory-of-certificates (or CURVE_ALLOW_ANY); GSSAPI, which is refused: the signal's status is 1, and
//  clients with GSSAPI stay out. The argument is ignored: zcertstore is not here.
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
