//! The stack machine that a pickle is a program for.

use std::collections::HashMap;

use super::{Blob, Call, Global, Id, Node, Pickle, text};
use crate::error::{Fault, Parse, preview};
use crate::wire::Wire;

/// Most opcodes understood. Full checkpoints with optimizer state need some hundred thousand.
const MOST_OPCODES: usize = 4 << 20;
/// Most open marks understood.
const DEEPEST: usize = 1000;
/// Most unknown functions and classes. Real files have some dozens.
const MOST_OPAQUE: usize = 1 << 16;
/// The newest protocol.
const NEWEST: u8 = 5;

/// Runs the pickle at the start of `bytes`.
pub(super) fn run(bytes: &[u8]) -> Parse<Pickle<'_>> {
    let mut machine = Machine {
        wire: Wire::new(bytes),
        // Shared by all uses, so that the shortest opcodes cost the least memory.
        nodes: vec![Node::None, Node::Bool(false), Node::Bool(true), Node::Tuple(Vec::new())],
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        opaque: Vec::new(),
        numbers: HashMap::new(),
        opcode_at: 0,
    };
    for _ in 0..MOST_OPCODES {
        machine.opcode_at = machine.wire.at();
        if let Some(root) = machine.step()? {
            let Machine { wire, nodes, opaque, .. } = machine;
            return Ok(Pickle { bytes, nodes, opaque, root, end: wire.at() });
        }
    }
    Err(machine.fault(format!("a pickle of more than {MOST_OPCODES} opcodes")))
}

const NONE: Id = 0;
const FALSE: Id = 1;
const TRUE: Id = 2;
const EMPTY_TUPLE: Id = 3;

struct Machine<'a> {
    wire: Wire<'a>,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Unknown functions and classes, and where each is first named.
    opaque: Vec<(String, usize)>,
    /// Their numbers.
    numbers: HashMap<String, u32>,
    opcode_at: usize,
}

