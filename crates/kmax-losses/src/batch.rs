//! One computation of the criterion, prediction by prediction.

use crate::assigned::Assigned;
use crate::attach::attach;
use crate::class::class_term;
use crate::config::{CrowdPixels, LossConfig};
use crate::error::{Error, Result};
use crate::float::{Float, expect_shape, tensor, values, with_values};
use crate::masks::mask_terms;
use crate::outputs::{Losses, Outputs, SupervisedPrediction, Term};
use crate::pixels::pixel_term;
use crate::sampling::{Uniforms, sample};
use crate::semantic::{Labelled, semantic_term};
use crate::similarity::{Match, Soft};
use crate::targets::{Targets, VOID, stride};
use candle_core::{Device, Tensor};
use kmax_kernels::softmax;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// One computation of the criterion.
pub(crate) struct Batch<'a, T> {
    config: &'a LossConfig,
    targets: &'a [Targets],
    noise: &'a dyn Uniforms,
    /// The last prediction's, if it is not to be sought.
    matching: Option<&'a [Vec<(usize, usize)>]>,
    total: Option<Tensor>,
    terms: Vec<Term>,
    matches: Vec<Vec<Vec<Match>>>,
    sampled: BTreeMap<String, Vec<Vec<u32>>>,
    float: std::marker::PhantomData<T>,
}

impl<'a, T: Float> Batch<'a, T> {
    pub(crate) fn new(
        config: &'a LossConfig,
        targets: &'a [Targets],
        noise: &'a dyn Uniforms,
        matching: Option<&'a [Vec<(usize, usize)>]>,
    ) -> Self {
        Self {
            config,
            targets,
            noise,
            matching,
            total: None,
            terms: Vec::new(),
            matches: Vec::new(),
            sampled: BTreeMap::new(),
            float: std::marker::PhantomData,
        }
    }

    pub(crate) fn run(mut self, outputs: &Outputs) -> Result<Losses> {
        if self.targets.is_empty() {
            return Err(Error::Targets("the batch is empty".into()));
        }
        let last = self.layer(&outputs.last, "", None)?;
        if self.config.semantic_weight > 0.0
            && let Some(logits) = &outputs.semantic_logits
        {
            self.semantic(logits, &last)?;
        }
        if self.config.deep_supervision {
            for (i, prediction) in outputs.auxiliary.iter().enumerate() {
                let shared = self.config.shared_matching.then_some(last.as_slice());
                self.layer(prediction, &format!("_{i}"), shared)?;
            }
        }
        let value = self.terms.iter().map(|term| term.mean() * term.weight).sum();
        let total = match self.total {
            Some(total) => total,
            None => Tensor::zeros((), T::DTYPE, outputs.last.class_logits.device())?,
        };
        Ok(Losses { total, value, terms: self.terms, matches: self.matches, sampled: self.sampled })
    }

    fn scale(&self) -> f64 {
        1.0 / self.targets.len() as f64
    }

    fn push(&mut self, name: &str, suffix: &str, weight: f64, values: Vec<f64>) {
        self.terms.push(Term { name: format!("{name}{suffix}"), values, weight });
    }

    /// Adds values whose gradient is known to the total.
    fn add(&mut self, input: &Tensor, value: f64, gradient: Vec<T>) -> Result<()> {
        let term = attach(input, value, tensor(gradient, input)?)?;
        self.total = Some(match &self.total {
            Some(total) => (total + term)?,
            None => term,
        });
        Ok(())
    }

