//! How much memory a node may use where nobody has said: a part of what this process can have.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::{Resource, getrlimit};

/// Part of the memory, as a divisor, that one node takes at most.
const PART: u64 = 4;
/// The largest budget in bytes that is taken without being asked for.
const LARGEST: u64 = 1 << 30;

/// The default of `server/max_bytes`: a quarter of the memory that the machine has, or that this process may have by its
/// container or its limit of address space; 1 GiB at most. It is found out once for each process.
pub fn default_budget() -> usize {
    static BUDGET: OnceLock<usize> = OnceLock::new();
    *BUDGET.get_or_init(|| {
        let limits = [machine(), container(), getrlimit(Resource::As).current];
        budget(limits.into_iter().flatten().min())
    })
}

/// Bytes from which on an allocation is worth asking for beforehand: smaller ones are a small part of any limit.
const LARGE: usize = 64 << 10;

/// Returns whether this many bytes can be had now, where this process has a limit of address space; elsewhere the system
/// gives whatever is asked for. To be asked where a peer or the program has chosen the number: an allocation that fails
/// inside the node would end the process.
pub fn is_there(bytes: usize) -> bool {
    static IS_LIMITED: OnceLock<bool> = OnceLock::new();
    let is_limited = || *IS_LIMITED.get_or_init(|| getrlimit(Resource::As).current.is_some());
    bytes < LARGE || !is_limited() || Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

fn budget(memory: Option<u64>) -> usize {
    let bytes = memory.map_or(LARGEST, |memory| (memory / PART).min(LARGEST));
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Bytes of the machine's memory.
fn machine() -> Option<u64> {
    total(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// The number of bytes that the text of `/proc/meminfo` names as the total.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The memory limit of this process's control group, or of one that the group is in.
fn container() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_files(&groups).into_iter().filter_map(|file| limit(&fs::read_to_string(file).ok()?)).min()
}

/// The files that may hold a limit, by the text of `/proc/self/cgroup`: those of the group and of all that it is in.
/// Inside a container the group may be named by its path outside, which does not exist; the root is the container's.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let group = Path::new(group.trim_start_matches('/'));
        files.extend(group.ancestors().map(|group| Path::new(root).join(group).join(name)));
    }
    files
}

/// The number of bytes in a file of a limit; `None` for "max".
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_memory_is_taken_and_1_gib_at_most() {
        assert_eq!(budget(Some(400 << 20)), 100 << 20);
        assert_eq!((budget(Some(1 << 40)), budget(None)), (1 << 30, 1 << 30));
        assert!(default_budget() > 0 && default_budget() <= 1 << 30);
    }

    #[test]
    fn what_can_be_had_is_there() {
        assert!(is_there(0) && is_there(1 << 20));
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        assert_eq!(total("MemTotal:       16000 kB\nMemFree:  1 kB\n"), Some(16_384_000));
        assert_eq!((total("MemFree: 1 kB\n"), total("")), (None, None));
        assert_eq!((limit("max\n"), limit("1048576\n")), (None, Some(1 << 20)));
    }

    #[test]
    fn the_limits_of_all_groups_around_a_process_count() {
        let files =
            |text| limit_files(text).into_iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        assert_eq!(
            files("0::/a/b\n"),
            ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"]
        );
        assert_eq!(files("0::/\n"), ["/sys/fs/cgroup/memory.max"]);
        let first = "5:cpu,memory:/x\n4:pids:/x\n";
        let both =
            ["/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        assert_eq!(files(first), both);
        assert!(files("nonsense\n").is_empty());
    }
}
