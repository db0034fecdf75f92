//! The algorithms of an SA: names and lengths, in the kernel's words. There is no field for a key, and there must never be one.

use super::default::is_default;
use serde::{Deserialize, Serialize};

/// An algorithm of an SA (`struct xfrm_algo`, `xfrm_algo_auth`, `xfrm_algo_aead`, without what follows their heads).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Algorithm {
    /// What it is for.
    pub kind: AlgorithmKind,
    /// `alg_name`: `rfc4106(gcm(aes))`, `cbc(aes)`, `hmac(sha256)`.
    pub name: String,
    /// `alg_key_len`: bits, those of a salt among them.
    pub key_bits: u32,
    /// `alg_icv_len`, `alg_trunc_len`: bits of the integrity value that are sent; 0 for encryption alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub icv_bits: u32,
}

/// What an algorithm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlgorithmKind {
    /// XFRMA_ALG_CRYPT.
    Encryption,
    /// XFRMA_ALG_AUTH_TRUNC.
    Authentication,
    /// XFRMA_ALG_AEAD.
    Aead,
    /// XFRMA_ALG_COMP.
    Compression,
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (key of {} bits", self.name, self.key_bits)?;
        match self.icv_bits {
            0 => f.write_str(")"),
            bits => write!(f, ", integrity value of {bits})"),
        }
    }
}
