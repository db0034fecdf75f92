//! The samples of one metric as lines: name, labels, value. They are the same in both forms of the text.

use std::fmt::Write;

/// The samples of one metric.
pub(super) struct Samples {
    name: &'static str,
    labels: &'static [&'static str],
    lines: String,
}

impl Samples {
    /// None yet, of the metric `name` with the labels of these names.
    pub const fn new(name: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, labels, lines: String::new() }
    }

    /// A line a sample.
    pub fn lines(self) -> String {
        self.lines
    }

    /// Adds a sample; the values of its labels come in the order of the labels' names.
    pub fn add(&mut self, labels: &[&str], value: impl Value) {
        self.lines += self.name;
        let pairs = self.labels.iter().zip(labels);
        for (position, (name, value)) in pairs.enumerate() {
            self.lines.push(if position == 0 { '{' } else { ',' });
            let _ = write!(self.lines, "{name}=\"{}\"", quoted(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.lines, "{end} {}", value.shown());
    }

    /// Adds the sample of an interface, if its value is known.
    pub fn add_known(&mut self, interface: &str, value: Option<impl Value>) {
        if let Some(value) = value {
            self.add(&[interface], value);
        }
    }
}

/// A value as samples have it.
pub(super) trait Value {
    fn shown(&self) -> String;
}

impl Value for u64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for f64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    fn shown(&self) -> String {
        u8::from(*self).to_string()
    }
}

/// A text between quotation marks, as labels have it.
pub(super) fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_label() {
        let mut samples = Samples::new("vti_up", &["interface"]);
        samples.add(&["a\"} 1\nb\\"], true);
        assert_eq!(samples.lines(), "vti_up{interface=\"a\\\"} 1\\nb\\\\\"} 1\n");
        assert_eq!(0.25_f64.shown(), "0.25");
    }
}
