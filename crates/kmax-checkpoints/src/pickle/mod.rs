//! Python pickles of protocols 0 to 5, read as data.
//!
//! [`Pickle::parse`] turns the opcodes into a graph of nodes. A call stays a node that names its function and holds its
//! arguments; nothing is executed. Functions and classes that no tensor needs have a number and a name, and what they would
//! make is an object of which nothing is known.

mod globals;
mod machine;
mod text;

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Parse;

pub(crate) use globals::Global;

/// The index of a node.
pub(crate) type Id = u32;

/// Bytes of a string: where they lie in the pickle, or decoded from an escaped form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blob {
    At(Range<usize>),
    Owned(Vec<u8>),
}

/// A Python object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// Too large for 64 bits; the bytes as stored.
    Long(Blob),
    Float,
    /// A string, UTF-8.
    Text(Blob),
    /// Bytes, or a Python 2 string.
    Bytes(Blob),
    /// A list or a set.
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Call(Box<Call>),
    /// An object kept outside the pickle, by its id.
    Persistent(Id),
}

/// A function or class and what it would be called with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub function: Global,
    pub arguments: Id,
    /// Items set on the result.
    pub items: Vec<(Id, Id)>,
    /// State given to the result.
    pub state: Option<Id>,
}

/// A parsed pickle.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    bytes: &'a [u8],
    nodes: Vec<Node>,
    /// Names of [`Global::Opaque`], and where each comes first.
    opaque: Vec<(String, usize)>,
    root: Id,
    end: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle at the start of `bytes`.
    pub(crate) fn parse(bytes: &'a [u8]) -> Parse<Self> {
        machine::run(bytes)
    }

    /// Where the pickle ends.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    pub(crate) fn root(&self) -> Id {
        self.root
    }

    /// The name of an unknown function or class, and where it comes first.
    pub(crate) fn opaque(&self, number: u32) -> (&str, usize) {
        self.opaque.get(number as usize).map_or(("?", 0), |(name, at)| (name.as_str(), *at))
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn node(&self, id: Id) -> &Node {
        // Ids come from the machine, which hands out none beyond its nodes.
        self.nodes.get(id as usize).unwrap_or(&Node::None)
    }

    pub(crate) fn blob<'b>(&'b self, blob: &'b Blob) -> &'b [u8] {
        match blob {
            Blob::At(range) => self.bytes.get(range.clone()).unwrap_or_default(),
            Blob::Owned(bytes) => bytes,
        }
    }

    /// A string. One of Python 2 is taken as Latin-1.
    pub(crate) fn text(&self, id: Id) -> Option<Cow<'_, str>> {
        match self.node(id) {
            Node::Text(blob) => str::from_utf8(self.blob(blob)).ok().map(Cow::Borrowed),
            Node::Bytes(blob) => {
                Some(Cow::Owned(self.blob(blob).iter().map(|&byte| char::from(byte)).collect()))
            }
            _ => None,
        }
    }

    /// The elements of a tuple, list or `torch.Size`.
    pub(crate) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(ids) | Node::List(ids) => Some(ids),
            Node::Call(call) if call.function == Global::TorchSize => match self.node(call.arguments) {
                Node::Tuple(arguments) => match arguments.as_slice() {
                    [only] => match self.node(*only) {
                        Node::Tuple(ids) | Node::List(ids) => Some(ids),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a dictionary, in order.
    pub(crate) fn items(&self, id: Id) -> Option<Vec<(Id, Id)>> {
        match self.node(id) {
            Node::Dict(items) => Some(items.clone()),
            Node::Call(call) if call.function == Global::OrderedDict => {
                // Python 2 gives the items as a list of pairs.
                let given =
                    self.sequence(call.arguments).and_then(<[Id]>::first).and_then(|&id| self.sequence(id));
                let pairs =
                    given.unwrap_or_default().iter().filter_map(|&pair| match self.sequence(pair)? {
                        [key, value] => Some((*key, *value)),
                        _ => None,
                    });
                Some(pairs.chain(call.items.iter().copied()).collect())
            }
            _ => None,
        }
    }

    /// A number that is a count, a size or an index.
    pub(crate) fn count(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A tuple of counts.
    pub(crate) fn counts(&self, id: Id) -> Option<Vec<usize>> {
        self.sequence(id)?.iter().map(|&id| self.count(id)).collect()
    }

    /// What an object is, in words.
    pub(crate) fn kind(&self, id: Id) -> Cow<'static, str> {
        Cow::Borrowed(match self.node(id) {
            Node::None => "None",
            Node::Bool(_) => "a truth value",
            Node::Int(_) | Node::Long(_) => "an integer",
            Node::Float => "a float",
            Node::Text(_) => "a text",
            Node::Bytes(_) => "bytes",
            Node::List(_) => "a list",
            Node::Tuple(_) => "a tuple",
            Node::Dict(_) => "a dictionary",
            Node::Global(Global::Opaque(number)) => return format!("`{}`", self.opaque(*number).0).into(),
            Node::Global(_) => "a class or function",
            Node::Call(call) => match call.function {
                Global::OrderedDict => "a dictionary",
                Global::Opaque(number) => return format!("an object of `{}`", self.opaque(number).0).into(),
                _ => "an object",
            },
            Node::Persistent(_) => "a storage",
        })
    }
}
