//! `seeds FOLDER`: writes the seeds of every target, made from the images that tests are made with.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use glance_core::conformance::images;
use glance_core::image::inspect::{Detector, Report};
use glance_fuzz::{Layout, layouts};

/// Seeds of one target: enough for every sort of image, few enough for a repository.
const MOST: usize = 28;

/// Chunks are drawn from this; even, so that checksums are put right.
const SPLIT: u16 = 2;

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    for layout in layouts::ALL {
        let folder = Path::new(&folder).join(layout.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in chosen(layout).into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}

/// Seeds that stand for whole images, evenly taken from all there are.
fn chosen(layout: &Layout) -> Vec<Vec<u8>> {
    let all: BTreeSet<_> = named(layout).iter().filter_map(|data| seed(layout, data)).collect();
    let step = all.len().div_ceil(MOST).max(1);
    all.into_iter().step_by(step).collect()
}

fn named(layout: &Layout) -> Vec<Vec<u8>> {
    let of = |declared: &str| layout.name == declared || layout.name == "detector";
    let hostile = images::hostile().iter().filter(|image| of(image.declared)).map(|image| image.data.to_vec());
    let honest = images::honest().iter().filter(|image| of(image.declared)).map(|image| image.data.to_vec());
    let archives = images::archives().into_iter().filter(|_| of("tar")).map(|archive| archive.data.to_vec());
    hostile.chain(honest).chain(archives).collect()
}

/// The seed for `data`, if the layout holds all of it that matters.
fn seed(layout: &Layout, data: &[u8]) -> Option<Vec<u8>> {
    let seed = layout.compact(data, SPLIT);
    (look(&layout.expand(&seed).data) == look(data)).then_some(seed)
}

fn look(data: &[u8]) -> Report {
    let mut detector = Detector::new();
    detector.look_at(data);
    detector.finish()
}
