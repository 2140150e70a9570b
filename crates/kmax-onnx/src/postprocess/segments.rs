//! Segments of an assignment: one of each thing, one of all masks of a stuff class.

use super::{Assignment, Segmented, nearest};
use crate::frame::Frame;
use crate::graph::{Attribute, Constant, Element, Graph, Value};
use kmax_model::Config;
use kmax_model::postprocess::Convention;

/// Numbers the segments from 1 on, in the order of the ranks. In deeplab2's convention small ones become void, and the map is then
/// brought to the image's size.
pub fn segments(g: &mut Graph, config: &Config, assignment: &Assignment, frame: &Frame) -> Segmented {
    let deeplab2 = config.postprocess.convention == Convention::Deeplab2;
    let Assignment { map, classes, scores, areas } = assignment;
    let leaders = Leaders::new(g, config, classes, areas);
    let mut stays = leaders.present.clone();
    if deeplab2 {
        let limits = [config.postprocess.stuff_area_limit, config.postprocess.thing_area_limit];
        let limits = limits.map(|limit| g.constant(Constant::float(Element::F64, f64::from(limit))));
        let limit = g.choose(&leaders.things, &limits[1], &limits[0], "segments.limit");
        let large = g.compare("GreaterOrEqual", &leaders.areas, &limit, "segments.large");
        stays = g.compare("And", &stays, &large, "segments.stays");
    }
    let first = g.compare("And", &stays, &leaders.leads, "segments.first");
    let ones = g.cast(&first, Element::I32, "segments.ones");
    let axis = g.constant(Constant::integer(0));
    let numbers = g.node("CumSum", &[&ones, &axis], Vec::new(), Element::I32, "segments.numbers");
    let numbers = g.gather(&numbers, &leaders.leader, 0, "segments.number_of_rank");
    let void = g.constant(Constant::floats(Element::I32, &[1], &[0.0]));
    let ids = g.choose(&stays, &numbers, &void, "segments.ids");
    let ids = g.concat(&[&void, &ids], 0, "segments.ids_of_map");
    let mut map = g.gather(&ids, map, 0, "segments.map");
    if deeplab2 {
        let zero = g.constant(Constant::integers(&[0]));
        for (axis, dim) in (0..).zip(frame.content) {
            let end = g.size(dim);
            map = g.slice(&map, &zero, &end, axis, "segments.content");
        }
        map = nearest::resize(g, &map, frame.content, frame.image);
    }
    let mut kept = |x: &Value, name: &str| {
        g.node("Compress", &[x, &first], vec![("axis", Attribute::Int(0))], x.element, name)
    };
    Segmented { classes: kept(classes, "segments.classes"), scores: kept(scores, "segments.scores"), map }
}

/// For each rank, the rank whose segment it belongs to; each value `[queries]`.
struct Leaders {
    /// Whether it has pixels.
    present: Value,
    /// Whether its class is a thing.
    things: Value,
    /// The rank: its own for a thing, for stuff the first of its class that has pixels.
    leader: Value,
    /// Whether that is its own.
    leads: Value,
    /// Pixels of the whole segment, in doubles.
    areas: Value,
}

impl Leaders {
    fn new(g: &mut Graph, config: &Config, classes: &Value, areas: &Value) -> Self {
        let things: Vec<f64> = config.categories.iter().map(|c| f64::from(u8::from(c.isthing))).collect();
        let things = g.constant(Constant::floats(Element::Bool, &[things.len()], &things));
        let things = g.gather(&things, classes, 0, "segments.things");
        let none = g.constant(Constant::float(Element::F64, 0.0));
        let present = g.compare("Greater", areas, &none, "segments.present");
        // [rank, other rank]: whether both are of one stuff class and the other has pixels.
        let axis = g.constant(Constant::integers(&[1]));
        let mut column =
            |x: &Value, name: &str| g.node("Unsqueeze", &[x, &axis], Vec::new(), x.element, name);
        let (class, thing) = (column(classes, "segments.class"), column(&things, "segments.thing"));
        let alike = g.compare("Equal", &class, classes, "segments.alike");
        let stuff = g.node("Not", &[&thing], Vec::new(), Element::Bool, "segments.stuff");
        let alike = g.compare("And", &alike, &stuff, "segments.alike_stuff");
        let joined = g.compare("And", &alike, &present, "segments.joined");
        let queries = config.network.decoder.queries;
        let indices: Vec<f64> = (0..queries).map(|rank| rank as f64).collect();
        let indices = g.constant(Constant::floats(Element::I64, &[queries], &indices));
        let ones = g.cast(&joined, Element::I32, "segments.joined_ones");
        let first = g.argmax(&ones, 1, false, "segments.first_alike");
        let leader = g.choose(&things, &indices, &first, "segments.leader");
        let leads = g.compare("Equal", &leader, &indices, "segments.leads");
        let shares = g.choose(&joined, areas, &none, "segments.shares");
        let merged = g.sum(&shares, 1, false, "segments.merged_areas");
        let whole = g.choose(&things, areas, &merged, "segments.areas");
        Self { present, things, leader, leads, areas: whole }
    }
}
