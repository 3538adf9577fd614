//! Files in ZPL: what CZMQ reads, this library reads alike.

use std::fs;

use common::build::czmq_program;
use common::{LONG, Lib, Scratch, run};
use zgossip::actor::auth::Cert;
use zgossip::actor::file;
use zgossip::actor::file::zpl::Item;

/// CZMQ's reading of each of `files`, as the lines that `ctests/zpl.c` prints.
fn czmq_reads(kind: &str, files: &[String]) -> Vec<String> {
    let mut command = czmq_program("zpl", Lib::Stock);
    command.arg(kind).args(files);
    let said = run(command, LONG).check("zpl").out;
    let lines: Vec<_> =
        said.lines().filter_map(|line| line.strip_prefix('=')).map(|line| line.trim().to_owned()).collect();
    assert_eq!(lines.len(), files.len(), "{said}");
    lines
}

/// This library's reading of a configuration, as the line that [`czmq_reads`] has of CZMQ.
fn reads(name: &str) -> String {
    fn add(item: &Item, depth: usize, line: &mut Vec<String>) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for child in item.children() {
            line.push(format!("{depth}:{}:{}", hex(child.name()), hex(child.value())));
            add(child, depth + 1, line);
        }
    }
    let Ok((tree, _)) = file::load(name.as_bytes()) else { return "refused".to_owned() };
    let mut line = Vec::new();
    add(&tree, 1, &mut line);
    line.join(" ")
}

/// Texts about everything that a line may hold.
fn written() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "a = 1\n    b = 2\n",
        "a = x#y\nb = x #y\nc = #y\nd =#y\ne = x\t#y\nf =  # y\ng=#\nh=x##y\ni = # # y\n",
        "a = \"x#y\" # z\nb = 'x # y'# z\nc = x\"#\"y\nd = \"x\"#z\n",
        "a # x\nb#x\nc\t#x\n",
        "a = 1\n\u{b}# vt\n",
        "a = 1\n\u{c}# ff\n",
        "a = 1\n\r# cr\n",
        "a = 1\n\t# tab\n        \t# both\n",
        "a = 1\r\n    b = 2\r\n\r\n# end\r\n",
        "a = 1\n    \t\n \n\t\n",
        "a = 1\n  \u{b}\n",
        "a = 1\n  # two\n",
        "a =\t\u{b}1\u{c}\r\n",
        "a\u{b}=\u{b}1",
        "a = \n    b =\n",
        "a = ''\nb = \"\"\nc = '\nd = 1",
        "a\n        b = 1\n",
        "    a = 1\n",
        "a\nb\n    c\n        d = 1\n    e\nf\n",
        "a/b = 1\na/c/d = 2\n",
        "/a = 1\n",
        "a$-_@.&+/9 = 1\n",
        "\u{e9} = 1\n",
        "a = \u{e9}\n",
        "a == 1\nb = = 1\n",
        "a = 1 \" 2\n",
        "#\n#a\n # b\n",
        "",
        "\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for byte in 1..=255u8 {
        for [before, after] in [["", "a = 1\n"], ["a = 1\n", "# x\n"], ["a ", "= 1\n"], ["a = ", "x #\n"]] {
            texts.push([before.as_bytes(), &[byte], after.as_bytes()].concat());
        }
        texts.push([b"a = x", &[byte][..], b"#y\nb = ", &[byte], b"\n    c = 1\n"].concat());
    }
    texts
}

/// Texts of pieces that are chosen by chance, the same ones every time.
fn chosen(count: usize) -> Vec<Vec<u8>> {
    const PIECES: [&[u8]; 24] = [
        b"a",
        b"b",
        b"a",
        b"endpoint",
        b" = ",
        b" = ",
        b"=",
        b"1",
        b"x y",
        b"\"x\"",
        b"'",
        b"\"",
        b"#",
        b" # ",
        b"\n",
        b"\n",
        b"\n",
        b"\n    ",
        b"\n    ",
        b"\n        ",
        b" ",
        b"\t",
        b"\r\n",
        b"/",
    ];
    let mut random = fastrand::Rng::with_seed(11);
    let piece = |random: &mut fastrand::Rng| PIECES[random.usize(..PIECES.len())];
    (0..count).map(|_| (0..random.usize(1..16)).flat_map(|_| piece(&mut random)).copied().collect()).collect()
}

#[test]
fn what_czmq_reads_is_read_alike() {
    let scratch = Scratch::new();
    let texts: Vec<_> = written().into_iter().chain(chosen(3000)).collect();
    let save = |(number, text): (usize, &Vec<u8>)| {
        let name = scratch.path(&number.to_string());
        fs::write(&name, text).expect("a file");
        name
    };
    let files: Vec<_> = texts.iter().enumerate().map(save).collect();
    let theirs = czmq_reads("config", &files);
    let mut read = 0;
    for ((text, name), theirs) in texts.iter().zip(&files).zip(&theirs) {
        if theirs != "refused" {
            read += 1;
            assert_eq!(reads(name), *theirs, "{:?}", String::from_utf8_lossy(text));
        }
    }
    assert!((1000..texts.len()).contains(&read), "CZMQ reads {read} of {} texts", texts.len());
}

#[test]
fn what_czmq_saves_or_refuses_for_a_mark_or_an_indent_is_read() {
    let scratch = Scratch::new();
    let file = scratch.path("marked.cfg");
    fs::write(&file, "\u{feff}# hub\n  # two spaces\nserver\n    timeout = 5\n").expect("a file");
    assert_eq!(czmq_reads("config", std::slice::from_ref(&file)), ["refused"]);
    assert_eq!(reads(&file), "1:736572766572: 2:74696d656f7574:35");
}

#[test]
fn certificates_are_read_as_czmq_reads_them() {
    let scratch = Scratch::new();
    let keys = [0; 2].map(|_| Cert::generate().expect("libzmq has CURVE"));
    let text = |key: &[u8; 32]| zmq::z85_encode(key).expect("Z85");
    let (public, secret) = (text(keys[0].public()), text(keys[0].secret().expect("a pair")));
    // A key in Z85 may hold a hash.
    let hashed = format!("{}#{}", &public[..24], &public[25..]);
    let bodies = [
        format!("curve\n    public-key = \"{public}\"\n    secret-key = \"{secret}\"\n"),
        format!("\t# tab\n\u{b}# vt\n\u{c}# ff\n\r# cr\ncurve\r\n    public-key = '{public}' # x\r\n"),
        format!("curve\n    public-key = \"{hashed}\"\n"),
        format!("curve\n    public-key = {hashed}\n"),
        format!("curve\n    public-key = {hashed}# x\n"),
        format!("curve\n    secret-key = {secret}\n"),
        "curve\n".to_owned(),
    ];
    let files: Vec<_> = (0..bodies.len()).map(|number| scratch.path(&format!("{number}.cert"))).collect();
    for (name, body) in files.iter().zip(&bodies) {
        fs::write(name, body).expect("a file");
    }
    let ours = |name: &String| match Cert::load(name.as_bytes()) {
        Ok(cert) => format!("{} {}", text(cert.public()), text(cert.secret().unwrap_or(&[0; 32]))),
        Err(_) => "refused".to_owned(),
    };
    let ours: Vec<_> = files.iter().map(ours).collect();
    assert_eq!(ours, czmq_reads("cert", &files));
    let marked = scratch.path("marked.cert");
    fs::write(&marked, format!("\u{feff}{}", bodies[0])).expect("a file");
    assert_eq!(ours[0], format!("{public} {secret}"));
    assert!(Cert::load(marked.as_bytes()).is_ok_and(|cert| cert.public() == keys[0].public()));
}
