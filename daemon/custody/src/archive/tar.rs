//! Headers of a tar archive in the format ustar (POSIX.1-1988), of which every tool reads the little that is
//! needed here: plain files with a short name. A size of 8 GiB and more stands in base 256, as GNU tar has it.

/// A block; headers and contents fill whole ones.
pub const BLOCK: usize = 512;
/// Two empty blocks end an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// The first size that eleven octal digits cannot say.
const OCTAL_ENDS: u64 = 1 << 33;

/// The header of a file. Times, owner and rights are the same for each, so that equal contents are equal
/// archives. `name` has at most 100 bytes.
pub fn header(name: &str, size: u64) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    field(&mut block, name.as_bytes(), 100);
    field(&mut block, b"0000600\0", 8);
    field(&mut block, b"0000000\0", 8);
    field(&mut block, b"0000000\0", 8);
    field(&mut block, &size_field(size), 12);
    field(&mut block, b"00000000000\0", 12);
    field(&mut block, b"        ", 8);
    field(&mut block, b"0", 1);
    field(&mut block, b"", 100);
    field(&mut block, b"ustar\x0000", 8);
    block.resize(BLOCK, 0);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    for (to, from) in block.iter_mut().skip(148).zip(sum.bytes()) {
        *to = from;
    }
    block
}

/// What follows a content of this size, so that its last block is whole.
pub fn padding(size: u64) -> Vec<u8> {
    let over = usize::try_from(size % 512).unwrap_or(0);
    vec![0; (BLOCK - over) % BLOCK]
}

/// The name and size that a header of ours states; `None` for any other block.
pub fn read(block: &[u8; BLOCK]) -> Option<(String, u64)> {
    let name = block.iter().take(100).take_while(|byte| **byte != 0);
    let name = String::from_utf8(name.copied().collect()).ok()?;
    let size = size_of(block.get(124..136)?)?;
    (header(&name, size) == block).then_some((name, size))
}

fn size_of(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => Some(u64::from_be_bytes(rest.get(3..)?.try_into().ok()?)),
        _ => u64::from_str_radix(std::str::from_utf8(field.get(..11)?).ok()?, 8).ok(),
    }
}

fn field(block: &mut Vec<u8>, value: &[u8], width: usize) {
    let end = block.len() + width;
    block.extend(value.iter().take(width));
    block.resize(end, 0);
}

fn size_field(size: u64) -> Vec<u8> {
    if size < OCTAL_ENDS {
        return format!("{size:011o}\0").into_bytes();
    }
    let mut field = vec![0x80, 0, 0, 0];
    field.extend_from_slice(&size.to_be_bytes());
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_block_whose_sum_is_right() {
        let block = header("audit_log.jsonl", 4_711);
        assert_eq!(block.len(), BLOCK);
        assert_eq!(block.get(124..136).unwrap(), b"00000011147\0");
        let stated = std::str::from_utf8(block.get(148..154).unwrap()).unwrap();
        let mut blank = block.clone();
        blank
            .iter_mut()
            .skip(148)
            .take(8)
            .for_each(|byte| *byte = b' ');
        let sum: u32 = blank.iter().map(|byte| u32::from(*byte)).sum();
        assert_eq!(u32::from_str_radix(stated, 8).unwrap(), sum);
    }

    #[test]
    fn a_size_beyond_eight_gibibytes_is_said_in_base_256() {
        let block = header("x", 1 << 40);
        assert_eq!(block.get(124).copied(), Some(0x80));
        assert_eq!(block.get(128..136).unwrap(), (1_u64 << 40).to_be_bytes());
    }

    #[test]
    fn a_header_reads_back_and_a_changed_one_does_not() {
        for size in [0, 511, OCTAL_ENDS - 1, OCTAL_ENDS, 1 << 40] {
            let block: [u8; BLOCK] = header("database/000001", size).try_into().unwrap();
            assert_eq!(read(&block), Some(("database/000001".to_owned(), size)));
            for at in [0, 20, 100, 130, 150, 156, 300, 511] {
                let mut changed = block;
                changed[at] ^= 1;
                assert_eq!(read(&changed), None, "{at}");
            }
        }
        assert_eq!(read(&[0; BLOCK]), None);
    }

    #[test]
    fn contents_fill_whole_blocks() {
        for size in [0, 1, 511, 512, 513] {
            let padded = usize::try_from(size).unwrap() + padding(size).len();
            assert_eq!(padded % BLOCK, 0, "{size}");
            assert!(padding(size).len() < BLOCK);
        }
    }
}
