//! The parts of the table that a viewer sees.

use glance_core::database::{ImageQuery, RepoError, VisibilityFilter};
use glance_core::image::Visibility;
use glance_core::member::MemberStatus;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::order::Order;
use super::{DOING, Found, filter, shared};
use crate::database::sqlite::sql::{Sql, text};

/// Images that one index leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Partition<'a> {
    /// All images of this visibility, whoever owns them.
    Of(Visibility),
    /// The project's own images of this visibility.
    Own(&'a str, Visibility),
    /// What is shared with the project, by what it answered.
    SharedWith(&'a str, &'a [MemberStatus]),
}

impl<'a> Partition<'a> {
    /// What the viewer of `query` sees of the visibilities it asks for. No image that is seen is in
    /// none of them; one may be in two.
    pub(super) fn all(query: &'a ImageQuery) -> Vec<Self> {
        let wanted: &[Visibility] = match &query.visibility {
            VisibilityFilter::Usual | VisibilityFilter::All => &Visibility::ALL,
            VisibilityFilter::Only(visibility) => std::slice::from_ref(visibility),
        };
        let usual = query.visibility == VisibilityFilter::Usual;
        wanted.iter().flat_map(|visibility| Self::with(query, *visibility, usual)).collect()
    }

    fn with(query: &'a ImageQuery, visibility: Visibility, usual: bool) -> Vec<Self> {
        let project = query.viewer.project.as_deref();
        let everybodys = match visibility {
            Visibility::Public => true,
            Visibility::Community => !usual,
            Visibility::Shared | Visibility::Private => query.viewer.admin,
        };
        if everybodys {
            return vec![Self::Of(visibility)];
        }
        let Some(project) = project else { return Vec::new() };
        let mut partitions = vec![Self::Own(project, visibility)];
        if visibility == Visibility::Shared {
            let statuses = query.member_status.as_ref().map_or(&MemberStatus::ALL[..], std::slice::from_ref);
            partitions.push(Self::SharedWith(project, statuses));
        }
        partitions
    }

    /// The first `limit` images of the partition in `order`, behind its marker.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    pub(super) fn find(
        &self,
        db: &Connection,
        query: &ImageQuery,
        order: &Order,
        limit: usize,
    ) -> Result<Vec<Found>, RepoError> {
        let index = match self {
            Self::Of(_) => "glance_rs_images_by_visibility",
            Self::Own(..) => "glance_rs_images_by_owner",
            Self::SharedWith(project, statuses) => return shared::find(db, query, order, project, statuses, limit),
        };
        // Named, because statistics of `ANALYZE` or the lack of them lead SQLite elsewhere.
        let mut statement = Sql::new(&format!("SELECT {} FROM images i INDEXED BY {index} WHERE ", order.columns()));
        statement.append(&self.condition()).append(&rest(query, order));
        run(db, order, &statement, limit)
    }

    /// The condition that an image `i` lies in the partition, apart from being hidden or deleted.
    fn condition(&self) -> Sql {
        let mut condition = Sql::default();
        match self {
            Self::Of(visibility) => condition.add("i.visibility = ?", [text(visibility.as_str())]),
            Self::Own(project, visibility) => {
                condition.add("i.owner = ? AND i.visibility = ?", [text(project), text(visibility.as_str())])
            }
            Self::SharedWith(project, statuses) => {
                condition.add("i.visibility = 'shared' AND ", []).append(&shared::membership(project, statuses))
            }
        };
        condition
    }
}

/// The images among `candidates` that lie in one of `partitions`.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn among(
    db: &Connection,
    query: &ImageQuery,
    order: &Order,
    partitions: &[Partition<'_>],
    candidates: &str,
    limit: usize,
) -> Result<Vec<Found>, RepoError> {
    let mut statement = Sql::new(&format!("SELECT DISTINCT {} ", order.columns()));
    statement.add("FROM json_each(?) c CROSS JOIN images i ON i.id = c.value WHERE ", [text(candidates)]);
    let conditions: Vec<_> = partitions.iter().map(Partition::condition).collect();
    statement.append(&Sql::joined(&[Sql::joined(&conditions, " OR ", "0")], "", "0")).append(&rest(query, order));
    run(db, order, &statement, limit)
}

/// What holds in every partition: not deleted, hidden or not, the filters, behind the marker.
pub(super) fn rest(query: &ImageQuery, order: &Order) -> Sql {
    let mut rest = Sql::default();
    rest.add(" AND i.deleted = 0 AND i.os_hidden = ?", [Value::from(query.hidden)]);
    for condition in filter::conditions(query).iter().chain(&order.after_marker()) {
        rest.add(" AND (", []).append(condition).add(")", []);
    }
    rest
}

/// Runs a statement that lacks its order and limit.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn run(db: &Connection, order: &Order, statement: &Sql, limit: usize) -> Result<Vec<Found>, RepoError> {
    let mut statement = statement.clone();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.add(&order.clause(), []).add(" LIMIT ?", [Value::Integer(limit)]);
    let mut query = db.prepare_cached(&statement.text).map_err(RepoError::failed(DOING))?;
    let found = query
        .query_map(params_from_iter(statement.values), |row| order.found(row))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(RepoError::failed(DOING))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use glance_core::database::Viewer;

    use super::*;

    fn partitions(admin: bool, project: Option<&str>, visibility: VisibilityFilter) -> usize {
        let query = ImageQuery {
            viewer: Viewer { admin, project: project.map(str::to_owned) },
            visibility,
            member_status: None,
            hidden: false,
            filters: Vec::new(),
            tags: Vec::new(),
            sort: Vec::new(),
            marker: None,
            limit: 1,
        };
        Partition::all(&query).len()
    }

    #[test]
    fn who_has_no_project_sees_what_everybody_sees() {
        assert_eq!(partitions(false, None, VisibilityFilter::Usual), 1);
        assert_eq!(partitions(false, None, VisibilityFilter::All), 2);
        assert_eq!(partitions(false, None, VisibilityFilter::Only(Visibility::Shared)), 0);
        assert_eq!(partitions(false, None, VisibilityFilter::Only(Visibility::Private)), 0);
    }

    #[test]
    fn a_project_sees_its_own_and_what_is_shared_with_it() {
        assert_eq!(partitions(false, Some("p"), VisibilityFilter::Usual), 5);
        assert_eq!(partitions(false, Some("p"), VisibilityFilter::Only(Visibility::Shared)), 2);
        assert_eq!(partitions(true, None, VisibilityFilter::All), 4);
    }
}
