/*  CZMQ's interface without CZMQ: the part that programs around zgossip use, whose source compiles unchanged with
    `pkg-config --cflags --libs libzgossip-czmq`.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  All functions here are `static inline`: a program gets functions with CZMQ's names that no library exports. A real
    libczmq may therefore be in the same process, brought by a plug-in for example, if libzgossip comes before it (both
    export a function zgossip). What exists once in a process (the context, the log, the interrupt flag) is in
    libzgossip, as are the parser of configuration text, certificates and the ZAP handler; library.h declares them.

    Objects of these types cannot be passed to a real libczmq, nor the other way. Names that begin with zgc_ are
    private.

    The manual is CZMQ's own: each function does what CZMQ 4.2's does. Where one cannot or should not, a comment at the
    function says so. doc/CZMQ.md in the sources lists the functions that are missing. */

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
#include "zgc_table.h"
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
