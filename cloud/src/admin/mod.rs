//! What people tell the embedded cloud beside AWS's own interfaces: pushes, and what it starts with.

mod preload;
mod push;

pub use preload::{Preload, PreloadImage};
pub use push::{Push, Pushed};

pub(crate) use preload::apply;
