//! Units that see a release before anybody else: a list of the environment.

use serde::{Deserialize, Serialize};
use serde_json::json;
use skyful::limits;
use sqlx::sqlite::SqliteConnection;

use crate::app::access::{Action, Actor};
use crate::app::{App, Error};
use crate::store::sqlite::releases as rows;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Staff {
    /// At most 256 units, as clients send them.
    pub units: Vec<String>,
}

impl App {
    /// The list, and the version of the environment that it is part of.
    pub async fn staff(&self, actor: &Actor, place: (&str, &str)) -> Result<(Staff, i64), Error> {
        actor.need(Action::Read, place.0, Some(place.1))?;
        let mut tx = self.store.read().await?;
        let row = rows::staff(&mut tx, place).await?;
        let (staff, version) = row.ok_or_else(|| missing(place.1))?;
        Ok((
            Staff {
                units: read(&staff),
            },
            version,
        ))
    }

    /// Seen with the next step of a release, not before.
    pub async fn put_staff(
        &self,
        actor: &Actor,
        place: (&str, &str),
        expected: i64,
        staff: Staff,
    ) -> Result<(Staff, i64), Error> {
        actor.need(Action::Release, place.0, Some(place.1))?;
        let units = checked(staff.units)?;
        self.at_desk(Some((actor, Action::Release)), place, move |mut desk| {
            Box::pin(async move {
                let row = rows::staff(desk.tx, desk.place).await?;
                let (_, version) = row.ok_or_else(|| missing(desk.place.1))?;
                if version != expected {
                    return Err(Error::Moved {
                        detail: "the environment was changed by somebody else".into(),
                        hint: "read it again and change that".into(),
                    });
                }
                let text = json!(units).to_string();
                rows::put_staff(desk.tx, desk.place, &text, version + 1).await?;
                // Units may name people: how many is enough for the log.
                let detail = json!({"units": units.len()});
                desk.audited("environment.staff", desk.place.1, detail)
                    .await?;
                Ok((Staff { units }, version + 1))
            })
        })
        .await
    }
}

fn checked(mut units: Vec<String>) -> Result<Vec<String>, Error> {
    units.sort();
    units.dedup();
    if units.len() > limits::GRAY_UNITS {
        let wrong = Error::invalid(format!("{} units are too many", units.len()));
        return Err(wrong.at("/units").hint(format!(
            "at most {}; give larger groups an audience",
            limits::GRAY_UNITS
        )));
    }
    let fits = |unit: &String| (1..=limits::UNIT_BYTES).contains(&unit.len());
    match units.iter().all(fits) {
        true => Ok(units),
        false => {
            let detail = format!("a unit has 1 to {} bytes", limits::UNIT_BYTES);
            Err(Error::invalid(detail).at("/units"))
        }
    }
}

pub async fn units(tx: &mut SqliteConnection, place: (&str, &str)) -> Result<Vec<String>, Error> {
    let row = rows::staff(tx, place).await?;
    Ok(row.map(|(staff, _)| read(&staff)).unwrap_or_default())
}

fn read(staff: &str) -> Vec<String> {
    serde_json::from_str(staff).unwrap_or_default()
}

fn missing(env: &str) -> Error {
    Error::NotFound(format!("no environment `{env}`"))
}