    /// Class, dice, mask and pixel terms of one prediction; what was matched is returned.
    fn layer(
        &mut self,
        prediction: &SupervisedPrediction,
        suffix: &str,
        shared: Option<&[Assigned]>,
    ) -> Result<Vec<Assigned>> {
        let size = self.targets[0].size();
        let (batch, pixels, scale) = (self.targets.len(), size[0] * size[1], self.scale());
        let class_logits = &prediction.class_logits.to_dtype(T::DTYPE)?;
        let mask_logits = &prediction.mask_logits.to_dtype(T::DTYPE)?;
        let (_, queries, channels) = class_logits.dims3()?;
        let name = |what: &str| format!("{what}{suffix}");
        expect_shape(|| name("class logits"), class_logits.dims(), &[batch, queries, channels])?;
        expect_shape(|| name("mask logits"), mask_logits.dims(), &[batch, queries, size[0], size[1]])?;
        self.check_targets(channels)?;
        if queries == 0 || channels < 2 || pixels == 0 {
            let found = vec![queries, channels, pixels];
            return Err(Error::Shape {
                what: name("queries, classes, pixels"),
                found,
                expected: vec![1, 2, 1],
            });
        }
        let plain = |logits: &Tensor| Ok::<_, Error>(logits.detach().to_device(&Device::Cpu)?.contiguous()?);
        let (class_plain, mask_plain) = (plain(class_logits)?, plain(mask_logits)?);
        let mut classes = values::<T>(&softmax(&class_plain, 2)?)?;
        let mut masks = values::<T>(&softmax(&mask_plain, 1)?)?;

        let class_probabilities = classes.clone();
        let soft: Vec<_> = class_probabilities
            .chunks_exact(queries * channels)
            .zip(masks.chunks_exact(queries * pixels))
            .zip(self.targets)
            .map(|((classes, masks), targets)| Soft::new(queries, classes, masks, targets))
            .collect();
        let assigned: Vec<Assigned> = match shared {
            Some(shared) => shared.to_vec(),
            None => {
                let matching = self.matching.filter(|_| suffix.is_empty());
                let images = soft.iter().zip(self.targets).enumerate();
                let assigned: Vec<_> = images
                    .map(|(image, (soft, targets))| {
                        let given = matching.map(|matching| matching[image].as_slice());
                        Assigned::new(image, soft, targets, self.config, given)
                    })
                    .collect::<Result<_>>()?;
                self.matches.push(assigned.iter().map(|assigned| assigned.matches.clone()).collect());
                assigned
            }
        };
        if assigned.iter().any(|assigned| assigned.classes.len() != queries) {
            let expected = vec![batch, assigned[0].classes.len(), channels];
            return Err(Error::Shape {
                what: name("class logits"),
                found: class_logits.dims().into(),
                expected,
            });
        }

        let mut class_values = Vec::with_capacity(batch);
        with_values::<T, _>(&class_plain, |logits| {
            let rows =
                classes.chunks_exact_mut(queries * channels).zip(logits.chunks_exact(queries * channels));
            for ((p, logits), assigned) in rows.zip(&assigned) {
                let scale = scale * self.config.class_weight;
                class_values.push(class_term(logits, p, assigned, self.config.focal_alpha, scale));
            }
            Ok(())
        })?;
        let (mut dice_values, mut mask_values) = (Vec::with_capacity(batch), Vec::with_capacity(batch));
        with_values::<T, _>(&mask_plain, |logits| {
            let rows = masks.chunks_exact_mut(queries * pixels).zip(logits.chunks_exact(queries * pixels));
            for (image, (p, logits)) in rows.enumerate() {
                let pair = (&self.targets[image], &assigned[image]);
                let (dice, mask) = mask_terms(logits, p, &soft[image], pair, self.config, scale);
                dice_values.push(dice);
                mask_values.push(mask);
            }
            Ok(())
        })?;
        self.finite("the loss", &class_values)?;
        self.finite("the loss", &dice_values)?;
        self.finite("the loss", &mask_values)?;
        let config = self.config;
        let mean = |values: &[f64]| values.iter().sum::<f64>() * scale;
        self.add(class_logits, config.class_weight * mean(&class_values), classes)?;
        let both = config.dice_weight * mean(&dice_values) + config.mask_weight * mean(&mask_values);
        self.add(mask_logits, both, masks)?;
        self.push("class", suffix, config.class_weight, class_values);
        self.push("dice", suffix, config.dice_weight, dice_values);
        self.push("mask", suffix, config.mask_weight, mask_values);
        if config.pixel_weight > 0.0
            && let Some(features) = &prediction.pixel_features
        {
            self.pixels(features, suffix, &assigned)?;
        }
        Ok(assigned)
    }

    fn pixels(&mut self, features: &Tensor, suffix: &str, assigned: &[Assigned]) -> Result<()> {
        let size = self.targets[0].size();
        let (config, pixels, batch) = (self.config, size[0] * size[1], self.targets.len());
        let features = &features.to_dtype(T::DTYPE)?;
        let (_, channels, ..) = features.dims4()?;
        let expected = [batch, channels, size[0], size[1]];
        expect_shape(|| format!("pixel features{suffix}"), features.dims(), &expected)?;
        let name = format!("pixels{suffix}");
        let noise = self.noise.uniforms(&name, batch * pixels);
        let plain = values::<T>(features)?;
        let mut gradient = vec![T::zero(); plain.len()];
        let scale = self.scale() * config.pixel_weight;
        let rows = plain.par_chunks_exact((channels * pixels).max(1));
        let rows = rows.zip(gradient.par_chunks_exact_mut((channels * pixels).max(1)));
        let pairs = self.targets.par_iter().zip(assigned);
        let found = rows.zip(noise.par_chunks_exact(pixels.max(1))).zip(pairs).with_max_len(1);
        let found = found.map(|(((plain, gradient), noise), pair)| {
            let area = pair.0.cell_of.iter().map(|cell| {
                let cell = *cell as usize;
                (pair.1.inverse_area[cell], pair.1.void[cell])
            });
            let chosen = sample(area, config.pixel_sample_temperature, noise, config.pixel_samples);
            Ok((pixel_term(plain, gradient, &chosen, pair, config, scale)?, chosen))
        });
        let (losses, sampled): (Vec<_>, Vec<_>) = found.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        self.finite("the pixel features' loss", &losses)?;
        let value = config.pixel_weight * losses.iter().sum::<f64>() * self.scale();
        self.add(features, value, gradient)?;
        self.sampled.insert(name, sampled);
        self.push("pixels", suffix, config.pixel_weight, losses);
        Ok(())
    }

