/*  CZMQ's interface without CZMQ: the part that programs around zgossip use, so that their source compiles unchanged
    with `pkg-config --cflags --libs libzgossip-czmq`.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  Everything here is `static inline`: a program gets functions with CZMQ's names and no library ever exports them, so
    a real libczmq may be in the same process (a plug-in may have brought it) without either noticing the other, as
    long as libzgossip comes before it: both have a zgossip. What must exist once in a process (the context, the log,
    the interrupt flag) is kept by libzgossip, as are configuration text, certificates and the ZAP handler; library.h
    declares these.

    Objects of these types and those of a real libczmq are not exchangeable. Names that begin with zgc_ are private.

    The manual is CZMQ's own: every function does what CZMQ 4.2's does. Where one cannot or should not, a comment at
    the function says so. */

#ifndef ZGOSSIP_CZMQ_H_INCLUDED
#define ZGOSSIP_CZMQ_H_INCLUDED

#ifdef __CZMQ_H_INCLUDED__
#   error "this is libzgossip-czmq's <czmq.h>, and CZMQ's own came before it: take one of them"
#endif
#define __CZMQ_H_INCLUDED__

#include "prelude.h"
#include "library.h"

#include "zstr_free.h"
#include "zclock.h"
#include "zsys.h"
#include "zlistx.h"
#include "zlist.h"
#include "zhashx.h"
#include "zhash.h"
#include "zchunk.h"
#include "zuuid.h"
#include "zsock.h"
#include "zsock_options.h"
#include "zframe.h"
#include "zmsg.h"
#include "zstr.h"
#include "zsock_picture.h"
#include "zactor.h"
#include "zpoller.h"
#include "zloop.h"
#include "zconfig.h"
#include "zcert.h"
#include "zauth.h"

#endif
