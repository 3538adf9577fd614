//! Two hosts and the switch between them, in network namespaces: what breaks there, breaks without a word.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use common::build::{czmq_program, native_program};
use common::{Host, Lib};

fn ip(words: &str) -> Result<(), String> {
    let done = Command::new("ip").args(words.split(' ')).output();
    let done = done.map_err(|error| format!("ip: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("ip {words}: {}", String::from_utf8_lossy(&done.stderr).trim()))
}

pub struct Hosts {
    switch: String,
    sides: [String; 2],
}

impl Hosts {
    /// Makes both; says why where this machine forbids it.
    pub fn new() -> Result<Hosts, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("zg{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let hosts = Hosts { switch: format!("{name}s"), sides: [format!("{name}a"), format!("{name}b")] };
        let switch = &hosts.switch;
        ip(&format!("netns add {switch}"))?;
        ip(&format!("-n {switch} link add bridge type bridge"))?;
        ip(&format!("-n {switch} link set bridge up"))?;
        for (i, side) in hosts.sides.iter().enumerate() {
            ip(&format!("netns add {side}"))?;
            ip(&format!("-n {side} link set lo up"))?;
            ip(&format!("-n {switch} link add port{i} type veth peer name wire netns {side}"))?;
            ip(&format!("-n {switch} link set port{i} master bridge up"))?;
            ip(&format!("-n {side} addr add {}/24 dev wire", Hosts::address(i)))?;
            ip(&format!("-n {side} link set wire up"))?;
        }
        Ok(hosts)
    }

    pub fn address(side: usize) -> String {
        format!("10.77.0.{}", side + 1)
    }

    /// A process on one of the hosts.
    #[track_caller]
    pub fn run(&self, side: usize, lib: Lib) -> Host {
        let program = match lib {
            Lib::Native => native_program("native_node").get_program().to_owned(),
            Lib::Linked => czmq_program("node", lib).get_program().to_owned(),
            // What is preloaded would be preloaded to ip too
            _ => panic!("{lib:?} on a host of its own"),
        };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.sides[side]]).arg(program);
        Host::run(command)
    }

    /// Pulls a plug: both hosts still have a carrier, and what they send is lost.
    pub fn part(&self) {
        ip(&format!("-n {} link set port1 nomaster", self.switch)).expect("a port is taken off");
    }

    pub fn join(&self) {
        ip(&format!("-n {} link set port1 master bridge", self.switch)).expect("a port is put back");
    }

    /// Bytes that passed between the hosts, both ways.
    pub fn bytes(&self) -> u64 {
        let count = |name: &str| -> u64 {
            let path = format!("/sys/class/net/port1/statistics/{name}_bytes");
            let done = Command::new("ip").args(["netns", "exec", &self.switch, "cat", &path]).output();
            let text = String::from_utf8(done.expect("ip").stdout).expect("digits");
            text.trim().parse().expect("a number")
        };
        count("rx") + count("tx")
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in self.sides.iter().chain([&self.switch]) {
            if Path::new("/run/netns").join(name).exists() {
                let _ = ip(&format!("netns del {name}"));
            }
        }
    }
}
