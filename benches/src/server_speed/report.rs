//! The figures, as a table or as JSON. Of several rounds the best counts: what else the machine does
//! only ever makes a round slower.

use std::fmt::Write;
use std::time::Duration;

use glance_core::store::BoxError;
use serde::Serialize;

use super::transfers::Turn;

const MB: f64 = 1e6;
const GB: f64 = 1e9;
const MIB: f64 = 1_048_576.0;

/// What was measured.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Start>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nginx: Option<String>,
    pub(super) transfers: Vec<Rate>,
    pub(super) requests: Vec<Requests>,
    /// What could not be measured, and why.
    pub(super) missing: Vec<&'static str>,
}

/// The time until the first answer.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "figures carry their units")]
pub(super) struct Start {
    empty_folder_ms: f64,
    fastest_ms: f64,
    slowest_ms: f64,
}

/// Most memory in use, resident.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    transfers: u16,
    size_bytes: u64,
    idle_mib: f64,
    uploading_mib: f64,
    downloading_mib: f64,
    more_per_upload_mib: f64,
    more_per_download_mib: f64,
    upload_mb_per_s: f64,
    download_mb_per_s: f64,
}

/// How fast bytes moved in several rounds.
#[derive(Debug, Serialize)]
pub(super) struct Rate {
    work: String,
    who: &'static str,
    rounds: Vec<f64>,
    best_mb_per_s: f64,
    median_mb_per_s: f64,
    /// The least of all rounds.
    cpu_s_per_gb: f64,
}

/// What `wrk` counted.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Requests {
    request: &'static str,
    who: &'static str,
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of the server, for one request.
    cpu_us: f64,
}

impl Start {
    pub(super) fn new(first: Duration, again: &[Duration]) -> Self {
        let ms = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
        Self {
            empty_folder_ms: ms(Some(&first)),
            fastest_ms: ms(again.iter().min()),
            slowest_ms: ms(again.iter().max()),
        }
    }
}

impl Memory {
    /// From peaks in bytes, and how long the images took.
    pub(super) fn new(
        idle: u64,
        (up, uploaded): (u64, Duration),
        (down, downloaded): (u64, Duration),
        transfers: u16,
        size: u64,
    ) -> Self {
        let more = |peak: u64| per(peak.saturating_sub(idle), MIB) / f64::from(transfers);
        let speed = |took: Duration| per(size, MB) * f64::from(transfers) / took.as_secs_f64();
        Self {
            transfers,
            size_bytes: size,
            idle_mib: per(idle, MIB),
            uploading_mib: per(up, MIB),
            downloading_mib: per(down, MIB),
            more_per_upload_mib: more(up),
            more_per_download_mib: more(down),
            upload_mb_per_s: speed(uploaded),
            download_mb_per_s: speed(downloaded),
        }
    }
}

impl Rate {
    pub(super) fn new(work: impl Into<String>, who: &'static str) -> Self {
        let none = f64::INFINITY;
        Self {
            work: work.into(),
            who,
            rounds: Vec::new(),
            best_mb_per_s: 0.0,
            median_mb_per_s: 0.0,
            cpu_s_per_gb: none,
        }
    }

    pub(super) fn add(&mut self, turn: &Turn) {
        let &Turn { bytes, elapsed, cpu } = turn;
        let speed = per(bytes, MB) / elapsed.as_secs_f64();
        self.rounds.push(speed);
        self.best_mb_per_s = self.best_mb_per_s.max(speed);
        self.cpu_s_per_gb = self.cpu_s_per_gb.min(cpu.as_secs_f64() / per(bytes, GB));
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        self.median_mb_per_s = sorted[sorted.len() / 2];
    }
}

impl Requests {
    /// Reads what `wrk --latency` said, after a run that took the server `cpu`.
    ///
    /// # Errors
    ///
    /// If it said something else, or not every answer was a good one.
    pub(super) fn read(request: &'static str, who: &'static str, said: &str, cpu: Duration) -> Result<Self, BoxError> {
        if said.contains("Non-2xx") || said.contains("Socket errors") {
            return Err(format!("{request} ({who}) was not always answered well:\n{said}").into());
        }
        let after = |label: &str| {
            let line = said.lines().map(str::trim).find_map(|line| line.strip_prefix(label));
            line.map(str::trim).ok_or_else(|| format!("wrk did not say {label}\n{said}"))
        };
        let count = said.lines().find_map(|line| line.split_once(" requests in ")).ok_or("wrk counted nothing")?.0;
        let count: f64 = count.trim().parse()?;
        Ok(Self {
            request,
            who,
            per_s: after("Requests/sec:")?.parse()?,
            p50_ms: milliseconds(after("50%")?)?,
            p99_ms: milliseconds(after("99%")?)?,
            cpu_us: cpu.as_secs_f64() * 1e6 / count,
        })
    }
}

