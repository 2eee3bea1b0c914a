//! Which partition a key belongs to: as in `schemas.partitioner`.

#[derive(Clone, Copy)]
pub enum Partitioner {
    Murmur2,
    Crc32,
    Fnv1a,
    Unchecked,
}

impl Partitioner {
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "murmur2" => Some(Self::Murmur2),
            "crc32" => Some(Self::Crc32),
            "fnv1a" => Some(Self::Fnv1a),
            "unchecked" => Some(Self::Unchecked),
            _ => None,
        }
    }

    /// Return whether a key belongs to a partition; unchecked, every key does.
    pub fn has(self, key: &[u8], partition: u32, partitions: u32) -> bool {
        matches!(self, Self::Unchecked) || self.of_key(key, partitions) == partition
    }

    /// Return the partition that a key is given; unchecked, by Kafka's own partitioner.
    pub fn of_key(self, key: &[u8], partitions: u32) -> u32 {
        let hash = match self {
            Self::Murmur2 | Self::Unchecked => murmur2(key) & 0x7FFF_FFFF,
            Self::Crc32 => crc32fast::hash(key),
            Self::Fnv1a => fnv1a(key),
        };
        hash % partitions
    }
}

fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5BD1_E995;
    let mut hash = 0x9747_B28C ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// FNV-1a taken as signed and without the sign, as librdkafka and Sarama do.
fn fnv1a(key: &[u8]) -> u32 {
    let hash = key.iter().fold(0x811C_9DC5, |found: u32, &byte| (found ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash as i32).unsigned_abs()
}