    fn semantic(&mut self, logits: &Tensor, assigned: &[Assigned]) -> Result<()> {
        let (config, batch) = (self.config, self.targets.len());
        let logits = &logits.to_dtype(T::DTYPE)?;
        let (found, channels, height, width) = logits.dims4()?;
        if found != batch {
            let expected = vec![batch, channels, height, width];
            return Err(Error::Shape {
                what: "semantic logits".into(),
                found: logits.dims().into(),
                expected,
            });
        }
        let full = self.targets[0].size();
        let step = stride(full, [height, width])?;
        let pixels = height * width;
        // Where each pixel of the logits lies in the targets.
        let place: Vec<usize> = (0..full[0])
            .step_by(step)
            .flat_map(|y| (0..full[1]).step_by(step).map(move |x| y * full[1] + x))
            .collect();
        let samples = config.semantic_samples;
        let noise = (samples > 0).then(|| self.noise.uniforms("semantic", batch * pixels));
        let plain = values::<T>(logits)?;
        let mut gradient = vec![T::zero(); plain.len()];
        let (mut losses, mut sampled) = (Vec::with_capacity(batch), Vec::new());
        for image in 0..batch {
            let (targets, assigned) = (&self.targets[image], &assigned[image]);
            let cell_at = |pixel: usize| targets.cell_of[place[pixel]] as usize;
            let considered: Vec<u32> = match &noise {
                Some(noise) => {
                    let area = (0..pixels).map(|pixel| {
                        let cell = cell_at(pixel);
                        (assigned.inverse_area[cell], assigned.void[cell])
                    });
                    let noise = &noise[image * pixels..][..pixels];
                    sample(area, config.semantic_sample_temperature, noise, samples)
                }
                None => (0..pixels as u32).collect(),
            };
            let dropped = |cell: usize| targets.cells[cell].crowd && config.crowd_pixels == CrowdPixels::Void;
            let chosen: Vec<Labelled> = considered
                .iter()
                .map(|pixel| *pixel as usize)
                .filter_map(|pixel| {
                    let class = targets.semantic()[place[pixel]];
                    let known = class != VOID && (class as usize) < channels && !dropped(cell_at(pixel));
                    let weight =
                        targets.semantic_weights().map_or(1.0, |weights| f64::from(weights[place[pixel]]));
                    known.then_some(Labelled { pixel, class: class as usize, weight })
                })
                .collect();
            let range = image * channels * pixels..(image + 1) * channels * pixels;
            let scale = self.scale() * config.semantic_weight;
            let (plain, gradient) = (&plain[range.clone()], &mut gradient[range]);
            let top_k = config.semantic_top_k;
            losses.push(semantic_term(plain, gradient, pixels, &chosen, considered.len(), top_k, scale));
            if noise.is_some() {
                sampled.push(considered);
            }
        }
        self.finite("the semantic loss", &losses)?;
        self.add(logits, config.semantic_weight * losses.iter().sum::<f64>() * self.scale(), gradient)?;
        if noise.is_some() {
            self.sampled.insert("semantic".into(), sampled);
        }
        self.push("semantic", "", config.semantic_weight, losses);
        Ok(())
    }

    fn check_targets(&self, channels: usize) -> Result<()> {
        let size = self.targets[0].size();
        for (image, targets) in self.targets.iter().enumerate() {
            expect_shape(|| format!("targets of image {image}"), &targets.size(), &size)?;
            let classes = channels.saturating_sub(1);
            let mut labels = targets.labels().iter().enumerate();
            if let Some((target, label)) = labels.find(|(_, label)| **label as usize >= classes) {
                return Err(Error::Label { image, target, label: *label, classes });
            }
        }
        Ok(())
    }

    fn finite(&self, what: &'static str, values: &[f64]) -> Result<()> {
        match values.iter().position(|value| !value.is_finite()) {
            Some(image) => Err(Error::NotFinite { image, what }),
            None => Ok(()),
        }
    }
}
