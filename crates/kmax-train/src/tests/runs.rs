//! Runs that survive: damaged checkpoints, other spellings, second processes, leftovers.

use super::*;
use crate::folder::Held;
use kmax_base::ErrorKind;

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    config.checkpoints.every = 1;
    run(config.clone(), 2)?;
    let files = Checkpoint::list(&config.output);
    assert_eq!(files.len(), 2);
    let data = std::fs::read(&files[1])?;
    std::fs::write(&files[1], &data[..data.len() / 2])?;
    let mut trainer = Trainer::new(config.clone())?;
    assert_eq!(trainer.resume()?.as_ref(), Some(&files[0]));
    assert_eq!(trainer.steps_done(), 1);
    assert!(trainer.notes().iter().any(|note| note.contains("taking the one before")));
    std::fs::write(&files[0], "")?;
    let error = Trainer::new(config)?.resume().expect_err("both are damaged");
    assert_eq!(error.kind(), ErrorKind::Damaged);
    Ok(())
}

#[test]
fn a_photo_that_cannot_be_read_loses_no_step() -> Anyhow {
    let mut kept = 0;
    for image in 0..5 {
        let folder = tempfile::tempdir()?;
        draw(folder.path())?;
        let photo = folder.path().join(format!("image{image}.png"));
        let whole = std::fs::read(&photo)?;
        std::fs::write(&photo, &whole[..whole.len() / 2])?;
        let config = settings(folder.path(), "run");
        assert!(config.checkpoints.every > 20);
        // Each epoch leaves another one of five out.
        let error = run(config.clone(), 20).map(drop).expect_err("half a photo").to_string();
        assert!(error.contains(&format!("image{image}.png")), "{error}");
        std::fs::write(&photo, whole)?;
        let mut trainer = Trainer::new(config)?;
        if trainer.resume()?.is_some() {
            assert!(trainer.steps_done() > 0);
            kept += 1;
        }
    }
    // Two of the five are of the first batch.
    assert!(kept >= 3, "{kept}");
    Ok(())
}

#[test]
fn what_there_is_no_memory_for_is_refused_before_the_first_step() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    config.schedule.batch = kmax_base::limits::BATCH;
    config.augment.crop = [8_193; 2];
    let error = run(config, 1).map(drop).expect_err("a million megabytes");
    if cfg!(target_os = "linux") {
        assert!(error.to_string().contains("crops of 8193 x 8193 pixels at a time: needs "), "{error}");
    }
    Ok(())
}

#[test]
fn a_run_goes_on_however_its_paths_are_spelled() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    run(settings(folder.path(), "run"), 1)?;
    let twisted = folder.path().join("run/..");
    let mut trainer = Trainer::new(settings(&twisted, "run"))?;
    assert!(trainer.resume()?.is_some());
    Ok(())
}

#[test]
fn a_folder_is_held_by_one_run_and_cleared_of_leftovers() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let config = settings(folder.path(), "run");
    std::fs::create_dir_all(config.output.join(".kmax-abc"))?;
    std::fs::write(config.output.join(".kmax-def"), "half")?;
    let held = Held::new(&config.output)?;
    assert!(!config.output.join(".kmax-abc").exists() && !config.output.join(".kmax-def").exists());
    let error = run(config.clone(), 1).expect_err("held by another");
    assert!(error.to_string().contains("another process"), "{error}");
    assert!(matches!(set_aside(&config), Ok(None)));
    drop(held);
    run(config.clone(), 1)?;
    // A fresh run leaves the old one whole.
    let aside = set_aside(&config)?.ok_or("a run")?;
    assert!(!config.output.exists() && Checkpoint::list(&aside).len() == 1);
    assert_eq!(set_aside(&config)?, None);
    // One that holds the data as well is not moved.
    let inside = TrainConfig { output: folder.path().into(), ..config };
    run(inside.clone(), 1)?;
    assert!(set_aside(&inside).is_err_and(|error| error.to_string().contains("is in it")));
    Ok(())
}
