//! A problem as people see it.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Problem, Severity};

/// How a problem is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderStyle {
    /// ANSI colours. They carry no meaning of their own.
    pub colour: bool,
    /// Line-drawing characters; without them, ASCII.
    pub unicode: bool,
    /// The width to fit long lines into, in columns.
    pub width: usize,
}

impl RenderStyle {
    /// Neither colour nor line-drawing characters, for files and pipes.
    pub const PLAIN: Self = Self { colour: false, unicode: false, width: 140 };
}

pub(super) fn render(problem: &Problem, style: RenderStyle) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Notice => Level::NOTE.with_name("notice"),
    };
    let path = problem.file.to_string_lossy().replace('\\', "/");
    let title = level.primary_title(problem.message.as_str());
    let mut group = match &problem.snippet {
        Some(line) => {
            let mut annotation = AnnotationKind::Primary.span(line.part.clone());
            if let Some(expected) = &problem.expected {
                annotation = annotation.label(expected.as_str());
            }
            title
                .element(Snippet::source(line.text.as_str()).line_start(problem.line).path(path).annotation(annotation))
        }
        None => {
            let group: Group<'_> = title.element(Origin::path(path));
            match &problem.expected {
                Some(expected) => group.element(Level::NOTE.message(expected.as_str())),
                None => group,
            }
        }
    };
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let text = renderer.decor_style(decor).term_width(style.width).render(&[group]);
    let text = if style.unicode || style.colour { text } else { text.replace(super::super::mask::BULLETS, "********") };
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
