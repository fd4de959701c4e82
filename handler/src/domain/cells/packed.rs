//! The packed form of a day's cells.
//!
//! The first byte is the version. Then follow the length of the first part, and both parts: the cells of the site as a whole, and
//! those of values. Most days of a reading need one of them. Deflate (RFC 1951) compresses each part: the classes, the values, and
//! then the numbers in columns, because each column alone compresses better. All integers are LEB128. Classes and values that have
//! most numbers come first, so that most integers fit into one byte.

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read, Write},
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use super::{
    CellValue, Cells, VisitorsByGap,
    bytes::{Bytes, Damaged, write_number, write_text},
    class_table::ClassTable,
    profile::Class,
};
use crate::domain::{calendar::Day, dimension::Dimension};

const VERSION: u8 = 1;

/// The largest size of a day without compression: thousands of times that of a busy site.
const LARGEST: u64 = 256 << 20;

/// The parts of packed cells that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The cells of the site as a whole.
    Site,
    /// The cells of values.
    Values,
    All,
}

/// A part of the cells of a day, unpacked into flat lists. Reading needs no look-up for each cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedDay {
    pub classes: ClassTable,
    pub values: Vec<CellValue>,
    pub numbers: Vec<PackedNumber>,
}

/// Visitors of one value, class and gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedNumber {
    /// The index in [`PackedDay::values`].
    pub value: u32,
    /// The index in [`PackedDay::classes`].
    pub class: u32,
    pub gap: u16,
    pub visitors: i64,
}

impl Cells {
    /// Packs the cells.
    pub fn pack(&self) -> Vec<u8> {
        let site = PackedDay::of(&self.of_site()).compressed();
        let values = PackedDay::of(&self.clone().without(&CellValue::default())).compressed();
        let mut packed = vec![VERSION];
        write_number(site.len() as u64, &mut packed);
        packed.extend(site);
        packed.extend(values);
        packed
    }

    /// Unpacks cells.
    ///
    /// # Errors
    /// If the bytes are not packed cells of a known version.
    pub fn unpack(packed: &[u8]) -> Result<Self, Damaged> {
        let mut cells = Self::default();
        for part in PackedDay::read(packed, Parts::All)? {
            cells.add_part(part);
        }
        Ok(cells)
    }

    fn add_part(&mut self, PackedDay { classes, values, numbers }: PackedDay) {
        let classes = classes.to_classes();
        for PackedNumber { value, class, gap, visitors } in numbers {
            self.add(values[value as usize].clone(), classes[class as usize].clone(), gap, visitors);
        }
    }
}

/// Packs the changes of later days that visits of one day have made.
pub fn pack_moves(visit_day: Day, moves: &BTreeMap<Day, Cells>) -> Vec<u8> {
    let mut packed = vec![VERSION];
    for (day, cells) in moves {
        write_number(u64::from(day.number().abs_diff(visit_day.number())), &mut packed);
        let cells = cells.pack();
        write_number(cells.len() as u64, &mut packed);
        packed.extend(cells);
    }
    packed
}

/// Unpacks the changes of later days.
///
/// # Errors
/// If the bytes are not packed changes of a known version.
pub fn unpack_moves(visit_day: Day, packed: &[u8]) -> Result<BTreeMap<Day, Cells>, Damaged> {
    let mut moves: BTreeMap<Day, Cells> = BTreeMap::new();
    for (day, part) in read_moves(visit_day, packed, |_| Some(Parts::All))? {
        moves.entry(day).or_default().add_part(part);
    }
    Ok(moves)
}

/// Unpacks the changes of later days into flat lists: of each day the parts that `parts` names. `None` skips the day.
///
/// # Errors
/// As [`unpack_moves`].
pub fn read_moves(
    visit_day: Day,
    packed: &[u8],
    parts: impl Fn(Day) -> Option<Parts>,
) -> Result<Vec<(Day, PackedDay)>, Damaged> {
    let mut rest = after_version(packed)?;
    let mut moves = Vec::new();
    while !rest.0.is_empty() {
        let days = i32::try_from(rest.number()?).map_err(|_| Damaged("day too late"))?;
        let day = visit_day.plus(days);
        let length = rest.length()?;
        let packed = rest.take(length)?;
        if let Some(parts) = parts(day) {
            moves.extend(PackedDay::read(packed, parts)?.into_iter().map(|part| (day, part)));
        }
    }
    Ok(moves)
}

