/*  Weak references to the functions of CZMQ that the library uses.

    Rust has no weak references, and a CZMQ that was linked statically is found in no other way: its names are in no
    dynamic symbol table. Where the program has no CZMQ, each reference is NULL. */

#if defined (__GNUC__)
#   define WEAK __attribute__ ((weak))
#   define HIDDEN __attribute__ ((visibility ("hidden")))
#else
#   error "weak references need GCC or a compatible compiler"
#endif

typedef void (function_t) (void);

/*  The real types are in loaded.rs, where the functions are called. */
WEAK extern function_t zsock_resolve, zsock_signal, zsys_init, zsys_ipv6;
WEAK extern function_t zsys_error, zsys_warning, zsys_notice, zsys_info, zsys_debug;
WEAK extern function_t zframe_new, zframe_destroy, zframe_data, zframe_size;

/*  Returns the address of a function by its number: its place in `Name` of loaded.rs. */
HIDDEN function_t *zgossip_czmq_weak (unsigned name);

function_t *
zgossip_czmq_weak (unsigned name)
{
    switch (name) {
        case 0: return zsock_resolve;
        case 1: return zsock_signal;
        case 2: return zsys_init;
        case 3: return zsys_error;
        case 4: return zsys_warning;
        case 5: return zsys_notice;
        case 6: return zsys_info;
        case 7: return zsys_debug;
        case 8: return zframe_new;
        case 9: return zframe_destroy;
        case 10: return zframe_data;
        case 11: return zframe_size;
        case 12: return zsys_ipv6;
    }
    return 0;
}
