/*  zstr_free, which other parts need before zstr.h is included.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZSTR_FREE_H_INCLUDED
#define ZGOSSIP_CZMQ_ZSTR_FREE_H_INCLUDED

static inline void
zstr_free (char **string_p)
{
    assert (string_p);
    free (*string_p);
    *string_p = NULL;
}

#endif
