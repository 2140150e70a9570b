//! Named parameters: read from weights for inference, or kept as variables for training.

use crate::error::{Error, Result};
use crate::init::Init;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use kmax_base::limits;
use kmax_base::read::{MAX_WEIGHTS, read_file};
use kmax_kernels::Factors;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// Where weights come from.
pub trait TensorSource: Send + Sync {
    /// The tensor of that full name, on any device and of any float type, or `None`.
    ///
    /// # Errors
    /// If it exists and cannot be read.
    fn tensor(&self, name: &str) -> Result<Option<Tensor>>;

    /// The same, for sources that want to know the shape that is expected. What comes may have another one.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    fn shaped(&self, name: &str, shape: &[usize]) -> Result<Option<Tensor>> {
        let _ = shape;
        self.tensor(name)
    }

    /// All names.
    fn names(&self) -> Vec<String>;
}

impl TensorSource for HashMap<String, Tensor> {
    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        Ok(self.get(name).cloned())
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Candle's builder as a source, at its root.
struct Builder(VarBuilder<'static>);

impl TensorSource for Builder {
    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        if !self.0.contains_tensor(name) {
            return Ok(None);
        }
        Ok(Some(self.0.get_unchecked(name)?.detach()))
    }

    fn shaped(&self, name: &str, shape: &[usize]) -> Result<Option<Tensor>> {
        if !self.0.contains_tensor(name) {
            return Ok(None);
        }
        // A `VarMap` gives nothing without the shape.
        let tensor = self.0.get_unchecked(name).or_else(|_| self.0.get(shape, name))?;
        Ok(Some(tensor.detach()))
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a parameter is, which decides its weight decay and whether the optimizer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Weights of a convolution or a linear layer.
    Kernel,
    /// Learnt vectors looked up by position or index: relative positions of axial attention, cluster centers.
    Embedding,
    /// Additive bias of a convolution or a linear layer.
    Bias,
    /// Gain or shift of a normalisation.
    Norm,
    /// Layer scale of a ConvNeXt block.
    Scale,
    /// Running mean or variance: state, not trained by gradient.
    Statistic,
}

/// One variable of a trainable store.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Full dotted name.
    pub name: String,
    /// The variable.
    pub var: Var,
    /// What it is.
    pub role: Role,
}

struct Store {
    source: Option<Box<dyn TensorSource>>,
    asked: Mutex<Asked>,
    trainable: Option<Trainable>,
    probe: bool,
    dtype: DType,
    device: Device,
}

/// What layers asked for.
#[derive(Default)]
struct Asked {
    shapes: BTreeMap<String, Vec<usize>>,
    /// Values of all of them.
    total: u64,
}

impl Asked {
    /// Adds a parameter, before anything is allocated for it.
    fn insert(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        if self.shapes.get(name).is_some_and(|known| known == shape) {
            return Ok(());
        }
        let values = shape.iter().try_fold(1u64, |all, length| all.checked_mul(*length as u64));
        let total = values.and_then(|values| self.total.checked_add(values));
        self.total = total.filter(|total| *total <= limits::PARAMETERS).ok_or_else(|| {
            Error::Argument(format!(
                "with `{name}` {shape:?} the network has more than the {} parameters that are possible",
                limits::PARAMETERS
            ))
        })?;
        self.shapes.insert(name.into(), shape.into());
        Ok(())
    }
}

struct Trainable {
    seed: u64,
    vars: Mutex<BTreeMap<String, (Var, Role)>>,
}

/// A handle to a store of parameters, with a dotted prefix: what Candle's `VarBuilder` is, plus roles,
/// initialisers that depend on the name alone, and a record of the names that a model asked for.
#[derive(Clone)]
pub struct Params {
    store: Arc<Store>,
    prefix: String,
    factors: Factors,
    exact: Arc<BTreeSet<String>>,
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Params")
            .field("prefix", &self.prefix)
            .field("trainable", &self.is_trainable())
            .finish()
    }
}

impl Params {
    /// Constants read from `source`, for inference. Every parameter must be there.
    pub fn frozen(source: impl TensorSource + 'static, dtype: DType, device: &Device) -> Self {
        Self::new(Some(Box::new(source)), None, dtype, device)
    }

