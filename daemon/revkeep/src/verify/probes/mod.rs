//! The live probes, a file for each side from which they look. Each answers for itself; the table says
//! which controls rest on it.

pub(super) mod appliance;
pub(super) mod database;
pub(super) mod evidence;
pub(super) mod face;
pub(super) mod keys;
pub(super) mod outside;
pub(super) mod rows;
pub(super) mod web;
