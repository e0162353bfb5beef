//! Chunked bodies (RFC 9112 §7.1).

use super::{Violation, is_token, is_value};

/// Most hexadecimal digits of a chunk size: sizes stay below 2^60.
const SIZE_DIGITS: u8 = 15;

/// Most bytes that the extensions of all chunks, and the trailers, may each take.
const EXTRAS: usize = 8192;

/// Where in a chunked body the next byte stands.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    place: Place,
    size: u64,
    digits: u8,
    extensions: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    End,
}

impl Chunked {
    /// Whether the last byte of the body has been taken.
    pub(super) fn ended(&self) -> bool {
        self.place == Place::End
    }

    /// Takes bytes up to the end of the body and says how many.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<usize, Violation> {
        let mut taken = 0;
        while taken < input.len() && !self.ended() {
            if self.place == Place::Data {
                let rest = input.len() - taken;
                let data = usize::try_from(self.size).map_or(rest, |size| size.min(rest));
                taken += data;
                self.size -= data as u64;
                if self.size == 0 {
                    self.place = Place::DataReturn;
                }
            } else {
                self.place = self.step(input[taken])?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Where the byte after `byte` stands.
    fn step(&mut self, byte: u8) -> Result<Place, Violation> {
        match (self.place, byte) {
            (Place::Size, b'\r') if self.digits > 0 => Ok(Place::SizeLineFeed),
            (Place::Size, b';') if self.digits > 0 => self.extension(),
            (Place::Size, digit) => self.digit(digit),
            (Place::Extension, b'\r') => Ok(Place::SizeLineFeed),
            (Place::Extension, byte) if is_value(byte) => self.extension(),
            (Place::SizeLineFeed, b'\n') if self.size == 0 => Ok(Place::TrailerStart),
            (Place::SizeLineFeed, b'\n') => Ok(Place::Data),
            (Place::DataReturn, b'\r') => Ok(Place::DataLineFeed),
            (Place::DataLineFeed, b'\n') => {
                self.digits = 0;
                Ok(Place::Size)
            }
            (Place::TrailerStart, b'\r') => Ok(Place::LastLineFeed),
            (Place::TrailerName, b':') => self.trailer(Place::TrailerValue),
            (Place::TrailerStart | Place::TrailerName, byte) if is_token(byte) => self.trailer(Place::TrailerName),
            (Place::TrailerValue, b'\r') => Ok(Place::TrailerLineFeed),
            (Place::TrailerValue, byte) if is_value(byte) => self.trailer(Place::TrailerValue),
            (Place::TrailerLineFeed, b'\n') => Ok(Place::TrailerStart),
            (Place::LastLineFeed, b'\n') => Ok(Place::End),
            (Place::TrailerStart | Place::TrailerName | Place::TrailerValue, _) => {
                Err(Violation::Malformed("a trailer"))
            }
            _ => Err(Violation::Malformed("a chunk")),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<Place, Violation> {
        let value = char::from(byte).to_digit(16);
        let Some(value) = value.filter(|_| self.digits < SIZE_DIGITS) else {
            return Err(Violation::Malformed("a chunk size"));
        };
        // The size of the chunk before has been counted down to 0.
        self.size = self.size << 4 | u64::from(value);
        self.digits += 1;
        Ok(Place::Size)
    }

    fn extension(&mut self) -> Result<Place, Violation> {
        self.extensions += 1;
        if self.extensions > EXTRAS {
            return Err(Violation::Malformed("chunk extensions too long"));
        }
        Ok(Place::Extension)
    }

    fn trailer(&mut self, next: Place) -> Result<Place, Violation> {
        self.trailers += 1;
        if self.trailers > EXTRAS {
            return Err(Violation::Malformed("trailers too long"));
        }
        Ok(next)
    }
}
