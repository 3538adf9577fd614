//! Keys and mechanisms: a call gets the security that was asked for, or is refused.
//!
//! * A BIND is a CURVE server exactly when keys are set, or the mechanism was set to CURVE. It is refused if the keys
//!   are unusable or incomplete, or if this libzmq has no CURVE.
//! * A CONNECT uses CURVE exactly when it names the server's key. It then needs usable keys of its own, or none at
//!   all: a fresh pair is made. Without a server's key it is in clear, as in CZMQ: a node with keys may well have
//!   neighbours without. But if keys are set and unusable, that is refused too: whoever set them expects security, and
//!   nothing tells on which links.
//! * PLAIN and keys together are refused at BIND: a socket has one mechanism, and which was meant cannot be known.

use zeroize::Zeroizing;

use super::Error;
use super::raw::{Socket, curve};

/// The ZAP domain where none is set: CZMQ's.
const DEFAULT_DOMAIN: &str = "global";

/// The security mechanism by which clients of a BIND authenticate themselves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mechanism {
    /// None, unless keys are set.
    #[default]
    Null,
    /// Name and password, in clear, which the application's ZAP handler checks.
    Plain,
    /// Keys, encrypted, which the application's ZAP handler checks.
    Curve,
}

/// The security settings of the program, for the BINDs and CONNECTs that follow. Keys are texts, checked when used.
#[derive(Default)]
pub(super) struct Security {
    public: Option<Vec<u8>>,
    secret: Option<Zeroizing<Vec<u8>>>,
    domain: Option<Vec<u8>>,
    pub(super) mechanism: Mechanism,
}

/// A key pair whose keys were checked to belong together.
struct Keys {
    public: [u8; curve::BYTES],
    secret: Zeroizing<[u8; curve::BYTES]>,
}

impl Security {
    pub(super) fn set_public(&mut self, text: &[u8]) {
        self.public = Some(text.to_vec());
    }

    pub(super) fn set_secret(&mut self, text: &[u8]) {
        self.secret = Some(Zeroizing::new(text.to_vec()));
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
        Ok(())
    }

    /// Prepares a socket for the CONNECT that follows. Returns whether that will be encrypted.
    pub(super) fn apply_client(&self, socket: &Socket, server: Option<&[u8]>) -> Result<bool, Error> {
        let keys = self.keys()?;
        let options = socket.options();
        let Some(server) = server else {
            if curve::available() {
                // The socket may have connected elsewhere with CURVE before; this sets it back to NULL.
                options.set_curve_server(false)?;
            }
            return Ok(false);
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
        Ok(true)
    }

    /// Whether the node has keys, usable or not.
    pub(super) fn has_keys(&self) -> bool {
        self.public.is_some() || self.secret.is_some()
    }
}

fn need_curve() -> Result<(), Error> {
    if curve::available() { Ok(()) } else { Err(Error::insecure("this libzmq was built without CURVE")) }
}
