//! Typed calls on a node, for the interfaces of C and Rust, with checks of their arguments.

use std::time::Duration;

use super::handle::Handle;
use zeroize::Zeroizing;

use crate::actor::command::Condition;
use crate::actor::error::{CallError, Failure};
use crate::core::{Access, Origin, Tuple, Version, check_key};
use crate::engine::memory;

/// The longest ZAP domain, in bytes: the limit of libzmq's `ZMQ_ZAP_DOMAIN`.
const MAX_DOMAIN: usize = 255;

/// The longest username and password, in bytes, by which a client makes itself known in PLAIN.
const MAX_CREDENTIAL: usize = 255;

impl Handle {
    /// Publishes a tuple that expires after `ttl` milliseconds; 0 for never. Waits for room as [`send`](Handle::send) does,
    /// and not for the node.
    pub fn publish(&self, key: &[u8], value: &[u8], ttl: u32) -> Result<(), Failure> {
        let (key, value) = (checked_key(key)?, without_nul(value, "value")?);
        if value.len() > self.max_value() {
            return Err(Failure::new(libc::EMSGSIZE, "value is longer than server/max_value"));
        }
        // The command, the tuple, and the memory in which that is assembled.
        if !memory::is_there(3 * value.len()) {
            return Err(Failure::new(libc::ENOMEM, "no memory for the value"));
        }
        Ok(self.send_publish(key, value, ttl)?)
    }

    /// Publishes a tuple that lives as long as this node, which others miss within `ttl` milliseconds; 0 for the default.
    pub fn announce(&self, key: &[u8], value: &[u8], ttl: u32) -> Result<(), Failure> {
        let (key, value) = (checked_key(key)?.to_vec(), without_nul(value, "value")?.to_vec());
        self.call(move |node| node.announce(&key, &value, ttl))?
    }

    /// Removes a tuple from the network. Returns whether this node held it.
    pub fn retract(&self, key: &[u8]) -> Result<bool, Failure> {
        let key = checked_key(key)?.to_vec();
        self.call(move |node| node.retract(&key))?
    }

    /// Forgets a tuple on this node alone. Returns whether the node held it.
    pub fn unpublish(&self, key: &[u8]) -> Result<bool, Failure> {
        let key = checked_key(key)?.to_vec();
        Ok(self.call(move |node| node.unpublish(&key))?)
    }

    /// Publishes a tuple if the node holds this version of its key; with `None`, if the key has no value.
    pub fn publish_if(&self, key: &[u8], value: &[u8], version: Option<Version>) -> Result<(), Failure> {
        let (key, value) = (checked_key(key)?.to_vec(), without_nul(value, "value")?);
        if !memory::is_there(3 * value.len()) {
            return Err(Failure::new(libc::ENOMEM, "no memory for the value"));
        }
        let value = value.to_vec();
        self.call(move |node| node.publish_if(&key, &value, version))?
    }

    /// The tuple of a key, if the node holds it, with its version.
    pub fn get_versioned(&self, key: &[u8]) -> Result<Option<(Tuple, Version)>, Failure> {
        let key = checked_key(key)?.to_vec();
        Ok(self.call(move |node| node.get_versioned(&key))?)
    }

    /// Delivers the keys that begin with `prefix`, those that are held at once, and no others but those watched before.
    pub fn watch(&self, prefix: &[u8]) -> Result<(), Failure> {
        let prefix = without_nul(prefix, "prefix")?.to_vec();
        self.call(move |node| node.watch(&prefix))?
    }

    /// Delivers the keys that begin with `prefix` no more.
    pub fn unwatch(&self, prefix: &[u8]) -> Result<(), Failure> {
        let prefix = without_nul(prefix, "prefix")?.to_vec();
        self.call(move |node| node.unwatch(&prefix))?
    }

