//! How data is cut into parts.

/// Bytes of one upload that are in memory at once, as far as there are more than two parts of them: one on its way and
/// one being collected.
const MEMORY: usize = 64 << 20;
/// Parts an object may have: the limit of S3.
const PARTS: u64 = 10_000;

/// How data is cut into parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartSizes {
    /// Bytes of a part, unless it has to be more.
    pub(super) smallest: usize,
    /// Data of fewer bytes goes in one request if that is known beforehand.
    pub(super) whole_below: usize,
    /// Parts on their way at the same time, if memory allows.
    pub(super) parallel: usize,
    /// Bytes of all of the data, if known.
    pub(super) size: Option<u64>,
}

impl PartSizes {
    /// Bytes to collect before anything is sent. If all of the data goes in one request, its end is looked for.
    pub(super) fn first(&self) -> usize {
        self.whole().map_or_else(|| self.of(0), |size| size + 1)
    }

    /// Whether data of which `first` bytes are the first piece is complete with them, and goes in one request.
    pub(super) fn fit_in_one(&self, first: usize) -> bool {
        first == 0 || self.whole().is_some() || (self.size.is_none() && first < self.of(0))
    }

    /// The length of data that is known to go in one request.
    fn whole(&self) -> Option<usize> {
        let limit = self.whole_below.min(MEMORY);
        self.size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size < limit)
    }

    /// How many parts may be on their way while the part of this number is collected.
    pub(super) fn at_once(&self, number: u64) -> usize {
        (MEMORY / self.of(number)).saturating_sub(1).clamp(1, self.parallel.max(1))
    }

    /// Bytes of a part, counted from 0: all the same where the size is known. Where it is not, they
    /// grow so slowly that 10,000 parts of 8 MiB and more make 430 GiB.
    pub(super) fn of(self, number: u64) -> usize {
        let (times, least) = match self.size {
            Some(size) => (1, size.div_ceil(PARTS)),
            None => (1 + number / (PARTS / 10), 0),
        };
        let sized = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        self.smallest.saturating_mul(sized(times)).max(sized(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: PartSizes = PartSizes { smallest: 8 << 20, whole_below: 8 << 20, parallel: 10, size: None };

    #[test]
    fn memory_limits_the_parts_on_their_way() {
        let at_once = |smallest: usize, parallel| PartSizes { smallest, parallel, ..SIZES }.at_once(0);
        assert_eq!((at_once(5 << 20, 10), at_once(8 << 20, 10), at_once(10 << 20, 10)), (10, 7, 5));
        assert_eq!((at_once(8 << 20, 2), at_once(8 << 20, 0), at_once(1 << 30, 10)), (2, 1, 1));
    }

    #[test]
    fn known_data_below_the_threshold_goes_in_one_request() {
        let sizes = |size| PartSizes { whole_below: 20 << 20, size, ..SIZES };
        assert!(sizes(Some((20 << 20) - 1)).fit_in_one((20 << 20) - 1));
        assert!(!sizes(Some(20 << 20)).fit_in_one(8 << 20));
        assert!(sizes(Some(0)).fit_in_one(0));
        assert!(sizes(None).fit_in_one((8 << 20) - 1) && !sizes(None).fit_in_one(8 << 20));
        let always_parts = PartSizes { whole_below: 0, size: Some(7), ..SIZES };
        assert!(!always_parts.fit_in_one(7) && always_parts.fit_in_one(0));
        let more_than_memory = PartSizes { whole_below: 1 << 30, size: Some(100 << 20), ..SIZES };
        assert!(!more_than_memory.fit_in_one(8 << 20));
    }

    #[test]
    fn data_fits_into_the_parts_an_object_may_have() {
        const MIB: u64 = 1 << 20;
        for size in [0, 1, 8 * MIB, 80_000 * MIB, 80_000 * MIB + 1, 10_000_000 * MIB + 7] {
            let sizes = PartSizes { size: Some(size), ..SIZES };
            assert!(sizes.of(0) as u64 >= 8 * MIB);
            assert!(sizes.of(0) as u64 * PARTS >= size, "{size} bytes");
            assert_eq!(sizes.of(0), sizes.of(9999));
        }
        let unknown = SIZES;
        let total: u64 = (0..PARTS).map(|number| unknown.of(number) as u64).sum();
        assert_eq!(total / (1 << 30), 429);
    }
}
