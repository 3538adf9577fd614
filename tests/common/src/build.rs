//! Compiles the C programs against the library of the current profile.
//!
//! A program is compiled once for its sources, flags and headers, and kept
//! under the target directory by their hash.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use super::{Lib, run};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the root of the repository")
}

pub fn ctests() -> PathBuf {
    root().join("ctests")
}

/// Paths of the built library, under the names that an installed one has.
pub struct Artifacts {
    /// Directory with libzgossip.so, libzgossip.so.1 and libzgossip.a.
    pub dir: PathBuf,
    pub shared: PathBuf,
    pub fixed: PathBuf,
    /// Directory in which `zgossip/zgossip.h` is found.
    pub include: PathBuf,
    /// Changes when the library does.
    pub stamp: u64,
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// The directory of the build in which tests may leave what later runs can use again.
fn scratch_target() -> PathBuf {
    let exe = std::env::current_exe().expect("own path");
    // target/debug/deps/NAME
    exe.ancestors().nth(3).expect("target directory").join("tmp")
}

/// Cargo leaves a library beside the test programs, beside their parent, or
/// at both places, one of them old: the newest is the one just built.
fn newest(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("own path");
    let deps = exe.parent().expect("deps directory");
    let profile = deps.parent().expect("profile directory");
    [deps.join(name), profile.join(name)]
        .into_iter()
        .filter(|path| path.exists())
        .max_by_key(|path| modified(path))
        .unwrap_or_else(|| panic!("no {name} near {}", exe.display()))
}

fn link(to: &Path, at: &Path) {
    if fs::read_link(at).is_ok_and(|old| old == to) {
        return;
    }
    let fresh = at.with_extension(format!("new{}", unique()));
    std::os::unix::fs::symlink(to, &fresh).expect("symlink");
    fs::rename(&fresh, at).expect("symlink in place");
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn artifacts() -> &'static Artifacts {
    static FOUND: OnceLock<Artifacts> = OnceLock::new();
    FOUND.get_or_init(|| {
        let shared = newest("libzgossip.so");
        let fixed = newest("libzgossip.a");
        let mut stamp = DefaultHasher::new();
        (modified(&shared), modified(&fixed)).hash(&mut stamp);
        let stamp = stamp.finish();
        let dir = scratch_target()
            .join(format!("lib-{:08x}", hash_of(&[shared.to_str().expect("plain path")]) as u32));
        let include = dir.join("include");
        fs::create_dir_all(include.join("zgossip")).expect("library directory");
        link(&shared, &dir.join("libzgossip.so"));
        link(&shared, &dir.join("libzgossip.so.1"));
        // A directory with the archive alone, for linking it by name
        fs::create_dir_all(dir.join("static")).expect("library directory");
        link(&fixed, &dir.join("libzgossip.a"));
        link(&fixed, &dir.join("static/libzgossip.a"));
        for header in ["zgossip.h", "zgossip.hpp"] {
            link(&root().join("include").join(header), &include.join("zgossip").join(header));
        }
        Artifacts {
            shared: dir.join("libzgossip.so.1"),
            fixed: dir.join("static/libzgossip.a"),
            include,
            dir,
            stamp,
        }
    })
}

fn hash_of(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// A program to compile.
pub struct Compile {
    compiler: String,
    sources: Vec<PathBuf>,
    before: Vec<String>,
    after: Vec<String>,
    uses_library: bool,
}

impl Compile {
    /// A program of `ctests/`, by its file name.
    pub fn ctest(name: &str) -> Compile {
        Compile::source(ctests().join(name))
    }

    pub fn source(path: impl Into<PathBuf>) -> Compile {
        let path = path.into();
        let cxx = path.extension().is_some_and(|end| end == "cc" || end == "cpp");
        let compiler = if cxx { "c++" } else { "cc" };
        Compile {
            compiler: compiler.to_owned(),
            sources: vec![path],
            before: vec!["-g".to_owned(), format!("-I{}", ctests().display())],
            after: vec![],
            uses_library: false,
        }
    }

    pub fn compiler(mut self, name: &str) -> Compile {
        self.compiler = name.to_owned();
        self
    }

    pub fn flags(mut self, flags: &[&str]) -> Compile {
        self.before.extend(flags.iter().map(|flag| flag.to_string()));
        self
    }

    /// Words after the sources: libraries, in order.
    pub fn libs(mut self, libs: &[&str]) -> Compile {
        self.after.extend(libs.iter().map(|lib| lib.to_string()));
        self
    }

    pub fn warnings(self) -> Compile {
        self.flags(&["-Wall", "-Wextra", "-Werror"])
    }

    /// Finds our header, as an installed package would be found.
    pub fn header(self) -> Compile {
        let include = format!("-I{}", artifacts().include.display());
        self.flags(&[&include])
    }

    /// Adds our shared library at this place of the link line.
    pub fn ours(mut self) -> Compile {
        let dir = artifacts().dir.display().to_string();
        self.uses_library = true;
        self.libs(&[&format!("-L{dir}"), &format!("-Wl,-rpath,{dir}"), "-lzgossip"])
    }

    /// Adds our archive at this place of the link line.
    pub fn ours_static(mut self) -> Compile {
        let dir = artifacts().dir.join("static").display().to_string();
        self.uses_library = true;
        self.libs(&[&format!("-L{dir}"), "-lzgossip"])
    }

    pub fn czmq(self) -> Compile {
        self.libs(&["-lczmq", "-lzmq"])
    }

    fn inputs(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.compiler, &self.before, &self.after).hash(&mut hasher);
        for source in &self.sources {
            source.file_name().hash(&mut hasher);
            fs::read(source).unwrap_or_else(|why| panic!("{}: {why}", source.display())).hash(&mut hasher);
        }
        let directories = ["ctests", "ctests/czmq_compat", "include", "include/czmq"];
        let mut headers: Vec<_> = directories
            .iter()
            .flat_map(|dir| fs::read_dir(root().join(dir)).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "h" || end == "hpp"))
            .collect();
        headers.sort();
        for header in headers {
            fs::read(&header).unwrap_or_default().hash(&mut hasher);
        }
        if self.uses_library {
            artifacts().stamp.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Compiles, and returns the compiler's output when it refuses.
    pub fn try_build(&self) -> Result<PathBuf, String> {
        let name = self.sources[0].file_stem().expect("a source file").to_str().expect("plain path");
        let dir = scratch_target().join("bin");
        let path = dir.join(format!("{name}-{:016x}", self.inputs()));
        if path.exists() {
            return Ok(path);
        }
        fs::create_dir_all(&dir).expect("directory for programs");
        let fresh = dir.join(format!("{name}.{}", unique()));
        let mut command = Command::new(&self.compiler);
        command.args(&self.before).arg("-o").arg(&fresh).args(&self.sources).args(&self.after);
        let text = format!("{command:?}");
        let done = run(command, Duration::from_secs(120));
        if !done.success() {
            return Err(format!("{text}\n{}\n{}", done.out, done.err));
        }
        fs::rename(&fresh, &path).expect("program in place");
        Ok(path)
    }

    #[track_caller]
    pub fn build(&self) -> PathBuf {
        self.try_build().unwrap_or_else(|why| panic!("{why}"))
    }
}

/// A CZMQ program of `ctests/`, ready to run with a library.
#[track_caller]
pub fn czmq_program(name: &str, lib: Lib) -> Command {
    let compile = Compile::ctest(&format!("{name}.c")).flags(&["-std=gnu11"]).warnings();
    let compile = match lib {
        Lib::Stock | Lib::Preload => compile.czmq(),
        Lib::Linked => compile.ours().czmq(),
        Lib::Native => panic!("{name} is a program of CZMQ"),
    };
    let mut command = Command::new(compile.build());
    command.env_remove("LD_PRELOAD");
    if lib == Lib::Preload {
        command.env("LD_PRELOAD", &artifacts().shared);
    }
    command
}

/// A program of `ctests/` on our own interface.
#[track_caller]
pub fn native_program(name: &str) -> Command {
    let program = Compile::ctest(&format!("{name}.c"))
        .flags(&["-std=gnu11"])
        .warnings()
        .header()
        .ours()
        .libs(&["-lpthread"])
        .build();
    Command::new(program)
}
