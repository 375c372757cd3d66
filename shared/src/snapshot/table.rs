//! Fixed-size records in sections of a body, read where they lie. A record says of itself whether its
//! references are in range, so that checking a chunk is one walk over its tables.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::chunk::Chunk;

/// One field of a record: little-endian, of fixed size.
pub trait Field: Copy {
    const SIZE: usize;
    fn read(bytes: &mut &[u8]) -> Option<Self>;
    fn write(self, out: &mut Vec<u8>);
    /// Whether what the field points at is there.
    fn valid(self, _chunk: &Chunk) -> bool {
        true
    }
}

/// A row of the table with number [`Record::SECTION`].
pub trait Record: Copy {
    const SECTION: usize;
    const SIZE: usize;
    fn read(bytes: &[u8]) -> Option<Self>;
    fn write(self, out: &mut Vec<u8>);
    fn valid(self, chunk: &Chunk) -> bool;
}

macro_rules! integer_fields {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            const SIZE: usize = size_of::<$ty>();
            #[inline]
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (head, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$ty>::from_le_bytes(*head))
            }
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
integer_fields!(u32, u64, i64);

/// Bytes of the heap section, valid UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pub at: u32,
    pub len: u32,
}

impl Text {
    /// Its bytes; empty if out of range, which a checked chunk doesn't have.
    pub fn within(self, heap: &[u8]) -> &[u8] {
        let start = self.at as usize;
        heap.get(start..start.saturating_add(self.len as usize))
            .unwrap_or(&[])
    }
}

impl Field for Text {
    const SIZE: usize = 8;
    #[inline]
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            at: u32::read(bytes)?,
            len: u32::read(bytes)?,
        })
    }
    fn write(self, out: &mut Vec<u8>) {
        self.at.write(out);
        self.len.write(out);
    }
    fn valid(self, chunk: &Chunk) -> bool {
        chunk.is_text(self)
    }
}

/// The number of a row of another table.
pub struct Ref<R> {
    pub index: u32,
    rows: PhantomData<fn() -> R>,
}

/// A run of rows of another table.
pub struct Span<R> {
    pub start: u32,
    pub len: u32,
    rows: PhantomData<fn() -> R>,
}

impl<R> Ref<R> {
    pub const FIRST: Self = Self {
        index: 0,
        rows: PhantomData,
    };

    pub fn new(index: u32) -> Self {
        Self {
            index,
            rows: PhantomData,
        }
    }
}

/// A reference that may be absent.
pub struct OptRef<R>(Ref<R>);

impl<R> OptRef<R> {
    pub const NONE: Self = Self(Ref {
        index: u32::MAX,
        rows: PhantomData,
    });

    pub fn some(to: Ref<R>) -> Self {
        Self(to)
    }

    pub fn get(self) -> Option<Ref<R>> {
        (self.0.index != u32::MAX).then_some(self.0)
    }
}

impl<R> From<Option<Ref<R>>> for OptRef<R> {
    fn from(to: Option<Ref<R>>) -> Self {
        to.map_or(Self::NONE, Self)
    }
}

impl<R> Span<R> {
    pub const EMPTY: Self = Self {
        start: 0,
        len: 0,
        rows: PhantomData,
    };

    pub fn new(start: u32, len: u32) -> Self {
        Self {
            start,
            len,
            rows: PhantomData,
        }
    }

    /// Without the first rows.
    pub fn skip(self, rows: u32) -> Self {
        Self::new(
            self.start.saturating_add(rows),
            self.len.saturating_sub(rows),
        )
    }

    pub fn refs(self) -> impl Iterator<Item = Ref<R>> {
        (self.start..self.start.saturating_add(self.len)).map(Ref::new)
    }
}

macro_rules! copyable {
    ($($ty:ident),*) => {$(
        impl<R> Clone for $ty<R> {
            fn clone(&self) -> Self { *self }
        }
        impl<R> Copy for $ty<R> {}
    )*};
}
copyable!(Ref, OptRef, Span);

impl<R> Clone for Table<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Table<'_, R> {}

impl<R: Record> Field for Ref<R> {
    const SIZE: usize = 4;
    #[inline]
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u32::read(bytes).map(Self::new)
    }
    fn write(self, out: &mut Vec<u8>) {
        self.index.write(out);
    }
    fn valid(self, chunk: &Chunk) -> bool {
        (self.index as usize) < chunk.table::<R>().len()
    }
}

impl<R: Record> Field for OptRef<R> {
    const SIZE: usize = 4;
    #[inline]
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Ref::read(bytes).map(Self)
    }
    fn write(self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn valid(self, chunk: &Chunk) -> bool {
        self.get().is_none_or(|r| r.valid(chunk))
    }
}

impl<R: Record> Field for Span<R> {
    const SIZE: usize = 8;
    #[inline]
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self::new(u32::read(bytes)?, u32::read(bytes)?))
    }
    fn write(self, out: &mut Vec<u8>) {
        self.start.write(out);
        self.len.write(out);
    }
    fn valid(self, chunk: &Chunk) -> bool {
        let end = self.start.checked_add(self.len);
        end.is_some_and(|end| end as usize <= chunk.table::<R>().len())
    }
}

/// The rows of one section.
pub struct Table<'a, R> {
    bytes: &'a [u8],
    rows: PhantomData<fn() -> R>,
}

impl<'a, R: Record> Table<'a, R> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            rows: PhantomData,
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len() / R::SIZE
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub fn get(&self, to: Ref<R>) -> Option<R> {
        let start = (to.index as usize).checked_mul(R::SIZE)?;
        R::read(self.bytes.get(start..)?)
    }

    /// Empty if the span is out of range, which a checked chunk doesn't have.
    pub fn span(&self, span: Span<R>) -> impl Iterator<Item = R> + use<'a, R> {
        let start = (span.start as usize).saturating_mul(R::SIZE);
        let end = start.saturating_add((span.len as usize).saturating_mul(R::SIZE));
        rows(self.bytes.get(start..end).unwrap_or(&[]))
    }

    /// How many rows of a span are before some point of its order, by binary search. It takes as many steps whatever it
    /// finds, and none is a branch: which way to go is what a processor can't foresee.
    pub fn before(&self, span: Span<R>, is_before: impl Fn(R) -> bool) -> u32 {
        let (mut low, mut len) = (0_u32, span.len);
        let at = |row: u32| {
            let row = self.get(Ref::new(span.start.wrapping_add(row)));
            row.is_some_and(&is_before)
        };
        while len > 1 {
            let half = len / 2;
            let passed = at(low.wrapping_add(half).wrapping_sub(1));
            low = low.wrapping_add(half.wrapping_mul(u32::from(passed)));
            len = len.wrapping_sub(half);
        }
        low.wrapping_add(u32::from(len == 1 && at(low)))
    }

    pub fn iter(&self) -> impl Iterator<Item = R> + use<'a, R> {
        rows(self.bytes)
    }
}

fn rows<'a, R: Record>(bytes: &'a [u8]) -> impl Iterator<Item = R> + use<'a, R> {
    bytes.chunks_exact(R::SIZE).filter_map(R::read)
}
