//! XFRMA_ALG_*: the heads of the attributes with algorithms and keys (`copy_to_user_auth()`, `copy_to_user_aead()`). Only the name and the
//! lengths are read. What follows them is the key: nothing here touches it, and nothing may.

use super::attribute::Field;
use crate::snapshot::{Algorithm, AlgorithmKind};

/// The attributes: XFRMA_ALG_AUTH, ALG_CRYPT, ALG_COMP, ALG_AEAD, ALG_AUTH_TRUNC.
pub(super) const ALGORITHMS: [u16; 5] = [1, 2, 3, 18, 20];
const XFRMA_ALG_CRYPT: u16 = 2;
const XFRMA_ALG_COMP: u16 = 3;
const XFRMA_ALG_AEAD: u16 = 18;
const XFRMA_ALG_AUTH_TRUNC: u16 = 20;

/// `alg_name`, `alg_key_len`, and the third number of the two structures that have one.
const NAME: usize = 64;
const KEY_LENGTH: usize = 64;
const ICV_LENGTH: usize = 68;

/// The algorithm of an attribute; none for XFRMA_ALG_AUTH, which the kernel sends beside XFRMA_ALG_AUTH_TRUNC, for other attributes, and for one
/// that is too short for its head: that an SA has it is known all the same.
pub(super) fn decode(kind: u16, field: Field<'_>) -> Option<Algorithm> {
    let (kind, has_icv) = match kind {
        XFRMA_ALG_CRYPT => (AlgorithmKind::Encryption, false),
        XFRMA_ALG_COMP => (AlgorithmKind::Compression, false),
        XFRMA_ALG_AEAD => (AlgorithmKind::Aead, true),
        XFRMA_ALG_AUTH_TRUNC => (AlgorithmKind::Authentication, true),
        _ => return None,
    };
    let icv_bits = if has_icv { field.u32(ICV_LENGTH).ok()? } else { 0 };
    let key_bits = field.u32(KEY_LENGTH).ok()?;
    Some(Algorithm { kind, name: field.head(NAME).string(), key_bits, icv_bits })
}
