//! Keys and mechanisms: a call gets the security that was asked for, or is refused.
//!
//! * A BIND is a CURVE server exactly when keys are set, or the mechanism was set to CURVE. It is refused if the keys
//!   are unusable or incomplete, or if this libzmq has no CURVE.
//! * A CONNECT uses CURVE exactly when it names the server's key. It then needs usable keys of its own, or none at
//!   all: a fresh pair is made. Without a server's key it uses PLAIN if a username and a password are set.
//! * Otherwise it is in clear, as in CZMQ: a node with keys may well have neighbours without. It is refused if the
//!   mechanism was set, except within the process, where nothing can be overheard. And if keys are set and unusable, that
//!   is refused too: whoever set them expects security, and nothing tells on which links.
//! * What a CONNECT uses it uses again for each connection that it makes: an [`Access`] belongs to the remote.
//! * Where keys or a domain are set and a handler is required, nobody is admitted while no ZAP handler decides.
//! * PLAIN and keys together are refused at BIND: a socket has one mechanism, and which was meant cannot be known.

use std::fmt;

use zeroize::Zeroizing;

use super::Error;
use super::endpoint::Transport;
use super::raw::{Socket, curve};

/// The ZAP domain where none is set: CZMQ's.
const DEFAULT_DOMAIN: &str = "global";

/// libzmq's number of the option that has it refuse clients while no ZAP handler decides; since 4.3, and not in its
/// bindings.
const ZMQ_ZAP_ENFORCE_DOMAIN: u32 = 93;

/// The security mechanism by which clients of a BIND authenticate themselves.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mechanism {
    /// No authentication, unless keys are set.
    #[default]
    Null,
    /// Name and password, in clear, which the application's ZAP handler checks.
    Plain,
    /// Keys, encrypted, which the application's ZAP handler checks.
    Curve,
}

/// The longest username and password, in bytes: each has one byte for its size in the handshake.
const MAX_CREDENTIAL: usize = 255;

/// The username and the password of a PLAIN client. The password is wiped when it is dropped; libzmq keeps a copy.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Credentials {
    username: Vec<u8>,
    password: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(credentials)")
    }
}

/// How a node makes itself known to the peer of a CONNECT.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// Not at all.
    Clear,
    /// By username and password.
    Plain(Credentials),
    /// Encrypted, to the owner of this public key, as the program wrote it. It is checked when a connection is made.
    Curve(Box<[u8]>),
}

/// The security settings of the program, for the BINDs and CONNECTs that follow. Keys are texts, checked when used.
#[derive(Default)]
pub(super) struct Security {
    public: Option<Vec<u8>>,
    secret: Option<Zeroizing<Vec<u8>>>,
    domain: Option<Vec<u8>>,
    username: Option<Vec<u8>>,
    password: Option<Zeroizing<Vec<u8>>>,
    pub(super) mechanism: Mechanism,
    /// Whether clients are admitted by a ZAP handler alone, where keys or a domain are set.
    pub(super) requires_handler: bool,
}

/// A key pair whose keys were checked to belong together.
struct Keys {
    public: [u8; curve::BYTES],
    secret: Zeroizing<[u8; curve::BYTES]>,
}

impl Security {
    /// No settings but this one.
    pub(super) fn new(requires_handler: bool) -> Security {
        Security { requires_handler, ..Security::default() }
    }

    pub(super) fn set_public(&mut self, text: &[u8]) {
        self.public = Some(text.to_vec());
    }

    pub(super) fn set_secret(&mut self, text: &[u8]) {
        self.secret = Some(Zeroizing::new(text.to_vec()));
    }

    pub(super) fn clear_keys(&mut self) {
        (self.public, self.secret) = (None, None);
    }

    /// Sets the username for PLAIN. An empty one takes it back.
    pub(super) fn set_username(&mut self, username: &[u8]) {
        self.username = (!username.is_empty()).then(|| username.to_vec());
    }

    /// Sets the password for PLAIN. An empty one takes it back.
    pub(super) fn set_password(&mut self, password: &[u8]) {
        self.password = (!password.is_empty()).then(|| Zeroizing::new(password.to_vec()));
    }

