//! This process, as the journal of uploads and removals names it.
//!
//! A name tells the machine, its boot, the space its process numbers live in, and the process. From
//! it another process of the same machine can tell that one is dead, and put in order at once what
//! it left, instead of waiting for leases to run out.

use std::fs;

/// What the kernel says of a machine and of its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    host: String,
    boot: String,
    /// Process numbers mean nothing outside their namespace.
    namespace: String,
}

impl Machine {
    /// The machine this process runs on; `None` where the kernel does not tell, as on anything but
    /// Linux.
    #[must_use]
    pub fn this() -> Option<Self> {
        let line = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        Some(Self {
            host: line("/proc/sys/kernel/hostname")?,
            boot: line("/proc/sys/kernel/random/boot_id")?,
            namespace: fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned(),
        })
    }

    /// The name of this process.
    #[must_use]
    pub fn name_of_this_process(&self) -> Option<String> {
        let process = std::process::id();
        Some(format!("{} {} {} {process} {}", self.host, self.boot, self.namespace, start_of(process)?))
    }

    /// Whether the process called `name` has certainly ended: it ran on this machine since its boot,
    /// under a number that is another's or nobody's by now.
    #[must_use]
    pub fn knows_dead(&self, name: &str) -> bool {
        let parts: Vec<&str> = name.split(' ').collect();
        let [host, boot, namespace, process, start] = parts[..] else { return false };
        // Another boot may be another machine of the same name, and a restart outlasts the leases.
        if host != self.host || boot != self.boot {
            return false;
        }
        let Ok(process) = process.parse() else { return false };
        namespace == self.namespace && start_of(process).as_deref() != Some(start)
    }
}

/// When a process began, in clock ticks since boot: field 22 of `/proc/<pid>/stat`, proc(5). `None`
/// if there is no such process, or only what is left of one that nobody has waited for.
fn start_of(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses that may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_living_process_is_not_taken_for_dead() {
        let machine = Machine::this().unwrap();
        assert!(!machine.knows_dead(&machine.name_of_this_process().unwrap()));
    }

    #[test]
    fn a_process_that_ended_is_known_to_be_dead() {
        let machine = Machine::this().unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let start = start_of(child.id()).unwrap();
        let name = format!("{} {} {} {} {start}", machine.host, machine.boot, machine.namespace, child.id());
        assert!(!machine.knows_dead(&name));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(machine.knows_dead(&name));
    }

    #[test]
    fn nothing_is_known_of_processes_elsewhere() {
        let machine = Machine::this().unwrap();
        let same_name = format!("{} another-boot {} 1 1", machine.host, machine.namespace);
        let other_space = format!("{} {} pid:[1] 1 1", machine.host, machine.boot);
        for name in ["", "x", "other-host boot ns 1 1", &same_name, &other_space] {
            assert!(!machine.knows_dead(name), "{name:?}");
        }
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let machine = Machine::this().unwrap();
        let name = machine.name_of_this_process().unwrap();
        let earlier = format!("{}0", name.rsplit_once(' ').unwrap().0.to_owned() + " ");
        assert!(machine.knows_dead(&earlier));
    }
}
