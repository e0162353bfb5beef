//! Moments as clients and listeners read them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A moment that serializes as `YYYY-MM-DDTHH:MM:SSZ`; fractions of the second are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = jiff::tz::Offset::UTC.to_datetime(self.0);
        serializer.collect_str(&format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            moment.year(),
            moment.month(),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_second_are_cut_off() {
        let moment = Moment("2024-02-29T23:59:59.999999Z".parse().unwrap());
        assert_eq!(serde_json::to_value(moment).unwrap(), "2024-02-29T23:59:59Z");
        let early = Moment("0987-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(serde_json::to_value(early).unwrap(), "0987-01-02T03:04:05Z");
    }
}
