//! How a short input becomes a long image, so that a fuzzer need not find its way through a megabyte
//! of zeros.

/// The longest image made from an input, in bytes. What VHDX looks for lies within 2 MiB.
const LONGEST: usize = 3 << 20;

/// Bytes in front of an input that say how the image is cut, and how long it is.
const CONTROL: usize = 5;

/// Where the bytes of an input go in an image. What is in between is zero, and so is what the input
/// does not reach.
#[derive(Debug)]
pub struct Layout {
    /// The name of the target and of its folder of seeds.
    pub name: &'static str,
    /// Bytes that are put in their place whatever the input says: where they lie and what they are.
    pub signature: (usize, &'static [u8]),
    /// Stretches from the beginning on, first byte and length, in the order they have in the input.
    pub stretches: &'static [(usize, usize)],
    /// Length of a last stretch that lies at the end of the image.
    pub ending: usize,
    /// Puts checksums right without which nobody looks further.
    pub mend: fn(&mut [u8]),
}

/// An image made from an input.
#[derive(Debug)]
pub struct Sample {
    /// The data.
    pub data: Vec<u8>,
    /// What the lengths of chunks are drawn from.
    pub split: u16,
}

impl Layout {
    /// The image that `input` stands for.
    #[must_use]
    pub fn expand(&self, input: &[u8]) -> Sample {
        let byte = |at: usize| input.get(at).copied().unwrap_or(0);
        let split = u16::from_le_bytes([byte(0), byte(1)]);
        let length = u32::from_le_bytes([byte(2), byte(3), byte(4), 0]) as usize % (LONGEST + 1);
        let mut data = vec![0; length];
        let mut body = input.get(CONTROL..).unwrap_or_default();
        for (start, stretch) in self.places(length) {
            let (part, rest) = body.split_at(stretch.min(body.len()));
            put(&mut data, start, part);
            body = rest;
        }
        put(&mut data, self.signature.0, self.signature.1);
        // Both ways: a wrong checksum is worth a look as well.
        if split & 1 == 0 {
            (self.mend)(&mut data);
        }
        Sample { data, split }
    }

    /// The input that stands for `image`, as far as its stretches reach.
    #[must_use]
    pub fn compact(&self, image: &[u8], split: u16) -> Vec<u8> {
        let length = u32::try_from(image.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut input = [&split.to_le_bytes()[..], &length[..3]].concat();
        for (start, stretch) in self.places(image.len()) {
            let part = image.iter().skip(start).take(stretch);
            let missing = stretch - part.clone().count();
            input.extend(part);
            input.extend(std::iter::repeat_n(0, missing));
        }
        let used = input.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        input.truncate(used.max(CONTROL));
        input
    }

    fn places(&self, length: usize) -> impl Iterator<Item = (usize, usize)> {
        let ending = (length.saturating_sub(self.ending), self.ending);
        self.stretches.iter().copied().chain([ending])
    }
}

/// Writes as much of `part` at `start` as there is room for.
fn put(data: &mut [u8], start: usize, part: &[u8]) {
    if let Some(room) = data.get_mut(start..) {
        let length = room.len().min(part.len());
        room[..length].copy_from_slice(&part[..length]);
    }
}
