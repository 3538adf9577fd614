//! A hub in a process of its own, and what an attack costs that process.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::build::{czmq_program, native_program};
use crate::node::eventually;
use crate::{Host, Lib, Node};

/// Ticks per second in which the kernel tells a process's time (`USER_HZ`, the same on all Linux systems).
const TICKS: u64 = 100;

/// Memory of a process, in bytes.
#[derive(Copy, Clone, Debug)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// The most that was ever resident, or since [`Victim::forget_peak`].
    pub peak: u64,
}

/// A bound hub, to be attacked.
pub struct Victim {
    pub hub: Node,
    pub endpoint: String,
}

impl Victim {
    #[track_caller]
    pub fn new(lib: Lib) -> Victim {
        Victim::with(lib, &[], &[])
    }

    /// A hub whose process has limits, in the words of `prlimit(1)` (`--nofile=100`), and which is told commands
    /// before it is bound (`SET server/max_value 1000`).
    #[track_caller]
    pub fn with(lib: Lib, limits: &[&str], commands: &[&str]) -> Victim {
        let program = match lib {
            Lib::Native => native_program("native_node"),
            _ => czmq_program("node", lib),
        };
        let command = if limits.is_empty() { program } else { limited(&program, limits) };
        let hub = Host::run(command).node("hub");
        commands.iter().for_each(|command| hub.send(command));
        let endpoint = hub.bind();
        Victim { hub, endpoint }
    }

    fn read(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.hub.host.id());
        fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}; {}", self.hub.host.stderr()))
    }

    /// Memory of the hub's process.
    #[track_caller]
    pub fn memory(&self) -> Memory {
        let status = self.read("status");
        let field = |name: &str| {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of /proc/PID/status");
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("kB") << 10
        };
        Memory { resident: field("VmRSS:"), peak: field("VmHWM:") }
    }

    /// Makes the peak what is resident now.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.hub.host.id()), "5").expect("the peak is forgotten");
    }

    /// Waits until no more than a number of bytes is resident.
    pub fn shrinks_to(&self, bytes: u64, limit: Duration) -> bool {
        eventually(limit, || self.memory().resident <= bytes)
    }

    /// Processor time that all threads of the hub's process have used.
    #[track_caller]
    pub fn processor_time(&self) -> Duration {
        let stat = self.read("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    /// Descriptors that the hub's process has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.hub.host.id())).map_or(0, Iterator::count)
    }

    /// Checks that the hub lives, and answers its owner.
    #[track_caller]
    pub fn must_live(&self) {
        assert!(self.hub.status_within(crate::LONG).is_some(), "the hub lives: {}", self.hub.host.stderr());
    }
}

/// A command with limits on its process.
pub fn limited(program: &Command, limits: &[&str]) -> Command {
    let mut command = Command::new("prlimit");
    command.args(limits).arg("--").arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}
