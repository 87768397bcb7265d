//! Any bytes in the place of a directory's answer: they are read or refused, and an id or a name that is
//! read has the form that is promised.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| identity::fuzz::ldap_answer(bytes));
