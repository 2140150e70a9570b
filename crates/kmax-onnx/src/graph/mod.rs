//! A graph of ONNX operators that is being written.

mod element;
mod ops;
mod sizes;
mod value;

pub use element::{Constant, Element};
pub use value::{Dim, Extent, Map, Value};

use crate::proto::{self, AttributeMessage, Node};
use std::collections::{HashMap, HashSet};

/// A setting of a node.
pub enum Attribute<'a> {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
    Text(&'a str),
    Graph(proto::GraphMessage),
}

/// Settings of a node, by name.
pub type Attributes<'a> = Vec<(&'a str, Attribute<'a>)>;

/// The nodes and constants so far. Nodes stand in an order in which they can run, as each takes what stands already.
pub struct Graph {
    opset: u32,
    float: Element,
    nodes: Vec<Node>,
    initializers: Vec<proto::Tensor>,
    names: HashSet<String>,
    constants: HashMap<Constant, Value>,
    /// For each axis that is known when the file runs, a map that has it.
    seen: HashMap<Dim, (Value, usize)>,
    sizes: HashMap<Dim, Value>,
    /// What was made for the first who asked for it.
    shared: HashMap<String, Value>,
    /// Number of images.
    pub batch: Dim,
    /// Whether heights and widths of inputs that are known when the file runs only are `32 k + 1`.
    pub odd: bool,
}

impl Graph {
    /// An empty one that computes in `float`.
    pub fn new(opset: u32, float: Element, batch: Dim) -> Self {
        Self {
            opset,
            float,
            nodes: Vec::new(),
            initializers: Vec::new(),
            names: HashSet::new(),
            constants: HashMap::new(),
            seen: HashMap::new(),
            sizes: HashMap::new(),
            shared: HashMap::new(),
            batch,
            odd: false,
        }
    }

    /// The type that the network computes in.
    pub fn float(&self) -> Element {
        self.float
    }

    /// Version of the operators.
    pub fn opset(&self) -> u32 {
        self.opset
    }

    /// What is given to the graph under that name.
    pub fn input(&mut self, name: &str, element: Element) -> Value {
        self.names.insert(name.into());
        Value { name: name.into(), element }
    }

    /// Stands for an input that is left out.
    pub fn absent(&self, element: Element) -> Value {
        Value { name: "".into(), element }
    }

    /// A name like `hint` that no other value has.
    fn unique(&mut self, hint: &str) -> String {
        let mut name = hint.to_string();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{hint}_{count}");
        }
        name
    }

    /// A constant under a name of its own.
    pub fn parameter(&mut self, name: &str, constant: Constant) -> Value {
        let name = self.unique(name);
        let value = Value { name: name.as_str().into(), element: constant.element };
        self.initializers.push(constant.into_tensor(&name));
        value
    }

    /// A small constant, of which there is one whoever asks.
    pub fn constant(&mut self, constant: Constant) -> Value {
        if let Some(value) = self.constants.get(&constant) {
            return value.clone();
        }
        let value = self.parameter("constant", constant.clone());
        self.constants.insert(constant, value.clone());
        value
    }

    /// A value that is made once, under that name, whoever asks.
    pub fn shared(&mut self, name: &str, make: impl FnOnce(&mut Self, &str) -> Value) -> Value {
        if let Some(value) = self.shared.get(name) {
            return value.clone();
        }
        let value = make(self, name);
        self.shared.insert(name.into(), value.clone());
        value
    }

    /// A node of several outputs, which are named after `hint`.
    pub fn nodes(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: Attributes,
        outputs: &[(Element, &str)],
    ) -> Vec<Value> {
        let values = outputs.iter().map(|(element, hint)| {
            let name = self.unique(hint);
            Value { name: name.as_str().into(), element: *element }
        });
        let values: Vec<Value> = values.collect();
        self.nodes.push(Node {
            input: inputs.iter().map(|value| value.name.to_string()).collect(),
            output: values.iter().map(|value| value.name.to_string()).collect(),
            name: values.first().map(|value| value.name.to_string()),
            op_type: Some(operator.into()),
            attribute: attributes.into_iter().map(|(name, attribute)| message(name, attribute)).collect(),
        });
        values
    }

    /// A node of one output, which is named after `hint`.
    pub fn node(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: Attributes,
        element: Element,
        hint: &str,
    ) -> Value {
        let name = self.unique(hint);
        self.nodes.push(Node {
            input: inputs.iter().map(|value| value.name.to_string()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(operator.into()),
            attribute: attributes.into_iter().map(|(name, attribute)| message(name, attribute)).collect(),
        });
        Value { name: name.as_str().into(), element }
    }

    /// Gives `value` the name under which it leaves the graph.
    pub fn output(&mut self, value: &Value, name: &str) -> Value {
        self.node("Identity", &[value], Vec::new(), value.element, name)
    }

    /// What `write` adds, as a graph of its own that sees everything outside it: the body of a loop.
    pub fn body(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Self) -> (Vec<proto::ValueInfo>, Vec<proto::ValueInfo>),
    ) -> proto::GraphMessage {
        let outside = std::mem::take(&mut self.nodes);
        let (input, output) = write(self);
        let node = std::mem::replace(&mut self.nodes, outside);
        proto::GraphMessage { node, name: Some(name.into()), initializer: Vec::new(), input, output }
    }

    /// The finished graph.
    pub fn finish(
        self,
        name: &str,
        input: Vec<proto::ValueInfo>,
        output: Vec<proto::ValueInfo>,
    ) -> proto::GraphMessage {
        let Self { nodes: node, initializers: initializer, .. } = self;
        proto::GraphMessage { node, name: Some(name.into()), initializer, input, output }
    }
}

/// An input or output of a graph.
pub fn described(value: &Value, dims: &[Dim], doc: &str) -> proto::ValueInfo {
    let dim = dims.iter().map(|dim| match dim {
        Dim::Fixed(length) => proto::Dimension { dim_value: Some(*length as i64), dim_param: None },
        free => proto::Dimension { dim_value: None, dim_param: Some(free.to_string()) },
    });
    let shape = proto::Shape { dim: dim.collect() };
    let tensor = proto::TensorType { elem_type: Some(value.element as i32), shape: Some(shape) };
    proto::ValueInfo {
        name: Some(value.name.to_string()),
        r#type: Some(proto::Type { tensor_type: Some(tensor) }),
        doc_string: Some(doc.into()).filter(|doc: &String| !doc.is_empty()),
    }
}

fn message(name: &str, attribute: Attribute) -> AttributeMessage {
    let empty = AttributeMessage { name: Some(name.into()), ..Default::default() };
    match attribute {
        Attribute::Float(f) => AttributeMessage { f: Some(f), r#type: Some(1), ..empty },
        Attribute::Int(i) => AttributeMessage { i: Some(i), r#type: Some(2), ..empty },
        Attribute::Text(s) => AttributeMessage { s: Some(s.as_bytes().into()), r#type: Some(3), ..empty },
        Attribute::Graph(g) => AttributeMessage { g: Some(g), r#type: Some(5), ..empty },
        Attribute::Ints(ints) => AttributeMessage { ints, r#type: Some(7), ..empty },
    }
}