impl Machine<'_> {
    /// One opcode; the finished object at the last.
    fn step(&mut self) -> Parse<Option<Id>> {
        let opcode = self.wire.byte().map_err(|_| self.fault("the pickle is cut off"))?;
        match opcode {
            b'.' => return self.pop().map(Some),
            0x80 => match self.wire.byte()? {
                0..=NEWEST => {}
                version => return Err(self.fault(format!("protocol {version}, known are 0 to {NEWEST}"))),
            },
            0x95 => {
                let length = self.wire.fixed64()?;
                self.wire.clone().bytes(length)?;
            }
            b'(' => {
                if self.marks.len() >= DEEPEST {
                    return Err(self.fault(format!("more than {DEEPEST} marks are open")));
                }
                self.marks.push(self.stack.len());
            }
            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.stack.push(NONE),
            0x88 => self.stack.push(TRUE),
            0x89 => self.stack.push(FALSE),
            b'I' | b'J' | b'K' | b'M' | b'L' | 0x8a | 0x8b | b'F' | b'G' => self.number(opcode)?,
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                self.string(opcode)?
            }
            b']' | 0x8f => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.stack.push(EMPTY_TUPLE),
            b'a' | b'e' | 0x90 | b's' | b'u' | b'l' | b'd' | b't' | 0x85..=0x87 | 0x91 => {
                self.collection(opcode)?
            }
            b'c' => {
                let (module, name) = (self.wire.line()?, self.wire.line()?);
                let global = self.global(module, name)?;
                self.push(Node::Global(global));
            }
            0x93 => self.global_from_stack()?,
            b'i' => {
                let (module, name) = (self.wire.line()?, self.wire.line()?);
                let function = self.global(module, name)?;
                let arguments = Node::Tuple(self.pop_mark()?);
                self.call(function, arguments);
            }
            b'o' => {
                let mut parts = self.pop_mark()?.into_iter();
                let function = parts.next().ok_or_else(|| self.fault("an object without a class"))?;
                let function = self.function(function)?;
                self.call(function, Node::Tuple(parts.collect()));
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let function = self.function(function)?;
                let call = Call { function, arguments, items: Vec::new(), state: None };
                self.push(Node::Call(Box::new(call)));
            }
            // With arguments by name, which only objects without meaning here have.
            0x92 => {
                let (_named, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                let function = self.function(class)?;
                let call = Call { function, arguments, items: Vec::new(), state: None };
                self.push(Node::Call(Box::new(call)));
            }
            b'b' => {
                let state = self.pop()?;
                match self.top_node()? {
                    Node::Call(call) => call.state = Some(state),
                    _ => return Err(self.fault("state for what is no object")),
                }
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Persistent(id));
            }
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.memoized(opcode)?,
            other => return Err(self.fault(format!("opcode {other:#04x}, which no checkpoint needs"))),
        }
        Ok(None)
    }

    fn number(&mut self, opcode: u8) -> Parse<()> {
        let node = match opcode {
            b'J' => Node::Int(i64::from(i32::from_le_bytes(self.wire.array()?))),
            b'K' => Node::Int(i64::from(self.wire.byte()?)),
            b'M' => Node::Int(i64::from(u16::from_le_bytes(self.wire.array()?))),
            b'G' => {
                self.wire.fixed64()?;
                Node::Float
            }
            0x8a | 0x8b => {
                let length = if opcode == 0x8a { u64::from(self.wire.byte()?) } else { self.length4()? };
                let start = self.wire.at();
                little_endian(self.wire.bytes(length)?)
                    .map_or_else(|| Node::Long(Blob::At(start..self.wire.at())), Node::Int)
            }
            _ => {
                let start = self.wire.at();
                let line = self.wire.line()?;
                match (opcode, line, text::integer(line)) {
                    (b'I', b"00", _) => Node::Bool(false),
                    (b'I', b"01", _) => Node::Bool(true),
                    (b'F', ..) => Node::Float,
                    (_, _, Some(value)) => Node::Int(value),
                    _ if text::is_integer(line) => Node::Long(Blob::At(start..start + line.len())),
                    _ => return Err(self.fault(format!("`{}` is no number", preview(line)))),
                }
            }
        };
        self.push(node);
        Ok(())
    }

    fn string(&mut self, opcode: u8) -> Parse<()> {
        let node = match opcode {
            b'S' => {
                let line = self.wire.line()?;
                let bytes = text::quoted(line);
                Node::Bytes(Blob::Owned(
                    bytes.ok_or_else(|| self.fault(format!("{} is no string", preview(line))))?,
                ))
            }
            b'V' => {
                let line = self.wire.line()?;
                let bytes = text::raw_unicode(line);
                Node::Text(Blob::Owned(
                    bytes.ok_or_else(|| self.fault(format!("{} is no string", preview(line))))?,
                ))
            }
            _ => {
                let length = match opcode {
                    b'U' | 0x8c | b'C' => u64::from(self.wire.byte()?),
                    b'T' => self.length4()?,
                    b'X' | b'B' => u64::from(self.wire.fixed32()?),
                    _ => self.wire.fixed64()?,
                };
                let start = self.wire.at();
                let bytes = self.wire.bytes(length)?;
                let blob = Blob::At(start..self.wire.at());
                match opcode {
                    b'X' | 0x8c | 0x8d => {
                        str::from_utf8(bytes)
                            .map_err(|e| self.fault(format!("a text that is not UTF-8: {e}")))?;
                        Node::Text(blob)
                    }
                    _ => Node::Bytes(blob),
                }
            }
        };
        self.push(node);
        Ok(())
    }

    fn collection(&mut self, opcode: u8) -> Parse<()> {
        match opcode {
            b'a' | b'e' | 0x90 => {
                let new = if opcode == b'a' { vec![self.pop()?] } else { self.pop_mark()? };
                match self.top_node()? {
                    Node::List(ids) => ids.extend(new),
                    Node::Call(call) if matches!(call.function, Global::Opaque(_)) => {}
                    _ => return Err(self.fault("elements for what is no list")),
                }
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![(key, value)])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                let items = self.pairs(&items)?;
                self.set(items)?;
            }
            b'd' => {
                let items = self.pop_mark()?;
                let items = self.pairs(&items)?;
                self.push(Node::Dict(items));
            }
            b'l' => {
                let ids = self.pop_mark()?;
                self.push(Node::List(ids));
            }
            b't' | 0x91 => {
                let ids = self.pop_mark()?;
                self.push(Node::Tuple(ids));
            }
            // TUPLE1 to TUPLE3.
            _ => {
                let count = usize::from(opcode - 0x84);
                let start = self.stack.len().checked_sub(count).filter(|start| *start >= self.floor());
                let start = start.ok_or_else(|| self.fault("the stack is too short for a tuple"))?;
                let ids = self.stack.split_off(start);
                self.push(Node::Tuple(ids));
            }
        }
        Ok(())
    }

    fn pairs(&self, ids: &[Id]) -> Parse<Vec<(Id, Id)>> {
        let (pairs, rest) = ids.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.fault("a key without a value"));
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    fn set(&mut self, new: Vec<(Id, Id)>) -> Parse<()> {
        match self.top_node()? {
            Node::Dict(items) => items.extend(new),
            Node::Call(call) => call.items.extend(new),
            _ => return Err(self.fault("items for what is no dictionary")),
        }
        Ok(())
    }

    fn memoized(&mut self, opcode: u8) -> Parse<()> {
        let index = match opcode {
            b'p' | b'g' => {
                let line = self.wire.line()?;
                let index = text::integer(line).and_then(|index| u64::try_from(index).ok());
                index.ok_or_else(|| self.fault(format!("`{}` is no place in the memo", preview(line))))?
            }
            b'q' | b'h' => u64::from(self.wire.byte()?),
            b'r' | b'j' => u64::from(self.wire.fixed32()?),
            _ => self.memo.len() as u64,
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let id = self.memo.get(&index).copied();
            let id = id.ok_or_else(|| self.fault(format!("nothing is in the memo at {index}")))?;
            self.stack.push(id);
        } else {
            let top = self.top()?;
            self.memo.insert(index, top);
        }
        Ok(())
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Parse<Global> {
        self.known_or_opaque(named(module, name))
    }

    /// The global of this name, or its number where it is none that a tensor needs.
    fn known_or_opaque(&mut self, named: Result<Global, String>) -> Parse<Global> {
        let name = match named {
            Ok(known) => return Ok(known),
            Err(name) => name,
        };
        if let Some(number) = self.numbers.get(&name) {
            return Ok(Global::Opaque(*number));
        }
        if self.opaque.len() >= MOST_OPAQUE {
            return Err(self.fault(format!("more than {MOST_OPAQUE} functions and classes")));
        }
        let number = self.opaque.len() as u32;
        self.opaque.push((name.clone(), self.opcode_at));
        self.numbers.insert(name, number);
        Ok(Global::Opaque(number))
    }

    fn global_from_stack(&mut self) -> Parse<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        let at = |id: Id| match self.nodes.get(id as usize) {
            Some(Node::Text(Blob::At(range))) => self.wire.seen(range.clone()),
            Some(Node::Text(Blob::Owned(bytes))) => Some(bytes.as_slice()),
            _ => None,
        };
        let named = at(module).zip(at(name)).map(|(module, name)| named(module, name));
        let named = named.ok_or_else(|| self.fault("a global whose name is no text"))?;
        let global = self.known_or_opaque(named)?;
        self.push(Node::Global(global));
        Ok(())
    }

    fn function(&self, id: Id) -> Parse<Global> {
        match self.nodes.get(id as usize) {
            Some(Node::Global(global)) => Ok(*global),
            // What an unknown function gives may be a function, too.
            Some(Node::Call(call)) if matches!(call.function, Global::Opaque(_)) => Ok(call.function),
            _ => Err(self.fault("a call of what is no function")),
        }
    }

    fn call(&mut self, function: Global, arguments: Node) {
        self.push(arguments);
        if let Some(arguments) = self.stack.pop() {
            self.push(Node::Call(Box::new(Call { function, arguments, items: Vec::new(), state: None })));
        }
    }

    fn push(&mut self, node: Node) {
        // At most two nodes an opcode, so their number fits.
        self.stack.push(self.nodes.len() as Id);
        self.nodes.push(node);
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Parse<Id> {
        let top = self.stack.last().filter(|_| self.stack.len() > self.floor());
        top.copied().ok_or_else(|| self.fault("the stack is empty"))
    }

    fn top_node(&mut self) -> Parse<&mut Node> {
        let (top, at) = (self.top()?, self.opcode_at);
        self.nodes.get_mut(top as usize).ok_or_else(|| Fault::new(at, "the stack is empty"))
    }

    fn pop(&mut self) -> Parse<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Parse<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.fault("no mark is open"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn length4(&mut self) -> Parse<u64> {
        let length = i32::from_le_bytes(self.wire.array()?);
        u64::try_from(length).map_err(|_| self.fault(format!("a length of {length}")))
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::new(self.opcode_at, reason)
    }
}

/// The global `module.name`, or this name if no tensor needs it.
fn named(module: &[u8], name: &[u8]) -> Result<Global, String> {
    Global::find(module, name).ok_or_else(|| format!("{}.{}", preview(module), preview(name)))
}

/// A signed number of any length that fits 64 bits.
fn little_endian(bytes: &[u8]) -> Option<i64> {
    let Some(last) = bytes.last() else { return Some(0) };
    let fill = if *last >= 0x80 { 0xff } else { 0 };
    let mut value = [fill; 8];
    value.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(value))
}
