//! A page chunk taken apart into its sections, changed, and put together again. Lacks any idea of what a change means.

use skyful::snapshot::records::{self, SECTIONS};
use skyful::snapshot::table::Record;
use skyful::snapshot::{Chunk, DecodeError, Kind, Object};

use crate::generate::draw::Draw;

/// A chunk's sections, and the names in its header.
#[derive(Clone)]
pub struct Parts {
    pub workspace: String,
    pub name: String,
    pub sections: Vec<Vec<u8>>,
}

/// Bytes of a row in each section. Whoever adds a section is told to list it by the first chunk that has it.
pub fn row_bytes(section: usize) -> usize {
    macro_rules! sizes {
        ($($record:ident),*) => {
            match section {
                records::HEAP | records::AUTOMATA => 1,
                $(n if n == records::$record::SECTION => records::$record::SIZE,)*
                _ => panic!("section {section} is not listed"),
            }
        };
    }
    sizes!(
        Meta,
        Locale,
        Attribute,
        Word,
        Constant,
        VersionConstant,
        NetworkConstant,
        Predicate,
        Rule,
        Child,
        Segment,
        Zone,
        Transition,
        Schedule,
        Window,
        Experiment,
        BucketRange,
        Variant,
        Cap,
        Counter,
        Plan,
        Fragment,
        Module,
        Slot,
        SlotArrangement,
        Entry,
        Log2,
        Cut,
        Class,
        Flip,
        Posting,
        Key,
        Dense,
        Condition,
        ClassRange,
        RowWord,
        Boundary,
        Windowed
    )
}

impl Parts {
    /// None if it isn't even an object with a directory that stays within it.
    pub fn split(bytes: &[u8]) -> Option<Self> {
        let object = Object::decode(bytes).ok()?;
        let directory = object.body.get(..SECTIONS * 8)?;
        let sections = directory.chunks_exact(8).map(|bounds| {
            let word = |at: usize| {
                u32::from_le_bytes([bounds[at], bounds[at + 1], bounds[at + 2], bounds[at + 3]])
            };
            let start = word(0) as usize;
            let section = object.body.get(start..start + word(4) as usize)?;
            Some(section.to_vec())
        });
        Some(Self {
            workspace: object.workspace.to_owned(),
            name: object.name.to_owned(),
            sections: sections.collect::<Option<_>>()?,
        })
    }

    pub fn join(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut at = self.sections.len() * 8;
        for section in &self.sections {
            body.extend_from_slice(&(at as u32).to_le_bytes());
            body.extend_from_slice(&(section.len() as u32).to_le_bytes());
            at += section.len();
        }
        for section in &self.sections {
            body.extend_from_slice(section);
        }
        Object {
            kind: Kind::Page,
            workspace: &self.workspace,
            name: &self.name,
            body: &body,
        }
        .encode()
    }

    /// As an edge opens it, under the digest of what it is now.
    pub fn open(&self) -> Result<Chunk, DecodeError> {
        let bytes = self.join();
        let digest = Kind::Page.digest(&bytes);
        Chunk::open(bytes, digest, &self.workspace, &self.name)
    }

    pub fn rows<R: Record>(&self) -> Vec<R> {
        let rows = self.sections[R::SECTION].chunks_exact(R::SIZE);
        rows.map(|row| R::read(row).expect("a whole row")).collect()
    }

    pub fn set<R: Record>(&mut self, rows: impl IntoIterator<Item = R>) {
        let section = &mut self.sections[R::SECTION];
        section.clear();
        rows.into_iter().for_each(|row| row.write(section));
    }

    /// Changes each row of a table.
    pub fn each<R: Record>(&mut self, change: impl Fn(&mut R)) {
        let mut rows = self.rows::<R>();
        rows.iter_mut().for_each(change);
        self.set(rows);
    }

    /// Adds to the heap, and says where.
    pub fn text(&mut self, text: &str) -> skyful::snapshot::table::Text {
        let heap = &mut self.sections[records::HEAP];
        let at = heap.len() as u32;
        heap.extend_from_slice(text.as_bytes());
        skyful::snapshot::table::Text {
            at,
            len: text.len() as u32,
        }
    }

    /// One change somewhere.
    pub fn mutate(&mut self, draw: &mut Draw) {
        let filled: Vec<usize> = (0..self.sections.len())
            .filter(|n| !self.sections[*n].is_empty())
            .collect();
        if filled.is_empty() {
            return;
        }
        let number = *draw.pick(&filled);
        let counts: Vec<u32> = (0..self.sections.len())
            .map(|n| (self.sections[n].len() / row_bytes(n)) as u32)
            .collect();
        let size = row_bytes(number);
        let section = &mut self.sections[number];
        let rows = section.len() / size;
        if number == records::HEAP || number == records::AUTOMATA || rows == 0 {
            plain_bytes(draw, section);
            return;
        }
        let row = draw.below(rows as u64) as usize * size;
        let other = draw.below(rows as u64) as usize * size;
        let word = draw.below(size as u64 / 4) as usize * 4;
        let at = row + word;
        match draw.below(12) {
            0..=4 => set_word(draw, section, at, &counts),
            5 => section.copy_within(other + word..other + word + 4, at),
            6 => section.copy_within(other..other + size, row),
            7 => {
                let copy = section[row..row + size].to_vec();
                for _ in 0..1 << draw.below(7) {
                    section.splice(other..other, copy.iter().copied());
                }
            }
            8 => drop(section.drain(row..row + size)),
            9 => section.truncate(row),
            10 => section.extend(std::iter::repeat_n(0, size)),
            _ => {
                let value = *draw.pick(&[i64::MIN, i64::MAX, -1, 0, 1 << 53, i64::MIN + 1]);
                let end = (at + 8).min(section.len());
                section[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
        }
    }
}

fn set_word(draw: &mut Draw, section: &mut [u8], at: usize, counts: &[u32]) {
    let old = u32::from_le_bytes([
        section[at],
        section[at + 1],
        section[at + 2],
        section[at + 3],
    ]);
    let value = match draw.below(6) {
        0 => old.wrapping_add(draw.between(-3, 3) as u32),
        1 => draw.below(64) as u32,
        // The ends of tables, where references break.
        2 => draw.pick(counts).wrapping_add(draw.between(-1, 1) as u32),
        3 => *draw.pick(&[u32::MAX, u32::MAX - 1, 1 << 31, 10_000, 10_001, 1 << 24]),
        4 => old ^ (1 << draw.below(32)),
        _ => draw.any() as u32,
    };
    section[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn plain_bytes(draw: &mut Draw, section: &mut Vec<u8>) {
    let at = draw.below(section.len().max(1) as u64) as usize;
    match draw.below(4) {
        0 => section.truncate(at),
        1 => section.insert(at, b"{}\"[],:\\0"[draw.below(9) as usize]),
        2 if at < section.len() => section[at] ^= 1 << draw.below(8),
        _ if at < section.len() => section[at] = draw.any() as u8,
        _ => {}
    }
}

/// Mutates bytes of a chunk: mostly within its sections, now and then its directory and header.
pub fn mutate(bytes: &[u8], draw: &mut Draw) -> Option<Vec<u8>> {
    let mut parts = Parts::split(bytes)?;
    for _ in 0..=draw.below(4) {
        parts.mutate(draw);
    }
    let mut out = parts.join();
    if draw.chance(10) {
        let head = (out.len() - parts.sections.iter().map(Vec::len).sum::<usize>()).max(1);
        let at = draw.below(head as u64) as usize;
        if let Some(slot) = out.get_mut(at) {
            *slot = draw.any() as u8;
        }
    }
    Some(out)
}
