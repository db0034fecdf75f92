//! What a run answers: a text and an exit status.

/// What a run answers.
pub struct Answer {
    /// For standard output.
    pub text: String,
    /// The exit status.
    pub status: u8,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, status: 0 }
    }
}
