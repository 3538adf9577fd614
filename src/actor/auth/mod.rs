//! Authentication: certificates, and a server of the ZAP protocol (rfc.zeromq.org/spec/27), as CZMQ's `zauth` is one.
//!
//! libzmq asks the ZAP server of a context whether a client may connect, and the policy that the program has set answers.
//! The client's address is checked first: if the program has allowed addresses, all others are refused; otherwise those
//! that it has denied are. Then the client has to authenticate by the mechanism of the socket: NULL asks for nothing,
//! PLAIN for a name and password that are in a file, CURVE for a key whose certificate is in a directory, or for any key.
//! Until the program names that file or directory, no client passes with PLAIN or CURVE.
//!
//! | file | concern |
//! | --- | --- |
//! | `policy` | which clients may connect |
//! | `certificate` | CURVE key pairs in files that CZMQ reads and writes |
//! | `passwords`, `certificate_store` | passwords and certificates on disk, read again when they change |
//! | `review` | whether clients that are connected would still be admitted |
//! | `zap_request` | requests of libzmq, and the replies |
//! | `zap_socket` | the socket that receives requests |
//! | `zap_actor`, `zap_server` | the server as a CZMQ actor, and with a thread of its own |

mod certificate;
mod certificate_store;
mod passwords;
mod policy;
mod review;
mod zap_actor;
mod zap_request;
mod zap_server;
mod zap_socket;

pub use certificate::Cert;
pub use policy::Policy;
pub use zap_actor::run_on_pipe;
pub use zap_server::ZapServer;