    /// Variables, taken from `source` where it has them and drawn from `seed` and the name where not.
    pub fn trainable(
        source: Option<Box<dyn TensorSource>>,
        seed: u64,
        dtype: DType,
        device: &Device,
    ) -> Self {
        Self::new(source, Some(Trainable { seed, vars: Mutex::default() }), dtype, device)
    }

    /// Constants from a safetensors file.
    ///
    /// # Errors
    /// If the file cannot be read or is not safetensors.
    pub fn from_safetensors(path: &Path, dtype: DType, device: &Device) -> Result<Self> {
        let file = || path.display().to_string();
        let bytes = read_file(path, MAX_WEIGHTS).map_err(|source| Error::Read { file: file(), source })?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu);
        let tensors = tensors.map_err(|source| Error::Weights { file: file(), source })?;
        Ok(Self::frozen(tensors, dtype, device))
    }

    /// Constants from a Candle `VarBuilder`, at its prefix, of its element type and on its device: for a layer or a crate of
    /// kMaX within a model of another making. Names are those of the layers' documentation, dotted below the prefix;
    /// [`VarBuilder::rename_f`] maps others onto them.
    ///
    /// Every parameter must be there, as in [`Self::frozen`]: a `VarMap` is read, not filled, and variables lose their
    /// history. Where there are no weights yet, [`Self::probe`] tells the names and shapes to make, and [`Self::trainable`] draws
    /// them as a training begins. [`Self::unused`] knows nothing of what is left over, as a `VarBuilder` cannot list its names.
    pub fn from_var_builder(vb: VarBuilder<'static>) -> Self {
        let (prefix, dtype, device) = (vb.prefix(), vb.dtype(), vb.device().clone());
        let root = Self::frozen(Builder(vb.root()), dtype, &device);
        Self { prefix, ..root }
    }

    /// A store without values: every parameter is zeros that take no memory. A network built from it computes nothing
    /// of use, but [`Self::shapes`] then tells what it asks for.
    pub fn probe() -> Self {
        let store = Store { probe: true, ..Self::store(None, None, DType::F32, &Device::Cpu) };
        Self::over(store)
    }

    fn new(
        source: Option<Box<dyn TensorSource>>,
        trainable: Option<Trainable>,
        dtype: DType,
        device: &Device,
    ) -> Self {
        Self::over(Self::store(source, trainable, dtype, device))
    }

    fn over(store: Store) -> Self {
        Self { store: Arc::new(store), prefix: String::new(), factors: Factors::Exact, exact: Arc::default() }
    }

    /// The same store, for layers that multiply what `factors` says in inference: on the CPU, in float32.
    pub fn with_factors(self, factors: Factors) -> Self {
        Self { factors, ..self }
    }

    /// The same store, where layers that have one of the parameters `names` (full names) multiply as they are, whatever
    /// [`Self::with_factors`] says of the others.
    pub fn with_exact(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { exact: Arc::new(names.into_iter().collect()), ..self }
    }

    fn store(
        source: Option<Box<dyn TensorSource>>,
        trainable: Option<Trainable>,
        dtype: DType,
        device: &Device,
    ) -> Store {
        Store { source, asked: Mutex::default(), trainable, probe: false, dtype, device: device.clone() }
    }

    /// The same store one level down: names get `name.` in front.
    pub fn pp(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: self.path(name), ..self.clone() }
    }

    /// The full name of `name` here.
    pub fn path(&self, name: impl std::fmt::Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }

    /// The parameter `name` (relative to the prefix). Asking twice for a trainable one gives the same variable.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] in a frozen store, [`Error::WrongShape`] in both; [`Error::Argument`] where all that was
    /// asked for has more than [`limits::PARAMETERS`] values.
    pub fn get(&self, name: &str, shape: &[usize], init: Init, role: Role) -> Result<Tensor> {
        let name = self.path(name);
        lock(&self.store.asked).insert(&name, shape)?;
        if self.store.probe {
            return Ok(Tensor::zeros((), self.store.dtype, &self.store.device)?.broadcast_as(shape)?);
        }
        if let Some(trainable) = &self.store.trainable
            && let Some((var, _)) = lock(&trainable.vars).get(&name)
        {
            return checked(&name, var.as_tensor().clone(), shape);
        }
        let read = match &self.store.source {
            Some(source) => source.shaped(&name, shape)?,
            None => None,
        };
        let (dtype, device) = (self.store.dtype, &self.store.device);
        let tensor = match (read, &self.store.trainable) {
            (Some(tensor), _) => checked(&name, tensor, shape)?.to_dtype(dtype)?.to_device(device)?,
            (None, Some(trainable)) => {
                let values = init.values(&name, trainable.seed, shape.iter().product());
                Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?
            }
            (None, None) => return Err(Error::MissingTensor { name, expected: shape.to_vec() }),
        };
        let Some(trainable) = &self.store.trainable else { return Ok(tensor) };
        let var = Var::from_tensor(&tensor)?;
        let shared = var.as_tensor().clone();
        lock(&trainable.vars).insert(name, (var, role));
        Ok(shared)
    }

    /// Whether parameters are variables. A [`Self::probe`] says so too, so that layers build all their parts as they are.
    pub fn is_trainable(&self) -> bool {
        self.store.trainable.is_some() || self.store.probe
    }

    /// What the frozen layer here multiplies; `None` where parameters are variables.
    pub(crate) fn prepares(&self) -> Option<Factors> {
        let here = self.path("");
        let is_exact = self.exact.range(here.clone()..).next().is_some_and(|name| name.starts_with(&here));
        (!self.is_trainable()).then_some(if is_exact { Factors::Exact } else { self.factors })
    }

    /// Element type of the parameters.
    pub fn dtype(&self) -> DType {
        self.store.dtype
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.store.device
    }

    /// All variables handed out so far, sorted by name; empty for a frozen store.
    pub fn parameters(&self) -> Vec<Parameter> {
        let Some(trainable) = &self.store.trainable else { return Vec::new() };
        let vars = lock(&trainable.vars);
        vars.iter()
            .map(|(name, (var, role))| Parameter { name: name.clone(), var: var.clone(), role: *role })
            .collect()
    }

    /// Names in the source that no layer asked for, sorted: weights that do not belong to this model.
    pub fn unused(&self) -> Vec<String> {
        let asked = lock(&self.store.asked);
        let names = self.store.source.as_ref().map(|source| source.names()).unwrap_or_default();
        let mut unused: Vec<_> = names.into_iter().filter(|name| !asked.shapes.contains_key(name)).collect();
        unused.sort_unstable();
        unused
    }

    /// Every full name asked for so far, sorted.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.store.asked).shapes.keys().cloned().collect()
    }

    /// Every full name asked for so far, with the shape that was asked for.
    pub fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        lock(&self.store.asked).shapes.clone()
    }
}

