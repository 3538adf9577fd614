//! Endpoints of a node, and the keys that secure them.

use zeroize::Zeroizing;

use super::Node;
use crate::api::{Cert, Error};

/// # Endpoints and keys
impl Node {
    /// Accepts peers at an endpoint, and returns its TCP port, or 0 for other transports. A node may have several
    /// endpoints.
    ///
    /// | endpoint | meaning |
    /// | --- | --- |
    /// | `tcp://*:5670` | port 5670 of all interfaces |
    /// | `tcp://127.0.0.1:*` | any free port of this address |
    /// | `tcp://[::1]:5670` | an IPv6 address |
    /// | `ipc:///run/app.socket` | a Unix domain socket |
    /// | `inproc://name` | for nodes of this process |
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("hub")?;
    /// let port = node.bind("tcp://127.0.0.1:*")?;
    /// assert_ne!(port, 0);
    /// node.unbind(&format!("tcp://127.0.0.1:{port}"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if this is no endpoint,
    /// [`AddressInUse`](crate::ErrorKind::AddressInUse) or
    /// [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable) if the system refuses it,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if keys are set and cannot be used: the endpoint is
    /// never bound without them.
    pub fn bind(&self, endpoint: &str) -> Result<u16, Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.bind(&endpoint))??)
    }

    /// The endpoint bound last, as peers in this machine reach it: with the port for `tcp://127.0.0.1:*`, and the path for
    /// `ipc://*`. `None` if nothing is bound, or the last attempt failed.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn endpoint(&self) -> Result<Option<String>, Error> {
        self.ask(|node| node.endpoint())
    }

    /// Stops accepting peers at an endpoint, and disconnects those that connected to it. The endpoint is written as it
    /// was for [`bind`](Node::bind), or with the port that this returned in place of `*`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the endpoint is not bound.
    pub fn unbind(&self, endpoint: &str) -> Result<(), Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.unbind(&endpoint))??)
    }

    /// Connects to the peer that is bound to an endpoint: as soon as it is there, and again after each loss. Returns
    /// without waiting for the connection, or for the resolver.
    ///
    /// If the host is given by name, all its addresses are tried in turn until one answers, those of IPv6 only if that is
    /// on ([`Builder::ipv6`](crate::Builder::ipv6)); while there is no connection the name is looked up again.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if this is no endpoint.
    pub fn connect(&self, endpoint: &str) -> Result<(), Error> {
        self.connect_to(endpoint, None)
    }

    /// Connects as [`connect`](Node::connect) does, encrypted, to the peer whose public key this is
    /// ([`Cert::public_text`]). The node uses the keys of its own certificate, or fresh ones if it has none.
    ///
    /// # Errors
    /// As [`connect`](Node::connect), and [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if a key cannot be
    /// used: the node never connects unencrypted instead.
    pub fn connect_with_key(&self, endpoint: &str, server_key: &str) -> Result<(), Error> {
        self.connect_to(endpoint, Some(server_key.as_bytes().to_vec()))
    }

    fn connect_to(&self, endpoint: &str, server_key: Option<Vec<u8>>) -> Result<(), Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.connect(&endpoint, server_key.as_deref()))??)
    }

    /// Ends a connection that [`connect`](Node::connect) made. Tuples received over it stay.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the node does not connect to this endpoint.
    pub fn disconnect(&self, endpoint: &str) -> Result<(), Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.disconnect(&endpoint))??)
    }

    /// Sets the node's keys for endpoints bound and connected from now on; see [`Builder::cert`](crate::Builder::cert).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the certificate has no secret key.
    pub fn set_cert(&self, cert: &Cert) -> Result<(), Error> {
        let secret = cert.secret_text().ok_or_else(|| Error::invalid("the certificate has no secret key"))?;
        let (public, secret) = (cert.public_text(), Zeroizing::new(secret.as_bytes().to_vec()));
        self.ask(move |node| node.set_keys(public.as_bytes(), &secret))
    }

    /// Sets the name and the password that [`connect`](Node::connect) gives from now on; `None` takes them back. They are
    /// for a peer whose `zgossip/security/mechanism` is `plain`, and no other is connected to. PLAIN does not encrypt.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if one of the two does not have 1 to 255 bytes.
    pub fn set_plain(&self, credentials: Option<(&str, &str)>) -> Result<(), Error> {
        let credentials = credentials.map(|(username, password)| (username.as_bytes(), password.as_bytes()));
        Ok(self.handle()?.set_plain(credentials)?)
    }

    /// Sets the ZAP domain of endpoints bound from now on; empty: `global`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is longer than 255 bytes.
    pub fn set_zap_domain(&self, domain: &str) -> Result<(), Error> {
        Ok(self.handle()?.set_zap_domain(domain.as_bytes())?)
    }

    /// Sets what a peer may do with the keys that begin with `prefix`; an empty one stands for all keys. `subject` is the
    /// peer's public key (Z85), the name of its certificate, or `*` for all others; `rights` are words separated by commas:
    /// `read`, `announce`, `retract`, `write`, or `none`. As soon as there is one rule, what no rule allows is refused. The
    /// [crate's page](crate#who-may-read-and-write-what) has the rest.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let hub = zgossip::Node::new("hub")?;
    /// hub.set_rights("*", "", "read")?;
    /// hub.set_rights("worker-7", "", "read")?;
    /// hub.set_rights("worker-7", "service/worker-7/", "write")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the subject is empty or longer than 255 bytes, if the prefix is
    /// longer than that or ends with `*`, or if a word is none of these.
    pub fn set_rights(
        &self,
        subject: impl AsRef<[u8]>,
        prefix: impl AsRef<[u8]>,
        rights: &str,
    ) -> Result<(), Error> {
        Ok(self.handle()?.set_rights(subject.as_ref(), prefix.as_ref(), Some(rights.as_bytes()))?)
    }

    /// Takes back what [`set_rights`](Node::set_rights) has set for this subject and prefix.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such rule.
    pub fn clear_rights(&self, subject: impl AsRef<[u8]>, prefix: impl AsRef<[u8]>) -> Result<(), Error> {
        Ok(self.handle()?.set_rights(subject.as_ref(), prefix.as_ref(), None)?)
    }
}
