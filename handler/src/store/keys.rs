//! Keys of rows as types of their own, and how the statements store types of the domain.

use sqlx::{
    Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo},
};

use crate::domain::{Fingerprint, Minute, TallyKey};

/// The id of a counted site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct SiteId(pub(super) i32);

/// Visitors of one part who raise the same counters. The number is valid within the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct CohortId(i32);

impl CohortId {
    /// The cohort of this number. The first is 1.
    pub const fn new(number: i32) -> Self {
        Self(number)
    }
}

/// The place of a counter in [`Part::counters`](super::Part::counters), from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct CounterIndex(i32);

impl CounterIndex {
    /// The index of the last of `length` counters.
    ///
    /// # Panics
    /// If there is no counter, or there are more than 2³¹.
    pub fn last_of(length: usize) -> Self {
        assert!(length > 0, "a list without counters has no last counter");
        Self(i32::try_from(length).expect("a batch has far fewer than 2^31 counters"))
    }

    /// The index of the counter in a slice, from 0.
    pub fn offset(self) -> usize {
        usize::try_from(self.0 - 1).expect("the first counter is 1")
    }
}

/// Stores a type of the domain as the number that it returns.
macro_rules! stored_as_number {
    ($($type:ty as $number:ty: $of:expr;)+) => {$(
        impl Type<Postgres> for $type {
            fn type_info() -> PgTypeInfo {
                <$number as Type<Postgres>>::type_info()
            }
        }

        impl<'q> Encode<'q, Postgres> for $type {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let number: fn($type) -> $number = $of;
                <$number as Encode<'q, Postgres>>::encode(number(*self), buffer)
            }
        }
    )+};
}

stored_as_number! {
    Fingerprint as i64: |fingerprint| fingerprint.0;
    Minute as i32: Minute::number;
    TallyKey as i16: TallyKey::number;
}