    /// The username and the password: `None` if neither was set, an error if they are of no use.
    fn credentials(&self) -> Result<Option<Credentials>, Error> {
        let (username, password) = match (&self.username, &self.password) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(Error::insecure("username is set, password is not")),
            (None, Some(_)) => return Err(Error::insecure("password is set, username is not")),
            (Some(username), Some(password)) => (username.clone(), password.clone()),
        };
        for (text, what) in [(&username, "username"), (&password, "password")] {
            if text.len() > MAX_CREDENTIAL {
                return Err(Error::insecure(format!("{what} is longer than {MAX_CREDENTIAL} bytes")));
            }
        }
        Ok(Some(Credentials { username, password }))
    }

    /// How a CONNECT by `transport` makes itself known, with this public key of the server or without one.
    pub(super) fn access(&self, server_key: Option<&[u8]>, transport: Transport) -> Result<Access, Error> {
        if let Some(key) = server_key {
            return Ok(Access::Curve(key.into()));
        }
        let credentials = self.credentials()?;
        match (self.mechanism, credentials) {
            _ if transport == Transport::Inproc => Ok(Access::Clear),
            (Mechanism::Curve, _) => {
                Err(Error::insecure("CURVE is asked for, and CONNECT gave no key of the server"))
            }
            (_, Some(credentials)) => Ok(Access::Plain(credentials)),
            (Mechanism::Plain, None) => {
                Err(Error::insecure("PLAIN is asked for, but no username and password are set"))
            }
            (Mechanism::Null, None) => Ok(Access::Clear),
        }
    }

    /// Sets the ZAP domain. An empty one means the default.
    pub(super) fn set_domain(&mut self, domain: &[u8]) {
        self.domain = (!domain.is_empty()).then(|| domain.to_vec());
    }

    /// The node's keys: `None` if none were set, an error if they are of no use.
    fn keys(&self) -> Result<Option<Keys>, Error> {
        let (public, secret) = match (&self.public, &self.secret) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(Error::insecure("public key is set, secret key is not")),
            (None, Some(_)) => return Err(Error::insecure("secret key is set, public key is not")),
            (Some(public), Some(secret)) => (public, secret),
        };
        need_curve()?;
        let bad = |which| Error::insecure(format!("{which} key is not a CURVE key (40 characters of Z85)"));
        let public = curve::decode(public).ok_or_else(|| bad("public"))?;
        let expected = curve::public_of(secret).ok_or_else(|| bad("secret"))?;
        let secret = curve::decode(secret).ok_or_else(|| bad("secret"))?;
        if *public != expected {
            return Err(Error::insecure("public key does not belong to the secret key"));
        }
        Ok(Some(Keys { public: *public, secret }))
    }

    /// Prepares a socket for the BIND that follows.
    pub(super) fn apply_server(&self, socket: &Socket) -> Result<(), Error> {
        let keys = self.keys()?;
        let options = socket.options();
        match (self.mechanism, &keys) {
            (Mechanism::Plain, Some(_)) => {
                return Err(Error::insecure(
                    "both PLAIN and CURVE keys are set, and a socket has one mechanism",
                ));
            }
            (Mechanism::Curve, None) => {
                return Err(Error::insecure("CURVE is asked for, but no keys are set"));
            }
            (Mechanism::Plain, None) => {
                if curve::available() {
                    options.set_curve_server(false)?;
                }
                options.set_plain_server(true)?;
            }
            (_, Some(keys)) => {
                options.set_plain_server(false)?;
                options.set_curve_publickey(&keys.public)?;
                options.set_curve_secretkey(&*keys.secret)?;
                options.set_curve_server(true)?;
            }
            (Mechanism::Null, None) => {
                if curve::available() {
                    options.set_curve_server(false)?;
                }
                options.set_plain_server(false)?;
            }
        }
        let secured = keys.is_some() || self.mechanism == Mechanism::Plain;
        match &self.domain {
            Some(domain) => socket.set_bytes(zmq_sys::ZMQ_ZAP_DOMAIN, domain)?,
            None if secured => socket.set_bytes(zmq_sys::ZMQ_ZAP_DOMAIN, DEFAULT_DOMAIN.as_bytes())?,
            None => {}
        }
        self.require_handler(socket, secured || self.domain.is_some())
    }

    /// Lets libzmq refuse clients that nobody decides on. Without keys and domain it asks nobody.
    fn require_handler(&self, socket: &Socket, is_asked: bool) -> Result<(), Error> {
        let required = self.requires_handler && is_asked;
        match socket.set_int(ZMQ_ZAP_ENFORCE_DOMAIN, i32::from(required)) {
            Err(_) if required => Err(Error::insecure(
                "this libzmq cannot refuse clients while there is no ZAP handler; \
                 zgossip/security/require-handler = 0 does without",
            )),
            _ => Ok(()),
        }
    }

    /// Prepares a socket for the CONNECT that follows.
    pub(super) fn apply_client(&self, socket: &Socket, access: &Access) -> Result<(), Error> {
        let keys = self.keys()?;
        let options = socket.options();
        let server = match access {
            Access::Clear => {
                // The socket may have connected elsewhere by another mechanism before; this sets it back to NULL.
                options.set_plain_server(false)?;
                return Ok(());
            }
            Access::Plain(credentials) => {
                socket.set_bytes(zmq_sys::ZMQ_PLAIN_USERNAME, &credentials.username)?;
                socket.set_bytes(zmq_sys::ZMQ_PLAIN_PASSWORD, &credentials.password)?;
                return Ok(());
            }
            Access::Curve(server) => server,
        };
        need_curve()?;
        let server = curve::decode(server)
            .ok_or_else(|| Error::insecure("server's key is not a CURVE key (40 characters of Z85)"))?;
        let Keys { public, secret } = match keys {
            Some(keys) => keys,
            None => {
                let (public, secret) = curve::pair()?;
                Keys { public, secret }
            }
        };
        options.set_curve_publickey(&public)?;
        options.set_curve_secretkey(&*secret)?;
        options.set_curve_serverkey(&*server)?;
        Ok(())
    }

    /// Returns whether clients of a BIND are admitted by the ZAP handler, if there is one.
    pub(super) fn asks_handler(&self) -> bool {
        self.has_keys() || self.mechanism == Mechanism::Plain || self.domain.is_some()
    }

    /// What a BIND uses of the settings.
    pub(super) fn of_servers(&self) -> (Mechanism, bool, [Option<&[u8]>; 3]) {
        let secret = self.secret.as_ref().map(|secret| &***secret);
        (self.mechanism, self.requires_handler, [self.public.as_deref(), secret, self.domain.as_deref()])
    }

    /// Returns whether the node has keys, usable or not.
    pub(super) fn has_keys(&self) -> bool {
        self.public.is_some() || self.secret.is_some()
    }
}

fn need_curve() -> Result<(), Error> {
    if curve::available() { Ok(()) } else { Err(Error::insecure("this libzmq was built without CURVE")) }
}