impl From<PackedDay> for Cells {
    fn from(part: PackedDay) -> Self {
        let mut cells = Self::default();
        cells.add_part(part);
        cells
    }
}

/// The bytes after the version.
fn after_version(packed: &[u8]) -> Result<Bytes<'_>, Damaged> {
    match packed.split_first() {
        None => Err(Damaged("empty")),
        Some((&VERSION, rest)) => Ok(Bytes(rest)),
        Some(_) => Err(Damaged("unknown version")),
    }
}

impl PackedDay {
    /// The cells as flat lists.
    pub fn of(cells: &Cells) -> Self {
        let classes = most_used_first(cells.0.values().flat_map(BTreeMap::keys));
        let values = most_used_first(cells.0.iter().flat_map(|(value, classes)| classes.keys().map(move |_| value)));
        let places: HashMap<&Class, u32> = classes.iter().copied().zip(0..).collect();
        let mut numbers = Vec::new();
        for (value, text) in (0..).zip(&values) {
            let mut of_value: Vec<(u32, &VisitorsByGap)> =
                cells.0[text].iter().map(|(class, gaps)| (places[class], gaps)).collect();
            of_value.sort_unstable_by_key(|(class, _)| *class);
            let number =
                |class, (gap, visitors): (&u16, &i64)| PackedNumber { value, class, gap: *gap, visitors: *visitors };
            numbers
                .extend(of_value.into_iter().flat_map(|(class, gaps)| gaps.iter().map(move |gap| number(class, gap))));
        }
        Self { classes: ClassTable::of(&classes), values: values.into_iter().cloned().collect(), numbers }
    }

    fn compressed(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.classes.write(&mut text);
        write_values(&self.values, &mut text);
        let [mut lengths, mut class_steps, mut gaps, mut visitors] = [const { Vec::new() }; 4];
        for of_value in self.numbers.chunk_by(|one, next| one.value == next.value) {
            write_number(of_value.len() as u64, &mut lengths);
            // A step of 0 is one more gap of the same class.
            let mut last = 0;
            for number in of_value {
                write_number(u64::from(number.class - last), &mut class_steps);
                write_number(u64::from(number.gap), &mut gaps);
                write_number(zigzag(number.visitors - 1), &mut visitors);
                last = number.class;
            }
        }
        for column in [lengths, class_steps, gaps, visitors] {
            write_number(column.len() as u64, &mut text);
            text.extend(column);
        }
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&text).and_then(|()| packed.finish()).expect("a vector takes all bytes")
    }

    /// Unpacks parts of cells into flat lists.
    ///
    /// # Errors
    /// As [`Cells::unpack`].
    pub fn read(packed: &[u8], parts: Parts) -> Result<Vec<Self>, Damaged> {
        let mut values = after_version(packed)?;
        let length = values.length()?;
        let site = values.take(length)?;
        match parts {
            Parts::Site => Ok(vec![Self::decompress(site)?]),
            Parts::Values => Ok(vec![Self::decompress(values.0)?]),
            Parts::All => Ok(vec![Self::decompress(site)?, Self::decompress(values.0)?]),
        }
    }

    fn decompress(packed: &[u8]) -> Result<Self, Damaged> {
        let mut text = Vec::with_capacity(packed.len() * 4);
        let mut decoder = DeflateDecoder::new(packed);
        (&mut decoder).take(LARGEST + 1).read_to_end(&mut text).map_err(|_| Damaged("not compressed"))?;
        if text.len() as u64 > LARGEST {
            return Err(Damaged("too large"));
        }
        if decoder.total_in() != packed.len() as u64 {
            return Err(Damaged("too long"));
        }
        let mut rest = Bytes(&text);
        let classes = ClassTable::read(&mut rest)?;
        let values = read_values(&mut rest)?;
        let [mut lengths, mut class_steps, mut gaps, mut visitors] =
            [rest.column()?, rest.column()?, rest.column()?, rest.column()?];
        let mut numbers = Vec::with_capacity(visitors.0.len());
        for value in 0..u32::try_from(values.len()).map_err(|_| Damaged("too many values"))? {
            let (mut class, mut last_gap, mut is_first) = (0_u64, 0, true);
            for _ in 0..lengths.number()? {
                let step = class_steps.number()?;
                class = class.checked_add(step).ok_or(Damaged("no such class"))?;
                let gap = u16::try_from(gaps.number()?).map_err(|_| Damaged("gap too long"))?;
                if !is_first && step == 0 && gap <= last_gap {
                    return Err(Damaged("gaps out of order"));
                }
                if class >= classes.len() as u64 {
                    return Err(Damaged("no such class"));
                }
                let number = unzigzag(visitors.number()?).checked_add(1).ok_or(Damaged("number too large"))?;
                let class = u32::try_from(class).map_err(|_| Damaged("too many classes"))?;
                numbers.push(PackedNumber { value, class, gap, visitors: number });
                (last_gap, is_first) = (gap, false);
            }
        }
        if [rest, lengths, class_steps, gaps, visitors].iter().any(|column| !column.0.is_empty()) {
            return Err(Damaged("too long"));
        }
        Ok(Self { classes, values, numbers })
    }
}

