//! The words of an arena: memory of this process alone, or a mapping that several processes share. Knows no table.
//!
//! The only file with `unsafe`. What it rests on:
//! - Words are atomics, so whoever else changes them at the same time, in this process or another, is no data race. Any
//!   bits are a word.
//! - A mapping is made only of memory that is sealed against shrinking, so no word can go away while it is mapped.
//! - A region owns its memory, and hands out its words for no longer than it lives.

#![allow(unsafe_code, reason = "memory that other processes change has no safe type")]

use core::ops::Deref;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::AtomicU64;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{SealFlags, fcntl_add_seals, fcntl_get_seals};

/// A slice of words, whoever else sees them.
pub(crate) struct Region {
    first: NonNull<AtomicU64>,
    count: usize,
    owner: Owner,
}

enum Owner {
    /// The words were a box.
    Heap,
    /// The mapping they lie in, kept until the region goes.
    Mapping(#[expect(dead_code, reason = "it is there to be dropped")] MmapRaw),
}

impl Region {
    /// So many words, all zero, of this process alone. The kernel finds the memory when a word is first written.
    pub(crate) fn own(count: usize) -> Self {
        let zeroed = Box::<[AtomicU64]>::new_zeroed_slice(count);
        // SAFETY: an AtomicU64 has the size and the valid bits of a u64, for which zero is one.
        let words = unsafe { zeroed.assume_init() };
        // SAFETY: a box is never null.
        let first = unsafe { NonNull::new_unchecked(Box::into_raw(words).cast::<AtomicU64>()) };
        Self { first, count, owner: Owner::Heap }
    }

    /// So many words in the memory behind the descriptor (`memfd_create`, with sealing allowed), which stays the
    /// caller's; and whether they are new. Memory of no size gets its size and seals here, by the first who comes.
    pub(crate) fn map(descriptor: RawFd, count: usize) -> io::Result<(Self, bool)> {
        let file = duplicate(descriptor)?;
        let octets = count.checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let size = u64::try_from(octets).map_err(io::Error::other)?;
        let is_new = file.metadata()?.len() == 0;
        if is_new {
            file.set_len(size)?;
            fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        }
        // In this order: what is sealed cannot have another size later.
        if !fcntl_get_seals(&file)?.contains(SealFlags::SHRINK) {
            return Err(io::Error::other("the memory is not sealed against shrinking"));
        }
        if file.metadata()?.len() != size {
            return Err(io::Error::other("the memory was made for another layout"));
        }
        let mapping = MmapOptions::new().len(octets).map_raw(&file)?;
        #[expect(clippy::cast_ptr_alignment, reason = "it begins a page, and so where a word may")]
        let first = NonNull::new(mapping.as_mut_ptr().cast::<AtomicU64>()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok((Self { first, count, owner: Owner::Mapping(mapping) }, is_new))
    }
}

/// Another descriptor of the same memory.
fn duplicate(descriptor: RawFd) -> io::Result<File> {
    if descriptor < 0 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: the number is not -1, and the borrow lasts for the next call, in which a number that is no open
    // descriptor is an error of the kernel's. Nothing is closed by it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    borrowed.try_clone_to_owned().map(File::from)
}

impl Deref for Region {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `first` begins `count` words, aligned and zeroed or written as words: a box of so many (`own`), or a
        // mapping of that length, from the start of a page, of memory that cannot shrink (`map`). They live until the
        // region is dropped, which the borrow forbids. Whoever else has them changes them as atomics only.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        match self.owner {
            Owner::Heap => {
                let words = core::ptr::slice_from_raw_parts_mut(self.first.as_ptr(), self.count);
                // SAFETY: `own` took a box of so many words apart into this pointer, and nothing else frees it.
                drop(unsafe { Box::from_raw(words) });
            }
            // Unmapped when the mapping is dropped, behind this.
            Owner::Mapping(_) => {}
        }
    }
}

// SAFETY: a region is the only owner of its memory in this process, and that is not bound to a thread.
unsafe impl Send for Region {}
// SAFETY: all that a shared region gives is `&[AtomicU64]`, which may be shared.
unsafe impl Sync for Region {}

#[cfg(test)]
mod tests {
    use core::sync::atomic::Ordering;
    use std::os::fd::{AsRawFd, OwnedFd};

    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    use super::*;

    fn memory() -> OwnedFd {
        memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap()
    }

    fn refusal(descriptor: RawFd, count: usize) -> String {
        Region::map(descriptor, count).err().unwrap().to_string()
    }

    #[test]
    fn words_of_ones_own_begin_with_zero_and_keep_what_is_written() {
        for count in [0, 1, 100_000] {
            let region = Region::own(count);
            assert_eq!(region.len(), count);
            assert!(region.iter().all(|word| word.load(Ordering::Relaxed) == 0));
            if let Some(last) = region.last() {
                last.store(u64::MAX, Ordering::Relaxed);
                assert_eq!(region[count - 1].load(Ordering::Relaxed), u64::MAX);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "no file is mapped there")]
    fn two_mappings_are_the_same_words() {
        let memory = memory();
        let (one, is_new) = Region::map(memory.as_raw_fd(), 1_000).unwrap();
        let (other, is_new_too) = Region::map(memory.as_raw_fd(), 1_000).unwrap();
        assert_eq!((is_new, is_new_too), (true, false));
        one[999].store(7, Ordering::Relaxed);
        assert_eq!(other[999].load(Ordering::Relaxed), 7);
        // Words outlive the descriptor and the other mapping.
        drop((memory, one));
        assert_eq!(other[999].load(Ordering::Relaxed), 7);
    }

    #[test]
    #[cfg_attr(miri, ignore = "no file is mapped there")]
    fn memory_cannot_be_taken_away_once_it_is_mapped() {
        let memory = memory();
        let (region, _) = Region::map(memory.as_raw_fd(), 1_000).unwrap();
        for size in [0, 7_999, 8_001] {
            assert!(ftruncate(&memory, size).is_err());
        }
        assert!(region.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    #[cfg_attr(miri, ignore = "no file is mapped there")]
    fn memory_that_could_go_away_or_is_of_another_size_is_refused() {
        let loose = memory();
        ftruncate(&loose, 8_000).unwrap();
        assert_eq!(refusal(loose.as_raw_fd(), 1_000), "the memory is not sealed against shrinking");
        let made = memory();
        Region::map(made.as_raw_fd(), 1_000).unwrap();
        for count in [0, 999, 1_001] {
            assert_eq!(refusal(made.as_raw_fd(), count), "the memory was made for another layout");
        }
        let unsealable = memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        assert!(Region::map(unsealable.as_raw_fd(), 1_000).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "no file is mapped there")]
    fn what_is_no_memory_is_refused() {
        for descriptor in [-1, i32::MIN, i32::MAX] {
            assert!(Region::map(descriptor, 1_000).is_err());
        }
        assert!(Region::map(memory().as_raw_fd(), usize::MAX).is_err());
        assert!(Region::map(File::open("/dev/null").unwrap().as_raw_fd(), 1_000).is_err());
    }
}
