//! `/v2/images/{image_id}/file`.

mod conditions;
mod download;
mod range;
mod upload;

pub(super) use download::download;
pub(super) use upload::upload;
