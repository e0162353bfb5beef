//! How large an image is made while its data comes in.

/// How much an image of unknown size grows the first time, and the most it grows at once.
const GROWTH: (u64, u64) = (16 << 20, 8 << 30);

/// How large an image is, and whether it may grow.
pub(super) struct Room {
    pub(super) size: u64,
    /// How much it grew the last time; `None` if its size was known.
    growth: Option<u64>,
}

impl Room {
    pub(super) fn of(size: Option<u64>) -> Self {
        Self { size: size.unwrap_or(0), growth: size.is_none().then_some(GROWTH.0 / 2) }
    }

    /// The size to give the image so that `bytes` fit in, if it has to be another: every time it grows
    /// by twice as much, so that large images are not resized for every piece.
    pub(super) fn for_bytes(&mut self, bytes: u64) -> Option<u64> {
        let growth = self.growth.as_mut().filter(|_| bytes > self.size)?;
        *growth = (*growth * 2).min(GROWTH.1);
        self.size = self.size.saturating_add(*growth).max(bytes);
        Some(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_unknown_size_grows_by_twice_as_much_each_time() {
        const MIB: u64 = 1 << 20;
        let mut room = Room::of(None);
        let sizes: Vec<u64> = [1, 16, 17, 48, 49]
            .map(|mib| {
                room.for_bytes(mib * MIB);
                room.size / MIB
            })
            .to_vec();
        assert_eq!(sizes, [16, 16, 48, 48, 112]);
        for _ in 0..30 {
            room.for_bytes(room.size + 1);
        }
        let before = room.size;
        assert_eq!(room.for_bytes(before + 1), Some(before + GROWTH.1));
    }

    #[test]
    fn an_image_of_known_size_does_not_grow() {
        let mut room = Room::of(Some(5));
        assert_eq!((room.for_bytes(5), room.for_bytes(6), room.size), (None, None, 5));
    }
}
