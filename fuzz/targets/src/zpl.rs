//! Configurations and certificates: any text is read or refused, and a tree that was read comes back when it is saved.

use zgossip::actor::auth::Cert;
use zgossip::actor::file::zpl::Item;

/// Parses a text as ZPL and as a certificate, and panics where a promise does not hold.
pub fn run(data: &[u8]) {
    let Ok(tree) = Item::parse(data) else { return };
    let mut items = 0;
    visit(&tree, &mut items);
    assert!(items <= 1 + data.len(), "{items} items in {} bytes", data.len());
    if let Ok(cert) = Cert::parse(&tree) {
        assert!(cert.meta().len() <= items);
    }
    let saved = tree.save();
    let again = Item::parse(&saved).expect("what is saved can be read");
    assert_eq!(again.save(), saved, "a saved tree is saved alike");
}

fn visit(item: &Item, items: &mut usize) {
    *items += 1;
    for child in item.children() {
        visit(child, items);
    }
}
