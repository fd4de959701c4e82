//! Compares the cells of the product with the truth.

use std::collections::HashMap;

use handler::{
    domain::{
        Day, Dimension,
        cells::{ATTRIBUTES, CellValue, Condition, Selected, Selection, absent},
    },
    store,
};

use crate::{
    oracle::{
        run::Fleet,
        truth::Value,
        world::{FLOODING, World},
    },
    random::Random,
};

/// Compares random conditions on profiles, for the site or a value. After folding, the truth lies between the visitors that are shown,
/// and those plus the visitors that are not shown. The same holds for the rows of lists.
pub(crate) async fn check_cells(
    random: &mut Random,
    world: &World,
    fleet: &Fleet,
    site: usize,
    first: i32,
    last: i32,
) -> Result<(), String> {
    let truth = &world.truth;
    let values: Vec<&Value> =
        truth.sites[site].came_with.keys().filter(|(dimension, _)| HAS_CELLS.contains(dimension)).collect();
    let value = if values.is_empty() || random.percent(40) { None } else { Some((*random.one_of(&values)).clone()) };
    let came = value.as_ref().map(|value| &truth.sites[site].came_with[value]);
    if came.is_some_and(|came| came.keys().any(|visitor| *visitor >= FLOODING)) {
        // Such visitors have other attributes with every view.
        return Ok(());
    }
    let mut conditions = Vec::new();
    for attribute in ATTRIBUTES {
        // The channel of a view can differ from that of the day's first view.
        if random.percent(30) && (value.is_none() || attribute != Dimension::Channel) {
            let values: Vec<&String> = truth.sites[site]
                .came_with
                .keys()
                .filter(|(dimension, _)| *dimension == attribute)
                .map(|(_, value)| value)
                .collect();
            let value = if values.is_empty() || random.percent(10) {
                absent(attribute).to_owned()
            } else {
                (*random.one_of(&values)).clone()
            };
            conditions.push(Condition { dimension: attribute, value, is_negated: random.percent(30) });
        }
    }
    let of = value
        .clone()
        .map_or_else(CellValue::default, |(dimension, value)| CellValue { dimension: Some(dimension), value });
    let days = (Day::from_number(first), Day::from_number(last));
    let selection = Selection { conditions: conditions.clone(), value: of, range: Some(days) };
    let mut selected = Selected::default();
    let mut checkout = fleet.direct.checkout().await.map_err(|failure| failure.to_string())?;
    let numbers: Vec<i32> = (first..=last).collect();
    let read = store::read_cells(&mut checkout, &fleet.sites[site], &numbers, &selection, &mut selected).await;
    checkout.release(read).map_err(|failure| format!("{selection:?}: {failure}"))?;
    let (shown, not_shown) = selected.visitors(days.0, days.1);
    let expected = truth.filtered(site, value.as_ref(), &conditions, first, last);
    if !(shown..=shown + not_shown).contains(&expected) || (conditions.is_empty() && not_shown != 0) {
        return Err(format!("{selection:?}: {shown} visitors, {not_shown} not shown, and {expected} is true"));
    }
    let listed = |dimension: Dimension, value: &str| {
        selected.lists.get(&dimension).and_then(|list| list.get(value)).copied().unwrap_or_default()
    };
    let sum = |attribute| -> i64 { selected.lists.get(&attribute).into_iter().flat_map(HashMap::values).sum() };
    if let Some(attribute) = ATTRIBUTES.into_iter().find(|attribute| !(0..=shown).contains(&sum(*attribute))) {
        return Err(format!("{selection:?}: {attribute:?} has {} visitors of {shown}", sum(attribute)));
    }
    // A visitor is in the row of an attribute, or not listed, or not shown.
    let attributes = ATTRIBUTES.iter().filter(|attribute| value.is_none() || **attribute != Dimension::Channel);
    let attribute = *random.one_of(&attributes.collect::<Vec<_>>());
    let known = truth.sites[site].came_with.keys().filter(|(dimension, _)| *dimension == attribute);
    let unlisted = shown - sum(attribute) + not_shown;
    for (_, text) in known {
        let has = Condition { dimension: attribute, value: text.clone(), is_negated: false };
        let conditions = [&conditions[..], &[has][..]].concat();
        let (found, expected) =
            (listed(attribute, text), truth.filtered(site, value.as_ref(), &conditions, first, last));
        if !(found..=found + unlisted).contains(&expected) {
            return Err(format!(
                "{selection:?}: {found} of {attribute:?} {text}, {unlisted} unknown, and {expected} is true"
            ));
        }
    }
    // How many visitors of a value are not shown is unknown, unless all visitors are shown.
    let is_stable = |value: &&&Value| truth.sites[site].came_with[**value].keys().all(|visitor| *visitor < FLOODING);
    let has_channel = conditions.iter().any(|condition| condition.dimension == Dimension::Channel);
    for listed_value in values.iter().filter(is_stable).filter(|_| value.is_none() && !has_channel) {
        let found = listed(listed_value.0, &listed_value.1);
        let expected = truth.filtered(site, Some(*listed_value), &conditions, first, last);
        if found > expected || (conditions.is_empty() && found != expected) {
            return Err(format!("{selection:?}: {found} of {listed_value:?}, and {expected} is true"));
        }
    }
    Ok(())
}

/// Dimensions whose values have cells of their own. The script's page of an event is not part of these worlds.
const HAS_CELLS: [Dimension; 5] =
    [Dimension::Page, Dimension::Referrer, Dimension::CampaignSource, Dimension::CampaignMedium, Dimension::Campaign];
