//! Responses made and signed here, and everything that an attacker would send in their place.

mod attacks;
mod claims;
mod documents;
mod expectations;
mod forge;
mod published;
mod signatures;