    /// The tuple of a key, if the node holds it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Tuple>, Failure> {
        let key = checked_key(key)?.to_vec();
        Ok(self.call(move |node| node.get(&key))?)
    }

    /// The origin of a key's tuple, and the endpoint that it came by, if the node holds it.
    pub fn origin(&self, key: &[u8]) -> Result<Option<(String, Origin)>, Failure> {
        let key = checked_key(key)?.to_vec();
        Ok(self.call(move |node| node.origin(&key))?)
    }

    /// All tuples held at one moment, in the order of their keys' bytes.
    pub fn tuples(&self) -> Result<Vec<Tuple>, Failure> {
        let mut tuples = self.call(|node| node.tuples())?;
        // On the calling thread, because the node's has other work.
        tuples.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        Ok(tuples)
    }

    /// Waits until `condition` is met; without a time-out, for as long as that takes. Returns the number of tuples held
    /// then, or of peers.
    pub fn wait(&self, condition: Condition, timeout: Option<Duration>) -> Result<usize, Failure> {
        if let Condition::Key(key) = &condition {
            checked_key(key)?;
        }
        let unmet = match condition {
            Condition::Count(_) => "the node holds fewer tuples so far",
            Condition::Key(_) => "the key has no value yet",
            Condition::Flushed => "not every peer has everything yet",
            Condition::Saved => "the disk does not have everything yet",
            Condition::Agreement(_) => "the peers do not agree yet, or are too few",
        };
        self.wait_for(condition, timeout).map_err(|error| match error {
            CallError::TimedOut => Failure::new(error.errno(), unmet),
            _ => error.into(),
        })
    }

    /// Waits until the file of `server/store` has what the node holds now.
    pub fn sync_store(&self, timeout: Option<Duration>) -> Result<(), Failure> {
        if !self.call(|node| node.has_store())? {
            return Err(Failure::new(libc::ENOENT, "server/store is not set"));
        }
        self.wait(Condition::Saved, timeout).map(drop)
    }

    /// Sets an item of the configuration.
    pub fn set(&self, path: &[u8], value: &[u8]) -> Result<(), Failure> {
        let path = without_nul(path, "path")?.to_vec();
        // It may be a password.
        let value = Zeroizing::new(without_nul(value, "value")?.to_vec());
        self.call(move |node| node.set(&path, &value))?
    }

    /// Sets the username and the password that CONNECT gives by PLAIN; `None` for none.
    pub fn set_plain(&self, credentials: Option<(&[u8], &[u8])>) -> Result<(), Failure> {
        for (text, what) in credentials.into_iter().flat_map(|(u, p)| [(u, "username"), (p, "password")]) {
            without_nul(text, what)?;
            if text.is_empty() || text.len() > MAX_CREDENTIAL {
                return Err(Failure::invalid(format!("{what} does not have 1 to {MAX_CREDENTIAL} bytes")));
            }
        }
        let (username, password) = credentials.unwrap_or_default();
        let (username, password) = (username.to_vec(), Zeroizing::new(password.to_vec()));
        Ok(self.call(move |node| node.set_plain(&username, &password))?)
    }

    /// Sets what `subject` may do with the keys that begin with `prefix`, in words; `None` takes the rule back.
    pub fn set_rights(&self, subject: &[u8], prefix: &[u8], rights: Option<&[u8]>) -> Result<(), Failure> {
        let access = rights.map(Access::parse).transpose();
        let access = access.map_err(|invalid| Failure::invalid(invalid.to_string()))?;
        let (subject, prefix) =
            (without_nul(subject, "subject")?.to_vec(), without_nul(prefix, "prefix")?.to_vec());
        self.call(move |node| node.set_rights(&subject, &prefix, access))?
    }

    /// Sets the domain that ZAP requests carry, for endpoints that are bound from now on.
    pub fn set_zap_domain(&self, domain: &[u8]) -> Result<(), Failure> {
        if domain.len() > MAX_DOMAIN {
            return Err(Failure::invalid("domain is longer than 255 bytes"));
        }
        let domain = without_nul(domain, "domain")?.to_vec();
        Ok(self.call(move |node| node.set_zap_domain(&domain))?)
    }
}

/// A key, if it can be one.
fn checked_key(key: &[u8]) -> Result<&[u8], Failure> {
    check_key(key).map_err(|invalid| Failure::invalid(format!("key {}", invalid.text())))?;
    Ok(key)
}

/// Bytes that a C string can hold: every node hands them to C programs as such.
fn without_nul<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8], Failure> {
    if bytes.contains(&0) {
        return Err(Failure::invalid(format!("{what} holds a NUL byte")));
    }
    Ok(bytes)
}
