//! Settings of the ResNet family.

use crate::error::{Result, check, check_counts};
use crate::features::Level;
use kmax_base::limits;
use kmax_nn::layers::RunningVariance;
use kmax_nn::{Activation, BatchNormConfig, Init};
use serde::{Deserialize, Serialize};

/// Layers before the first stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StemKind {
    /// One 7x7 convolution of stride 2 to `width` channels (arXiv 1512.03385).
    Conv7,
    /// Three 3x3 convolutions, the first of stride 2, to `width`, `width` and `2 width` channels (deeplab2's
    /// `InceptionSTEM`).
    Inception,
}

/// Where along a residual network its feature maps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureTap {
    /// The sum of branch and residual (deeplab2).
    BeforeActivation,
    /// The activated sum (PyTorch).
    AfterActivation,
}

/// How convolution kernels start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelInit {
    /// Keras `he_normal` (deeplab2): truncated normal of variance 2 / fan-in.
    HeNormal,
    /// `c2_msra_fill` (PyTorch): normal of variance 2 / fan-out.
    MsraFill,
}

impl KernelInit {
    /// The initialiser of an ungrouped `kernel` x `kernel` convolution.
    pub(crate) fn init(self, input: usize, output: usize, kernel: usize) -> Init {
        match self {
            // A normal cut at two deviations keeps this share of its deviation; Keras divides it out.
            Self::HeNormal => {
                let std = (2.0 / (input * kernel * kernel).max(1) as f64).sqrt();
                Init::TruncatedNormal { std: std / 0.879_625_661_034_239_8 }
            }
            Self::MsraFill => Init::he_fan_out(output, (kernel, kernel), 1),
        }
    }
}

/// A residual network of bottleneck and, in MaX-S, axial blocks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResNetConfig {
    /// Blocks per stage.
    pub depths: [usize; 4],
    /// Inner channels of the first stage; stage `i` puts out `4 width 2^i`. 64 in ResNet-50.
    pub width: usize,
    /// Layers before the first stage.
    pub stem: StemKind,
    /// Whether a 3x3 max pool of stride 2 follows the stem (PyTorch). Without it the first stage has stride 2 (deeplab2).
    pub max_pool: bool,
    /// The activation everywhere: ReLU, in MaX-S GELU.
    pub activation: Activation,
    /// Where the feature maps are taken. Before the activation goes with a stem that has no max pool only.
    pub features: FeatureTap,
    /// Blocks whose input has at least this stride are axial; 0 means none. 16 in MaX-S: from block 2 of stage 4 on.
    pub axial_beyond_stride: usize,
    /// Probability of dropping a residual branch in the last stage; it rises linearly over the stages and is zero
    /// for blocks whose input is finer than stride 16.
    pub drop_path: f64,
    /// Whether the last norm of each residual branch starts with gain 0 (deeplab2) or 1 (PyTorch).
    pub zero_init_residual: bool,
    /// How convolution kernels start.
    pub kernel_init: KernelInit,
    /// Which variance the running statistics of the batch norms keep.
    pub running_variance: RunningVariance,
    /// Added to the variance in batch norms.
    pub norm_eps: f64,
    /// Share of the new value in running statistics.
    pub norm_momentum: f64,
}

impl ResNetConfig {
    /// ResNet-50 of deeplab2: no max pool, stage 2 strided, features before the ReLU.
    pub fn resnet50_deeplab2() -> Self {
        Self {
            depths: [3, 4, 6, 3],
            width: 64,
            stem: StemKind::Conv7,
            max_pool: false,
            activation: Activation::Relu,
            features: FeatureTap::BeforeActivation,
            axial_beyond_stride: 0,
            drop_path: 0.0,
            zero_init_residual: true,
            kernel_init: KernelInit::HeNormal,
            running_variance: RunningVariance::Biased,
            norm_eps: 1e-3,
            norm_momentum: 0.01,
        }
    }

