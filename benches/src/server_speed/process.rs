//! Processes that are measured: started, looked at through `/proc`, and ended.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use glance_core::store::BoxError;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A child process and its own children. Ends with its owner.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Starts `command` with what it prints going to `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let log = fs::File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().map(Self)
    }

    /// Processor time that the process and its living children have used, in user and kernel code.
    pub(super) fn cpu(&self) -> Result<Duration, BoxError> {
        let mut ticks = stat(self.0.id())?.ticks;
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse() else { continue };
            // Others may end while we look.
            ticks += stat(pid).ok().filter(|stat| stat.parent == self.0.id()).map_or(0, |stat| stat.ticks);
        }
        Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
    }

    /// The most memory it had since it began, in bytes.
    pub(super) fn peak_memory(&self) -> Result<u64, BoxError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in status")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// Calls `answers` until it says so.
    pub(super) fn wait_until(&mut self, mut answers: impl FnMut() -> bool) -> Result<(), BoxError> {
        let begun = Instant::now();
        while !answers() {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("ended before it answered: {status}").into());
            }
            if begun.elapsed() > PATIENCE {
                return Err("did not answer".into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

impl Drop for Process {
    /// Asks the process to end, and makes it if it does not.
    fn drop(&mut self) {
        let asked = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = asked {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) {
            if begun.elapsed() > PATIENCE {
                let _ = self.0.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// `proc_pid_stat(5)`. The second field is a name in brackets that may hold anything.
fn stat(pid: u32) -> Result<Stat, BoxError> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = text.rsplit_once(')').ok_or("no name in stat")?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied().ok_or("stat is too short");
    Ok(Stat { parent: field(4)?.parse()?, ticks: field(14)?.parse::<u64>()? + field(15)?.parse::<u64>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_looked_at_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        let mut process = Process::start(command.arg("60"), &folder.path().join("log")).unwrap();
        assert!(process.peak_memory().unwrap() > 0);
        assert!(process.cpu().unwrap() < Duration::from_secs(60));
        let mut turns = 0;
        process
            .wait_until(|| {
                turns += 1;
                turns == 3
            })
            .unwrap();
        let pid = process.0.id();
        drop(process);
        assert!(stat(pid).is_err());
    }

    #[test]
    fn a_process_that_ends_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(&mut Command::new("false"), &folder.path().join("log")).unwrap();
        assert!(process.wait_until(|| false).unwrap_err().to_string().starts_with("ended before"));
    }
}
