//! What a capture leaves out: a value that is the default of its type.

/// For `skip_serializing_if`: absent in a capture means the default.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
