//! What the harness can be asked for.

use std::str::FromStr;
use std::time::Duration;

use clap::Parser;

/// Writes and reads image data in a store at full speed, and prints MB/s, latency and CPU time.
///
/// 1 MB is 1,000,000 bytes, 1 MiB is 1,048,576. Written data stays until the end of the run: a store
/// needs room for COUNT × SIZE.
#[derive(Debug, Clone, Parser)]
#[command(name = "store-throughput")]
pub struct Options {
    /// The store: `config:FILE` or `config:FILE#ID`, as a `glance-api.conf` sets it up, the default
    /// one or the one with that id; `file:DIR`, `memory`, `object-local:DIR` or `object-memory`.
    #[arg(long)]
    pub store: String,
    /// Read what the store has at this URL, and write nothing: for stores that can only be read. Its length is the size.
    #[arg(long, value_name = "URL", conflicts_with_all = ["mix", "tool_write", "size"])]
    pub location: Option<String>,
    /// Length of the data of one image, such as 64MiB, 10MB or 4096.
    #[arg(long, default_value = "64MiB")]
    pub size: Size,
    /// Images to write and read, all in all.
    #[arg(long, default_value_t = 32, conflicts_with = "duration")]
    pub count: u64,
    /// Seconds to go on for, instead of a count.
    #[arg(long, value_parser = seconds)]
    pub duration: Option<Duration>,
    /// Images on their way at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// `write`, `read`, or the parts of reads and writes: 70:30.
    #[arg(long, default_value = "write")]
    pub mix: Mix,
    /// Length of the chunks data is handed to the store in.
    #[arg(long, default_value = "256KiB")]
    pub chunk: Size,
    /// Bytes a store moves by one call: the chunk of a file, the part of an object. The store's own
    /// default if not given.
    #[arg(long)]
    pub io_size: Option<Size>,
    /// Thin provisioning, for stores that know it.
    #[arg(long)]
    pub thin: bool,
    /// Check the digest of all data that is read, not only of the sample before timing. This takes
    /// more time than reading does.
    #[arg(long)]
    pub verify: bool,
    /// Compare with the backend's own tool: a command that writes {file} under {name}. Both sides
    /// then write and read, one image at a time, COUNT times in turns.
    #[arg(long, value_name = "COMMAND", requires_all = ["tool_read", "tool_remove"], conflicts_with = "duration")]
    pub tool_write: Option<String>,
    /// The tool's command that reads {name} into the file {out}; with a location, the data there.
    #[arg(long, value_name = "COMMAND", conflicts_with = "duration")]
    pub tool_read: Option<String>,
    /// The tool's command that removes {name}.
    #[arg(long, value_name = "COMMAND", requires = "tool_write")]
    pub tool_remove: Option<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// A number of bytes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    /// As a length in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no size such as 64MiB, 10MB or 4096");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = match text[digits..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        number.checked_mul(unit).filter(|bytes| *bytes > 0).map(Self).ok_or_else(wrong)
    }
}

/// How reads and writes take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Parts that are reads.
    pub reads: u32,
    /// Parts that are writes.
    pub writes: u32,
}

impl Mix {
    /// Reads alone.
    pub const READ: Self = Self { reads: 1, writes: 0 };

    /// Whether operation `number`, counted from 0, reads: the parts are spread evenly.
    #[must_use]
    pub fn is_read(self, number: u64) -> bool {
        let (reads, all) = (u128::from(self.reads), u128::from(self.reads) + u128::from(self.writes));
        let before = |number: u128| number * reads / all;
        before(u128::from(number) + 1) > before(u128::from(number))
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = match text {
            "write" => Some((0, 1)),
            "read" => return Ok(Self::READ),
            _ => text.split_once(':').and_then(|(reads, writes)| Some((reads.parse().ok()?, writes.parse().ok()?))),
        };
        match parts {
            Some((reads, writes)) if (reads, writes) != (0, 0) => Ok(Self { reads, writes }),
            _ => Err(format!("{text:?} is none of write, read and a ratio such as 70:30")),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, bytes) in [("1", 1), ("4096B", 4096), ("64MiB", 64 << 20), ("10 MB", 10_000_000), ("2GiB", 2 << 30)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "0", "MiB", "-1", "1.5GiB", "1TiB", "99999999999GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_mix_is_spread_evenly() {
        let reads = |text: &str| {
            let mix: Mix = text.parse().unwrap();
            (0..10).map(|number| if mix.is_read(number) { 'r' } else { 'w' }).collect::<String>()
        };
        assert_eq!(reads("write"), "wwwwwwwwww");
        assert_eq!(reads("read"), "rrrrrrrrrr");
        assert_eq!(reads("50:50"), "wrwrwrwrwr");
        assert_eq!(reads("70:30").matches('r').count(), 7);
        for text in ["", "0:0", "1", "a:b", "1:2:3", "-1:2"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
