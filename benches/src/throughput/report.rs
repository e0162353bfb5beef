//! The figures, as a table or as JSON.

use std::fmt::Write;
use std::time::Duration;

use glance_core::store::BoxError;
use serde::Serialize;

use super::Options;
use super::against::Rounds;
use super::load::Measured;

const MB: f64 = 1e6;
const GB: f64 = 1e9;

/// What a run measured.
#[derive(Debug, Serialize)]
struct Report<'a> {
    store: &'a str,
    size_bytes: u64,
    chunk_bytes: u64,
    concurrency: u16,
    thin: bool,
    verified: bool,
    bytes: u64,
    elapsed_s: f64,
    mb_per_s: f64,
    cpu_s: f64,
    cpu_s_per_gb: f64,
    /// The most memory the process ever had, the 64 MiB that data is cut from included.
    peak_rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<Operations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<Operations>,
}

/// Operations of one sort.
#[derive(Debug, Serialize)]
struct Operations {
    images: usize,
    mb_per_s: f64,
    latency_ms: Latency,
}

/// Of whole operations: from the call to the last byte.
#[derive(Debug, Serialize, PartialEq)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

pub(super) fn of(options: &Options, measured: &Measured) -> Result<String, BoxError> {
    let bytes = |operations: usize| operations as u64 * options.size.0;
    let all = bytes(measured.reads.len() + measured.writes.len());
    let elapsed_s = measured.elapsed.as_secs_f64();
    let cpu_s = measured.cpu.as_secs_f64();
    let operations = |latencies: &[Duration]| {
        let mb_per_s = per(bytes(latencies.len()), MB) / elapsed_s;
        let images = latencies.len();
        (images > 0).then(|| Operations { images, mb_per_s, latency_ms: Latency::of(latencies) })
    };
    let report = Report {
        store: &options.store,
        size_bytes: options.size.0,
        chunk_bytes: options.chunk.0,
        concurrency: options.concurrency,
        thin: options.thin,
        verified: options.verify,
        bytes: all,
        elapsed_s,
        mb_per_s: per(all, MB) / elapsed_s,
        cpu_s,
        cpu_s_per_gb: cpu_s / per(all.max(1), GB),
        peak_rss_bytes: peak_rss_bytes(),
        write: operations(&measured.writes),
        read: operations(&measured.reads),
    };
    if options.json { Ok(serde_json::to_string_pretty(&report)? + "\n") } else { Ok(report.table()?) }
}

/// A store beside its backend's own tool.
#[derive(Debug, Serialize)]
struct ContestReport<'a> {
    store: &'a str,
    size_bytes: u64,
    rounds: usize,
    /// The most memory the process of the store ever had, the 64 MiB that data is cut from included.
    peak_rss_bytes: Option<u64>,
    /// `None` where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<Sides>,
    read: Sides,
}

/// One sort of work, of both.
#[derive(Debug, Serialize)]
struct Sides {
    store: Speed,
    tool: Speed,
}

/// The best round counts: what else a machine does only slows it down.
#[derive(Debug, Serialize)]
struct Speed {
    best_mb_per_s: f64,
    median_mb_per_s: f64,
}

pub(super) fn of_contest(options: &Options, rounds: &Rounds) -> Result<String, BoxError> {
    let sides = |ours: &[Duration], theirs: &[Duration]| Sides {
        store: Speed::of(options.size.0, ours),
        tool: Speed::of(options.size.0, theirs),
    };
    let report = ContestReport {
        store: &options.store,
        size_bytes: options.size.0,
        rounds: rounds.ours.reads.len(),
        peak_rss_bytes: peak_rss_bytes(),
        write: (!rounds.ours.writes.is_empty()).then(|| sides(&rounds.ours.writes, &rounds.theirs.writes)),
        read: sides(&rounds.ours.reads, &rounds.theirs.reads),
    };
    if options.json { Ok(serde_json::to_string_pretty(&report)? + "\n") } else { Ok(report.table()?) }
}

impl ContestReport<'_> {
    fn table(&self) -> Result<String, std::fmt::Error> {
        let mut table = String::new();
        writeln!(table, "{}: {} bytes an image, {} rounds", self.store, self.size_bytes, self.rounds)?;
        writeln!(table, "{:<8}{:>14}{:>14}{:>14}{:>14}", "", "best MB/s", "median", "tool: best", "median")?;
        let write = self.write.as_ref().map(|sides| ("write", sides));
        for (name, Sides { store, tool }) in write.into_iter().chain([("read", &self.read)]) {
            writeln!(
                table,
                "{name:<8}{:>14.1}{:>14.1}{:>14.1}{:>14.1}",
                store.best_mb_per_s, store.median_mb_per_s, tool.best_mb_per_s, tool.median_mb_per_s
            )?;
        }
        if let Some(bytes) = self.peak_rss_bytes {
            writeln!(table, "{:.1} MB of memory at most for the store", per(bytes, MB))?;
        }
        Ok(table)
    }
}

impl Speed {
    fn of(size: u64, rounds: &[Duration]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_unstable();
        let speed = |round: Option<&Duration>| round.map_or(0.0, |taken| per(size, MB) / taken.as_secs_f64());
        Self { best_mb_per_s: speed(sorted.first()), median_mb_per_s: speed(sorted.get(sorted.len() / 2)) }
    }
}

impl Report<'_> {
    fn table(&self) -> Result<String, std::fmt::Error> {
        let mut table = String::new();
        writeln!(
            table,
            "{}: {} bytes an image, {} at once, {:.2} s, {:.1} MB/s in all",
            self.store, self.size_bytes, self.concurrency, self.elapsed_s, self.mb_per_s
        )?;
        writeln!(
            table,
            "{:<8}{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "", "images", "MB/s", "p50 ms", "p90", "p99", "max"
        )?;
        for (name, done) in [("write", &self.write), ("read", &self.read)] {
            if let Some(Operations { images, mb_per_s, latency_ms: ms }) = done {
                writeln!(
                    table,
                    "{name:<8}{images:>8}{mb_per_s:>12.1}{:>12.2}{:>12.2}{:>12.2}{:>12.2}",
                    ms.p50, ms.p90, ms.p99, ms.max
                )?;
            }
        }
        write!(table, "{:.2} s of CPU, {:.3} s per GB", self.cpu_s, self.cpu_s_per_gb)?;
        match self.peak_rss_bytes {
            Some(bytes) => writeln!(table, "; {:.1} MB of memory at most", per(bytes, MB)),
            None => writeln!(table),
        }?;
        Ok(table)
    }
}

impl Latency {
    /// Of at least one latency; by nearest rank.
    fn of(latencies: &[Duration]) -> Self {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        Self { p50: rank(50), p90: rank(90), p99: rank(99), max: rank(100) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people have fewer digits")]
fn per(bytes: u64, unit: f64) -> f64 {
    bytes as f64 / unit
}

/// `None` where the system does not say.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?;
    kib.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let latencies: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(Latency::of(&latencies), Latency { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 });
        let one = [Duration::from_millis(7)];
        assert_eq!(Latency::of(&one), Latency { p50: 7.0, p90: 7.0, p99: 7.0, max: 7.0 });
    }
}
