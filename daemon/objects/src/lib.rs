//! Objects in a bucket that speaks S3 (Amazon S3 API Reference, 2006-03-01): what is kept elsewhere than on this
//! machine. Every request leaves by `egress`.

mod bucket;
mod error;
mod parts;
mod place;

pub use bucket::{Bucket, Object};
pub use error::ObjectError;
pub use place::BucketPlace;
