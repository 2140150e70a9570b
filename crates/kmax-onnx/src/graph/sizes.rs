//! Lengths of axes as values, and shapes made of them.

use super::{Attribute, Constant, Dim, Element, Extent, Graph, Map, Value};

impl Graph {
    /// A feature map; from now on the lengths of its axes can be asked for.
    pub fn map(&mut self, value: Value, channels: usize, size: [Dim; 2]) -> Map {
        self.seen.entry(self.batch).or_insert_with(|| (value.clone(), 0));
        for (axis, dim) in size.into_iter().enumerate() {
            self.seen.entry(dim).or_insert_with(|| (value.clone(), axis + 2));
        }
        Map { value, channels, size }
    }

    /// The length of an axis, `[1]` of int64. A map that has the axis must stand already.
    pub fn size(&mut self, dim: Dim) -> Value {
        if let Dim::Fixed(length) = dim {
            return self.constant(Constant::integers(&[length as i64]));
        }
        if let Some(value) = self.sizes.get(&dim) {
            return value.clone();
        }
        // Every map tells its axes before anybody can ask for them.
        let (map, axis) = self.seen[&dim].clone();
        let value = self.axis_of(&map, axis, &dim.to_string());
        self.sizes.insert(dim, value.clone());
        value
    }

    /// Says what the length of an axis is, `[1]` of int64.
    pub fn name_size(&mut self, dim: Dim, value: Value) {
        self.sizes.insert(dim, value);
    }

    /// Says that `short` is every `step`-th of `long`, the first included. OpenVINO 2026.4 takes the length of a slice of steps for
    /// that of what was cut.
    pub fn name_strided(&mut self, long: Dim, short: Dim, step: usize) {
        if matches!(short, Dim::Fixed(_)) || self.sizes.contains_key(&short) {
            return;
        }
        let length = self.size(long);
        let [more, step] =
            [step as i64 - 1, step as i64].map(|value| self.constant(Constant::integers(&[value])));
        let sum = self.binary("Add", &length, &more, &format!("{short}.more"));
        let length = self.binary("Div", &sum, &step, &short.to_string());
        self.name_size(short, length);
    }

    /// The length of an axis of any value, `[1]` of int64.
    pub fn axis_of(&mut self, value: &Value, axis: usize, hint: &str) -> Value {
        let range = vec![("start", Attribute::Int(axis as i64)), ("end", Attribute::Int(axis as i64 + 1))];
        self.node("Shape", &[value], range, Element::I64, hint)
    }

    /// A shape as a value: constant unless an axis is known when the file runs only.
    pub fn shape(&mut self, extents: &[Extent]) -> Value {
        let constant = |extent: &Extent| match extent {
            Extent::Same => Some(0),
            Extent::Rest => Some(-1),
            Extent::Of(length) | Extent::Like(Dim::Fixed(length)) => Some(*length as i64),
            Extent::Like(_) => None,
        };
        if let Some(constants) = extents.iter().map(constant).collect::<Option<Vec<i64>>>() {
            return self.constant(Constant::integers(&constants));
        }
        let parts = extents.iter().map(|extent| match (extent, constant(extent)) {
            (Extent::Like(dim), None) => self.size(*dim),
            (_, length) => self.constant(Constant::integers(&[length.unwrap_or_default()])),
        });
        let parts: Vec<Value> = parts.collect();
        self.concat(&parts.iter().collect::<Vec<_>>(), 0, "shape")
    }
}
