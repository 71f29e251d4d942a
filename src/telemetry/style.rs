//! Colour, for those who want it.

use std::{env, ffi::OsStr, fmt::Display, io::IsTerminal as _};

/// What `--color` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    is_colored: bool,
}

impl Style {
    /// For stdout as it is now.
    pub fn for_stdout(choice: ColorChoice) -> Self {
        let no_color = env::var_os("NO_COLOR");
        Self::choose(choice, no_color.as_deref(), std::io::stdout().is_terminal())
    }

    /// The rule: a flag beats `NO_COLOR` (set and not empty), which beats the terminal.
    pub(super) fn choose(choice: ColorChoice, no_color: Option<&OsStr>, is_terminal: bool) -> Self {
        let is_colored = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && no_color.is_none_or(OsStr::is_empty),
        };
        Self { is_colored }
    }

    /// Whether anything is coloured.
    pub fn is_colored(self) -> bool {
        self.is_colored
    }

    /// Green, where colour is on.
    pub fn green(self, text: impl Display) -> String {
        if self.is_colored {
            format!("\u{1b}[32m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }
}
