//! Objects of a server that speaks S3, over HTTP: `tests/run objects` starts one, and names its bucket in `KMAX_STORE_BUCKET`.
#![cfg(feature = "cloud")]

use kmax_base::ErrorKind;
use kmax_store::{Depth, Error, Place, Result, Url, list, read, stamp, write};
use std::path::Path;

fn url(text: &str) -> Url {
    match Place::read(Path::new(text)) {
        Ok(Place::Store(url)) => url,
        other => panic!("{text}: {other:?}"),
    }
}

/// A folder of its own in the bucket.
fn folder(name: &str) -> Url {
    let bucket = std::env::var("KMAX_STORE_BUCKET").expect("KMAX_STORE_BUCKET names a bucket");
    url(&format!("{bucket}/{name}"))
}

#[test]
#[ignore = "needs a bucket: tests/run objects"]
fn objects_are_written_listed_and_read() -> Result<()> {
    let folder = folder("written");
    assert_eq!(list(&folder, Depth::All)?, []);
    // Names that URLs escape, and lengths from nothing to more than one part of an answer.
    let objects = [
        ("a.png", 0),
        ("b c+d%20&=é.png", 3),
        ("below/e.json", 70_000),
        ("below/further/f", 9_000_000),
        ("z", 1),
    ];
    for (name, length) in objects {
        let data: Vec<u8> = (0..length).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let place = folder.join(name)?;
        let written = write(&place, data.clone())?;
        let (found, told) = read(&place, u64::from(length))?;
        assert!(found == data, "{name}: {} bytes of {length}", found.len());
        assert_eq!((&told, stamp(&place)?.as_ref()), (&written, Some(&written)), "{name}");
    }
    let all = list(&folder, Depth::All)?;
    let said: Vec<_> = all.iter().map(|object| (object.name.as_str(), object.size)).collect();
    assert_eq!(said, objects.map(|(name, length)| (name, u64::from(length))));
    for object in &all {
        assert_eq!(Some(&object.stamp), stamp(&object.url)?.as_ref(), "{}", object.url);
    }
    let here = list(&folder, Depth::Folder)?;
    let here: Vec<_> = here.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(here, ["a.png", "b c+d%20&=é.png", "z"]);
    Ok(())
}

/// More than a page of a list holds.
#[test]
#[ignore = "needs a bucket: tests/run objects"]
fn a_long_list_is_whole() -> Result<()> {
    let folder = folder("many");
    let names: Vec<String> = (0..1_100).map(|i| format!("{i:04}")).collect();
    for name in &names {
        write(&folder.join(name)?, name.as_bytes().to_vec())?;
    }
    let found = list(&folder, Depth::All)?;
    assert!(found.iter().map(|object| &object.name).eq(&names), "{} objects", found.len());
    Ok(())
}

#[test]
#[ignore = "needs a bucket: tests/run objects"]
fn a_stamp_changes_with_the_bytes() -> Result<()> {
    let folder = folder("stamps");
    let place = folder.join("x")?;
    assert_eq!(stamp(&place)?, None);
    let first = write(&place, vec![1, 2, 3])?;
    let second = write(&place, vec![1, 2, 4])?;
    assert_ne!(first, second);
    assert_eq!(write(&place, vec![1, 2, 3])?, first);
    assert_eq!(read(&place, 3)?, (vec![1, 2, 3], first));
    Ok(())
}

#[test]
#[ignore = "needs a bucket: tests/run objects"]
fn mistakes_say_whose_they_are() -> Result<()> {
    let folder = folder("mistakes");
    let missing = read(&folder.join("nothing")?, 10).expect_err("is not there");
    assert!(
        matches!(&missing, Error::NotFound { url, .. } if url.ends_with("mistakes/nothing")),
        "{missing}"
    );
    assert!(missing.kind() == ErrorKind::NotFound && !missing.is_of_the_store());
    let place = folder.join("long")?;
    write(&place, vec![7; 11])?;
    let long = read(&place, 10).expect_err("is too long");
    assert!(matches!(&long, Error::TooLong { reason, .. } if reason.contains("11 bytes")), "{long}");
    assert!(!long.is_of_the_store());
    // Of a bucket that is not there, no object can be written.
    let elsewhere = url("s3://there-is-no-such-bucket/x");
    let refused = write(&elsewhere, vec![1]).expect_err("there is no bucket");
    assert!(matches!(&refused, Error::Write { .. }) && refused.is_of_the_store(), "{refused}");
    assert!(list(&elsewhere, Depth::All).is_err());
    Ok(())
}
