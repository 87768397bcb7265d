//! What the kernel lets the child do from its first byte of input on: read standard input, write its two
//! outputs, take memory, end. No file can be opened, no socket made, no process started or signalled; other
//! descriptors, were there any, can be neither read nor written.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Memory that the child may take beyond what the program itself maps.
const MEMORY: u64 = 64 << 20;
const CPU_SECONDS: u64 = 2;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    #[error("a limit cannot be set: {0}")]
    Limit(#[from] rustix::io::Errno),
    #[error("the size of the process cannot be read")]
    Size,
    #[error("the filter of system calls cannot be made: {0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("the filter of system calls cannot be set: {0}")]
    Seccomp(#[from] seccompiler::Error),
}

/// Takes everything away that reading a response does not need. There is no way back.
pub(crate) fn enter() -> Result<(), SandboxError> {
    // It reads its configuration while it may.
    openssl::init();
    let mapped = mapped_bytes()?;
    for (resource, most) in [
        (Resource::Data, MEMORY),
        (Resource::As, mapped.saturating_add(MEMORY)),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Nofile, 3),
        (Resource::Nproc, 0),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    // Sets no_new_privs as well.
    seccompiler::apply_filter(&filter()?)?;
    Ok(())
}

/// Of the whole address space: the program's own text counts there, and differs from build to build.
fn mapped_bytes() -> Result<u64, SandboxError> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(|_| SandboxError::Size)?;
    let kilobytes: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or(SandboxError::Size)?;
    Ok(kilobytes.saturating_mul(1_024))
}

/// Everything that is not listed fails with EPERM.
fn filter() -> Result<BpfProgram, SandboxError> {
    let mut rules = BTreeMap::new();
    for call in [
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ] {
        rules.insert(call, Vec::new());
    }
    rules.insert(libc::SYS_read, vec![on_descriptor(0)?]);
    rules.insert(libc::SYS_write, vec![on_descriptor(1)?, on_descriptor(2)?]);
    let no_code = vec![never_executable()?];
    rules.insert(libc::SYS_mmap, no_code.clone());
    rules.insert(libc::SYS_mprotect, no_code);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Errno(u32::try_from(libc::EPERM).unwrap_or(1)),
        SeccompAction::Allow,
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    Ok(filter.try_into()?)
}

fn on_descriptor(number: u64) -> Result<SeccompRule, SandboxError> {
    let first = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number)?;
    Ok(SeccompRule::new(vec![first])?)
}

/// The third argument of mmap and of mprotect says what the memory is for.
fn never_executable() -> Result<SeccompRule, SandboxError> {
    let exec = u64::try_from(libc::PROT_EXEC).unwrap_or(4);
    let protection =
        SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(exec), 0)?;
    Ok(SeccompRule::new(vec![protection])?)
}
