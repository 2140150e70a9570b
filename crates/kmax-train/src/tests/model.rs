//! Classes, sizes and first weights: what belongs to a model stays together.

use super::*;
use kmax_base::ErrorKind;
use kmax_model::{Model, ModelCard, ResizeConfig, folder};

/// Names of a model's classes in their order.
fn names(model: &Config) -> Vec<&str> {
    model.categories.iter().map(|category| category.name.as_str()).collect()
}

/// A model folder of the tiny network for other classes, with drawn weights.
fn other_model(
    folder: &Path,
    classes: &[(&str, bool)],
) -> std::result::Result<Config, Box<dyn std::error::Error>> {
    let class = |(i, (name, isthing)): (usize, &(&str, bool))| Category {
        id: i as u32 + 1,
        name: name.to_string(),
        isthing: *isthing,
        color: [0; 3],
        supercategory: None,
    };
    let categories = Categories::new(classes.iter().enumerate().map(class).collect())?;
    let config = tiny().with_categories(categories)?;
    let params = Params::trainable(None, 77, DType::F32, &Device::Cpu);
    kmax_model::KMaxDeepLab::new(&config.network, &params)?;
    let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor())).collect();
    let card = ModelCard { name: "Other".into(), license: "other".into(), sections: Vec::new() };
    folder::save(folder, &config, weights, DType::F32, &card)?;
    Ok(config)
}

#[test]
fn a_trained_model_has_the_classes_of_its_dataset() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    // Ids 1 and 2 are stuff there as well, under other names.
    config.model.config = "kmax-people".into();
    config.augment.crop = [65, 65];
    let trainer = Trainer::new(config)?;
    assert_eq!(names(trainer.model()), ["class 1", "class 2"]);
    assert_eq!(trainer.model().network.classes, 2);
    assert!(
        trainer.notes().iter().any(|note| note.contains("2 classes of the dataset")),
        "{:?}",
        trainer.notes()
    );
    let shape = trainer.weights()?["decoder.predictor.class.weight"].dims().to_vec();
    assert_eq!(shape[0], 3);
    Ok(())
}

#[test]
fn splits_of_different_classes_are_refused() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let text = std::fs::read_to_string(folder.path().join("panoptic.json"))?.replace("class 2", "cat");
    std::fs::write(folder.path().join("val.json"), text)?;
    let mut config = settings(folder.path(), "run");
    let json = folder.path().join("val.json");
    config.data.val.as_mut().ok_or("a split")?.json = json;
    let error = Trainer::new(config).err().ok_or("accepted")?;
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(error.to_string().contains("val.json") && error.to_string().contains("cat"), "{error}");
    Ok(())
}

#[test]
fn a_model_runs_at_the_size_that_it_is_trained_at() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let size = |config: &TrainConfig| -> std::result::Result<_, Error> {
        let trainer = Trainer::new(config.clone())?;
        Ok((trainer.model().preprocess.clone(), trainer.notes().join("\n")))
    };
    let config = settings(folder.path(), "run");
    // A config.json alone says no size.
    let (preprocess, notes) = size(&config)?;
    assert_eq!(preprocess.resize, ResizeConfig::Fit { longest_edge: 33 });
    assert!(notes.contains("33 pixels"), "{notes}");
    // A preprocessor_config.json beside it does.
    let own = PreprocessConfig::pytorch([65; 2]).normalized((100.0, 50.0));
    std::fs::write(folder.path().join("preprocessor_config.json"), own.to_json().to_string())?;
    assert_eq!(size(&config)?.0, own);
    // One that has nothing to do with the crop is not taken; its normalisation is.
    let far = PreprocessConfig::pytorch([641; 2]).normalized((100.0, 50.0));
    std::fs::write(folder.path().join("preprocessor_config.json"), far.to_json().to_string())?;
    let (preprocess, notes) = size(&config)?;
    assert_eq!((preprocess.size, preprocess.mean), ([33; 2], [100.0; 3]));
    assert!(notes.contains("641"), "{notes}");
    // And what is asked for holds.
    let asked =
        TrainConfig { model: ModelSource { input: Some(97), ..config.model.clone() }, ..config.clone() };
    assert_eq!(size(&asked)?.0.size, [97; 2]);
    let wrong = TrainConfig { model: ModelSource { input: Some(96), ..config.model.clone() }, ..config };
    assert!(size(&wrong).is_err_and(|error| error.to_string().contains("32 k + 1")));
    Ok(())
}

