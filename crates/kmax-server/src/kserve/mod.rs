//! The KServe v2 inference protocol (Open Inference Protocol), with its binary extension: what NVIDIA Triton's clients and gateways for
//! models speak.
//!
//! A model has two inputs, of which a request gives one: `image`, UINT8 `[height, width, 3]`, RGB; or `photo`, BYTES `[1]`, a file of
//! any format that is read (in JSON as base64). Its outputs are `panoptic`, INT32 `[height, width]`, the id of each pixel's segment, 0 for
//! none; and of each segment `segment_ids` and `category_ids`, INT32 `[n]`, and `scores`, FP32 `[n]`.

mod binary;
mod protocol;
mod reply;
mod request;
mod tensors;

pub(crate) use protocol::router;
