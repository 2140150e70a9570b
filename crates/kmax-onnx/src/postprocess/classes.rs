//! What each query is.

use crate::graph::{Constant, Element, Graph, Value};
use kmax_model::Config;
use kmax_model::postprocess::Convention;

/// The best class of each query, each value `[queries]`.
pub struct Best {
    /// Place of the class, int64.
    pub class: Value,
    /// Its probability, void being among the alternatives.
    pub score: Value,
    /// Whether that is enough for a class of its kind.
    pub confident: Value,
}

/// The best class of each query; the first of equal ones.
pub fn best(g: &mut Graph, logits: &Value, config: &Config) -> Best {
    let settings = &config.postprocess;
    let classes = config.network.classes;
    let axis = g.constant(Constant::integers(&[0]));
    let logits = g.node("Squeeze", &[logits, &axis], Vec::new(), Element::F32, "classes.logits");
    let probabilities = g.softmax(&logits, 1, "classes.probabilities");
    let [start, end] = [0, classes as i64].map(|value| g.constant(Constant::integers(&[value])));
    let known = g.slice(&probabilities, &start, &end, 1, "classes.known");
    let class = g.argmax(&known, 1, false, "classes.best");
    let score = g.reduce("ReduceMax", &known, 1, false, "classes.score");
    let thresholds: Vec<f64> = config
        .categories
        .iter()
        .map(|category| {
            let things = f64::from(settings.class_threshold_thing);
            if category.isthing { things } else { f64::from(settings.class_threshold_stuff) }
        })
        .collect();
    let thresholds = g.constant(Constant::floats(Element::F32, &[classes], &thresholds));
    let threshold = g.gather(&thresholds, &class, 0, "classes.threshold");
    let comparison = match settings.convention {
        Convention::Deeplab2 => "GreaterOrEqual",
        Convention::Pytorch => "Greater",
    };
    let confident = g.compare(comparison, &score, &threshold, "classes.confident");
    Best { class, score, confident }
}