#[test]
fn weights_that_fit_nothing_are_refused() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let file = folder.path().join("foo.safetensors");
    let mut config = settings(folder.path(), "run");
    config.model.weights = Some(file.display().to_string());
    let tensor = Tensor::zeros(3, DType::F32, &Device::Cpu)?;
    candle_core::safetensors::save(&HashMap::from([("module.decoder.queries".to_string(), tensor)]), &file)?;
    let error = Trainer::new(config.clone()).err().ok_or("accepted")?;
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(error.to_string().contains("foo.safetensors: no tensor"), "{error}");
    // A part is taken, counted and told.
    let trained = Trainer::new(settings(folder.path(), "none"))?.weights()?;
    let name = "decoder.queries".to_string();
    let part = HashMap::from([(name.clone(), (trained[&name].clone() + 1.0)?)]);
    candle_core::safetensors::save(&part, &file)?;
    let trainer = Trainer::new(config)?;
    let notes = trainer.notes().join("\n");
    assert!(notes.contains("warning") && notes.contains(&format!("1 of {}", trained.len())), "{notes}");
    let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
    assert_eq!(values(&trainer.weights()?[&name])?, values(&part[&name])?);
    Ok(())
}

#[test]
fn rows_of_class_heads_are_taken_by_name() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let other = folder.path().join("other");
    other_model(&other, &[("sky", false), ("class 2", true), ("tree", false)])?;
    let mut config = settings(folder.path(), "run");
    config.model.weights = Some(other.display().to_string());
    let trainer = Trainer::new(config)?;
    assert_eq!(names(trainer.model()), ["class 1", "class 2"]);
    let (ours, theirs) = (trainer.weights()?, Model::open(&other)?);
    for name in ["decoder.predictor.class.weight", "decoder.layers.0.predictor.class.bias"] {
        let row = |tensor: &Tensor, row| tensor.get(row)?.flatten_all()?.to_vec1::<f32>();
        let head = kmax_nn::TensorSource::tensor(theirs.weights(), name)?.ok_or("a head")?;
        let scalar = head.rank() == 1;
        let at = |tensor: &Tensor, index: usize| -> std::result::Result<Vec<f32>, candle_core::Error> {
            if scalar { Ok(vec![tensor.to_vec1::<f32>()?[index]]) } else { row(tensor, index) }
        };
        // class 2, and void behind the classes.
        assert_eq!(at(&ours[name], 1)?, at(&head, 1)?, "{name}");
        assert_eq!(at(&ours[name], 2)?, at(&head, 3)?, "{name}");
    }
    let notes = trainer.notes().join("\n");
    assert!(notes.contains("rows of 1 class are taken by name, those of 1 are drawn"), "{notes}");
    Ok(())
}

#[test]
fn a_measurement_that_was_missed_is_made_when_the_run_goes_on() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    config.schedule.steps = 1;
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere)?;
    config.data.val.as_mut().ok_or("a split")?.images = elsewhere.clone();
    let mut trainer = Trainer::new(config.clone())?;
    assert!(trainer.run(&mut Silent).is_err(), "there is no image to measure on");
    for i in 0..5 {
        let name = format!("image{i}.png");
        std::fs::copy(folder.path().join(&name), elsewhere.join(&name))?;
    }
    for _ in 0..2 {
        let mut trainer = Trainer::new(config.clone())?;
        assert!(trainer.resume()?.is_some());
        let model = trainer.run(&mut Silent)?.ok_or("a model")?;
        let log = std::fs::read_to_string(config.output.join("log.jsonl"))?;
        assert_eq!(log.lines().filter(|line| line.contains("\"pq\"")).count(), 1, "{log}");
        assert!(std::fs::read_to_string(model.join("README.md"))?.contains("## Validation"));
        assert_eq!(names(Model::open(&model)?.config()), ["class 1", "class 2"]);
    }
    Ok(())
}
