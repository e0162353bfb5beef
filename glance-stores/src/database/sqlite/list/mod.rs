//! Lists of images.
//!
//! What a viewer sees is a union of partitions of the table that indexes lead to directly: public
//! images, the images of a project, those shared with it. Each partition is walked in the order of
//! the list from the marker on and gives at most one page; the pages are merged, and only for the
//! images of the merged page are columns, properties, tags and locations read.
//!
//! What a page costs in rows read:
//!
//! | order | condition | rows |
//! |---|---|---|
//! | by `created_at` | no filter | a few pages, wherever the marker is |
//! | by `created_at` | name, id, owner, checksum, hash, tag or property that few images have | those images |
//! | by `created_at` | other filters | until the page is full; at worst the partitions |
//! | by another key | any | the ids and keys of the partitions, or of the images a filter leads to |
//!
//! A partition of what is shared with a project is read through its memberships while they are few,
//! else along the shared images; see [`shared`].

#[cfg(test)]
mod cost;
mod filter;
mod order;
mod partition;
#[cfg(test)]
mod reference;
mod seek;
mod shared;

use std::collections::HashMap;

use glance_core::database::{Filter, ImageQuery, RepoError, SeenImage};
use glance_core::image::{Image, ImageId};
use glance_core::member::MemberStatus;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use self::order::Order;
use self::partition::Partition;
use super::{children, row};

pub(super) const DOING: &str = "listing images";

/// An image's id, as the database has it, and its sort keys.
struct Found {
    id: String,
    keys: Vec<Value>,
}

/// The page that `query` asks for.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn page(db: &Connection, query: &ImageQuery) -> Result<Vec<SeenImage>, RepoError> {
    if query.limit == 0 || query.filters.contains(&Filter::Nothing) {
        return Ok(Vec::new());
    }
    let images = readable(db, query)?;
    let memberships = memberships(db, query.viewer.project.as_deref(), &images)?;
    let seen = |image: Image| {
        let membership = memberships.get(image.id.as_str()).copied();
        SeenImage { image, membership }
    };
    Ok(images.into_iter().map(seen).collect())
}

/// A page of images that can be read. Rows of other programs that make no image must not shorten the
/// page, since a short page ends the list: while there are such rows, more are asked for.
fn readable(db: &Connection, query: &ImageQuery) -> Result<Vec<Image>, RepoError> {
    let mut limit = query.limit;
    loop {
        let found = found(db, query, limit)?;
        let complete = found.len() < limit;
        let mut images = load(db, &found)?;
        if complete || images.len() >= query.limit {
            images.truncate(query.limit);
            children::read(db, DOING, &mut images)?;
            return Ok(images);
        }
        limit = limit.saturating_mul(2);
    }
}

/// The ids of the first `limit` images, in order.
fn found(db: &Connection, query: &ImageQuery, limit: usize) -> Result<Vec<Found>, RepoError> {
    let order = Order::of(db, query)?;
    let partitions = Partition::all(query);
    let mut found = Vec::new();
    if let Some(candidates) = seek::candidates(db, query)? {
        found = partition::among(db, query, &order, &partitions, &candidates, limit)?;
    } else {
        for partition in &partitions {
            found.extend(partition.find(db, query, &order, limit)?);
        }
    }
    found.sort_by(|a, b| order.compare(a, b));
    // An image of the project's own that is shared with itself lies in two partitions.
    found.dedup_by(|a, b| a.id == b.id);
    found.truncate(limit);
    Ok(found)
}

/// The images of `found` that can be read, in its order, without properties, tags and locations.
fn load(db: &Connection, found: &[Found]) -> Result<Vec<Image>, RepoError> {
    let ids = children::json_list(found.iter().map(|found| found.id.as_str()));
    let query = format!(
        "SELECT {} FROM json_each(?1) wanted CROSS JOIN images ON images.id = wanted.value",
        row::COLUMNS.split(", ").map(|column| format!("images.{}", column.trim())).collect::<Vec<_>>().join(", ")
    );
    let mut query = db.prepare_cached(&query).map_err(RepoError::failed(DOING))?;
    let mut rows = query.query([ids]).map_err(RepoError::failed(DOING))?;
    let mut images = Vec::with_capacity(found.len());
    while let Some(row) = rows.next().map_err(RepoError::failed(DOING))? {
        match row::image_of(row) {
            Ok(image) => images.push(image),
            Err(error) => tracing::debug!(error, "left out an image that cannot be read"),
        }
    }
    let place: HashMap<&str, usize> = found.iter().enumerate().map(|(at, found)| (found.id.as_str(), at)).collect();
    images.sort_by_key(|image| place.get(image.id.as_str()).copied());
    Ok(images)
}

fn memberships(
    db: &Connection,
    project: Option<&str>,
    images: &[Image],
) -> Result<HashMap<String, MemberStatus>, RepoError> {
    let mut memberships = HashMap::new();
    let Some(project) = project else { return Ok(memberships) };
    let ids = children::json_list(images.iter().map(|image| image.id.as_str()));
    let query = "SELECT image_id, status FROM image_members INDEXED BY ix_image_members_image_id_member \
         WHERE image_id IN (SELECT value FROM json_each(?1)) AND member = ?2 AND +deleted = 0 ORDER BY id DESC";
    let mut query = db.prepare_cached(query).map_err(RepoError::failed(DOING))?;
    let mut rows = query.query(params![ids, project]).map_err(RepoError::failed(DOING))?;
    while let Some(row) = rows.next().map_err(RepoError::failed(DOING))? {
        // The oldest row of a member counts, and comes last here.
        if let (Ok(image), Ok(status)) = (row::parsed::<ImageId>(row, 0), row::parsed(row, 1)) {
            memberships.insert(image.to_string(), status);
        }
    }
    Ok(memberships)
}
