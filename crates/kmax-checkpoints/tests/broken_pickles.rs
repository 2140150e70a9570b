//! Hostile pickles and the archives around them. Each ends in one error that names the file and the place in it.

#[allow(dead_code)]
mod support;

use std::fs;

use kmax_checkpoints::Checkpoint;

use support::pickle::{self, numpy_array, torch_tensor};
use support::{TestResult, VALUES, read_all, refused_bytes};

#[test]
fn a_pickle_executes_nothing() -> TestResult {
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("executed");
    let command = format!("touch {}", witness.display());
    let protocol0 = format!("cos\nsystem\n(S'{command}'\ntR.");
    let mut protocol4 = vec![0x80, 4, 0x8c, 5];
    protocol4.extend(b"posix\x8c\x06system\x93X");
    protocol4.extend((command.len() as u32).to_le_bytes());
    protocol4.extend(command.as_bytes());
    protocol4.extend(b"\x85R.");
    for (name, bytes, global) in [
        ("a.pkl", protocol0.as_bytes(), "refused `os.system`"),
        ("b.pkl", &protocol4, "refused `posix.system`"),
        ("c.pkl", b"(ios\nsystem\n.", "refused `os.system`"),
        ("d.pkl", b"\x80\x02cbuiltins\neval\nX\x03\0\0\x001+1\x85R.", "refused `builtins.eval`"),
        ("e.pkl", b"\x80\x02c__builtin__\ngetattr\n.", "refused `__builtin__.getattr`"),
        ("f.pkl", b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.", "refused `numpy.load`"),
        ("g.pkl", b"\x80\x02ctorch\nload\n.", "refused `torch.load`"),
    ] {
        refused_bytes(name, bytes, global)?;
    }
    // The same inside PyTorch's archive and its legacy form.
    refused_bytes(
        "h.pth",
        &pickle::zip(protocol0.as_bytes(), &[], false),
        "archive/data.pkl, byte 0: refused `os.system`",
    )?;
    refused_bytes("i.pth", &pickle::legacy(protocol0.as_bytes(), &[]), "refused `os.system`")?;
    assert!(!witness.exists());
    Ok(())
}

#[test]
fn pickles_that_break_the_machine() -> TestResult {
    let deep = [b"\x80\x02".as_slice(), &[b'('; 100_000]].concat();
    let lists = [b"\x80\x02".as_slice(), &b"]"[..], &b"]a".repeat(100_000), b"."].concat();
    let nested =
        [b"\x80\x02".as_slice(), &b"}X\x01\0\0\0k".repeat(5000), b"N", &b"s".repeat(5000), b"."].concat();
    let endless = [b"\x80\x02".as_slice(), &b"N0".repeat(3 << 20)].concat();
    let doubling = pickle::doubling(40);
    for (name, bytes, reason) in [
        ("deep.pkl", deep.as_slice(), "byte 1002: more than 1000 marks"),
        ("lists.pkl", &lists, "expected a dictionary of tensors"),
        ("nested.pkl", &nested, "nested too deeply"),
        ("endless.pkl", &endless, "more than 4194304 opcodes"),
        ("doubling.pkl", &doubling, "nested too deeply"),
        ("wide.pkl", &pickle::doubling(12), ""),
        ("cycle.pkl", b"\x80\x02}q\0X\x01\0\0\0kh\0s.", "nested too deeply"),
        ("underflow.pkl", b"\x80\x02}ss.", "the stack is empty"),
        ("markless.pkl", b"\x80\x02t.", "no mark is open"),
        ("odd.pkl", b"\x80\x02}(NNNu.", "a key without a value"),
        ("memo.pkl", b"\x80\x02h\x07.", "nothing is in the memo at 7"),
        ("long.pkl", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 bytes announced"),
        ("frame.pkl", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", "bytes announced"),
        ("negative.pkl", b"\x80\x02T\xff\xff\xff\xff.", "a length of -1"),
        ("future.pkl", b"\x80\x05\x80\x09N.", "protocol 9"),
        ("extension.pkl", b"\x80\x02\x82\x01.", "opcode 0x82"),
        ("utf8.pkl", b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8"),
        ("number.pkl", b"\x80\x02Inope\n.", "`nope` is no number"),
        ("call.pkl", b"\x80\x02N)R.", "a call of what is no function"),
        ("state.pkl", b"\x80\x02NNb.", "state for what is no object"),
        ("scalar.pkl", b"\x80\x02K\x07.", "holds an integer, expected a dictionary"),
    ] {
        if reason.is_empty() {
            let folder = tempfile::tempdir()?;
            fs::write(folder.path().join(name), bytes)?;
            assert_eq!(read_all(&folder.path().join(name))?, 0);
        } else {
            refused_bytes(name, bytes, reason)?;
        }
    }
    Ok(())
}

#[test]
fn arrays_that_lie_about_their_data() -> TestResult {
    for (array, reason) in [
        (numpy_array(&[2, 2], "f4", &VALUES[..12]), "needs 16 bytes, its storage has 12"),
        (numpy_array(&[1 << 40, 1 << 40], "f4", &VALUES), "overflows"),
        (numpy_array(&[1 << 62], "f8", &VALUES), "overflows"),
        (numpy_array(&[-1], "f4", &VALUES), "no tuple of counts"),
    ] {
        refused_bytes("array.pkl", &pickle::state_dict("x", &array), reason)?;
        refused_bytes("array.pkl", &pickle::state_dict("x", &array), "tensor `x`")?;
    }
    // Sound, as far as is known, and nothing for us.
    let folder = tempfile::tempdir()?;
    for code in ["O8", "c16"] {
        let path = folder.path().join("array.pkl");
        fs::write(&path, pickle::state_dict("x", &numpy_array(&[1], code, &VALUES)))?;
        let checkpoint = Checkpoint::open(path)?;
        let skipped: Vec<_> =
            checkpoint.skipped().iter().map(|s| (s.name.as_str(), s.reason.clone())).collect();
        assert_eq!(skipped, [("x", format!("NumPy's type `{code}` is not supported"))]);
        assert!(checkpoint.is_empty());
    }
    Ok(())
}

#[test]
fn tensors_that_lie_about_their_storage() -> TestResult {
    let zip = |tensor: &[u8]| pickle::zip(&pickle::state_dict("x", tensor), &[("0", &VALUES)], false);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("good.pth");
    fs::write(&path, zip(&torch_tensor("0", 4, 0, &[2, 2], &[2, 1])))?;
    assert_eq!(read_all(&path)?, 16);
    for (tensor, reason) in [
        (torch_tensor("0", 4, 1, &[2, 2], &[2, 1]), "needs 20 bytes, its storage has 16"),
        (torch_tensor("0", 4, 0, &[2, 2], &[9, 1]), "needs 44 bytes"),
        (torch_tensor("0", 4, i64::MAX, &[2, 2], &[2, 1]), "overflows"),
        (torch_tensor("0", 4, 0, &[i64::MAX, 2], &[2, 1]), "overflows"),
        (torch_tensor("0", 4, 0, &[2, 2], &[i64::MAX, 1]), "overflows"),
        (torch_tensor("0", 4, 0, &[2, 2], &[-2, 1]), "strides are no tuple of counts"),
        (torch_tensor("0", 4, 0, &[1 << 40], &[0]), "expanded from a storage of 16"),
        (torch_tensor("0", 4, 0, &[2, 2], &[1]), "1 strides for shape [2, 2]"),
        (torch_tensor("0", 5, 0, &[2, 2], &[2, 1]), "which are not 5 elements"),
        (torch_tensor("0", i64::MAX, 0, &[2, 2], &[2, 1]), "overflows"),
        (torch_tensor("7", 4, 0, &[2, 2], &[2, 1]), "storage `7` is not in the file"),
    ] {
        refused_bytes("tensor.pth", &zip(&tensor), reason)?;
        refused_bytes("tensor.pth", &zip(&tensor), "tensor `x`")?;
    }
    let legacy = |tensor: &[u8], count, bytes| {
        pickle::legacy(&pickle::state_dict("x", tensor), &[("0", count, bytes)])
    };
    let good = torch_tensor("0", 4, 0, &[2, 2], &[2, 1]);
    fs::write(&path, legacy(&good, 4, &VALUES))?;
    assert_eq!(read_all(&path)?, 16);
    refused_bytes(
        "legacy.pth",
        &legacy(&good, u64::MAX, &VALUES),
        "has 18446744073709551615 elements, its tensors say 4",
    )?;
    refused_bytes("legacy.pth", &legacy(&good, 4, &VALUES[..15]), "16 bytes announced, 15 left")?;
    let huge = torch_tensor("0", 1 << 60, 0, &[2, 2], &[2, 1]);
    refused_bytes("legacy.pth", &legacy(&huge, 1 << 60, &VALUES), "bytes announced")
}

#[test]
fn archives_that_are_bombs_or_none() -> TestResult {
    let tensor = pickle::state_dict("x", &torch_tensor("0", 1 << 28, 0, &[1], &[1]));
    // A gigabyte of zeros in a megabyte: listed, and refused where its announced size is a lie.
    let zeros = pickle::zip(&tensor, &[("0", &vec![0; 4 << 20])], true);
    assert!(zeros.len() < 8 << 10);
    refused_bytes("bomb.pth", &zeros, "which are not 268435456 elements")?;
    let mut lie = pickle::zip(
        &pickle::state_dict("x", &torch_tensor("0", 1 << 20, 0, &[4], &[1])),
        &[("0", &vec![0; 4 << 20])],
        true,
    );
    pickle::replace_all(&mut lie, &(4u32 << 20).to_le_bytes(), &(4u32 << 28).to_le_bytes());
    refused_bytes("lie.pth", &lie, "")?;
    let pickle_bomb = pickle::zip(&vec![b'N'; 300 << 20], &[], true);
    refused_bytes("pickle.pth", &pickle_bomb, "at most 268435456 are read")?;
    refused_bytes("other.pth", &pickle::zip_of(&[("readme.txt", b"hello", false)]), "0 `data.pkl`")?;
    refused_bytes(
        "two.pth",
        &pickle::zip_of(&[("a/data.pkl", b"N.", false), ("b/data.pkl", b"N.", false)]),
        "2 `data.pkl`",
    )?;
    refused_bytes("cut.pth", b"PK\x03\x04", "zip directory")?;
    // One flipped bit in a storage.
    let mut flipped =
        pickle::zip(&pickle::state_dict("x", &torch_tensor("0", 4, 0, &[4], &[1])), &[("0", &VALUES)], false);
    let at = flipped.windows(16).position(|window| window == VALUES).ok_or("stored as it is")?;
    flipped[at] ^= 4;
    refused_bytes("flipped.pth", &flipped, "checksum")
}
