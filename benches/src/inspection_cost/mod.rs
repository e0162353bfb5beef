//! What the inspection of image data costs: uploads into memory with and without it, in turns, by the
//! processor time of this process.

mod content;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use futures::stream;
use glance_core::catalogue::{Settings, UploadOptions};
use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::image::inspect::{Detector, FormatInspection, Inspection, NoInspection};
use glance_core::image::{NewImage, Status};
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::store::BoxError;
use glance_core::{Glance, RequestContext, Stores};

use self::content::Content;
use crate::throughput::cpu_time;

/// Length of the chunks that data comes in, as from a socket.
const CHUNK: usize = 64 << 10;

/// What inspection may cost beside the rest of an upload.
const MOST: f64 = 0.03;

/// What is uploaded, and how often.
#[derive(Debug, Parser)]
#[command(name = "inspection-cost", about = "Measures what the inspection of image data costs an upload")]
pub struct Options {
    /// MiB of one image.
    #[arg(long, default_value_t = 256)]
    size: usize,
    /// Uploads of each kind, with and without inspection.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// Processor time of one kind of content, each the least of all rounds.
struct Cost {
    name: &'static str,
    bytes: usize,
    without: Duration,
    with: Duration,
    /// Of the inspection alone, without an upload around it.
    alone: Duration,
}

/// Measures and returns the report.
///
/// # Errors
///
/// If an upload fails or records something else than it should, or if inspection costs more than
/// three hundredths of an upload.
pub async fn run(options: &Options) -> Result<String, BoxError> {
    let mut report = format!("{:<10} {:>12} {:>12} {:>12} {:>7}\n", "content", "without", "with", "alone", "share");
    let mut dear = Vec::new();
    for content in content::all(options.size << 20) {
        let cost = measure(&content, options.rounds.max(1)).await?;
        writeln!(report, "{}", cost.line())?;
        if cost.share() > MOST {
            dear.push(cost.name);
        }
    }
    report.push_str("CPU s/GB, the least of all rounds; share is that of the inspection alone\n");
    if dear.is_empty() { Ok(report) } else { Err(format!("{report}too dear: {}", dear.join(", ")).into()) }
}

impl Cost {
    fn share(&self) -> f64 {
        self.alone.as_secs_f64() / self.without.as_secs_f64()
    }

    fn line(&self) -> String {
        let each_gb = |time: Duration| time.as_secs_f64() / gigabytes(self.bytes);
        let Self { name, without, with, alone, .. } = self;
        let [without, with, alone] = [*without, *with, *alone].map(each_gb);
        format!("{name:<10} {without:>12.3} {with:>12.3} {alone:>12.5} {:>6.2}%", self.share() * 100.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "fifteen digits are enough")]
fn gigabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e9
}

async fn measure(content: &Content, rounds: usize) -> Result<Cost, BoxError> {
    let mut md5 = Hasher::new(HashAlgorithm::Md5);
    md5.update(&content.data);
    let checksum = md5.finish();
    let mut least = [Duration::MAX; 3];
    for _ in 0..rounds {
        let took = [
            upload(content, Arc::new(NoInspection), None, &checksum).await?,
            upload(content, Arc::new(FormatInspection::default()), content.virtual_size, &checksum).await?,
            inspect(content),
        ];
        least.iter_mut().zip(took).for_each(|(least, took)| *least = took.min(*least));
    }
    let [without, with, alone] = least;
    Ok(Cost { name: content.name, bytes: content.data.len(), without, with, alone })
}

/// Uploads the content once, into a registry of its own, and checks what was recorded.
async fn upload(
    content: &Content,
    inspection: Arc<dyn Inspection>,
    virtual_size: Option<u64>,
    checksum: &str,
) -> Result<Duration, BoxError> {
    let stores = Stores::single(Arc::new(MemoryStore::new("memory")));
    let settings = Settings { inspection, ..Settings::default() };
    let glance = Glance::builder(Arc::new(MemoryDatabase::new()), stores).settings(settings).build();
    let caller = RequestContext::admin("project");
    let images = glance.images(&caller);
    let id = images.create(NewImage::named(content.name, content.declared, "bare")).await?.id;
    let options = UploadOptions { size: Some(content.data.len() as u64), store: None };
    let data = Box::pin(stream::iter(chunks(&content.data).map(Ok)));
    let begun = cpu_time();
    let image = images.upload(id, data, options).await?;
    let took = cpu_time().saturating_sub(begun);
    let recorded = (image.status, image.checksum.as_deref(), image.virtual_size);
    if recorded != (Status::Active, Some(checksum), virtual_size) {
        return Err(format!("{} was recorded as {recorded:?}", content.name).into());
    }
    Ok(took)
}

fn inspect(content: &Content) -> Duration {
    let begun = cpu_time();
    let mut detector = Detector::for_disks();
    chunks(&content.data).for_each(|chunk| detector.look_at(&chunk));
    std::hint::black_box(detector.finish());
    cpu_time().saturating_sub(begun)
}

fn chunks(data: &Bytes) -> impl Iterator<Item = Bytes> + Send + use<> {
    let data = data.clone();
    (0..data.len()).step_by(CHUNK).map(move |at| data.slice(at..data.len().min(at + CHUNK)))
}
