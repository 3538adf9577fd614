//! Authentication of clients.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::error::from_io;
use super::{Error, file_name, log};
use crate::actor::auth::ZapServer;
use crate::engine::raw;
use crate::log::{Level, Sink, Stderr};

/// ZAP handler: as long as it lives it decides which clients may connect to those nodes of this process that are bound
/// with CURVE keys or a ZAP domain.
///
/// A new handler admits every client to endpoints without keys, and none to endpoints with keys. Without a handler in
/// the process no client may, unless `zgossip/security/require-handler` is 0: then every client that knows the server's
/// public key. Clients that are connected and that it would not admit any more lose their connections within seconds, unless
/// `zgossip/security/revocation` is 0 for the node: their certificate was taken away, their name was taken out of the
/// password file, or their address is denied.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = zgossip::Auth::new()?;
/// auth.allow("127.0.0.1".parse()?);
/// auth.curve("/etc/myapp/clients"); // a directory of public certificates
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Auth(ZapServer);

impl Auth {
    /// Starts the handler of this process, which logs to standard error.
    ///
    /// # Errors
    /// [`AddressInUse`](crate::ErrorKind::AddressInUse) if the process has one already.
    pub fn new() -> Result<Auth, Error> {
        Auth::start(Arc::new(Stderr))
    }

    /// Starts the handler of this process, which passes its log lines to a closure.
    ///
    /// # Errors
    /// As [`new`](Auth::new).
    pub fn with_log(log: impl Fn(Level, &str) + Send + Sync + 'static) -> Result<Auth, Error> {
        Auth::start(log::sink(log))
    }

    fn start(sink: Arc<dyn Sink>) -> Result<Auth, Error> {
        Ok(Auth(ZapServer::new(raw::Context::global(), sink).map_err(|error| from_io(&error))?))
    }

    /// Admits clients from an address to authentication. Once an address is allowed, clients from all others are
    /// refused.
    pub fn allow(&self, address: IpAddr) {
        self.0.change(|policy| policy.allow(address.to_string().as_bytes()));
    }

    /// Refuses clients from an address. This has no effect once an address is [allowed](Auth::allow).
    pub fn deny(&self, address: IpAddr) {
        self.0.change(|policy| policy.deny(address.to_string().as_bytes()));
    }

    /// Admits, by PLAIN, clients whose name and password are in a file, one `name=password` on each line. The file is
    /// read again when it changes.
    ///
    /// # Errors
    /// The error of reading the file. The file counts nevertheless: no client is admitted by PLAIN until it can be
    /// read.
    pub fn plain(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.0.change(|policy| policy.plain(file_name(&file))).map_err(|error| from_io(&error))
    }

    /// Admits, by CURVE, clients whose public certificates are in a directory. Certificates may be added and removed at
    /// any time.
    pub fn curve(&self, directory: impl AsRef<Path>) {
        self.0.change(|policy| policy.curve(file_name(&directory)));
    }

    /// Admits, by CURVE, every client that knows the server's public key.
    pub fn curve_for_all(&self) {
        self.0.change(|policy| policy.curve(b"*"));
    }

    /// Turns logging of every decision on or off; off at first.
    pub fn set_verbose(&self, verbose: bool) {
        self.0.set_verbose(verbose);
    }
}
