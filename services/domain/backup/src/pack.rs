//! zstd, a piece at a time and in bounded memory.

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

use crate::refusal::Refusal;

/// How hard: what zstd takes for usual. More takes the processor from calls and gains little.
const LEVEL: i32 = 3;

/// Bytes that are looked back, as a power of two: both sides hold as much. 1 MiB.
const WINDOW_LOG: u32 = 20;

/// Bytes that come out at once.
const OUT: usize = 32 * 1024;

const BROKEN: Refusal = Refusal::Damaged("it cannot be unpacked");

pub(crate) struct Packer(Encoder<'static>);

impl Packer {
    pub(crate) fn new() -> Option<Self> {
        let mut encoder = Encoder::new(LEVEL).ok()?;
        encoder
            .set_parameter(CParameter::WindowLog(WINDOW_LOG))
            .ok()?;
        Some(Self(encoder))
    }

    /// Packs bytes behind what is there.
    pub(crate) fn pack(&mut self, bytes: &[u8], packed: &mut Vec<u8>) -> Option<()> {
        let mut input = InBuffer::around(bytes);
        let mut out = vec![0; OUT];
        while input.pos() < bytes.len() {
            let mut output = OutBuffer::around(&mut out);
            self.0.run(&mut input, &mut output).ok()?;
            packed.extend_from_slice(output.as_slice());
        }
        Some(())
    }

    pub(crate) fn finish(&mut self, packed: &mut Vec<u8>) -> Option<()> {
        let mut out = vec![0; OUT];
        loop {
            let mut output = OutBuffer::around(&mut out);
            let left = self.0.finish(&mut output, true).ok()?;
            packed.extend_from_slice(output.as_slice());
            if left == 0 {
                return Some(());
            }
        }
    }
}

pub(crate) struct Unpacker {
    decoder: Decoder<'static>,
    packed: Vec<u8>,
    taken: usize,
    /// The last run filled all it was given: more may come out without more going in.
    is_full: bool,
    is_over: bool,
}

impl Unpacker {
    pub(crate) fn new() -> Option<Self> {
        let mut decoder = Decoder::new().ok()?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
            .ok()?;
        Some(Self {
            decoder,
            packed: Vec::new(),
            taken: 0,
            is_full: false,
            is_over: false,
        })
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.packed.drain(..self.taken);
        self.taken = 0;
        self.packed.extend_from_slice(bytes);
    }

    /// Unpacks some more behind what is there; whether anything came.
    pub(crate) fn unpack(&mut self, unpacked: &mut Vec<u8>) -> Result<bool, Refusal> {
        let rest = self.packed.get(self.taken..).unwrap_or_default();
        if self.is_over {
            let trailing = Refusal::Damaged("there is more behind what was packed");
            return if rest.is_empty() {
                Ok(false)
            } else {
                Err(trailing)
            };
        }
        if rest.is_empty() && !self.is_full {
            return Ok(false);
        }
        let mut input = InBuffer::around(rest);
        let mut out = vec![0; OUT];
        let mut output = OutBuffer::around(&mut out);
        let hint = self.decoder.run(&mut input, &mut output);
        let hint = hint.map_err(|_| BROKEN)?;
        let came = output.as_slice();
        self.is_full = came.len() == OUT;
        let moved = input.pos() > 0 || !came.is_empty();
        unpacked.extend_from_slice(came);
        self.taken += input.pos();
        self.is_over = hint == 0;
        if !moved && !self.is_over {
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether the frame is whole, with nothing behind it.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over && self.taken == self.packed.len()
    }
}