    /// ResNet-50 of the PyTorch implementation, which is detectron2's: max pool, features after the ReLU.
    pub fn resnet50_pytorch() -> Self {
        Self {
            max_pool: true,
            features: FeatureTap::AfterActivation,
            zero_init_residual: false,
            kernel_init: KernelInit::MsraFill,
            running_variance: RunningVariance::Unbiased,
            ..Self::resnet50_deeplab2()
        }
    }

    /// ResNet-50 of COCONut's code in deeplab2's form (`kmax_r50_tf.yaml`, `build_deeplab2_resnet_backbone`): the layers of
    /// deeplab2 with PyTorch's initial values and statistics.
    pub fn resnet50_coconut() -> Self {
        Self {
            zero_init_residual: false,
            kernel_init: KernelInit::MsraFill,
            running_variance: RunningVariance::Unbiased,
            ..Self::resnet50_deeplab2()
        }
    }

    /// ResNet-50 of COCONut's code in detectron2's own form (`kmax_r50_torch.yaml`, `build_resnet_backbone`): that of the
    /// PyTorch implementation with the framework's batch norms.
    pub fn resnet50_detectron2() -> Self {
        Self { norm_eps: 1e-5, norm_momentum: 0.1, ..Self::resnet50_pytorch() }
    }

    /// MaX-S (MaX-DeepLab-S without its memory path, arXiv 2012.00759) as deeplab2's kMaX uses it.
    pub fn max_s() -> Self {
        Self {
            stem: StemKind::Inception,
            activation: Activation::Gelu,
            axial_beyond_stride: 16,
            drop_path: 0.2,
            ..Self::resnet50_deeplab2()
        }
    }

    /// Channels of the map at `level`.
    pub fn channels(&self, level: Level) -> usize {
        match (level, self.stem) {
            (Level::Stem, StemKind::Conv7) => self.width,
            (Level::Stem, StemKind::Inception) => 2 * self.width,
            (deeper, _) => self.width << (deeper.index() + 1),
        }
    }

    /// Stride of the stem's output, with the max pool.
    pub fn stem_stride(&self) -> usize {
        if self.max_pool { 4 } else { 2 }
    }

    /// Probability of dropping the branch of a block whose input has stride `stride` (deeplab2's `linear` schedule).
    pub(crate) fn drop_path_at(&self, stride: usize) -> f64 {
        if stride < 16 {
            return 0.0;
        }
        // Stage 1 has stride 4, stage 4 has stride 32.
        self.drop_path * (f64::from(stride.ilog2()) - 1.0) / 4.0
    }

    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<()> {
        check_counts("depths", &self.depths, limits::BLOCKS)?;
        // The last stage has 32 times as many.
        check_counts("width", &[self.width], limits::CHANNELS / 32)?;
        let pooled = self.max_pool && self.features == FeatureTap::BeforeActivation;
        check(!pooled, "features", self.features, "`after_activation` where `max_pool` is set")?;
        let axial = self.axial_beyond_stride;
        check(axial == 0 || axial.is_power_of_two(), "axial_beyond_stride", axial, "0 or a power of two")?;
        let most = limits::DILATION;
        check(axial <= most, "axial_beyond_stride", axial, &format!("at most {most}"))?;
        check(
            (0.0..1.0).contains(&self.drop_path),
            "drop_path",
            self.drop_path,
            "at least 0 and less than 1",
        )?;
        check(self.norm_eps > 0.0 && self.norm_eps < 1.0, "norm_eps", self.norm_eps, "between 0 and 1")?;
        check((0.0..=1.0).contains(&self.norm_momentum), "norm_momentum", self.norm_momentum, "0 to 1")
    }

    /// Settings of the batch norms, with gain 1.
    pub fn norm(&self) -> BatchNormConfig {
        let (eps, momentum) = (self.norm_eps, self.norm_momentum);
        BatchNormConfig { eps, momentum, running_variance: self.running_variance, initial_gain: 1.0 }
    }
}
