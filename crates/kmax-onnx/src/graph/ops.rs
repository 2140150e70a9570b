//! Operators by name.

use super::{Attribute, Constant, Element, Extent, Graph, Value};

impl Graph {
    /// An operator of one input that keeps shape and type.
    pub fn unary(&mut self, operator: &str, x: &Value, hint: &str) -> Value {
        self.node(operator, &[x], Vec::new(), x.element, hint)
    }

    /// An operator of two inputs of one type, which are broadcast.
    pub fn binary(&mut self, operator: &str, a: &Value, b: &Value, hint: &str) -> Value {
        self.node(operator, &[a, b], Vec::new(), a.element, hint)
    }

    /// A comparison of two inputs of one type, which are broadcast.
    pub fn compare(&mut self, operator: &str, a: &Value, b: &Value, hint: &str) -> Value {
        self.node(operator, &[a, b], Vec::new(), Element::Bool, hint)
    }

    /// A number of the type of `like`.
    pub fn number(&mut self, like: &Value, value: f64) -> Value {
        self.constant(Constant::float(like.element, value))
    }

    /// As another type.
    pub fn cast(&mut self, x: &Value, to: Element, hint: &str) -> Value {
        if x.element == to {
            return x.clone();
        }
        self.node("Cast", &[x], vec![("to", Attribute::Int(to as i64))], to, hint)
    }

    /// With its axes in another order.
    pub fn transpose(&mut self, x: &Value, order: &[i64], hint: &str) -> Value {
        self.node("Transpose", &[x], vec![("perm", Attribute::Ints(order.into()))], x.element, hint)
    }

    /// With other axes.
    pub fn reshape(&mut self, x: &Value, extents: &[Extent], hint: &str) -> Value {
        let shape = self.shape(extents);
        self.node("Reshape", &[x, &shape], Vec::new(), x.element, hint)
    }

    /// Joined along an axis.
    pub fn concat(&mut self, parts: &[&Value], axis: i64, hint: &str) -> Value {
        let element = parts.first().map_or(Element::I64, |part| part.element);
        self.node("Concat", parts, vec![("axis", Attribute::Int(axis))], element, hint)
    }

    /// Cut along an axis into parts of those lengths.
    pub fn split(&mut self, x: &Value, axis: i64, lengths: &[usize], hints: &[String]) -> Vec<Value> {
        let lengths: Vec<i64> = lengths.iter().map(|length| *length as i64).collect();
        let lengths = self.constant(Constant::integers(&lengths));
        let outputs: Vec<_> = hints.iter().map(|hint| (x.element, hint.as_str())).collect();
        self.nodes("Split", &[x, &lengths], vec![("axis", Attribute::Int(axis))], &outputs)
    }

    /// Rows of `table` along an axis, by their indices.
    pub fn gather(&mut self, table: &Value, rows: &Value, axis: i64, hint: &str) -> Value {
        self.node("Gather", &[table, rows], vec![("axis", Attribute::Int(axis))], table.element, hint)
    }

    /// `yes` where the condition holds, `no` elsewhere.
    pub fn choose(&mut self, condition: &Value, yes: &Value, no: &Value, hint: &str) -> Value {
        self.node("Where", &[condition, yes, no], Vec::new(), yes.element, hint)
    }

    /// A part of an axis, from `start` to `end`.
    pub fn slice(&mut self, x: &Value, start: &Value, end: &Value, axis: i64, hint: &str) -> Value {
        let axis = self.constant(Constant::integers(&[axis]));
        self.node("Slice", &[x, start, end, &axis], Vec::new(), x.element, hint)
    }

    /// Every `step`-th position of an axis, from the first on.
    pub fn every(&mut self, x: &Value, step: usize, axis: i64, hint: &str) -> Value {
        let [start, end, axis, step] =
            [0, i64::MAX, axis, step as i64].map(|value| self.constant(Constant::integers(&[value])));
        self.node("Slice", &[x, &start, &end, &axis, &step], Vec::new(), x.element, hint)
    }

    /// A sum over an axis, which stays with length 1 if `keep`.
    pub fn sum(&mut self, x: &Value, axis: i64, keep: bool, hint: &str) -> Value {
        let axis = self.constant(Constant::integers(&[axis]));
        let keep = vec![("keepdims", Attribute::Int(i64::from(keep)))];
        self.node("ReduceSum", &[x, &axis], keep, x.element, hint)
    }

    /// A reduction over an axis, which stays with length 1 if `keep`.
    pub fn reduce(&mut self, operator: &str, x: &Value, axis: i64, keep: bool, hint: &str) -> Value {
        let keep = ("keepdims", Attribute::Int(i64::from(keep)));
        // Axes became an input with operator set 18.
        if self.opset() < 18 {
            let axes = ("axes", Attribute::Ints(vec![axis]));
            return self.node(operator, &[x], vec![axes, keep], x.element, hint);
        }
        let axis = self.constant(Constant::integers(&[axis]));
        self.node(operator, &[x, &axis], vec![keep], x.element, hint)
    }

    /// The index of the largest value along an axis, the first of equal ones.
    pub fn argmax(&mut self, x: &Value, axis: i64, keep: bool, hint: &str) -> Value {
        let settings = vec![("axis", Attribute::Int(axis)), ("keepdims", Attribute::Int(i64::from(keep)))];
        self.node("ArgMax", &[x], settings, Element::I64, hint)
    }

    /// A softmax over the last axis.
    pub fn softmax(&mut self, x: &Value, axis: i64, hint: &str) -> Value {
        self.node("Softmax", &[x], vec![("axis", Attribute::Int(axis))], x.element, hint)
    }
}
