//! What the peer of a link may read and write, and what of the store it is shown.

use crate::core::codec::Summary;
use crate::core::rights::{Access, Table};
use crate::core::store::{Denied, Facet, Store};
use std::sync::Arc;

/// Rights of one peer.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct PeerRights {
    /// What the peer has proved to be: its public key, the name of its certificate.
    pub(in crate::core) subjects: Box<[Box<[u8]>]>,
    /// The rules for the peer; `None` where everybody may do everything.
    pub(in crate::core) table: Option<Arc<Table>>,
    /// Number of the store's view for the peer, if it may not read everything.
    pub(in crate::core) view: Option<usize>,
    /// What the peer has and may not write.
    pub(in crate::core) denied: Option<Box<Denied>>,
}

impl PeerRights {
    /// Bytes of what was denied.
    pub(super) fn bytes(&self) -> usize {
        self.denied.as_ref().map_or(0, |denied| denied.bytes())
    }

    /// Returns whether the peer may be sent tuples of a key.
    pub(in crate::core) fn may_read(&self, key: &[u8]) -> bool {
        // Without a view it may read everything.
        let table = self.table.as_ref().filter(|_| self.view.is_some());
        table.is_none_or(|table| table.access(key).allows(Access::READ))
    }

    /// What the peer is shown of the store.
    pub(in crate::core) fn facet<'a>(&'a self, store: &'a Store) -> Facet<'a> {
        Facet::new(store, self.view, self.denied.as_deref())
    }

    /// The summary that the peer is told.
    pub(in crate::core) fn summary(&self, store: &Store) -> Summary {
        self.facet(store).summary()
    }
}
