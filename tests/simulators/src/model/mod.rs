//! What an organisation's data is made of: ids, typed values, and the shape of each object.

pub(crate) mod describe;
pub(crate) mod id;
pub(crate) mod object;
pub(crate) mod standard;
pub(crate) mod value;
