//! The commands of `handler`, one file or folder each. Nothing below this layer may use them.

pub mod check;
pub mod doctor;
pub mod import;
pub mod serve;