fn checked(name: &str, tensor: Tensor, shape: &[usize]) -> Result<Tensor> {
    if tensor.dims() == shape {
        return Ok(tensor);
    }
    Err(Error::WrongShape { name: name.into(), expected: shape.to_vec(), found: tensor.dims().to_vec() })
}

/// A panic elsewhere leaves the maps whole: they are only inserted into.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> HashMap<String, Tensor> {
        let tensor = |v: f32| Tensor::new(&[v, v], &Device::Cpu).expect("two floats");
        HashMap::from([("a.weight".into(), tensor(1.0)), ("b.weight".into(), tensor(2.0))])
    }

    #[test]
    fn frozen_parameters_must_exist_with_their_shape() -> Result<()> {
        let params = Params::frozen(source(), DType::F32, &Device::Cpu);
        let a = params.pp("a").get("weight", &[2], Init::ZEROS, Role::Kernel)?;
        assert_eq!(a.to_vec1::<f32>()?, [1.0, 1.0]);
        assert!(matches!(
            params.pp("a").get("bias", &[2], Init::ZEROS, Role::Bias),
            Err(Error::MissingTensor { name, .. }) if name == "a.bias"
        ));
        assert!(matches!(
            params.pp("b").get("weight", &[3], Init::ZEROS, Role::Kernel),
            Err(Error::WrongShape { found, .. }) if found == [2]
        ));
        Ok(())
    }

    #[test]
    fn more_parameters_than_possible_are_refused_before_they_are_made() -> Result<()> {
        let get = |params: &Params, name, shape: &[usize]| params.get(name, shape, Init::ZEROS, Role::Kernel);
        for shape in [&[1 << 61, 16][..], &[usize::MAX][..], &[1 << 20, 1 << 20]] {
            for params in [Params::probe(), Params::trainable(None, 1, DType::F32, &Device::Cpu)] {
                let error = get(&params, "huge", shape).expect_err("too many").to_string();
                assert!(error.contains("`huge`") && error.contains("4000000000"), "{error}");
            }
        }
        // Together as well; the same one twice counts once.
        let params = Params::probe();
        for _ in 0..2 {
            get(&params, "a", &[3_000_000_000])?;
        }
        assert!(get(&params, "b", &[3_000_000_000]).is_err());
        Ok(())
    }

    #[test]
    fn a_var_builder_is_a_frozen_source() -> Result<()> {
        let map = candle_nn::VarMap::new();
        let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
        vb.pp("model.a").get_with_hints(2, "weight", candle_nn::init::ONE)?;
        let params = Params::from_var_builder(vb.pp("model"));
        let a = params.pp("a").get("weight", &[2], Init::ZEROS, Role::Kernel)?;
        assert_eq!(a.to_vec1::<f32>()?, [1.0, 1.0]);
        assert!(!a.is_variable() && !params.is_trainable());
        // The map is not filled, and errors tell the whole name.
        assert!(matches!(
            params.pp("b").get("weight", &[2], Init::ZEROS, Role::Kernel),
            Err(Error::MissingTensor { name, .. }) if name == "model.b.weight"
        ));
        assert_eq!(map.all_vars().len(), 1);
        let tensors = VarBuilder::from_tensors(source(), DType::F64, &Device::Cpu);
        let params = Params::from_var_builder(tensors.rename_f(|name| name.replace("first", "a")));
        assert_eq!(params.get("first.weight", &[2], Init::ZEROS, Role::Kernel)?.dtype(), DType::F64);
        Ok(())
    }

    #[test]
    fn layers_with_a_named_parameter_multiply_as_they_are() {
        let params = Params::frozen(source(), DType::F32, &Device::Cpu).with_factors(Factors::Int8);
        let params = params.with_exact(["a.weight".to_string(), "c.ab.bias".to_string()]);
        for (layer, expected) in [
            ("a", Factors::Exact),
            ("b", Factors::Int8),
            ("c", Factors::Exact),
            ("c.a", Factors::Int8),
            ("c.ab", Factors::Exact),
            ("c.b", Factors::Int8),
        ] {
            assert_eq!(params.pp(layer).prepares(), Some(expected), "{layer}");
        }
        assert_eq!(Params::probe().with_exact(["a.weight".to_string()]).pp("a").prepares(), None);
    }

    #[test]
    fn names_nobody_asked_for_are_reported() -> Result<()> {
        let params = Params::frozen(source(), DType::F32, &Device::Cpu);
        params.pp("a").get("weight", &[2], Init::ZEROS, Role::Kernel)?;
        assert_eq!(params.unused(), ["b.weight"]);
        Ok(())
    }

    #[test]
    fn a_probe_records_shapes_and_holds_no_values() -> Result<()> {
        let params = Params::probe();
        let huge = params.pp("a").get("weight", &[1 << 20, 1 << 10], Init::ONES, Role::Kernel)?;
        assert_eq!((huge.elem_count(), huge.stride()), (1 << 30, &[0, 0][..]));
        assert!(params.is_trainable() && params.parameters().is_empty());
        assert_eq!(
            params.shapes().into_iter().collect::<Vec<_>>(),
            [("a.weight".into(), vec![1 << 20, 1 << 10])]
        );
        Ok(())
    }

    #[test]
    fn trainable_parameters_are_shared_variables() -> Result<()> {
        let params = Params::trainable(Some(Box::new(source())), 1, DType::F32, &Device::Cpu);
        let first = params.pp("c").get("weight", &[4], Init::Normal { std: 1.0 }, Role::Kernel)?;
        let again = params.pp("c").get("weight", &[4], Init::ZEROS, Role::Kernel)?;
        assert_eq!(first.to_vec1::<f32>()?, again.to_vec1::<f32>()?);
        let from_source = params.pp("a").get("weight", &[2], Init::ZEROS, Role::Kernel)?;
        assert!(from_source.is_variable());
        let parameters = params.parameters();
        parameters[0].var.set(&Tensor::new(&[5f32, 6.0], &Device::Cpu)?)?;
        assert_eq!(from_source.to_vec1::<f32>()?, [5.0, 6.0]);
        Ok(())
    }
}