/// The cells of a day from rows, in any order. A row looks up its texts only, because an open day has very many.
#[derive(Clone, Debug, Default)]
pub struct OpenDay {
    day: PackedDay,
    classes: Vec<Class>,
    class_places: HashMap<String, u32>,
    values: HashMap<CellValue, u32>,
}

impl OpenDay {
    /// Adds visitors by gap of a profile in its stored form. `None` if the text is no profile.
    pub fn add(&mut self, value: CellValue, profile: String, visitors: &[i32]) -> Option<()> {
        let class = if let Some(class) = self.class_places.get(&profile) {
            *class
        } else {
            let class = u32::try_from(self.classes.len()).ok()?;
            self.classes.push(Class::of_profile(&profile)?);
            self.class_places.insert(profile, class);
            class
        };
        let value = if let Some(value) = self.values.get(&value) {
            *value
        } else {
            let place = u32::try_from(self.day.values.len()).ok()?;
            self.day.values.push(value.clone());
            self.values.insert(value, place);
            place
        };
        for (gap, visitors) in (0..).zip(visitors).filter(|(_, visitors)| **visitors != 0) {
            self.day.numbers.push(PackedNumber { value, class, gap, visitors: i64::from(*visitors) });
        }
        Some(())
    }

    /// The cells as flat lists. A value, class and gap can have several numbers.
    pub fn finish(mut self) -> PackedDay {
        self.day.classes = ClassTable::of(&self.classes.iter().collect::<Vec<_>>());
        self.day.numbers.sort_by_key(|number| number.value);
        self.day
    }
}

fn most_used_first<'c, T: Ord + std::hash::Hash>(uses: impl Iterator<Item = &'c T>) -> Vec<&'c T> {
    let mut number: HashMap<&T, usize> = HashMap::new();
    for used in uses {
        *number.entry(used).or_default() += 1;
    }
    let mut sorted: Vec<&T> = number.keys().copied().collect();
    sorted.sort_unstable_by_key(|used| (std::cmp::Reverse(number[used]), *used));
    sorted
}

fn write_values(values: &[CellValue], text: &mut Vec<u8>) {
    write_number(values.len() as u64, text);
    for value in values {
        write_number(value.dimension.map_or(0, |dimension| u64::from(dimension.number().unsigned_abs())), text);
    }
    for value in values {
        write_text(&value.value, text);
    }
}

fn read_values(bytes: &mut Bytes<'_>) -> Result<Vec<CellValue>, Damaged> {
    let dimension = |number: u64| match number {
        0 => Ok(None),
        number => {
            let number = i16::try_from(number).map_err(|_| Damaged("no such dimension"))?;
            Dimension::from_number(number).map(Some).ok_or(Damaged("no such dimension"))
        }
    };
    let dimensions = (0..bytes.length()?).map(|_| dimension(bytes.number()?)).collect::<Result<Vec<_>, _>>()?;
    dimensions.into_iter().map(|dimension| Ok(CellValue { dimension, value: bytes.text()?.to_owned() })).collect()
}

