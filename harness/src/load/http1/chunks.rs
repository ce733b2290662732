//! The chunked transfer coding (RFC 9112, section 7.1), for bytes that come in pieces of any size.

/// Where the decoder is in the coding.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum At {
    #[default]
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
    Done,
}

/// Decodes one chunked body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    /// What is left of the current chunk, or its size as far as it is read.
    left: usize,
    digits: u8,
}

impl Chunks {
    /// Whether the body, trailers included, is complete.
    pub(super) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Takes bytes until the body is complete; the data goes to `out`. Returns how many were used.
    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
        let mut used = 0;
        while used < input.len() && !self.is_done() {
            if self.at == At::Data {
                let take = self.left.min(input.len() - used);
                out.extend_from_slice(&input[used..used + take]);
                used += take;
                self.left -= take;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
            } else {
                self.step(input[used])?;
                used += 1;
            }
        }
        Ok(used)
    }

    fn step(&mut self, byte: u8) -> Result<(), String> {
        self.at = match (self.at, byte) {
            (At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digit(byte)?;
                At::Size
            }
            (At::Size, b'\r') if self.digits > 0 => At::SizeLf,
            (At::Size, b';' | b' ' | b'\t') if self.digits > 0 => At::Extension,
            (At::Extension, b'\r') => At::SizeLf,
            (At::Extension, _) => At::Extension,
            (At::SizeLf, b'\n') if self.left == 0 => At::TrailerStart,
            (At::SizeLf, b'\n') => At::Data,
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                self.digits = 0;
                At::Size
            }
            (At::TrailerStart, b'\r') => At::LastLf,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerStart | At::Trailer, _) => At::Trailer,
            (At::TrailerLf, b'\n') => At::TrailerStart,
            (At::LastLf, b'\n') => At::Done,
            (at, byte) => return Err(format!("chunked body: byte {byte:#04x} at {at:?}")),
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<(), String> {
        // Fifteen digits cannot overflow, and no body is that large.
        if self.digits == 15 {
            return Err("chunked body: a chunk size of more than 15 digits".to_owned());
        }
        let value = char::from(byte).to_digit(16).unwrap_or_default();
        self.left = self.left * 16 + value as usize;
        self.digits += 1;
        Ok(())
    }
}
