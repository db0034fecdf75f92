//! A kernel's release: what its name tells of the series and of the patches in it, and so which changes it has. It knows no change by name.

use super::change::{Change, Series};

/// The series that the model was held against in the laboratory, oldest first.
pub const TESTED: [Series; 5] =
    [Series(5, 10), Series(6, 1), Series(6, 12), Series(6, 18), Series(7, 2)];

/// What the name tells of the patches in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patches {
    /// All of the series up to this one: `6.6.58-amd64-vyos`.
    Level(u16),
    /// It hides them: `5.10.0-32-cloud-amd64` is the 32nd ABI of Debian's 5.10, not 5.10.0. Ubuntu names its kernels likewise.
    Hidden,
    /// A release candidate: `5.12.0-rc7`.
    Candidate,
    /// An enterprise kernel, with parts of much newer ones: `5.14.0-427.el9`.
    Enterprise,
}

/// A kernel release, as far as `uname -r` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Release(Option<(Series, Patches)>);

impl Release {
    /// Of the output of `uname -r`. Any text has one: where it names no release, nothing can be told from it.
    pub fn of(text: &str) -> Self {
        Self(parse(text))
    }

    /// Major and minor number; none where the text names no release.
    pub fn series(self) -> Option<Series> {
        self.0.map(|(series, _)| series)
    }

    /// The patch level; none where the name hides it.
    pub fn patch(self) -> Option<u16> {
        match self.0 {
            Some((_, Patches::Level(patch))) => Some(patch),
            _ => None,
        }
    }

    /// Whether a kernel of this release has the change. None: its name does not tell, or nobody established it.
    pub fn has(self, change: Change) -> Option<bool> {
        let (series, patches) = self.0?;
        let row = change.row();
        match patches {
            Patches::Candidate if series == row.mainline => None,
            _ if series >= row.mainline => Some(true),
            Patches::Enterprise => None,
            // No stable release gets into a candidate.
            Patches::Candidate => Some(false),
            _ if row.unsettled.contains(&series) => None,
            Patches::Level(patch) => Some(row.since_patch(series).is_some_and(|p| patch >= p)),
            Patches::Hidden => row.since_patch(series).map_or(Some(false), |_| None),
        }
    }

    /// Whether the model's proofs hold for it: it lies between the oldest and the newest of the [`TESTED`] series.
    ///
    /// A series between two tested ones counts, though none of its kernels was in the laboratory (VyOS 1.4 runs 6.6): what changed on
    /// the way is in the table with the releases that have it, and both ends behave as the model says. Below the oldest and above the
    /// newest there is only one end, and what is not in the table was looked for by nobody. An enterprise kernel is none of its
    /// series, and a candidate is no release.
    pub fn is_covered(self) -> bool {
        let [oldest, .., newest] = TESTED;
        self.0.is_some_and(|(series, patches)| {
            matches!(patches, Patches::Level(_) | Patches::Hidden)
                && (oldest..=newest).contains(&series)
        })
    }

    /// Why a finding that the model proves is called consistent, in one line; none where the release is covered.
    pub fn reservation(self) -> Option<String> {
        if self.is_covered() {
            return None;
        }
        let [oldest, .., newest] = TESTED;
        let subject = match self.0 {
            None => "The kernel's release is unknown: it may be outside".to_owned(),
            Some((series, Patches::Enterprise)) => {
                format!("Linux {series} of an enterprise distribution is outside")
            }
            Some((series, Patches::Candidate)) => {
                format!("A release candidate of Linux {series} is outside")
            }
            Some((series, _)) => format!("Linux {series} is outside"),
        };
        Some(format!(
            "{subject} of the releases that the model was tested on ({oldest} to {newest}): what the model proves is called consistent."
        ))
    }
}

/// The parts of `uname -r` that matter: three numbers, and what follows them.
fn parse(text: &str) -> Option<(Series, Patches)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut numbers = numbers.split('.');
    let series = Series(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let third = match numbers.next() {
        None | Some("") => None,
        Some(third) => Some(third.parse().ok()?),
    };
    let patches = match third {
        _ if is_enterprise(rest) => Patches::Enterprise,
        None | Some(0) if rest.starts_with("-rc") => Patches::Candidate,
        None => Patches::Hidden,
        Some(0) if rest.starts_with('-') => Patches::Hidden,
        Some(patch) => Patches::Level(patch),
    };
    Some((series, patches))
}

/// Red Hat's and Oracle's kernels: `.el9_4`, `.el8uek`.
fn is_enterprise(rest: &str) -> bool {
    let digit_follows = |(at, mark): (usize, &str)| {
        rest.get(at + mark.len()..)
            .is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    };
    rest.match_indices(".el").any(digit_follows)
}
