//! The largest numbers that a configuration may hold, or a caller ask for.
//!
//! A configuration is a file, and a file may say anything. Every number of one that shapes a network is held against its
//! limit here before anything is built, so that a product of two of them fits its integer and nothing is allocated on a
//! file's word. The limits are far above every published network; [`PARAMETERS`] bounds what they make together.

/// Channels of a feature map, a query or a hidden layer. The widest published has 3072. A 3x3 kernel between four times as
/// many channels has less than 2^40 values, which leaves room for every product.
pub const CHANNELS: usize = 65_536;

/// Blocks of a stage, and layers of a decoder at one stride. The deepest published stage has 27. Each block has some thirty
/// named parameters, so that the names of a network stay within megabytes.
pub const BLOCKS: usize = 1_000;

/// Queries of a decoder. The most published are 256. Their ids fit 16 bits, and their attention among each other 2^32 values.
pub const QUERIES: usize = 65_000;

/// Heads of an attention. Published are 8.
pub const HEADS: usize = 1_024;

/// Dilation of a 3x3 kernel, in pixels, and the stride from which on blocks are axial. Published are 2 and 16; beyond the size
/// of a feature map neither means anything.
pub const DILATION: usize = 1_024;

/// Classes, void not counted: their ids fit 16 bits.
pub const CLASSES: usize = 65_535;

/// Pixels sampled for the instance discrimination. Published are 4096; their similarities are a square matrix, here of 4 GiB.
pub const PIXEL_SAMPLES: usize = 32_768;

/// Pixels sampled for the semantic loss: those of the largest input, 16 384 by 16 384.
pub const SEMANTIC_SAMPLES: usize = 1 << 28;

/// Pairs of query and class that instance results are made of. Published are 100; each has a mask of the image's size.
pub const INSTANCES: usize = 10_000;

/// Parameters of a network, by the shapes of its tensors: 16 GB in single precision. The largest published has 240 million.
pub const PARAMETERS: u64 = 4_000_000_000;

/// Threads of the program, of a segmenter, and of a run's loader. The largest machines have some hundred processors; each thread takes
/// some megabytes for its own, and starting 65 535 of them takes longer than most work.
pub const THREADS: usize = 1_024;

/// Images that go through a network together: far more than fit any device's memory, and few enough for products of sizes.
pub const BATCH: usize = 65_536;
