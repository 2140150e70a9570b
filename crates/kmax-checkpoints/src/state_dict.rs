//! Finding the state dict that is meant in a pickle, and what lies beside it.

use crate::error::{Error, Fault, FaultKind, Result};
use crate::pickle::{Global, Id, Node};
use crate::pickled::Pickled;
use crate::wrapping::{WeightSet, Wrapping, is_asked, rank};

/// Dictionaries within dictionaries, at most.
const DEEPEST: usize = 16;
/// How deep a dictionary is looked into for a tensor.
const GLANCE: usize = 4;
/// Most objects looked at in all. A pickle can repeat one dictionary many times.
const MOST_LOOKS: usize = 1 << 20;
/// Most keys beside the weights that are told.
const MOST_TOLD: usize = 1000;

/// The items of the state dict, and what lay around it.
pub(crate) fn find(pickled: &Pickled<'_>, asked: &WeightSet) -> Result<(Vec<(Id, Id)>, Wrapping)> {
    let mut wrapping = Wrapping { is_asked: *asked == WeightSet::Model, ..Wrapping::default() };
    let (mut root, mut asked) = (pickled.pickle.root(), asked);
    let mut looks = MOST_LOOKS;
    for _ in 0..DEEPEST {
        let Some(items) = pickled.pickle.items(root) else { return Err(no_dictionary(pickled, root)) };
        let named = |id: Id| pickled.pickle.text(id).unwrap_or_default();
        let ranked = items.iter().enumerate().filter_map(|(place, &(key, value))| {
            let rank = rank(&named(key), asked)?;
            holds_tensors(pickled, value, GLANCE, &mut looks).then_some((rank, place))
        });
        let ranked: Vec<(usize, usize)> = ranked.collect();
        let Some(&(best, chosen)) = ranked.iter().min() else { return Ok((items, wrapping)) };
        // A state dict may hold a dictionary of that name itself.
        let beside = items.iter().filter(|(_, value)| pickled.is_tensor(*value)).count();
        let within = pickled.pickle.items(items[chosen].1).map_or(0, |items| items.len());
        if beside > within && !is_asked(best) {
            return Ok((items, wrapping));
        }
        let stem = if wrapping.path.is_empty() { String::new() } else { format!("{}.", wrapping.path) };
        for (place, &(key, _)) in items.iter().enumerate().filter(|(place, _)| *place != chosen) {
            // They stand in the order of their places.
            let is_weights = ranked.binary_search_by_key(&place, |(_, place)| *place).is_ok();
            let told = if is_weights { &mut wrapping.others } else { &mut wrapping.beside };
            if told.len() < MOST_TOLD {
                told.push(format!("{stem}{}", named(key).chars().take(MOST_TOLD).collect::<String>()));
            }
        }
        let (key, value) = items[chosen];
        wrapping.path = format!("{stem}{}", named(key));
        if is_asked(best) {
            // Below it, its own model is meant.
            (wrapping.is_asked, asked) = (true, &WeightSet::Model);
        }
        root = value;
    }
    match pickled.pickle.items(root) {
        Some(items) => Ok((items, wrapping)),
        None => Err(no_dictionary(pickled, root)),
    }
}

fn holds_tensors(pickled: &Pickled<'_>, id: Id, depth: usize, looks: &mut usize) -> bool {
    if *looks == 0 {
        return false;
    }
    let Some(items) = pickled.pickle.items(id) else { return false };
    *looks = looks.saturating_sub(items.len() + 1);
    *looks > 0
        && (items.iter().any(|&(_, value)| pickled.is_tensor(value))
            || depth > 0 && items.iter().any(|&(_, value)| holds_tensors(pickled, value, depth - 1, looks)))
}

/// The error about a pickle whose root is something else.
fn no_dictionary(pickled: &Pickled<'_>, id: Id) -> Error {
    let Pickled { source, pickle, part, base, .. } = pickled;
    let global = match pickle.node(id) {
        Node::Global(global) => Some(*global),
        Node::Call(call) => Some(call.function),
        _ => None,
    };
    match global {
        Some(Global::Opaque(number)) => {
            let (name, at) = pickle.opaque(number);
            let at = if part.is_empty() { base.unwrap_or(0) + at } else { at };
            Fault { at, kind: FaultKind::Refused(name.to_string()) }.within(source.path(), part)
        }
        _ => {
            let reason = format!("the pickle holds {}, expected a dictionary of tensors", pickle.kind(id));
            Error::not_a_checkpoint(source.path(), reason)
        }
    }
}
