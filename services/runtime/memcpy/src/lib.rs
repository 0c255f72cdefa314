//! `memcpy` and `memmove` for programs that are linked with musl on x86-64.
//!
//! musl's are a `rep movsq`, whose start costs more than most copies of a telephone exchange: of
//! 6,300 for each call, then, half are of less than 17 bytes and a fifth of 129 to 256. They took
//! 9 % of the processor time of a call, three times what glibc's take ([decision 0025]).
//!
//! Linked in with `use memcpy as _;`: the linker takes these and leaves musl's in the archive.
//!
//! [decision 0025]: ../../../docs/decisions/0025-our-own-memcpy-on-musl.md
#![cfg(target_arch = "x86_64")]
#![no_std]
#![expect(
    unsafe_code,
    reason = "what copies memory for everybody cannot be written without"
)]

use core::arch::naked_asm;

/// Copies `n` bytes, as C has it (ISO C11 §7.24.2.1); returns `to`.
///
/// # Safety
/// `from` must be readable and `to` writable for `n` bytes, and the two must not overlap.
#[unsafe(naked)]
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // rdi: to, rsi: from, rdx: n. Every branch reads what it may overwrite before it writes.
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 20f",
        "cmp rdx, 32",
        "ja 10f",
        // 16 to 32: the first and the last 16 bytes.
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        "10:",
        "cmp rdx, {long}",
        "jb {upwards}",
        // Long ones: the processor knows best.
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        "20:",
        "cmp edx, 8",
        "jae 25f",
        "cmp edx, 4",
        "jae 24f",
        "test edx, edx",
        "je 29f",
        // 1 to 3: first, middle, last.
        "movzx ecx, byte ptr [rsi]",
        "movzx r8d, byte ptr [rsi + rdx - 1]",
        "mov r9, rdx",
        "shr r9, 1",
        "movzx r10d, byte ptr [rsi + r9]",
        "mov [rdi], cl",
        "mov [rdi + r9], r10b",
        "mov [rdi + rdx - 1], r8b",
        "29:",
        "ret",
        "24:",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "25:",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        long = const LONG,
        upwards = sym upwards,
    )
}

/// Copies `n` bytes that may overlap, as C has it (ISO C11 §7.24.2.2); returns `to`.
///
/// # Safety
/// `from` must be readable and `to` writable for `n` bytes.
#[unsafe(naked)]
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        // Up to 32 bytes are read before they are written.
        "cmp rdx, 32",
        "jbe {memcpy}",
        // The difference wraps when `to` is below `from`, and is then above any length.
        "mov rcx, rdi",
        "sub rcx, rsi",
        "cmp rcx, rdx",
        "jb 40f",
        // `to` lies below: memcpy goes upwards, which is right, but a `rep movsb` on itself crawls.
        "neg rcx",
        "cmp rcx, 64",
        "jae {memcpy}",
        "jmp {upwards}",
        // `to` lies above and they overlap: downwards, the first 32 bytes read first.
        "40:",
        "mov rax, rdi",
        "movups xmm2, [rsi]",
        "movups xmm3, [rsi + 16]",
        "42:",
        "movups xmm0, [rsi + rdx - 16]",
        "movups xmm1, [rsi + rdx - 32]",
        "movups [rdi + rdx - 16], xmm0",
        "movups [rdi + rdx - 32], xmm1",
        "sub rdx, 32",
        "cmp rdx, 32",
        "ja 42b",
        "movups [rdi], xmm2",
        "movups [rdi + 16], xmm3",
        "ret",
        memcpy = sym memcpy,
        upwards = sym upwards,
    )
}

/// The end of both for 33 bytes and more, 32 at a time: the last 32 are read first and written
/// last, so that it is right too where `to` overlaps `from` from below.
///
/// # Safety
/// That of [`memmove`], with more than 32 bytes and `to` not above `from` where they overlap.
#[unsafe(naked)]
unsafe extern "C" fn upwards(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "lea rcx, [rdi + rdx - 32]",
        "12:",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "add rsi, 32",
        "add rdi, 32",
        "cmp rdi, rcx",
        "jb 12b",
        "movups [rcx], xmm2",
        "movups [rcx + 16], xmm3",
        "ret",
    )
}

/// From here on `rep movsb` is no slower than the loop, with its start (measured on an EPYC).
const LONG: usize = 2048;
