//! The `zgossip/security` section of a configuration: how connections are secured.
//!
//! `mechanism` says how clients make themselves known, `username` and `password` what CONNECT says of this node. The latter
//! are read by [`credentials`] and may stand there without the former.

use zeroize::Zeroizing;

use super::configuration::{relative, switch};
use crate::actor::auth::Cert;
use crate::actor::file::zpl::Item;
use crate::log::show;
use crate::warning::Value;

const SECTION: &[u8] = b"zgossip/security";
const PASSWORD: &[u8] = b"zgossip/security/password";
/// Longest username, password and domain, in bytes: libzmq's limit.
const LONGEST: usize = 255;

/// How connections are secured.
#[derive(Debug, Eq, PartialEq)]
pub enum Security {
    /// None: connections are in clear text.
    Null,
    /// Names and passwords, which the ZAP handler checks.
    Plain,
    /// Encrypted by CURVE.
    Curve {
        /// The node's public key.
        public: [u8; 32],
        /// The node's secret key.
        secret: Secret,
    },
}

/// A secret key, which is wiped when it is dropped, and never shown.
#[derive(Eq, PartialEq)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// The key's bytes.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// Returns whether `path` belongs to the security section.
pub fn is_security(path: &[u8]) -> bool {
    let path = relative(path);
    path == b"zgossip/security" || path.starts_with(b"zgossip/security/")
}

/// Reads the security section; `None` where there is none. An error means that the security asked for cannot be had, so
/// that nothing may be bound or connected.
pub fn security(tree: &Item) -> Option<Result<Security, String>> {
    let section = tree.locate(SECTION)?;
    if let Err(reason) = credentials(tree) {
        return Some(Err(reason));
    }
    let faults = [&b"require-handler"[..], b"public-key"]
        .into_iter()
        .find_map(|name| fault(&[SECTION, b"/", name].concat(), section.get(name)?));
    if let Some(reason) = faults {
        return Some(Err(reason));
    }
    Some(match section.get(b"mechanism").unwrap_or(b"null") {
        b"null" => Ok(Security::Null),
        b"plain" => Ok(Security::Plain),
        b"curve" => match section.get(b"secret-key") {
            Some(name) => curve(name),
            None => Err("zgossip/security/secret-key is not set".to_owned()),
        },
        other => Err(format!("mechanism={} is not supported", show(other))),
    })
}

/// Why an item of the section cannot be right, whatever the others are.
pub fn fault(path: &[u8], value: &[u8]) -> Option<String> {
    let name = relative(path).strip_prefix(b"zgossip/security/")?;
    match name {
        b"mechanism" if ![&b"null"[..], b"plain", b"curve"].contains(&value) => {
            Some(format!("mechanism={} is not supported", show(value)))
        }
        b"require-handler" if !value.is_empty() && switch(value).is_none() => {
            Some(format!("require-handler={} is not 0 or 1", show(value)))
        }
        b"public-key" if !value.is_empty() => Some(PUBLIC_KEY.to_owned()),
        b"username" | b"password" | b"domain" if value.len() > LONGEST => {
            Some(format!("{} is longer than {LONGEST} bytes", show(name)))
        }
        _ => None,
    }
}

/// The line of a key that the section names and that is not used, because the mechanism is another.
pub fn unused_key(tree: &Item) -> Option<usize> {
    let key = tree.locate(b"zgossip/security/secret-key")?;
    matches!(security(tree), Some(Ok(Security::Null))).then(|| key.line())
}

/// What is said of a public key in the section: whoever sets one expects security, and it gives none.
const PUBLIC_KEY: &str = "zgossip/security/public-key is no setting: mechanism = curve, and secret-key with a certificate of both keys";

/// The values of the warning about the certificate that the section names, if others can read its secret key.
pub fn exposure(tree: &Item) -> Option<[Value; 2]> {
    Cert::exposure(tree.get(b"zgossip/security/secret-key")?)
}

/// The certificate that the section names, where it asks for CURVE.
pub fn certificate(tree: &Item) -> Option<&[u8]> {
    let section = tree.locate(SECTION)?;
    section.get(b"secret-key").filter(|_| section.get(b"mechanism") == Some(b"curve"))
}

/// Returns whether the section names this certificate, and nothing is wrong with it but that the certificate cannot be
/// loaded.
pub fn is_certificate_at_fault(tree: &Item, name: &[u8]) -> bool {
    certificate(tree) == Some(name) && curve(name).is_err_and(|reason| security(tree) == Some(Err(reason)))
}

/// Whether a ZAP handler is required, where the section says so.
pub fn requires_handler(tree: &Item) -> Option<bool> {
    tree.get(b"zgossip/security/require-handler").and_then(switch)
}

/// A username and a password.
type Credentials<'a> = (&'a [u8], &'a [u8]);

/// The username and the password that the security section sets, if it does.
pub fn credentials(tree: &Item) -> Result<Option<Credentials<'_>>, String> {
    match (tree.get(b"zgossip/security/username"), tree.get(PASSWORD)) {
        (None, None) => Ok(None),
        (Some(username), Some(password)) => Ok(Some((username, password))),
        (Some(_), None) => Err("zgossip/security/password is not set".to_owned()),
        (None, Some(_)) => Err("zgossip/security/username is not set".to_owned()),
    }
}

