//! The example on CZMQ's own manual page of zgossip.

use std::process::Command;

use super::{Finished, LONG, Scratch, run};

fn shell(line: &str) -> Finished {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    run(command, LONG * 2)
}

/// The manual page as it is installed; where dpkg was told to leave manual
/// pages out, the one in the package.
fn manual_page() -> String {
    let installed = "zcat -f \"$(man -w 3 zgossip 2>/dev/null || echo /usr/share/man/man3/zgossip.3.gz)\"";
    let page = shell(installed);
    if page.success() && !page.out.is_empty() {
        return page.out;
    }
    let scratch = Scratch::new();
    let packaged = format!(
        "cd {} && apt-get download -q libczmq-dev >&2 && \
         dpkg-deb --fsys-tarfile *.deb | tar -xO ./usr/share/man/man3/zgossip.3.gz | zcat",
        scratch.path("")
    );
    shell(&packaged).check("the manual page of libczmq-dev").out
}

/// The lines of the example on the manual page.
pub fn manual_example() -> String {
    let page = manual_page();
    let example = page.split(".SH \"EXAMPLE\"").nth(1).expect("an example");
    let example = example.split(".nf").nth(1).and_then(|rest| rest.split(".fi").next()).expect("its text");
    example
        .lines()
        .filter(|line| !line.starts_with('.'))
        .map(|line| {
            line.replace("\\&", "")
                .replace("\\-", "-")
                .replace("\\(aq", "'")
                .replace("\\*(Aq", "'")
                .replace("\\e", "\\")
                + "\n"
        })
        .collect()
}
