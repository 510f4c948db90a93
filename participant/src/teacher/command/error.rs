//! Why a command gave no votes.

use learning::FileError as DataError;

use runtime::files::FileError;

/// Why a command gave no votes; none of these words names a vote.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command did not start.
    #[error("the command {program:?} cannot be started: {reason}")]
    Start {
        /// The program.
        program: String,
        /// What the operating system said.
        reason: String,
    },
    /// The command hangs.
    #[error(
        "the command did not end within {seconds} s and was killed; make it faster, or raise teacher.timeout_seconds"
    )]
    TimedOut {
        /// The limit.
        seconds: u32,
    },
    /// The command failed.
    #[error("the command ended with {status}; the end of its standard error is: {stderr}")]
    Failed {
        /// Exit status or signal, in words.
        status: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The command wrote too much.
    #[error(
        "the command wrote more than {limit} bytes and was killed; print nothing but labels, or raise \
         teacher.output_kib"
    )]
    TooMuch {
        /// The limit.
        limit: usize,
    },
    /// A process that left the group keeps the output open.
    #[error("the command ended, but a process that it left behind keeps its standard output open")]
    LeftOpen,
    /// The command printed another number of labels.
    #[error("the command printed {found} lines for {expected} instances; it must print one class index each")]
    Lines {
        /// Lines printed.
        found: usize,
        /// Instances asked about.
        expected: usize,
    },
    /// A line names no class.
    #[error(
        "line {line} of the command's output, {text:?}, is not a class index; it must be a whole number from 0 to {last}"
    )]
    Label {
        /// The line, from 1.
        line: usize,
        /// What it says, cut.
        text: String,
        /// The last class.
        last: usize,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An array cannot be written.
    #[error(transparent)]
    Data(#[from] DataError),
}