/// A time as `wrk` writes it: `870.00us`, `1.02ms`, `1.10s`.
fn milliseconds(text: &str) -> Result<f64, BoxError> {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * factor);
        }
    }
    Err(format!("{text} is no time").into())
}

impl Report {
    pub(super) fn table(&self) -> String {
        let mut table = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut table);
        table
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        if let Some(Start { empty_folder_ms, fastest_ms, slowest_ms }) = &self.start {
            writeln!(
                to,
                "start to first answer: {fastest_ms:.1} to {slowest_ms:.1} ms, in an empty folder {empty_folder_ms:.1} ms"
            )?;
        }
        if let Some(memory) = &self.memory {
            memory.write(to)?;
        }
        if let Some(version) = &self.nginx {
            writeln!(to, "opponent of downloads: {version}")?;
        }
        if !self.transfers.is_empty() {
            writeln!(to, "{:<28}{:<8}{:>12}{:>12}{:>14}", "", "", "best MB/s", "median", "CPU s/GB")?;
        }
        for Rate { work, who, best_mb_per_s, median_mb_per_s, cpu_s_per_gb, .. } in &self.transfers {
            writeln!(to, "{work:<28}{who:<8}{best_mb_per_s:>12.0}{median_mb_per_s:>12.0}{cpu_s_per_gb:>14.3}")?;
        }
        if !self.requests.is_empty() {
            writeln!(to, "{:<32}{:<8}{:>12}{:>10}{:>10}{:>12}", "", "", "requests/s", "p50 ms", "p99 ms", "CPU us")?;
        }
        for Requests { request, who, per_s, p50_ms, p99_ms, cpu_us } in &self.requests {
            writeln!(to, "{request:<32}{who:<8}{per_s:>12.1}{p50_ms:>10.2}{p99_ms:>10.2}{cpu_us:>12.0}")?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(to, "{missing}"))
    }
}

impl Memory {
    fn write(&self, to: &mut String) -> std::fmt::Result {
        let Self { transfers, size_bytes, idle_mib, .. } = self;
        writeln!(to, "memory at most: {idle_mib:.1} MiB idle; {transfers} images of {size_bytes} bytes at once:")?;
        for (what, peak, more, speed) in [
            ("up", self.uploading_mib, self.more_per_upload_mib, self.upload_mb_per_s),
            ("down", self.downloading_mib, self.more_per_download_mib, self.download_mb_per_s),
        ] {
            writeln!(to, "  {what:<5}{peak:>8.1} MiB, {more:.2} MiB more for each, {speed:.0} MB/s")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people have fewer digits")]
fn per(bytes: u64, unit: f64) -> f64 {
    bytes as f64 / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 5s test @ http://127.0.0.1:1/\n  1 threads and 8 connections\n  Latency Distribution\n     \
        50%  870.00us\n     75%    1.02ms\n     90%    1.10ms\n     99%    1.10s \n  1000 requests in 5.00s, 1.00MB read\n\
        Requests/sec:    200.25\nTransfer/sec:      1.00MB\n";

    #[test]
    fn what_wrk_says_is_understood() {
        let expected =
            Requests { request: "GET", who: "us", per_s: 200.25, p50_ms: 0.87, p99_ms: 1100.0, cpu_us: 2000.0 };
        assert_eq!(Requests::read("GET", "us", SAID, Duration::from_secs(2)).unwrap(), expected);
        let failed = format!("{SAID}  Non-2xx or 3xx responses: 1\n");
        assert!(Requests::read("GET", "us", &failed, Duration::ZERO).is_err());
        assert!(Requests::read("GET", "us", "", Duration::ZERO).is_err());
    }

    #[test]
    fn the_best_round_and_the_least_work_count() {
        let mut rate = Rate::new("work", "who");
        for (seconds, cpu) in [(1, 3), (2, 2), (4, 1)] {
            let (elapsed, cpu) = (Duration::from_secs(seconds), Duration::from_secs(cpu));
            rate.add(&Turn { bytes: 1_000_000_000, elapsed, cpu });
        }
        assert_eq!((rate.best_mb_per_s, rate.median_mb_per_s, rate.cpu_s_per_gb), (1000.0, 500.0, 1.0));
    }

    #[test]
    fn memory_is_told_for_each_transfer() {
        let took = Duration::from_secs(2);
        let memory = Memory::new(10 << 20, (42 << 20, took), (10 << 20, took), 16, 1_000_000);
        let figures = (memory.more_per_upload_mib, memory.more_per_download_mib, memory.upload_mb_per_s);
        assert_eq!(figures, (2.0, 0.0, 8.0));
    }
}
