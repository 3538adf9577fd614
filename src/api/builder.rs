//! Settings of a node before it starts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::event::events_level;
use super::{Cert, Error, Node, log};
use crate::log::{Level, Sink, Stderr};

/// Settings of a node to be started, from [`Node::builder`].
///
/// What is not set has the default in the [crate's page](crate#configuration).
///
/// ```
/// # fn main() -> Result<(), zgossip::Error> {
/// use std::time::Duration;
///
/// let node = zgossip::Node::builder()
///     .name("printer-7")
///     .events(true)
///     .max_tuples(10_000)
///     .timeout(Duration::from_secs(5))
///     .log(|level, line| println!("{level:?}: {line}"))
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a node begins with start()"]
pub struct Builder {
    name: String,
    sink: Arc<dyn Sink>,
    cert: Option<Cert>,
    zap_domain: Option<String>,
    file: Option<PathBuf>,
    /// Path and value of each item of the configuration, in the order in which they were set.
    items: Vec<(String, String)>,
    send_timeout: Option<Duration>,
}

impl Builder {
    pub(super) fn new() -> Builder {
        Builder {
            name: String::new(),
            sink: Arc::new(Stderr),
            cert: None,
            zap_domain: None,
            file: None,
            items: Vec::new(),
            send_timeout: None,
        }
    }

    /// Sets the name that stands before each of the node's log lines, and of which peers are told the first 64 bytes.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = name.into();
        self
    }

    /// Passes the log lines to a closure, and not to standard error. The closure runs in the node's thread, one line at
    /// a time, and should return soon. In it, calls that would wait for the node's thread fail with
    /// [`OwnThread`](crate::ErrorKind::OwnThread).
    pub fn log(mut self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Builder {
        self.sink = log::sink(log);
        self
    }

    /// Sets the node's keys: its endpoints accept encrypted connections only.
    pub fn cert(mut self, cert: &Cert) -> Builder {
        self.cert = Some(cert.clone());
        self
    }

    /// Sets the domain that a ZAP handler, such as [`Auth`](crate::Auth), is given for each client; `global` by
    /// default.
    pub fn zap_domain(mut self, domain: impl Into<String>) -> Builder {
        self.zap_domain = Some(domain.into());
        self
    }

    /// Loads a configuration file when the node starts, and again whenever the file changes; see [`Node::load`]. The
    /// other settings are applied after it.
    pub fn load(mut self, file: impl Into<PathBuf>) -> Builder {
        self.file = Some(file.into());
        self
    }

    /// Sets an item of the configuration, such as `server/max_drift`. The [crate's page](crate#configuration) lists all
    /// items.
    pub fn set(mut self, path: impl Into<String>, value: impl Into<String>) -> Builder {
        self.items.push((path.into(), value.into()));
        self
    }

    fn switch(self, path: &str, on: bool) -> Builder {
        self.set(path, if on { "1" } else { "0" })
    }

    /// Logs internal steps (`server/verbose`).
    pub fn verbose(self, on: bool) -> Builder {
        self.switch("server/verbose", on)
    }

    /// Uses IPv6 for endpoints without brackets, too (`server/ipv6`). By default the environment variable `ZSYS_IPV6`
    /// decides: 1 turns it on.
    pub fn ipv6(self, on: bool) -> Builder {
        self.switch("server/ipv6", on)
    }

    /// Turns on all events, and not only [`Event::Deliver`](crate::Event::Deliver) (`server/events`).
    pub fn events(self, on: bool) -> Builder {
        self.set("server/events", events_level(on).to_owned())
    }

    /// Limits how many tuples the node holds (`server/max_tuples`); 2 000 000 by default. As many removed keys are
    /// remembered besides.
    pub fn max_tuples(self, tuples: usize) -> Builder {
        self.set("server/max_tuples", tuples.to_string())
    }

    /// Limits the length of a value in bytes (`server/max_value`); 16 MiB by default.
    pub fn max_value(self, bytes: usize) -> Builder {
        self.set("server/max_value", bytes.to_string())
    }

    /// Limits how many bytes the node holds (`server/max_bytes`): tuples, removed keys, what it remembers of peers and
    /// what waits for them. By default a quarter of the memory that the process can have, and 1 GiB at most.
    pub fn max_bytes(self, bytes: usize) -> Builder {
        self.set("server/max_bytes", bytes.to_string())
    }

    /// Limits how many clients all bound endpoints have together (`server/max_clients`); 16 384 by default.
    pub fn max_clients(self, clients: usize) -> Builder {
        self.set("server/max_clients", clients.to_string())
    }

    /// Sets the silence after which a client is probed, and dropped if it does not answer (`server/timeout`, in whole
    /// milliseconds); 1 s by default, zero: never.
    pub fn timeout(self, silence: Duration) -> Builder {
        self.set("server/timeout", silence.as_millis().to_string())
    }

    /// Limits how long a call waits while very many others wait for the node; without limit by default. See
    /// [`Node::set_send_timeout`].
    pub fn send_timeout(mut self, timeout: Duration) -> Builder {
        self.send_timeout = Some(timeout);
        self
    }

    /// Starts the node in a thread of its own, which takes none of the process's signals.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the certificate has no secret key, the configuration file is
    /// not in ZPL, or an item cannot have its value; the error of reading the file; [`Other`](crate::ErrorKind::Other),
    /// with the system's error number, if memory, a thread or a descriptor cannot be had.
    pub fn start(self) -> Result<Node, Error> {
        let node = Node::spawn(&self.name, self.sink)?;
        node.set_send_timeout(self.send_timeout);
        if let Some(cert) = &self.cert {
            node.set_cert(cert)?;
        }
        if let Some(domain) = &self.zap_domain {
            node.set_zap_domain(domain)?;
        }
        if let Some(file) = &self.file {
            node.load(file as &Path)?;
        }
        for (path, value) in &self.items {
            node.set(path, value)?;
        }
        Ok(node)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("cert", &self.cert)
            .field("zap_domain", &self.zap_domain)
            .field("file", &self.file)
            .field("items", &self.items)
            .field("send_timeout", &self.send_timeout)
            .finish_non_exhaustive()
    }
}
