//! A block of lines at the end of the terminal that is redrawn in place.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is drawn at most, per second.
const HERTZ: u8 = 8;

/// The block.
pub struct Live {
    block: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Live {
    pub fn new() -> Self {
        let block = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(HERTZ));
        Self { block, lines: Vec::new() }
    }

    /// Shows this text in place of the one before.
    pub fn show(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        while self.lines.len() > lines.len() {
            if let Some(line) = self.lines.pop() {
                self.block.remove(&line);
            }
        }
        while self.lines.len() < lines.len() {
            let line = ProgressBar::new_spinner().with_style(plain());
            self.lines.push(self.block.add(line));
        }
        for (line, text) in self.lines.iter().zip(lines) {
            // A line without anything is not drawn at all.
            line.set_message(if text.is_empty() { " ".to_owned() } else { text.to_owned() });
            line.tick();
        }
    }

    /// Leaves what was shown last where it is.
    pub fn finish(self) {
        for line in &self.lines {
            line.finish();
        }
    }
}

fn plain() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}
