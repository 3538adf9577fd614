//! Who may connect.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::error::from_io;
use super::{Error, file_name, log};
use crate::actor::auth::ZapServer;
use crate::engine::raw;
use crate::log::{Level, Sink, Stderr};

/// ZAP handler: it decides who may connect to the nodes of this process that are bound with CURVE keys or a ZAP
/// domain, for as long as it lives.
///
/// As long as nothing is said, everybody may connect to an endpoint without keys, and nobody to one with keys.
/// Without any `Auth` in the process, everybody may who knows the server's public key. It is decided when a client
/// connects: connections that stand stay.
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
    /// Starts the handler of this process; it logs to standard error.
    ///
    /// # Errors
    /// [`AddressInUse`](crate::ErrorKind::AddressInUse) where there is one already.
    pub fn new() -> Result<Auth, Error> {
        Auth::start(Arc::new(Stderr))
    }

    /// Starts the handler of this process, which gives its log lines to a closure.
    ///
    /// # Errors
    /// As [`new`](Auth::new).
    pub fn with_log(log: impl Fn(Level, &str) + Send + Sync + 'static) -> Result<Auth, Error> {
        Auth::start(log::sink(log))
    }

    fn start(sink: Arc<dyn Sink>) -> Result<Auth, Error> {
        Ok(Auth(ZapServer::new(raw::Context::global(), sink).map_err(|error| from_io(&error))?))
    }

    /// Lets clients from an address go on to authentication, and from no other that is not allowed, too.
    pub fn allow(&self, address: IpAddr) {
        self.0.change(|policy| policy.allow(address.to_string().as_bytes()));
    }

    /// Refuses clients from an address; it counts as long as none is allowed.
    pub fn deny(&self, address: IpAddr) {
        self.0.change(|policy| policy.deny(address.to_string().as_bytes()));
    }

    /// Lets those in by PLAIN whose name and password are in a file, a `name=password` on each line. The file is read
    /// again when it changes.
    ///
    /// # Errors
    /// Those of reading the file. It is in force all the same: nobody gets in by PLAIN until it can be read.
    pub fn plain(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.0.change(|policy| policy.plain(file_name(&file))).map_err(|error| from_io(&error))
    }

    /// Lets those in by CURVE whose public certificates are in a directory; they may come and go.
    pub fn curve(&self, directory: impl AsRef<Path>) {
        self.0.change(|policy| policy.curve(file_name(&directory)));
    }

    /// Lets everybody in by CURVE who knows the server's public key.
    pub fn curve_for_all(&self) {
        self.0.change(|policy| policy.curve(b"*"));
    }

    /// Logs every decision, or does not, as at first.
    pub fn set_verbose(&self, verbose: bool) {
        self.0.set_verbose(verbose);
    }
}
