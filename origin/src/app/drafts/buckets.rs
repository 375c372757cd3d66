//! Buckets for people who think in percentages: an experiment is given a share of its layer, and which buckets that are is
//! found here. Growing adds buckets and moves nobody; shrinking gives back those that came last.

use serde_json::{Value, json};
use skyful::limits;
use sqlx::sqlite::SqliteConnection;

use super::body::checked_body;
use super::edit::Edit;
use super::path::Path;
use super::{Expect, FIRST, Object, missing, value};
use crate::app::access::Actor;
use crate::app::{App, Error};
use crate::store::sqlite::drafts as rows;

/// `[from, to)`.
type Range = (u32, u32);

impl App {
    /// Gives an experiment this share of its layer, in basis points.
    pub async fn give_share(
        &self,
        actor: &Actor,
        workspace: &str,
        path: &Path,
        version: i64,
        share: u32,
    ) -> Result<Object, Error> {
        actor.need(path.edited_by(), workspace, None)?;
        if !(1..=limits::BASIS_POINTS).contains(&share) {
            let wrong = Error::invalid(format!("{share} is no share"));
            let hint = format!(
                "1 to {} basis points; 2500 is a quarter",
                limits::BASIS_POINTS
            );
            return Err(wrong.at("/share").hint(hint));
        }
        let edit = self.edit(actor, workspace, "share");
        let path = path.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, path.edited_by()).await?;
                    edit.share(tx, &path, version, share).await
                })
            })
            .await
    }
}

impl Edit {
    async fn share(
        &self,
        tx: &mut SqliteConnection,
        path: &Path,
        version: i64,
        share: u32,
    ) -> Result<Object, Error> {
        let own = rows::get(tx, &self.workspace, &path.to_string()).await?;
        let own = own.ok_or_else(|| missing(path))?;
        let mut body = value(&own.body);
        let Some(layer) = body["layer"].as_str().map(str::to_owned) else {
            let wrong = Error::invalid(format!("{path} names no layer"));
            return Err(wrong
                .at("/layer")
                .hint("an experiment owns buckets of a layer"));
        };
        let mut others = Vec::new();
        let at = Path::parse(&format!("layers/{layer}"))?;
        let of_layer = rows::get(tx, &self.workspace, &at.to_string()).await?;
        let of_layer = of_layer.ok_or_else(|| missing(&at))?;
        others.extend(range(&value(&of_layer.body)["holdout"]));
        for row in rows::children(tx, &self.workspace, "experiments", FIRST, i64::MAX).await? {
            let other = value(&row.body);
            if row.path != own.path && other["layer"] == *layer {
                others.extend(ranges(&other["buckets"]));
            }
        }
        let mine = ranges(&body["buckets"]);
        let given = allocate(&others, &mine, share).map_err(|free| {
            let detail =
                format!("the layer `{layer}` has {free} of 10000 left for this experiment");
            Error::conflict(detail, "end another experiment, or take another layer")
        })?;
        body["buckets"] = given.iter().map(|(from, to)| json!([from, to])).collect();
        let body = checked_body(path, body)?;
        self.put(tx, path, Expect::Version(version), body).await
    }
}

/// What is no range is told by the check of the draft.
fn ranges(value: &Value) -> Vec<Range> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(range)
        .collect()
}

fn range(value: &Value) -> Option<Range> {
    let end = |at: usize| value.get(at)?.as_u64().and_then(|n| u32::try_from(n).ok());
    let (from, to) = (end(0)?, end(1)?);
    (from < to && to <= limits::BASIS_POINTS).then_some((from, to))
}

/// As many buckets as `share`, of `mine` and of what nobody owns. Else how many there could be.
fn allocate(others: &[Range], mine: &[Range], share: u32) -> Result<Vec<Range>, u32> {
    const BUCKETS: usize = limits::BASIS_POINTS as usize;
    let mut taken = [false; BUCKETS];
    let mut own = [false; BUCKETS];
    let fill = |marks: &mut [bool; BUCKETS], ranges: &[Range]| {
        for (from, to) in ranges {
            for bucket in *from..*to {
                marks[bucket as usize] = true;
            }
        }
    };
    fill(&mut taken, others);
    fill(&mut own, mine);
    let mut left = share;
    let mut given = [false; BUCKETS];
    // First what it has, in the order of its list, then the lowest that are free.
    let had = mine.iter().flat_map(|(from, to)| *from..*to);
    for bucket in had.chain(0..limits::BASIS_POINTS) {
        let bucket = bucket as usize;
        if left > 0 && !taken[bucket] && !given[bucket] {
            given[bucket] = true;
            left -= 1;
        }
    }
    if left > 0 {
        return Err(share - left);
    }
    Ok(runs(&given))
}

fn runs(given: &[bool]) -> Vec<Range> {
    let mut runs: Vec<Range> = Vec::new();
    for (bucket, _) in (0..).zip(given).filter(|(_, given)| **given) {
        match runs.last_mut() {
            Some((_, to)) if *to == bucket => *to += 1,
            _ => runs.push((bucket, bucket + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_moves_nobody_and_shrinking_gives_back_what_came_last() {
        let others = [(0, 1_000), (3_000, 9_000), (9_500, 10_000)];
        let first = allocate(&others, &[], 500).expect("there is room");
        assert_eq!(first, [(1_000, 1_500)]);
        let grown = allocate(&others, &first, 2_200).expect("there is room");
        assert_eq!(grown, [(1_000, 3_000), (9_000, 9_200)]);
        assert_eq!(allocate(&others, &grown, 500), Ok(first));
        assert_eq!(allocate(&others, &grown, 2_501), Err(2_500));
        // What another owns is not given, also if it was claimed.
        assert_eq!(
            allocate(&[(0, 5_000)], &[(4_000, 6_000)], 1_000),
            Ok(vec![(5_000, 6_000)])
        );
    }
}
