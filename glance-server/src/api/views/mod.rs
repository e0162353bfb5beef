//! Records as JSON, written as they are read: no tree is built in between.

mod image;
mod member;
pub(super) mod metadefs;
mod page;
mod usage;

pub(super) use image::{AsWritten, ImageView, PlacesView, Shown};
pub(super) use member::{MemberView, MembersView};
pub(super) use page::PageView;
pub(super) use usage::usage;