/// Whether the tree holds a password, which is not for everybody's eyes.
pub fn has_password(tree: &Item) -> bool {
    tree.get(PASSWORD).is_some()
}

/// Whether `path` is that of the password.
pub fn is_password(path: &[u8]) -> bool {
    relative(path) == PASSWORD
}

/// The line of the mechanism, or of the section; 0 where there is none.
pub fn line(tree: &Item) -> usize {
    let item = tree.locate(b"zgossip/security/mechanism").or_else(|| tree.locate(SECTION));
    item.map_or(0, Item::line)
}

/// The ZAP domain that the security section sets.
pub fn domain(tree: &Item) -> Option<&[u8]> {
    tree.get(b"zgossip/security/domain")
}

/// CURVE with the keys of a certificate, which must have a secret key.
fn curve(name: &[u8]) -> Result<Security, String> {
    let failed = |reason| format!("cannot load certificate '{}' ({reason})", show(name));
    let cert = Cert::load(name).map_err(failed)?;
    let secret = cert.secret().ok_or_else(|| failed("curve/secret-key is missing".into()))?;
    Ok(Security::Curve { public: *cert.public(), secret: Secret(Zeroizing::new(*secret)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::file;
    use std::os::unix::ffi::OsStrExt;

    fn tree(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn security_is_what_was_asked_for_or_an_error() {
        assert_eq!(security(&Item::root()), None);
        let of = |lines: &str| security(&tree(&format!("zgossip\n    security\n{lines}"))).unwrap();
        assert_eq!(of(""), Ok(Security::Null));
        assert_eq!(of("        mechanism = null\n"), Ok(Security::Null));
        assert_eq!(of("        mechanism = plain\n"), Ok(Security::Plain));
        assert_eq!(of("        mechanism = gssapi\n"), Err("mechanism=gssapi is not supported".to_owned()));
        assert!(of("        mechanism = curve\n").is_err());
        assert!(of("        mechanism = curve\n        secret-key = /nonexistent\n").is_err());
        assert!(of("        require-handler = maybe\n").is_err());
        assert_eq!(of("        public-key = abc\n"), Err(PUBLIC_KEY.to_owned()), "it would be in clear");
        assert!(is_security(b"zgossip/security/mechanism") && is_security(b"/zgossip/security"));
        assert!(!is_security(b"zgossip/securityx") && !is_security(b"zgossip/bind"));
    }

    #[test]
    fn an_item_that_cannot_be_right_is_known_by_itself() {
        let fault =
            |name: &str, value: &str| fault(format!("zgossip/security/{name}").as_bytes(), value.as_bytes());
        assert_eq!(fault("mechanism", "abc"), Some("mechanism=abc is not supported".to_owned()));
        assert_eq!(fault("domain", &"d".repeat(256)), Some("domain is longer than 255 bytes".to_owned()));
        for name in ["username", "password"] {
            assert!(fault(name, &"x".repeat(256)).is_some() && fault(name, &"x".repeat(255)).is_none());
        }
        assert!(["null", "plain", "curve"].iter().all(|name| fault("mechanism", name).is_none()));
        assert_eq!(
            fault("require-handler", "perhaps"),
            Some("require-handler=perhaps is not 0 or 1".to_owned())
        );
        assert!(["0", "yes", ""].iter().all(|value| fault("require-handler", value).is_none()));
        assert!(super::fault(b"server/timeout", b"abc").is_none());
    }

    #[test]
    fn a_key_without_its_mechanism_is_noticed() {
        let of = |lines: &str| unused_key(&tree(&format!("zgossip\n    security\n{lines}")));
        assert_eq!(of("        secret-key = file\n"), Some(3));
        assert_eq!(of("        mechanism = null\n        secret-key = file\n"), Some(4));
        assert_eq!(of("        mechanism = curve\n        secret-key = file\n"), None);
        assert_eq!(of("        mechanism = null\n"), None);
    }

    #[test]
    fn certificates_are_found_as_czmq_finds_them() {
        let public = "u".repeat(40);
        let base = std::env::temp_dir().join(format!("zgossip-cert-{}", std::process::id()));
        let name = base.as_os_str().as_bytes().to_vec();
        let secret_file = [&name[..], b"_secret"].concat();
        let save = |name: &[u8], text: &str| std::fs::write(file::path(name), text).unwrap();

        save(&name, &format!("curve\n    public-key = \"{public}\"\n"));
        let missing = curve(&name).unwrap_err();
        assert!(missing.ends_with("(curve/secret-key is missing)"), "{missing}");

        save(&secret_file, &format!("curve\n    public-key = \"{public}\"\n    secret-key = \"short\"\n"));
        let short = curve(&name).unwrap_err();
        assert!(short.ends_with("(curve/secret-key is not a key)") && !short.contains("short"), "{short}");

        let secret = "s".repeat(40);
        save(&secret_file, &format!("curve\n    public-key = \"{public}\"\n    secret-key = '{secret}'\n"));
        let found = curve(&name).unwrap();
        let Security::Curve { public: found_public, secret: found_secret } = &found else {
            panic!("{found:?}")
        };
        assert_eq!(crate::engine::raw::curve::encode(found_public), public);
        assert_eq!(crate::engine::raw::curve::encode(found_secret.reveal()), secret);
        assert!(format!("{found:?}").contains("(secret)"));
        for name in [name, secret_file] {
            std::fs::remove_file(file::path(&name)).unwrap();
        }
    }
}