/// Maps small numbers of either sign to small numbers.
#[expect(clippy::cast_sign_loss, reason = "the sign is in the last bit")]
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[expect(clippy::cast_possible_wrap, reason = "the shift leaves 63 bits, and the last bit is 0 or 1")]
fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cells::Profile;

    fn cells(size: usize) -> Cells {
        let mut cells = Cells::default();
        for number in 0..size {
            let values = [
                (Dimension::Country, ["DE", "FR", ""][number % 3].into()),
                (Dimension::Browser, format!("browser {}", number % 7).into()),
            ];
            let profile = Class::of_profile(&Profile::of(&values).text()).unwrap();
            let class = profile.losing(u8::try_from(number % 7).unwrap());
            let value = match number % 4 {
                0 => CellValue::default(),
                _ => CellValue { dimension: Some(Dimension::Page), value: format!("/é{}", number % 11) },
            };
            let visitors = i64::try_from(number * number % 1000).unwrap() - 40;
            cells.add(value, class, u16::try_from(number % 90).unwrap(), visitors);
        }
        cells
    }

    #[test]
    fn unpacked_cells_are_those_that_were_packed() {
        for size in [0, 1, 2, 7, 100, 3000] {
            let cells = cells(size);
            assert_eq!(Cells::unpack(&cells.pack()), Ok(cells), "{size}");
        }
        let mut extreme = Cells::default();
        extreme.add(CellValue::default(), Class::rest(), u16::MAX, i64::MAX);
        extreme.add(CellValue::default(), Class::rest(), 0, -1_000_000_000_000);
        assert_eq!(Cells::unpack(&extreme.pack()), Ok(extreme));
    }

    #[test]
    fn unpacked_moves_are_those_that_were_packed() {
        let visit_day = Day::from_number(20_000);
        let moves: BTreeMap<Day, Cells> = [(visit_day.plus(1), cells(3)), (visit_day.plus(40), cells(200))].into();
        let packed = pack_moves(visit_day, &moves);
        assert_eq!(unpack_moves(visit_day, &packed), Ok(moves));
        for length in 1..packed.len() {
            let is_whole = unpack_moves(visit_day, &packed[..length]).is_ok_and(|moves| moves.len() == 2);
            assert!(!is_whole || length + 1 == packed.len(), "{length} of {}", packed.len());
        }
        assert_eq!(unpack_moves(visit_day, &[]), Err(Damaged("empty")));
    }

    #[test]
    fn the_cells_of_the_site_and_of_values_are_read_apart() {
        let cells = cells(300);
        let read =
            |parts| PackedDay::read(&cells.pack(), parts).unwrap().into_iter().map(Cells::from).collect::<Vec<_>>();
        let (site, values) = (cells.of_site(), cells.clone().without(&CellValue::default()));
        assert_eq!(read(Parts::Site), std::slice::from_ref(&site));
        assert_eq!(read(Parts::Values), std::slice::from_ref(&values));
        assert_eq!(read(Parts::All), [site, values]);
    }

    #[test]
    fn equal_cells_have_equal_bytes() {
        assert_eq!(cells(500).pack(), cells(500).pack());
    }

    #[test]
    fn damaged_bytes_are_rejected_and_never_panic() {
        let whole = cells(300).pack();
        assert_eq!(Cells::unpack(&[]), Err(Damaged("empty")));
        assert_eq!(Cells::unpack(&[&[9], &whole[1..]].concat()), Err(Damaged("unknown version")));
        for length in 0..whole.len() {
            // The last byte may hold only the end of the compression.
            let is_end = length + 1 == whole.len();
            assert!(is_end || Cells::unpack(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
        }
        // Behind the compression, every byte of the values' part is changed once.
        let empty = PackedDay::default().compressed();
        let values = cells(300).without(&CellValue::default()).pack();
        let length = 2 + empty.len();
        assert_eq!(&values[2..length], empty);
        let mut text = Vec::new();
        DeflateDecoder::new(&values[length..]).read_to_end(&mut text).unwrap();
        let packed = |text: &[u8]| {
            let mut packed = DeflateEncoder::new(values[..length].to_vec(), Compression::fast());
            packed.write_all(text).unwrap();
            packed.finish().unwrap()
        };
        assert!(Cells::unpack(&packed(&text)).is_ok());
        let mut rejected = 0;
        for place in 0..text.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = text.clone();
                changed[place] ^= change;
                rejected += u32::from(Cells::unpack(&packed(&changed)).is_err());
            }
        }
        assert!(rejected > 100, "{rejected}");
        assert_eq!(Cells::unpack(&packed(&[&text[..], &[0]].concat())), Err(Damaged("too long")));
        assert!(Cells::unpack(&packed(&text[..text.len() - 1])).is_err());
        // A length beyond the text reserves no memory.
        assert_eq!(Cells::unpack(&packed(&[0xff, 0xff, 0xff, 0xff, 0x0f])), Err(Damaged("too short")));
    }
}
