//! The papers name files, folders and functions that exist, and every place that states the version states the same.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The files below `folder` with this extension.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

fn papers() -> Vec<PathBuf> {
    let mut papers =
        vec![root().join("bindings/python/README.md"), root().join(".github/pull_request_template.md")];
    for entry in fs::read_dir(root()).expect("the repository") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            papers.push(path);
        }
    }
    files(&root().join("doc"), "md", &mut papers);
    papers
}

/// The words of a paper that stand in backquotes, outside blocks of code.
fn quoted(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            words.extend(line.split('`').skip(1).step_by(2));
        }
    }
    words
}

/// Returns whether a word means a file or folder of the repository.
fn is_path(word: &str) -> bool {
    const FILES: [&str; 9] = [".rs", ".c", ".h", ".hpp", ".md", ".py", ".sh", ".toml", ".yml"];
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let Some((first, _)) = word.split_once('/') else { return false };
    let is_folder = !first.is_empty() && !matches!(first, "target" | "build") && root().join(first).is_dir();
    is_plain && (is_folder || FILES.iter().any(|end| word.ends_with(end)))
}

#[test]
fn every_path_in_the_papers_exists() {
    let mut missing = Vec::new();
    for paper in papers() {
        let text = read(&paper);
        let folder = paper.parent().expect("a folder");
        let roots = ["", "src", "include", "tests", "tests/network"].map(|place| root().join(place));
        let exists =
            |path: &str| roots.iter().any(|place| place.join(path).exists()) || folder.join(path).exists();
        let name = paper.strip_prefix(root()).expect("inside").display();
        for word in quoted(&text).into_iter().filter(|word| is_path(word) && !exists(word)) {
            missing.push(format!("{name}: `{word}`"));
        }
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') && !folder.join(target).exists() {
                missing.push(format!("{name}: ({target})"));
            }
        }
    }
    assert!(missing.is_empty(), "these are not there:\n{}", missing.join("\n"));
}

#[test]
fn every_function_in_the_papers_exists() {
    let mut sources = Vec::new();
    for (folder, extension) in [("src", "rs"), ("tests", "rs"), ("include", "h")] {
        files(&root().join(folder), extension, &mut sources);
    }
    let sources: String = sources.iter().map(|path| read(path)).collect();
    let text = read(&root().join("doc/ARCHITECTURE.md"));
    let missing: Vec<&str> = quoted(&text)
        .into_iter()
        .filter_map(|word| word.strip_suffix("()"))
        .filter(|path| {
            let name = path.rsplit("::").next().unwrap_or(path);
            let declarations = [format!("fn {name}("), format!("fn {name}<"), format!("{name} (")];
            !declarations.iter().any(|declaration| sources.contains(declaration))
        })
        .collect();
    assert!(missing.is_empty(), "doc/ARCHITECTURE.md names functions that are not there: {missing:?}");
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("bindings/python/METADATA", format!("Version: {version}")),
        ("bindings/python/src/zgossip/__init__.py", format!("__version__ = \"{version}\"")),
        ("examples/node/package.json", format!("\"version\": \"{version}\"")),
        ("CHANGELOG.md", format!("## {version}")),
    ] {
        assert!(read(&root().join(file)).contains(&line), "{file} says {line}");
    }
}

/// `bench/profile.py` tells by patterns of paths which part of the library an instruction belongs to. One that names a
/// path of former times would put its instructions under another part.
#[test]
fn the_profile_divides_by_files_that_exist() {
    let text = read(&root().join("bench/profile.py"));
    let patterns = text.lines().filter_map(|line| line.trim().strip_prefix("(r\"")?.split('"').next());
    let paths = patterns.flat_map(|pattern| pattern.split('|')).map(|path| path.replace('\\', ""));
    let of_ours: Vec<String> = paths
        .filter(|path| ["core", "actor", "engine"].iter().any(|layer| path.starts_with(layer)))
        .map(|path| path.replace("::", "/").replace('(', "").trim_end_matches('/').to_owned())
        .collect();
    let exists = |path: &&String| {
        let path = root().join("src").join(path);
        path.exists() || path.with_extension("rs").exists()
    };
    assert!(of_ours.len() >= 10, "{of_ours:?}");
    let missing: Vec<_> = of_ours.iter().filter(|path| !exists(path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
