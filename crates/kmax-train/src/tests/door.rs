//! From a folder to a run: plans, recipes, parts of a batch, queries left out, and what a run shows.

use super::*;
use crate::plan::{Length, Plan};
use crate::recipe::Recipe;

/// The plan of a run on the folder as it is, that starts from the configuration in it.
fn plan(folder: &Path) -> Plan {
    Plan {
        data: DataConfig { path: Some(folder.into()), ..DataConfig::default() },
        output: folder.join("run"),
        model: Some(folder.join("config.json").display().to_string()),
        size: Some(33),
        length: Some(Length::Steps(2)),
        ..Plan::default()
    }
}

/// Images and labels in one folder, the json beside its folder of PNGs.
fn dataset(folder: &Path) -> Anyhow {
    draw(folder)?;
    std::fs::create_dir(folder.join("panoptic"))?;
    std::fs::create_dir(folder.join("images"))?;
    for i in 0..5 {
        std::fs::rename(folder.join(format!("{i}.png")), folder.join(format!("panoptic/{i}.png")))?;
        std::fs::rename(folder.join(format!("image{i}.png")), folder.join(format!("images/image{i}.png")))?;
    }
    Ok(())
}

#[test]
fn a_folder_is_planned_trained_and_shown() -> Anyhow {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    let planned = plan(folder.path()).make()?;
    let notes = planned.notes.join("\n");
    // A tenth of five images is one.
    assert!(notes.contains("1 of 5 images are set aside") && notes.contains("2 steps of 4 crops"), "{notes}");
    let config = planned.config;
    assert_eq!((config.augment.crop, config.schedule.batch, config.model.input), ([33, 33], 4, Some(33)));
    // What is written for the user is the same run.
    let file = folder.path().join("train.toml");
    std::fs::write(&file, config.commented("a heading"))?;
    let read = TrainConfig::read(&file)?;
    assert_eq!(read, config);

    let mut trainer = Trainer::new(read)?.with_command("kmax train <folder>");
    let model = trainer.run(&mut Silent)?.ok_or("a model")?;
    assert_eq!(kmax_model::Model::open(&model)?.config().preprocess.size, [33, 33]);
    let page = std::fs::read_to_string(config.output.join("report.html"))?;
    for part in ["kmax train &lt;folder&gt;", "class 1", "class 2", "data:image/"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    let events = std::fs::read(config.output.join("events.out.tfevents.0.kmax"))?;
    for name in ["brain.Event:2", "validation/pq"] {
        assert!(
            events.windows(name.len()).any(|part| part == name.as_bytes()),
            "{name} is not in the events"
        );
    }
    Ok(())
}

#[test]
fn what_cannot_be_planned_is_said() -> Anyhow {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    let message = |plan: Plan| plan.make().err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message(Plan { size: Some(100), ..plan(folder.path()) }).contains("32 k + 1"));
    assert!(
        message(Plan { batch: Some(3), accumulate: Some(2), ..plan(folder.path()) }).contains("equal parts")
    );
    let mut other = plan(folder.path());
    other.data.train_split = Some("left".into());
    assert!(message(other).contains("has no split \"left\""));
    Ok(())
}

#[test]
fn parts_of_a_batch_have_the_gradient_of_their_mean() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    // Equal images make equal parts, so that batch norms see the same statistics in either case.
    config.schedule.batch = 4;
    config.schedule.ema = 0.0;
    config.schedule.warmup = 0;
    let step = |accumulate: usize| -> std::result::Result<_, Box<dyn std::error::Error>> {
        let mut config = config.clone();
        config.schedule.accumulate = accumulate;
        let mut trainer = Trainer::new(without_chance(config)?)?;
        let example = trainer.examples(2)?.pop().ok_or("an example")?;
        let report = trainer.step(&vec![example; 4])?;
        Ok((report, trainer.weights()?))
    };
    let ((whole, weights), (parts, found)) = (step(1)?, step(2)?);
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * a.abs().max(1e-3);
    assert!(close(whole.loss, parts.loss), "{} {}", whole.loss, parts.loss);
    let norms = (whole.gradient_norm.ok_or("a norm")?, parts.gradient_norm.ok_or("a norm")?);
    assert!(close(norms.0, norms.1) && norms.0 > 0.0, "{norms:?}");
    assert_eq!((whole.images, parts.images, weights.len()), (4, 4, found.len()));
    Ok(())
}

/// The same without drop paths, dropout or sampled pixels.
fn without_chance(config: TrainConfig) -> std::result::Result<TrainConfig, Box<dyn std::error::Error>> {
    let mut network = tiny();
    network.network.decoder.drop_path = 0.0;
    network.network.pixel_decoder.drop_path = 0.0;
    network.network.backbone.set_drop_path(0.0);
    network.losses = LossConfig { pixel_weight: 0.0, semantic_weight: 0.0, ..network.losses };
    std::fs::write(&config.model.config, network.to_json().to_string())?;
    Ok(config)
}

#[test]
fn queries_are_left_out_in_training_and_serve_at_inference() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    config.model.queries = Some(8);
    config.model.drop_queries = 0.5;
    let mut trainer = Trainer::new(config.clone())?;
    assert_eq!(trainer.model().network.decoder.queries, 8);
    let before = trainer.weights()?["decoder.queries"].clone();
    let examples = trainer.examples(2)?;
    let learnt = |trainer: &mut Trainer| -> std::result::Result<usize, Box<dyn std::error::Error>> {
        trainer.step(&examples)?;
        let after = trainer.weights()?["decoder.queries"].clone();
        let moved = (after - &before)?.abs()?.max(0)?.to_vec1::<f32>()?;
        Ok(moved.iter().filter(|change| **change > 0.0).count())
    };
    // The first step has a rate of zero.
    let first = learnt(&mut trainer)?;
    let second = learnt(&mut trainer)?;
    assert!(first == 0 && second >= 4, "{first} {second}");
    // A step with a checkpoint of another share is another run.
    let mut until = Until(1, Vec::new());
    trainer.run(&mut until)?;
    config.model.drop_queries = 0.25;
    assert!(Trainer::new(config)?.resume().is_err());
    Ok(())
}

#[test]
fn the_originals_recipes_run() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    for recipe in [Recipe::Pytorch, Recipe::Deeplab2] {
        let mut config = settings(folder.path(), recipe.name());
        config.recipe = recipe;
        config.augment.copy_paste = true;
        config.augment.auto_augment =
            (recipe == Recipe::Deeplab2).then(|| "simple_classification_policy".into());
        let (losses, _) = run(config, 2)?;
        assert!(losses.len() == 2 && losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
    }
    Ok(())
}

#[test]
fn a_run_may_be_made_longer() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    run(config.clone(), 1)?;
    config.schedule.steps = 200;
    let mut trainer = Trainer::new(config)?;
    assert!(trainer.resume()?.is_some());
    assert!(trainer.notes().iter().any(|note| note.contains("100 steps") && note.contains("200")));
    Ok(())
}
