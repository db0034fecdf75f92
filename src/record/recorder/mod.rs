//! The recorder: `state` is what it holds and writes, `messages` what the kernel's messages change, `turns` what it does when. What explains a loss
//! is decided in `timeline` and `diagnose`; when a diagnosis is due and which verdict is logged, in `diagnoses`.

mod messages;
mod path;
mod state;
mod turns;

pub(super) use state::Recorder;
